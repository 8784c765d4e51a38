/* The packed form of addresses: what is read from it without taking all of it apart is what decoding says. */
#include "core/addresses.h"
#include "support/test.h"

#include <string.h>

#define NOW (INT64_C(1790000000) * WPM_SECOND)
#define COUNT 3u

static const int64_t seen_times[] = {INT64_MIN, NOW, NOW + WPM_DAY};
#define SEEN (sizeof(seen_times) / sizeof(seen_times[0]))
#define FORMS (SEEN * SEEN * 4 * 3 * 2) /* Times of being seen, of dials; ends; lengths. */

static uint8_t bytes[2][300];

/* One of each form: with and without each part that may stand in front of an address. */
static wpm_address of_form(size_t form) {
  wpm_address out = {.source = WPM_SOURCE_IDENTIFY};
  out.first_seen.ns = seen_times[form % SEEN];
  form /= SEEN;
  out.last_seen.ns = seen_times[form % SEEN];
  form /= SEEN;
  out.last_success = form & 1 ? (wpm_wall){NOW + 5} : WPM_WALL_NONE;
  out.last_failure = form & 2 ? (wpm_wall){NOW - WPM_HOUR} : WPM_WALL_NONE;
  form /= 4;
  out.ttl_ns =
      form % 3 == 0 ? WPM_TTL_ADDRESS : 12345; /* Of a class, and of none; without an end. */
  out.expires = form % 3 == 2 ? WPM_WALL_NONE : (wpm_wall){NOW + 12345};
  form /= 3;
  out.multiaddr = (wpm_bytes){bytes[form], form ? sizeof(bytes[1]) : 8};
  return out;
}

static void expect_last_seen(const wpm_address *items, size_t count) {
  static uint8_t packed[4096];
  wpm_address decoded[COUNT];
  assert_true(wpm_addresses_bound(items, count) <= sizeof(packed));
  size_t size = wpm_addresses_encode(items, count, packed);
  memset(packed + size, 0xff, sizeof(packed) - size); /* Nothing behind it may be read. */
  wpm_addresses_decode(packed, decoded);
  int64_t latest = INT64_MIN;
  for (size_t i = 0; i < count; i++) {
    latest = decoded[i].last_seen.ns > latest ? decoded[i].last_seen.ns : latest;
  }
  assert_int_equal(wpm_addresses_last_seen(packed).ns, latest);
}

static void last_seen_is_that_of_decoding(void **state) {
  (void)state;
  expect_last_seen(NULL, 0);
  for (size_t a = 0; a < FORMS; a++) {
    wpm_address items[COUNT] = {of_form(a)};
    expect_last_seen(items, 1);
    for (size_t b = 0; b < FORMS; b++) {
      items[1] = of_form(b);
      items[2] = of_form((a + 7 * b) % FORMS);
      expect_last_seen(items, COUNT);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(last_seen_is_that_of_decoding)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
