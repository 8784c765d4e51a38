#include "core/judge.h"

#include "core/connectivity.h"
#include "core/decay.h"
#include "core/rules.h"
#include "core/wait.h"

#define VIOLATION 20 /* Five in a row discourage, by the defaults. */
#define SILENCE 5
#define BLAME 20

/* ---- scores ------------------------------------------------------------------------------------ */

static int32_t within(int64_t score) {
  return score < INT32_MIN ? INT32_MIN : score > INT32_MAX ? INT32_MAX : (int32_t)score;
}

static int32_t score_of(const wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  return wpm_peer_score(m->store, peer);
}

/* Somebody has a score: it is looked at again until nobody has. */
static void watch(wpm_manager *m) {
  m->fading = m->still_fading = true;
}

bool wpm_judge_discourages(const wpm_manager *m, uint32_t slot) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  bool spared = wpm_peer_has(peer, WPM_HAS_STATIC) && wpm_rule_holds(WPM_RULE_DISCOURAGED_STATIC);
  return m->config.discouraged_at < 0 && !spared && score_of(m, slot) <= m->config.discouraged_at &&
         wpm_rule_holds(WPM_RULE_DISCOURAGED);
}

static void lower(wpm_manager *m, uint32_t slot, int64_t by) {
  int64_t score = score_of(m, slot);
  wpm_store_slot_score(m->store, slot, within(score - by));
  watch(m);
}

void wpm_judge_ended(wpm_manager *m, uint32_t slot, wpm_reason reason, bool in_gap) {
  bool is_gone = wpm_manager_policy(m, slot)->connections[0] == NULL;
  bool others_live = m->live_connections > 0 || !wpm_rule_holds(WPM_RULE_SILENCE_ALONE);
  if (reason == WPM_REASON_PROTOCOL_VIOLATION && wpm_rule_holds(WPM_RULE_VIOLATION)) {
    lower(m, slot, VIOLATION);
  } else if (reason == WPM_REASON_PING_TIMEOUT && !in_gap && is_gone && others_live &&
             wpm_rule_holds(WPM_RULE_SILENCE)) {
    lower(m, slot, SILENCE);
  }
}

void wpm_judge_blamed(wpm_manager *m, wpm_peer_ref ref, wpm_instant now) {
  const wpm_peer *peer = wpm_manager_peer(m, ref.slot);
  if (peer->state != WPM_SLOT_HELD || peer->generation != ref.generation) {
    return;
  }
  wpm_change change = wpm_change_begin(m, ref.slot);
  int64_t score = score_of(m, ref.slot);
  if (wpm_store_try_score(m->store, ref.slot, within(score - BLAME)) == WPM_OK) {
    watch(m);
  }
  wpm_change_end(m, &change, now);
}

void wpm_judge_restored(wpm_manager *m, uint32_t slot) {
  if (score_of(m, slot) != 0) {
    watch(m);
  }
}

void wpm_judge_fade(wpm_manager *m, uint32_t slot, int64_t elapsed_ns) {
  int32_t score = score_of(m, slot);
  int64_t half_life = m->config.score_half_life_ns;
  m->still_fading = m->still_fading || score != 0;
  if (score != 0 && half_life > 0 && elapsed_ns > 0 && wpm_rule_holds(WPM_RULE_FADING)) {
    uint32_t draw = (uint32_t)wpm_rng_below(&m->rng, UINT64_C(1) << 31);
    wpm_store_slot_score(m->store, slot, wpm_decay(score, elapsed_ns, half_life, draw));
  }
}

/* ---- facts ------------------------------------------------------------------------------------- */

int wpm_on_ban(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  int64_t length = event->u.ban.length_ns;
  if (length < 0 || wpm_manager_is_local(m, event->peer)) {
    return WPM_ERR_INVALID;
  }
  uint32_t slot = wpm_store_find(m->store, event->peer);
  wpm_taken taken = {.slot = slot, .victim = WPM_SLOT_NONE};
  if (slot == WPM_SLOT_NONE && length == 0) {
    return WPM_ERR_NOT_FOUND;
  }
  int err = slot == WPM_SLOT_NONE ? wpm_manager_take_peer(m, event->peer, false, &taken) : WPM_OK;
  if (err) {
    return err;
  }
  slot = taken.slot;
  wpm_change change = wpm_change_begin(m, slot);
  err = wpm_store_open_contact(m->store, slot);
  if (err) {
    wpm_store_give_up(m->store, &taken);
    return err;
  }
  wpm_wait ban = length > 0 ? wpm_wait_from(now, length) : (wpm_wait){.length_ns = 0};
  wpm_store_slot_wait(m->store, slot, WPM_WAIT_BAN, ban);
  if (length > 0 && wpm_rule_holds(WPM_RULE_BAN_CANCELS)) {
    wpm_peer_cancel_dial(m, slot);
  }
  wpm_change_end_of(m, &change, taken.added, now);
  wpm_store_keep(m->store, &taken);
  if (length > 0 && wpm_rule_holds(WPM_RULE_BAN_ENDS)) {
    wpm_connectivity_end_all(m, slot, WPM_REASON_BANNED, now);
  }
  return WPM_OK;
}

/* Ends a change that may have failed, and so changed nothing. */
static int finish(wpm_manager *m, const wpm_change *change, int err, wpm_instant now) {
  wpm_change_end(m, change, now);
  return err;
}

int wpm_on_tag(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  const wpm_tag *tag = &event->u.tag.tag;
  uint32_t slot = wpm_store_find(m->store, event->peer);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  if (wpm_store_is_full(m->store) && !event->u.tag.remove) {
    return WPM_ERR_FULL;
  }
  if (!event->u.tag.remove && wpm_wall_known(tag->expires) && tag->expires.ns <= now.wall.ns) {
    return WPM_ERR_INVALID;
  }
  wpm_change change = wpm_change_begin(m, slot);
  int err = event->u.tag.remove ? wpm_store_slot_remove_tag(m->store, slot, tag->name)
                                : wpm_store_slot_set_tag(m->store, slot, tag);
  return finish(m, &change, err, now);
}

int wpm_on_score(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  uint32_t slot = wpm_store_find(m->store, event->peer);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  wpm_change change = wpm_change_begin(m, slot);
  int err = wpm_store_open_contact(m->store, slot);
  if (!err) {
    int64_t before = event->u.score.add ? score_of(m, slot) : 0;
    wpm_store_slot_score(m->store, slot, within(before + event->u.score.score));
    watch(m);
  }
  return finish(m, &change, err, now);
}

int wpm_on_note(wpm_manager *m, const wpm_event *event, wpm_instant now) {
  uint32_t slot = wpm_store_find(m->store, event->peer);
  if (slot == WPM_SLOT_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  if (wpm_store_is_full(m->store) && event->u.note.value.data) {
    return WPM_ERR_FULL;
  }
  wpm_change change = wpm_change_begin(m, slot);
  int err = wpm_store_slot_set_app(m->store, slot, event->u.note.key, event->u.note.value);
  return finish(m, &change, err, now);
}
