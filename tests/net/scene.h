/* Two hosts that behave, and an attacker on one of them. */
#pragma once

#include "pair.h"

#include "net/conn.h"
#include "support/allocated.h"
#include "support/net/attacker.h"
#include "support/net/hurry.h"

#define KIB ((size_t)1024)

static const wpm_text mplex_id = {"/mplex/6.7.0", 12};

/* `a` is attacked, `b` behaves and is connected to it. */
typedef struct scene {
  host_pair pair;
  attacker attacker;
  wpm_conn *conn; /* Host `a`'s connection with the attacker. */
} scene;

static inline void scene_begin(scene *s) {
  pair_init(&s->pair, WPM_KEY_ED25519, WPM_KEY_SECP256K1);
}

/* After what differs was configured. */
static inline void scene_start(scene *s) {
  pair_start(&s->pair);
  pair_connect(&s->pair);
}

static inline void scene_attack_with(scene *s, bool attacker_dials, const wpm_text *muxer) {
  host_pair *pair = &s->pair;
  size_t before = pair->a.connected;
  attacker_init(&s->attacker, &pair->loop, pair->crypto, 0x33);
  if (muxer) {
    s->attacker.muxers = muxer;
  }
  if (attacker_dials) {
    attacker_dial(&s->attacker, side_address(&pair->a));
  } else {
    wpm_multiaddr address;
    wpm_dial *dial = NULL;
    attacker_listen(&s->attacker, &address);
    wpm_bytes view = wpm_multiaddr_view(&address);
    assert_int_equal(wpm_host_dial(pair->a.host, (wpm_bytes){0}, &view, 1, NULL, &dial), WPM_OK);
  }
  RUN_UNTIL(&pair->loop, s->attacker.phase == ATTACKER_UP && pair->a.connected > before);
  s->conn = pair->a.conn;
}

static inline void scene_attack(scene *s, bool attacker_dials) {
  scene_attack_with(s, attacker_dials, NULL);
}

/* Waits until `a` is told that the attacker's connection ended, and why. */
static inline void scene_ends_with(scene *s, wpm_reason reason) {
  size_t before = s->pair.a.closed;
  RUN_UNTIL(&s->pair.loop, s->pair.a.closed > before);
  if (s->pair.a.last_end.reason != reason) {
    fail_msg("%s, not %s", wpm_reason_name(s->pair.a.last_end.reason), wpm_reason_name(reason));
  }
  assert_int_equal(s->pair.a.last_end.step, WPM_STEP_NONE);
  assert_true(strlen(s->pair.a.detail) > 0);
}

/* Memory in use, less what the attacker's own writes take. */
static inline size_t scene_memory(const scene *s) {
  return wpm_test_allocated() - s->attacker.writing;
}

static inline size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

static inline void scene_leave(scene *s) {
  attacker_fini(&s->attacker);
}

static inline void scene_end(scene *s) {
  pair_still_works(&s->pair);
  pair_fini(&s->pair);
}
