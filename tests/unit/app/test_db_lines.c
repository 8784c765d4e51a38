/* Lines of a stream, some at a time. */
#include "app/db_lines.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A file that is read and gone with its stream. */
static FILE *file_of(const char *text, size_t len) {
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_int_equal(fwrite(text, 1, len, file), len);
  rewind(file);
  return file;
}

static void assert_text(wpm_text text, const char *expected) {
  assert_int_equal(text.len, strlen(expected));
  assert_memory_equal(text.data, expected, text.len);
}

static void few_lines_are_one_block(void **state) {
  (void)state;
  static const char text[] = "\xef\xbb\xbf"
                             "one\ntwo\n\nfour";
  db_lines lines;
  wpm_text block;
  FILE *file = file_of(text, strlen(text));
  assert_true(db_lines_begin(&lines, fileno(file)));
  assert_text(db_lines_seen(&lines), "one\ntwo\n\nfour");
  assert_int_equal(db_lines_next(&lines, &block), DB_BLOCK_LINES);
  assert_text(block, "one\ntwo\n\nfour");
  assert_int_equal(lines.taken, 0);
  db_lines_took(&lines, block);
  assert_int_equal(lines.taken, 4);
  assert_int_equal(db_lines_next(&lines, &block), DB_BLOCK_END);
  assert_int_equal(lines.error, 0);
  db_lines_end(&lines);
  fclose(file);
  file = file_of("", 0);
  assert_true(db_lines_begin(&lines, fileno(file)));
  assert_int_equal(db_lines_next(&lines, &block), DB_BLOCK_END);
  db_lines_end(&lines);
  fclose(file);
}

/* Of many lines each comes once, whole, whatever its length. */
static void many_lines_come_in_blocks(void **state) {
  (void)state;
  enum { LINES = 200000 };
  db_lines lines;
  wpm_text block;
  size_t blocks = 0;
  unsigned next = 0;
  FILE *file = tmpfile();
  assert_non_null(file);
  for (unsigned i = 0; i < LINES; i++) {
    assert_true(fprintf(file, "%u%*s\n", i, (int)(i == LINES / 2 ? 700000 : i % 7), "") > 0);
  }
  rewind(file);
  assert_true(db_lines_begin(&lines, fileno(file)));
  for (; db_lines_next(&lines, &block) == DB_BLOCK_LINES; blocks++) {
    assert_int_equal(lines.taken, next);
    assert_int_equal(block.data[block.len - 1], '\n');
    for (const char *at = block.data; at < block.data + block.len; next++) {
      assert_int_equal(strtoul(at, NULL, 10), next);
      at = (const char *)memchr(at, '\n', (size_t)(block.data + block.len - at)) + 1;
    }
    db_lines_took(&lines, block);
  }
  assert_int_equal(lines.taken, LINES);
  assert_true(blocks > 3 && lines.room < 4000000);
  db_lines_end(&lines);
  fclose(file);
}

/* It is passed over, and costs no other. */
static void a_line_that_is_too_long(void **state) {
  (void)state;
  enum { PIECE = 1 << 20 };
  static char piece[PIECE];
  db_lines lines;
  wpm_text block;
  memset(piece, 'x', PIECE);
  for (int is_last = 0; is_last < 2; is_last++) {
    FILE *file = file_of("one\n", 4);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    for (size_t len = 0; len < DB_LINE_MAX + 3 * PIECE; len += PIECE) {
      assert_int_equal(fwrite(piece, 1, PIECE, file), PIECE);
    }
    assert_true(fputs(is_last ? "" : "\nthree\nfour", file) >= 0);
    rewind(file);
    assert_true(db_lines_begin(&lines, fileno(file)));
    assert_int_equal(db_lines_next(&lines, &block), DB_BLOCK_LINES);
    assert_text(block, "one\n");
    db_lines_took(&lines, block);
    assert_int_equal(db_lines_next(&lines, &block), DB_BLOCK_TOO_LONG);
    assert_int_equal(lines.taken, 2);
    assert_true(lines.room <= DB_LINE_MAX);
    if (!is_last) {
      assert_int_equal(db_lines_next(&lines, &block), DB_BLOCK_LINES);
      assert_text(block, "three\nfour");
    }
    assert_int_equal(db_lines_next(&lines, &block), DB_BLOCK_END);
    db_lines_end(&lines);
    fclose(file);
  }
}

/* A pipe gives what it has; nothing of it is lost. */
static void a_pipe_is_read_to_its_end(void **state) {
  (void)state;
  int ends[2];
  db_lines lines;
  wpm_text rest;
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], "[1,\n", 4), 4);
  assert_int_equal(write(ends[1], "2]", 2), 2);
  assert_int_equal(close(ends[1]), 0);
  assert_true(db_lines_begin(&lines, ends[0]));
  assert_true(db_lines_rest(&lines, &rest));
  assert_text(rest, "[1,\n2]");
  db_lines_end(&lines);
  assert_int_equal(close(ends[0]), 0);
  assert_false(db_lines_begin(&lines, ends[0])); /* It is closed. */
  assert_int_not_equal(lines.error, 0);
  db_lines_end(&lines);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(few_lines_are_one_block),
      cmocka_unit_test(many_lines_come_in_blocks),
      cmocka_unit_test(a_line_that_is_too_long),
      cmocka_unit_test(a_pipe_is_read_to_its_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
