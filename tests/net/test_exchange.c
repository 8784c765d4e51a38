/* Two hosts meet: upgrade, identify, metadata, ping, goodbye. */
#include "pair.h"

static void exchange(wpm_key_type key_a, wpm_key_type key_b) {
  host_pair pair;
  pair_init(&pair, key_a, key_b);
  pair_start(&pair);
  pair_connect(&pair);
  assert_true(
      wpm_bytes_equal(wpm_conn_peer(pair.b.conn), wpm_peer_id_view(&pair.a.identity.peer_id)));
  assert_true(
      wpm_bytes_equal(wpm_conn_peer(pair.a.conn), wpm_peer_id_view(&pair.b.identity.peer_id)));
  assert_string_equal(wpm_conn_security(pair.a.conn), "/noise");
  assert_string_equal(wpm_conn_muxer(pair.a.conn), "/yamux/1.0.0");
  assert_int_equal(wpm_conn_direction(pair.a.conn), WPM_INBOUND);
  assert_int_equal(wpm_conn_direction(pair.b.conn), WPM_OUTBOUND);
  assert_true(wpm_bytes_equal(wpm_conn_dialled(pair.b.conn), side_address(&pair.a)));

  assert_int_equal(wpm_conn_identify(pair.b.conn), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.b.identified > 0);
  assert_string_equal(pair.b.agent, "pair/1");
  assert_int_equal(pair.b.protocol_count, 4);
  assert_int_equal(pair.b.address_count, 1);

  assert_int_equal(wpm_conn_push_identify(pair.b.conn), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.a.pushed > 0);

  assert_int_equal(wpm_conn_request_metadata(pair.b.conn), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.a.metadata > 0 && pair.b.metadata > 0);
  assert_int_equal(pair.b.last_metadata.cluster_id, 1);

  assert_int_equal(wpm_conn_ping(pair.b.conn, false), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.b.pongs == 1);
  assert_true(pair.b.last_rtt > 0);
  assert_int_equal(wpm_conn_ping(pair.b.conn, true), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.b.pongs == 2);
  assert_int_equal(wpm_conn_ping(pair.b.conn, true), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.b.pongs == 3);
  assert_int_equal(wpm_host_get_counters(pair.a.host).pings_received, 3);

  wpm_conn_close(pair.b.conn, 0);
  pair.b.conn = NULL;
  RUN_UNTIL(&pair.loop, pair.a.closed > 0);
  assert_int_equal(pair.a.last_end.reason, WPM_REASON_GO_AWAY);
  pair_fini(&pair);
}

static void ed25519_meets_ed25519(void **state) {
  (void)state;
  exchange(WPM_KEY_ED25519, WPM_KEY_ED25519);
}

static void secp256k1_meets_ed25519(void **state) {
  (void)state;
  exchange(WPM_KEY_SECP256K1, WPM_KEY_ED25519);
}

/* Identify and identify push carry the record of the addresses, once it is signed. */
static void signed_record_is_sent(void **state) {
  (void)state;
  host_pair pair;
  pair_init(&pair, WPM_KEY_SECP256K1, WPM_KEY_ED25519);
  pair_start(&pair);
  pair_connect(&pair);
  assert_int_equal(wpm_conn_identify(pair.b.conn), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.b.identified == 1);
  assert_int_equal(pair.b.record_err, WPM_ERR_INVALID); /* There is none. */

  assert_int_equal(wpm_host_sign_record(pair.a.host, 7), WPM_OK);
  assert_int_equal(wpm_conn_identify(pair.b.conn), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.b.identified == 2);
  assert_int_equal(pair.b.record_err, WPM_OK);
  assert_int_equal(pair.b.record.sequence, 7);
  assert_int_equal(pair.b.record.address_count, 1);
  assert_true(wpm_bytes_equal(wpm_peer_id_view(&pair.b.record.peer_id),
                              wpm_peer_id_view(&pair.a.identity.peer_id)));

  assert_int_equal(wpm_host_sign_record(pair.a.host, 8), WPM_OK);
  assert_int_equal(wpm_conn_push_identify(pair.a.conn), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.b.pushed == 1);
  assert_int_equal(pair.b.record_err, WPM_OK);
  assert_int_equal(pair.b.record.sequence, 8);
  pair_fini(&pair);
}

static void another_identity_is_named(void **state) {
  (void)state;
  host_pair pair;
  pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
  pair_start(&pair);
  wpm_bytes address = side_address(&pair.a);
  wpm_dial *dial = NULL;
  assert_int_equal(wpm_host_dial(pair.b.host, wpm_peer_id_view(&pair.b.identity.peer_id), &address,
                                 1, NULL, &dial),
                   WPM_OK);
  RUN_UNTIL(&pair.loop, pair.b.failed > 0);
  assert_int_equal(pair.b.last_end.reason, WPM_REASON_PEER_ID_MISMATCH);
  assert_int_equal(pair.b.last_end.step, WPM_STEP_HANDSHAKE);
  assert_true(
      wpm_bytes_equal(wpm_peer_id_view(&pair.b.other), wpm_peer_id_view(&pair.a.identity.peer_id)));
  pair_fini(&pair);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ed25519_meets_ed25519),
      cmocka_unit_test(secp256k1_meets_ed25519),
      cmocka_unit_test(signed_record_is_sent),
      cmocka_unit_test(another_identity_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
