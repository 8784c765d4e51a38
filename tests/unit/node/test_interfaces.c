/* What the interfaces of the machine tell of the network. */
#include "node/interfaces.h"
#include "support/test.h"

static void expect(wpm_interfaces *interfaces, uint64_t hash, wpm_network_state expected) {
  wpm_network_state what;
  assert_true(wpm_interfaces_become(interfaces, hash, &what));
  assert_int_equal(what, expected);
  assert_false(wpm_interfaces_become(interfaces, hash, &what));
}

static void they_come_change_and_go(void **state) {
  (void)state;
  wpm_interfaces interfaces = {.hash = 5, .known = true};
  expect(&interfaces, 6, WPM_NETWORK_CHANGED);
  expect(&interfaces, 0, WPM_NETWORK_OFFLINE);
  expect(&interfaces, 6, WPM_NETWORK_ONLINE);
}

/* A machine that has loopback alone is not offline; what comes first is a change. */
static void unknown_is_not_offline(void **state) {
  (void)state;
  wpm_interfaces interfaces = {0};
  wpm_network_state what;
  assert_false(wpm_interfaces_become(&interfaces, 0, &what));
  expect(&interfaces, 7, WPM_NETWORK_CHANGED);
  expect(&interfaces, 0, WPM_NETWORK_OFFLINE);
}

static void this_machine_has_not_changed_meanwhile(void **state) {
  (void)state;
  wpm_interfaces interfaces;
  wpm_network_state what;
  wpm_interfaces_init(&interfaces);
  assert_false(wpm_interfaces_changed(&interfaces, &what));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(they_come_change_and_go),
      cmocka_unit_test(unknown_is_not_offline),
      cmocka_unit_test(this_machine_has_not_changed_meanwhile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
