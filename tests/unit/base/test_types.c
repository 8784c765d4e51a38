/* The words of the closed sets: what nwaku's API, the logs and the metrics rely on. */
#include <wakupeers/types.h>

#include "support/test.h"

#include <string.h>

/* Each value of 0 … count-1 has a word of its own in lower case with underscores (or, for nwaku's
 * names, letters and digits), and what lies outside has none. */
#define CHECK_SET(type, name_of, count)                                                            \
  do {                                                                                             \
    for (int i = 0; i < (count); i++) {                                                            \
      const char *word = name_of((type)i);                                                         \
      assert_true(strlen(word) > 1);                                                               \
      assert_int_equal(                                                                            \
          strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"),         \
          strlen(word));                                                                           \
      for (int j = 0; j < i; j++) {                                                                \
        assert_string_not_equal(word, name_of((type)j));                                           \
      }                                                                                            \
    }                                                                                              \
    assert_string_equal(name_of((type)(count)), "?");                                              \
  } while (0)

static void every_value_has_its_own_word(void **state) {
  (void)state;
  CHECK_SET(wpm_connectivity, wpm_connectivity_name, WPM_CONNECTIVITY_COUNT);
  CHECK_SET(wpm_reason, wpm_reason_name, WPM_REASON_COUNT);
  CHECK_SET(wpm_origin, wpm_origin_name, WPM_ORIGIN_COUNT);
  CHECK_SET(wpm_direction, wpm_direction_name, WPM_DIRECTION_COUNT);
  CHECK_SET(wpm_address_source, wpm_address_source_name, WPM_ADDRESS_SOURCE_COUNT);
  CHECK_SET(wpm_step, wpm_step_name, WPM_STEP_COUNT);
  CHECK_SET(wpm_cluster_match, wpm_cluster_match_name, WPM_CLUSTER_MATCH_COUNT);
  CHECK_SET(wpm_log_level, wpm_log_level_name, WPM_LOG_LEVEL_COUNT);
}

static void words_are_those_of_nwaku(void **state) {
  (void)state;
  assert_string_equal(wpm_connectivity_name(WPM_NOT_CONNECTED), "NotConnected");
  assert_string_equal(wpm_connectivity_name(WPM_CANNOT_CONNECT), "CannotConnect");
  assert_string_equal(wpm_connectivity_name(WPM_CAN_CONNECT), "CanConnect");
  assert_string_equal(wpm_connectivity_name(WPM_CONNECTED), "Connected");
  assert_string_equal(wpm_origin_name(WPM_ORIGIN_UNKNOWN), "UnknownOrigin");
  assert_string_equal(wpm_origin_name(WPM_ORIGIN_DISCV5), "Discv5");
  assert_string_equal(wpm_origin_name(WPM_ORIGIN_STATIC), "Static");
  assert_string_equal(wpm_origin_name(WPM_ORIGIN_PEER_EXCHANGE), "PeerExchange");
  assert_string_equal(wpm_origin_name(WPM_ORIGIN_DNS), "Dns");
}

static void words_that_are_promised(void **state) {
  (void)state;
  assert_string_equal(wpm_reason_name(WPM_REASON_LOCAL_CLOSE), "local_close");
  assert_string_equal(wpm_reason_name(WPM_REASON_CROWDED), "crowded");
  assert_string_equal(wpm_reason_name(WPM_REASON_FEELER), "feeler");
  assert_string_equal(wpm_reason_name(WPM_REASON_ROTATED), "rotated");
  assert_string_equal(wpm_reason_name(WPM_REASON_SURPLUS), "surplus");
  assert_string_equal(wpm_reason_name(WPM_REASON_DUPLICATE), "duplicate");
  assert_string_equal(wpm_reason_name(WPM_REASON_THIRD_CONNECTION), "third_connection");
  assert_string_equal(wpm_reason_name(WPM_REASON_LATE_DIAL), "late_dial");
  assert_string_equal(wpm_reason_name(WPM_REASON_NO_PLACE), "no_place");
  assert_string_equal(wpm_reason_name(WPM_REASON_STORE_FULL), "store_full");
  assert_string_equal(wpm_reason_name(WPM_REASON_INBOUND_PER_IP), "inbound_per_ip");
  assert_string_equal(wpm_reason_name(WPM_REASON_INBOUND_PER_NETWORK), "inbound_per_network");
  assert_string_equal(wpm_reason_name(WPM_REASON_INBOUND_PACE), "inbound_pace");
  assert_string_equal(wpm_reason_name(WPM_REASON_BANNED), "banned");
  assert_string_equal(wpm_reason_name(WPM_REASON_RANGE_BANNED), "range_banned");
  assert_string_equal(wpm_reason_name(WPM_REASON_SELF), "self");
  assert_string_equal(wpm_reason_name(WPM_REASON_GO_AWAY), "go_away");
  assert_string_equal(wpm_reason_name(WPM_REASON_EOF), "eof");
  assert_string_equal(wpm_reason_name(WPM_REASON_RESET), "reset");
  assert_string_equal(wpm_reason_name(WPM_REASON_PING_TIMEOUT), "ping_timeout");
  assert_string_equal(wpm_reason_name(WPM_REASON_REFUSED), "refused");
  assert_string_equal(wpm_reason_name(WPM_REASON_PEER_ID_MISMATCH), "peer_id_mismatch");
  assert_string_equal(wpm_reason_name(WPM_REASON_CRASH), "crash");
  assert_string_equal(wpm_reason_name(WPM_REASON_IMPORTED), "imported");
  assert_string_equal(wpm_direction_name(WPM_OUTBOUND), "outbound");
  assert_string_equal(wpm_address_source_name(WPM_SOURCE_IDENTIFY), "identify");
  assert_string_equal(wpm_step_name(WPM_STEP_HANDSHAKE), "handshake");
  assert_string_equal(wpm_log_level_name(WPM_LOG_TRACE), "trace");
  assert_string_equal(wpm_log_level_name(WPM_LOG_FATAL), "fatal");
}

/* 27/WAKU2-PEERS: on purpose, CanConnect; failed or lost, CannotConnect. */
static void a_reason_leaves_the_state_of_the_specification(void **state) {
  (void)state;
  static const wpm_reason on_purpose[] = {
      WPM_REASON_LOCAL_CLOSE,
      WPM_REASON_CROWDED,
      WPM_REASON_FEELER,
      WPM_REASON_ROTATED,
      WPM_REASON_SURPLUS,
      WPM_REASON_DUPLICATE,
      WPM_REASON_THIRD_CONNECTION,
      WPM_REASON_LATE_DIAL,
      WPM_REASON_NO_PLACE,
      WPM_REASON_STORE_FULL,
      WPM_REASON_INBOUND_PER_IP,
      WPM_REASON_INBOUND_PER_NETWORK,
      WPM_REASON_INBOUND_PACE,
      WPM_REASON_BANNED,
      WPM_REASON_RANGE_BANNED,
      WPM_REASON_SELF,
      WPM_REASON_PERSON,
      WPM_REASON_SHUTDOWN,
      WPM_REASON_CLUSTER_MISMATCH,
      WPM_REASON_GO_AWAY,
      WPM_REASON_EOF,
      WPM_REASON_RESET,
  };
  for (int reason = 0; reason < WPM_REASON_COUNT; reason++) {
    wpm_connectivity expected = WPM_CANNOT_CONNECT;
    if (reason == WPM_REASON_NONE || reason == WPM_REASON_LOCAL_FAILURE) {
      expected = WPM_NOT_CONNECTED;
    }
    for (size_t i = 0; i < sizeof(on_purpose) / sizeof(on_purpose[0]); i++) {
      if ((int)on_purpose[i] == reason) {
        expected = WPM_CAN_CONNECT;
      }
    }
    assert_int_equal(wpm_reason_leaves((wpm_reason)reason), expected);
  }
}

static void every_error_has_its_own_sentence(void **state) {
  (void)state;
  for (int err = WPM_OK; err >= WPM_ERR_NEWER_SCHEMA; err--) {
    assert_string_not_equal(wpm_strerror(err), wpm_strerror(1));
    for (int other = err + 1; other <= WPM_OK; other++) {
      assert_string_not_equal(wpm_strerror(err), wpm_strerror(other));
    }
  }
  assert_string_equal(wpm_strerror(WPM_ERR_NO_MEMORY), "out of memory");
  assert_string_equal(wpm_strerror(1), "unknown error");
  assert_string_equal(wpm_strerror(-1000), "unknown error");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_value_has_its_own_word),
      cmocka_unit_test(words_are_those_of_nwaku),
      cmocka_unit_test(words_that_are_promised),
      cmocka_unit_test(a_reason_leaves_the_state_of_the_specification),
      cmocka_unit_test(every_error_has_its_own_sentence),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
