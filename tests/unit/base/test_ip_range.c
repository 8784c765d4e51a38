/* Ranges of IP addresses. */
#include "base/ip_range.h"
#include "base/multiaddr.h"
#include "support/test.h"

#include <string.h>

static void expect_range(const char *text, int err, unsigned bits) {
  wpm_ip_range range;
  assert_int_equal(wpm_ip_range_parse((wpm_text){text, strlen(text)}, &range), err);
  if (!err) {
    assert_int_equal(range.bits, bits);
  }
}

static void ranges_are_read(void **state) {
  (void)state;
  expect_range("10.0.0.0/8", WPM_OK, 104);
  expect_range("10.0.0.1", WPM_OK, 128);
  expect_range("0.0.0.0/0", WPM_OK, 96);
  expect_range("2001:db8::/32", WPM_OK, 32);
  expect_range("::1", WPM_OK, 128);
  expect_range("::/0", WPM_OK, 0);
  expect_range("10.0.0.0/33", WPM_ERR_INVALID, 0);
  expect_range("2001:db8::/129", WPM_ERR_INVALID, 0);
  expect_range("10.0.0.0/", WPM_ERR_INVALID, 0);
  expect_range("10.0.0.0/-1", WPM_ERR_INVALID, 0);
  expect_range("10.0.0.0/8 ", WPM_ERR_INVALID, 0);
  expect_range("10.0.0/8", WPM_ERR_INVALID, 0);
  expect_range("", WPM_ERR_INVALID, 0);
  expect_range("/8", WPM_ERR_INVALID, 0);
}

static void expect_text(const char *text, const char *as) {
  wpm_ip_range range;
  char out[WPM_IP_RANGE_TEXT];
  assert_int_equal(wpm_ip_range_parse((wpm_text){text, strlen(text)}, &range), WPM_OK);
  assert_int_equal(wpm_ip_range_format(&range, out, sizeof(out)), WPM_OK);
  assert_string_equal(out, as);
  assert_int_equal(wpm_ip_range_format(&range, out, strlen(as)), WPM_ERR_NO_SPACE);
}

static void ranges_are_written(void **state) {
  (void)state;
  expect_text("10.0.0.0/8", "10.0.0.0/8");
  expect_text("10.255.1.2/9", "10.128.0.0/9");
  expect_text("0.0.0.0/0", "0.0.0.0/0");
  expect_text("1.2.3.4", "1.2.3.4/32");
  expect_text("2001:db8:ffff::1/33", "2001:db8:8000::/33");
  expect_text("::/0", "::/0");
  expect_text("::ffff:1.2.3.4/104", "1.0.0.0/8");
  expect_text("1111:2222:3333:4444:5555:6666:7777:8888",
              "1111:2222:3333:4444:5555:6666:7777:8888/128");
  char out[WPM_IP_RANGE_TEXT];
  const wpm_ip_range none = {.bits = 129};
  assert_int_equal(wpm_ip_range_format(&none, out, sizeof(out)), WPM_ERR_INVALID);
}

static bool holds(const char *text, const char *multiaddr) {
  wpm_ip_range range;
  wpm_multiaddr address;
  uint8_t ip[16];
  assert_int_equal(wpm_ip_range_parse((wpm_text){text, strlen(text)}, &range), WPM_OK);
  assert_int_equal(wpm_multiaddr_parse((wpm_text){multiaddr, strlen(multiaddr)}, &address, NULL),
                   WPM_OK);
  return wpm_multiaddr_ip(wpm_multiaddr_view(&address), ip) && wpm_ip_range_holds(&range, ip);
}

static void an_address_is_in_a_range_or_not(void **state) {
  (void)state;
  assert_true(holds("45.0.0.0/7", "/ip4/44.255.0.1/tcp/1"));
  assert_false(holds("45.0.0.0/8", "/ip4/44.255.0.1/tcp/1"));
  assert_true(holds("45.1.2.3", "/ip4/45.1.2.3/udp/1/quic-v1"));
  assert_false(holds("45.1.2.3", "/ip4/45.1.2.2/tcp/1"));
  assert_true(holds("fe80::/10", "/ip6zone/eth0/ip6/fe80::1/tcp/1"));
  assert_true(holds("45.0.0.0/8", "/ip6/::ffff:45.1.1.1/tcp/1"));
  assert_true(holds("::/0", "/ip4/1.2.3.4/tcp/1"));
  assert_false(holds("0.0.0.0/0", "/ip6/2001:db8::1/tcp/1"));
  assert_false(holds("::/0", "/dns4/example.org/tcp/1")); /* A name is no address. */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ranges_are_read),
      cmocka_unit_test(ranges_are_written),
      cmocka_unit_test(an_address_is_in_a_range_or_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
