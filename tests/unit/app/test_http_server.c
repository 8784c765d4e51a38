/* Who may ask: DNS rebinding and foreign origins are turned away. */
#include "support/test.h"

#include "app/http_server.h"

static void takes_addresses_and_localhost(void **state) {
  (void)state;
  const char *const good[] = {"127.0.0.1", "127.0.0.1:8645", "localhost",    "LocalHost:1",
                              "[::1]",     "[::1]:8645",     "192.0.2.7:80", "[2001:db8::1]"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_true(http_may_ask(good[i], NULL, false));
  }
  assert_true(http_may_ask(NULL, NULL, false));
}

static void turns_names_away(void **state) {
  (void)state;
  const char *const bad[] = {"",
                             "evil.example",
                             "evil.example:80",
                             "localhost.evil.example",
                             "127.0.0.1x",
                             "127.1",
                             "2130706433",
                             "0x7f000001",
                             "[::1",
                             "[::1]x",
                             "[]",
                             "::1",
                             ":80",
                             " localhost",
                             "localhost ",
                             "[127.0.0.1"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(http_may_ask(bad[i], NULL, false));
    assert_true(http_may_ask(bad[i], NULL, true));
  }
}

static void takes_only_its_own_origin(void **state) {
  (void)state;
  assert_true(http_may_ask("127.0.0.1:8645", "http://127.0.0.1:8645", false));
  assert_true(http_may_ask("localhost:8645", "http://LOCALHOST:8645", false));
  const char *const bad[] = {"",
                             "null",
                             "http://",
                             "http://127.0.0.1",
                             "https://127.0.0.1:8645",
                             "http://127.0.0.1:86450",
                             "http://evil.example",
                             "127.0.0.1:8645"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(http_may_ask("127.0.0.1:8645", bad[i], false));
    assert_false(http_may_ask("127.0.0.1:8645", bad[i], true));
    assert_false(http_may_ask(NULL, bad[i], true));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(takes_addresses_and_localhost),
                                     cmocka_unit_test(turns_names_away),
                                     cmocka_unit_test(takes_only_its_own_origin)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
