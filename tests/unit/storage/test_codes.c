/* The numbers that stand for reasons on disk. What is written here never changes: a database keeps them. */
#include "storage/codes.h"
#include "storage/contact.h"
#include "support/test.h"

#include <string.h>

static const char *const words[] = {"none",
                                    "local_close",
                                    "person",
                                    "shutdown",
                                    "cluster_mismatch",
                                    "go_away",
                                    "eof",
                                    "reset",
                                    "go_away_error",
                                    "truncated",
                                    "ping_timeout",
                                    "timed_out",
                                    "unreachable",
                                    "refused",
                                    "dial_timeout",
                                    "name_not_found",
                                    "upgrade_closed",
                                    "negotiation_failed",
                                    "handshake_failed",
                                    "peer_id_mismatch",
                                    "protocol_violation",
                                    "unsupported_address",
                                    "crash",
                                    "local_failure",
                                    "imported",
                                    "crowded",
                                    "feeler",
                                    "rotated",
                                    "surplus",
                                    "duplicate",
                                    "third_connection",
                                    "late_dial",
                                    "no_place",
                                    "store_full",
                                    "inbound_per_ip",
                                    "inbound_per_network",
                                    "inbound_pace",
                                    "banned",
                                    "range_banned",
                                    "self"};

#define WORDS (sizeof(words) / sizeof(*words))

static void every_reason_has_its_number(void **state) {
  (void)state;
  assert_int_equal(WORDS, WPM_REASON_COUNT);
  for (unsigned code = 0; code < 256; code++) {
    wpm_reason reason = WPM_REASON_CRASH;
    assert_int_equal(wpm_code_to_reason((uint8_t)code, &reason), code < WORDS);
    assert_string_equal(wpm_reason_name(reason), words[code < WORDS ? code : 0]);
    if (code < WORDS) {
      assert_int_equal(wpm_code_of_reason(reason), code);
    }
  }
}

static void every_reason_comes_back_from_disk(void **state) {
  (void)state;
  wpm_room room = {0};
  for (int reason = 0; reason < WPM_REASON_COUNT; reason++) {
    wpm_record_contact contact = wpm_contact_none();
    contact.connectivity = wpm_reason_leaves((wpm_reason)reason);
    contact.reason = (wpm_reason)reason;
    contact.direction = WPM_INBOUND;
    assert_int_equal(wpm_contact_check(&contact), WPM_OK);
    wpm_packer p = {.scratch = &room};
    wpm_contact_pack(&p, &contact, 7);
    wpm_record_contact back;
    assert_int_equal(wpm_contact_unpack((wpm_bytes){room.memory, p.len}, 7, &back), WPM_OK);
    assert_int_equal(back.reason, reason);
    assert_int_equal(back.connectivity, contact.connectivity);
  }
  wpm_room_fini(&room);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_reason_has_its_number),
      cmocka_unit_test(every_reason_comes_back_from_disk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
