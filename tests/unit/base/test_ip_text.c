/* Beyond what the multiaddr vectors cover: see multiaddr_vectors.h. */
#include "base/ip_text.h"
#include "support/test.h"

#include <string.h>

static void check_ip6(const char *text, const char *canonical) {
  uint8_t ip[16];
  char again[WPM_IP_TEXT];
  size_t len;
  assert_int_equal(wpm_ip_parse((wpm_text){text, strlen(text)}, ip, &len), WPM_OK);
  assert_int_equal(len, 16);
  assert_int_equal(wpm_ip_format((wpm_bytes){ip, len}, again, &len), WPM_OK);
  assert_string_equal(again, canonical);
  assert_int_equal(len, strlen(canonical));
}

/* RFC 5952 §4 and §5. */
static void ip6_is_written_as_rfc_5952_says(void **state) {
  (void)state;
  check_ip6("2001:0DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a");
  check_ip6("2001:db8::0:1", "2001:db8::1");
  check_ip6("2001:db8:0:0:0:0:2:1", "2001:db8::2:1");
  check_ip6("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"); /* One zero group stays. */
  check_ip6("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");          /* The longest run, */
  check_ip6("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");    /* and the first of two. */
  check_ip6("ABCD:EF01:2345:6789:abcd:ef01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789");
  check_ip6("::", "::");
  check_ip6("::ffff:192.0.2.1", "::ffff:192.0.2.1");
  check_ip6("0:0:0:0:0:ffff:c000:0201", "::ffff:192.0.2.1");
  check_ip6("::192.0.2.1", "::c000:201");
  check_ip6("1::", "1::");
  check_ip6("a:b:c:d:e:f:1.2.3.4", "a:b:c:d:e:f:102:304");
  check_ip6("1:2:3:4:5::1.2.3.4", "1:2:3:4:5:0:102:304");
}

static void what_is_no_address_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {
      "",
      "1.2.3",
      "1.2.3.",
      "1.2.3.4.",
      "1.2.3.4.5",
      "1..2.3",
      ".1.2.3",
      "1.2.3.4x",
      "1.2.3.-4",
      "1.2.3.1000",
      "00.1.2.3",
      "1.2.3.04",
      ":",
      ":1",
      "1:",
      "1:2",
      "1x2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8:",
      "1:2:3:4:5:6:7::1.2.3.4",
      "1:2:3:4:5:6:7:1.2.3.4",
      "1.2.3.4::",
      "::1.2.3.4:5",
      "::1.2.3",
      "::12345",
      "::1::2",
      "::g",
      "fe80::1%eth0",
      "::1 ",
      "1:2:3:4:5:6:7:8:9",
      "::1.2.3.4.5",
      "1:2:3:4:5:1.2.3.4",
  };
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    size_t size = strlen(bad[i]);
    char *exact = malloc(size + !size);
    assert_non_null(exact);
    memcpy(exact, bad[i], size);
    uint8_t ip[16];
    size_t len;
    if (wpm_ip_parse((wpm_text){exact, size}, ip, &len) != WPM_ERR_INVALID) {
      fail_msg("\"%s\" was read as an address", bad[i]);
    }
    free(exact);
  }
}

static void only_4_and_16_bytes_are_addresses(void **state) {
  (void)state;
  static const uint8_t ip[17] = {0};
  char text[WPM_IP_TEXT];
  for (size_t len = 0; len <= sizeof(ip); len++) {
    assert_int_equal(wpm_ip_format((wpm_bytes){ip, len}, text, NULL),
                     len == 4 || len == 16 ? WPM_OK : WPM_ERR_INVALID);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ip6_is_written_as_rfc_5952_says),
      cmocka_unit_test(what_is_no_address_is_refused),
      cmocka_unit_test(only_4_and_16_bytes_are_addresses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
