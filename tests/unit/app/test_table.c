/* Tables for a terminal. */
#include "support/test.h"

#include "app/table.h"

#include <stdio.h>
#include <string.h>

static const char *const heads[] = {"A", "BEE", "C"};

static void check(const text_table *table, const char *expected) {
  char *text = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&text, &len);
  assert_non_null(out);
  table_print(table, out);
  assert_int_equal(fclose(out), 0);
  assert_string_equal(text, expected);
  free(text);
}

static void aligns(void **state) {
  (void)state;
  text_table *table = table_new(heads, 3);
  assert_non_null(table);
  check(table, "A  BEE  C\n");
  table_add(table, (const char *const[]){"long", NULL, "last one is not padded"});
  table_add(table, (const char *const[]){"", "wider", "x"});
  check(table, "A     BEE    C\nlong  -      last one is not padded\n-     wider  x\n");
  table_free(table);
  table_free(NULL);
}

static void shows_no_terminal_codes(void **state) {
  (void)state;
  text_table *table = table_new(heads, 3);
  assert_non_null(table);
  table_add(table, (const char *const[]){"\033[2J", "a\nb", "\xc3\xa9"});
  check(table, "A     BEE  C\n?[2J  a?b  ??\n");
  table_free(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(aligns),
                                     cmocka_unit_test(shows_no_terminal_codes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
