/* The ini file of --config-file. */
#include "support/test.h"

#include "app/complain.h"
#include "app/config_file.h"

#include <stdio.h>
#include <string.h>

/* What was handed over, as "LINE:NAME=VALUE|" one behind the other. */
typedef struct record {
  char text[1024];
  const char *refused; /* A name that is refused. */
} record;

static int take(void *user, unsigned line, const char *name, const char *value) {
  record *into = user;
  size_t len = strlen(into->text);
  (void)snprintf(into->text + len, sizeof into->text - len, "%u:%s=%s|", line, name, value);
  return into->refused && strcmp(name, into->refused) == 0 ? EXIT_USAGE : EXIT_DONE;
}

static int read_text(record *into, const char *text, size_t len) {
  char *own = malloc(len + 1); /* Room for one NUL, as a file's text has. */
  assert_non_null(own);
  memcpy(own, text, len);
  int result = config_text_read("file", own, len, take, into);
  free(own);
  return result;
}

static void check(const char *text, const char *expected) {
  record into = {0};
  assert_int_equal(read_text(&into, text, strlen(text)), EXIT_DONE);
  assert_string_equal(into.text, expected);
}

static void reads_entries(void **state) {
  (void)state;
  check("", "");
  check("\n\n", "");
  check("a=b", "1:a=b|");
  check("a=b\n", "1:a=b|");
  check("  a \t= \tb c\t \r\n", "1:a=b c|");
  check("\n# x = y\n;x = y\n[x = y]\n  # x\na = 1\na = 2\n", "6:a=1|7:a=2|");
  check("\xef\xbb\xbf"
        "a=b",
        "1:a=b|");
  check("a = x=y # z ; z", "1:a=x=y # z ; z|");
  check("a =", "1:a=|");
  check("a = \"x y \"", "1:a=x y |");
  check("a = \"\"", "1:a=|");
  check("a = \"", "1:a=\"|");
  check("a = \"x", "1:a=\"x|");
  check("a = x\"y\"", "1:a=x\"y\"|");
}

static void tells_what_is_none(void **state) {
  (void)state;
  const char *const bad[] = {"a", "= b", " = ", "a b\nc = d", "[section", "\"a\""};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    record into = {0};
    assert_int_equal(read_text(&into, bad[i], strlen(bad[i])), EXIT_USAGE);
  }
  record into = {0};
  assert_int_equal(read_text(&into, "a=b\nc=\0d\ne=f", 12), EXIT_USAGE);
  assert_string_equal(into.text, "1:a=b|3:e=f|");
  into = (record){.refused = "b"};
  assert_int_equal(read_text(&into, "a=1\nb=2\nc=3", 11), EXIT_USAGE);
  assert_string_equal(into.text, "1:a=1|2:b=2|3:c=3|");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(reads_entries),
                                     cmocka_unit_test(tells_what_is_none)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
