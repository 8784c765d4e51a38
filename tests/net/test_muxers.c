/* Which muxer is agreed on, early and late, and what every connection speaks on each of them. */
#include "scene.h"

static const wpm_text yamux_id = {"/yamux/1.0.0", 12};

/* What the attacker offers, and what must come of it. */
typedef struct offer {
  wpm_text muxers[3];
  size_t count;
  const char *agreed;
} offer;

static void the_first_muxer_of_the_dialler_is_taken(void **state) {
  (void)state;
  const wpm_text other = {"/spdy/3.1", 9};
  /* Ours are yamux, then mplex; the dialler's order decides, in the handshake and after it. */
  const offer offers[] = {
      {{yamux_id}, 1, "/yamux/1.0.0"},
      {{mplex_id}, 1, "/mplex/6.7.0"},
      {{other, mplex_id}, 2, "/mplex/6.7.0"},
      {{mplex_id, yamux_id, other}, 3, NULL}, /* The first of whoever dials. */
  };
  scene s;
  scene_begin(&s);
  scene_start(&s);
  for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
    for (unsigned dials = 0; dials < 2; dials++) {
      for (unsigned early = 0; early < 2; early++) {
        size_t before = s.pair.a.connected;
        attacker *a = &s.attacker;
        attacker_init(a, &s.pair.loop, s.pair.crypto, 0x33);
        a->muxers = offers[i].muxers;
        a->muxer_count = offers[i].count;
        a->early_muxer = early;
        if (dials) {
          attacker_dial(a, side_address(&s.pair.a));
        } else {
          wpm_multiaddr address;
          wpm_dial *dial = NULL;
          attacker_listen(a, &address);
          wpm_bytes view = wpm_multiaddr_view(&address);
          assert_int_equal(wpm_host_dial(s.pair.a.host, wpm_peer_id_view(&a->identity.peer_id),
                                         &view, 1, NULL, &dial),
                           WPM_OK);
        }
        RUN_UNTIL(&s.pair.loop, a->phase == ATTACKER_UP && s.pair.a.connected > before);
        const char *expected = offers[i].agreed;
        if (!expected) {
          expected = dials ? "/mplex/6.7.0" : "/yamux/1.0.0";
        }
        assert_string_equal(wpm_conn_muxer(s.pair.a.conn), expected);
        assert_true(wpm_text_equal(a->muxers[a->muxer], wpm_text_of(expected)));
        assert_int_equal(a->was_early, early);
        /* And it is spoken: our request comes through. */
        assert_int_equal(wpm_conn_identify(s.pair.a.conn), WPM_OK);
        RUN_UNTIL(&s.pair.loop, attacker_count(a, LINE_IDENTIFY) == 1);
        scene_leave(&s);
      }
    }
  }
  RUN_UNTIL(&s.pair.loop, s.pair.a.closed == s.pair.a.connected - 1);
  scene_end(&s);
}

/* ---- two hosts over one kind of muxer -------------------------------------------------------- */

static void speak_only(pair_side *side, const wpm_muxer_type *type) {
  side->host->muxer_types[0] = type;
  side->host->muxers[0] = wpm_text_of(type->protocol_id);
  side->host->muxer_count = 1;
}

static void everything_works_over(const wpm_muxer_type *type, wpm_key_type a, wpm_key_type b) {
  host_pair pair;
  pair_init(&pair, a, b);
  pair_start(&pair);
  speak_only(&pair.a, type);
  pair_connect(&pair);
  assert_string_equal(wpm_conn_muxer(pair.a.conn), type->protocol_id);
  assert_string_equal(wpm_conn_muxer(pair.b.conn), type->protocol_id);
  assert_int_equal(wpm_conn_identify(pair.a.conn), WPM_OK);
  assert_int_equal(wpm_conn_identify(pair.b.conn), WPM_OK);
  assert_int_equal(wpm_conn_request_metadata(pair.a.conn), WPM_OK);
  assert_int_equal(wpm_conn_push_identify(pair.a.conn), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.a.identified == 1 && pair.b.identified == 2 && pair.b.pushed == 1 &&
                            pair.a.metadata == 1 && pair.b.metadata == 1);
  for (size_t i = 1; i < 4; i++) {
    assert_int_equal(wpm_conn_ping(pair.a.conn, i < 3), WPM_OK);
    RUN_UNTIL(&pair.loop, pair.a.pongs == i);
    assert_true(pair.a.last_rtt > 0);
  }
  RUN_UNTIL(&pair.loop,
            wpm_conn_stream_count(pair.a.conn) == 0 && wpm_conn_stream_count(pair.b.conn) == 0);
  wpm_conn_close(pair.a.conn, WPM_GO_AWAY_NORMAL);
  RUN_UNTIL(&pair.loop, pair.b.closed == 1);
  /* mplex has no goodbye: the end of the stream says it. */
  assert_int_equal(pair.b.last_end.reason,
                   type == &wpm_yamux ? WPM_REASON_GO_AWAY : WPM_REASON_EOF);
  pair_fini(&pair);
}

static void everything_works_over_every_muxer(void **state) {
  (void)state;
  static const wpm_key_type keys[] = {WPM_KEY_ED25519, WPM_KEY_SECP256K1};
  for (size_t i = 0; wpm_muxer_types[i]; i++) {
    for (size_t k = 0; k < 4; k++) {
      everything_works_over(wpm_muxer_types[i], keys[k / 2], keys[k % 2]);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_muxer_of_the_dialler_is_taken),
      cmocka_unit_test(everything_works_over_every_muxer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
