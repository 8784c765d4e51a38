#include "core/ages.h"

#include "core/connectivity.h"
#include "core/judge.h"
#include "core/tags.h"
#include "core/wait.h"

#define LOOK_EVERY WPM_MINUTE
#define LOOK_ROUNDS 60   /* Each peer is looked at about this often times as seldom. */
#define LOOK_BESIDE 16   /* Peers that are looked at beside an event, */
#define LOOK_AT_ONCE 256 /* and otherwise in one step; the rest is due at once. */
#define LOOK_AHEAD 8     /* Peers whose addresses are on their way from memory meanwhile. */

/* A minute is over: some more are to be looked at. */
static void note_minute(wpm_manager *m, wpm_instant now) {
  if (now.mono.ns < wpm_mono_after(m->expired_at, LOOK_EVERY).ns) {
    return;
  }
  m->expired_at = now.mono;
  wpm_tags_minute(m);
  uint64_t left = (uint64_t)m->expire_left + m->store->slots / LOOK_ROUNDS + 1;
  m->expire_left = left < m->store->slots ? (uint32_t)left : m->store->slots;
}

static void look_at_age(wpm_manager *m, uint32_t slot, wpm_instant now) {
  wpm_change change = wpm_change_begin(m, slot);
  wpm_store_slot_expire(m->store, slot, now.wall);
  wpm_judge_fade(m, slot, m->round_ns);
  if (wpm_tags_may_end(m)) {
    wpm_tags_fade(m, slot, m->round_ns);
  }
  if (m->store->changes != change.changes) {
    wpm_change_end(m, &change, now);
  }
}

/* From the first on again. */
static void begin_round(wpm_manager *m, wpm_instant now) {
  m->expire_round = 0;
  m->round_ns = m->round_began.ns != INT64_MIN ? now.mono.ns - m->round_began.ns : 0;
  m->round_began = now.mono;
  m->fading = m->still_fading;
  m->still_fading = false;
}

/* Looks at some of them; the next call goes on. */
static void look_at_ages(wpm_manager *m, uint32_t most, wpm_instant now) {
  for (uint32_t some = most; some > 0 && m->expire_left > 0; some--, m->expire_left--) {
    if (m->expire_round >= m->store->slots) {
      begin_round(m, now);
    }
    uint32_t slot = m->expire_round++;
    if (slot + LOOK_AHEAD < m->store->slots) {
      wpm_store_ask_for_parts(m->store, slot + LOOK_AHEAD);
    }
    if (slot < m->store->slots && wpm_manager_peer(m, slot)->state == WPM_SLOT_HELD) {
      look_at_age(m, slot, now);
    }
  }
  if (wpm_tags_may_end(m)) {
    wpm_tags_run(m, most, now);
  }
}

void wpm_ages_beside_event(wpm_manager *m, wpm_instant now) {
  note_minute(m, now);
  look_at_ages(m, LOOK_BESIDE, now);
}

void wpm_ages_advance(wpm_manager *m, wpm_instant now) {
  note_minute(m, now);
  look_at_ages(m, LOOK_AT_ONCE, now);
}

wpm_mono wpm_ages_deadline(const wpm_manager *m) {
  if (m->expire_left > 0) {
    return m->now;
  }
  wpm_mono minute = wpm_mono_after(m->expired_at, LOOK_EVERY);
  wpm_mono tags = wpm_tags_may_end(m) ? wpm_tags_deadline(m, minute) : WPM_NEVER;
  return m->fading ? wpm_mono_earlier(minute, tags) : tags;
}
