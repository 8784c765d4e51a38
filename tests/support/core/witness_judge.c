#include "support/core/witness.h"
#include "support/test.h"

#define S WPM_SECOND

/* ---- scores ---------------------------------------------------------------------------------- */

bool wpm_witness_is_discouraged(const wpm_witness *r, int peer) {
  int32_t at = r->w->config.discouraged_at;
  if (at == 0 || !r->peers[peer].known) {
    return false;
  }
  wpm_peer_record record = wpm_world_record(r->w, peer);
  return record.score <= at && !record.is_static;
}

static bool do_fade(const wpm_witness *r) {
  return r->w->config.score_half_life_ns > 0;
}

static void lower(wpm_witness *r, int peer, int64_t by) {
  wpm_witness_peer *t = &r->peers[peer];
  t->score_least -= by;
  t->score_most -= by;
  t->scored_at = wpm_witness_now(r);
}

void wpm_witness_score(wpm_witness *r, int peer) {
  wpm_witness_peer *t = &r->peers[peer];
  wpm_event e = {.type = WPM_EVENT_SCORE, .peer = wpm_world_id(peer)};
  e.u.score.score = (int32_t)wpm_witness_below(r, 300) - 220;
  e.u.score.add = wpm_witness_one_in(r, 2);
  if (!e.u.score.add) {
    t->score_least = t->score_most = 0;
  }
  lower(r, peer, -e.u.score.score);
  assert_int_equal(wpm_world_handle(r->w, &e), t->known ? WPM_OK : WPM_ERR_NOT_FOUND);
}

void wpm_witness_judge_end(wpm_witness *r, const wpm_witness_link *l, wpm_reason reason) {
  bool is_silence = reason == WPM_REASON_PING_TIMEOUT && !wpm_witness_is_in_gap(r, l, reason) &&
                    wpm_witness_open_links(r, l->peer) == 0;
  if (reason == WPM_REASON_PROTOCOL_VIOLATION) {
    lower(r, l->peer, 20);
  } else if (is_silence && wpm_witness_open_links(r, -1) > 0) {
    lower(r, l->peer, 5);
  }
}

/* Of the highest score drawn next to nothing is left after 64 half-lives; each peer is looked at within an
 * hour, where nobody slept. */
static bool has_faded(const wpm_witness *r, const wpm_witness_peer *t) {
  int64_t since = wpm_witness_later(t->scored_at, wpm_witness_later(r->awake, r->life_at));
  return do_fade(r) && !r->late &&
         wpm_witness_now(r) - since > 64 * r->w->config.score_half_life_ns + WPM_HOUR;
}

/* Fading brings it nearer to 0, from either side, before or after it changed otherwise. */
void wpm_witness_check_score(wpm_witness *r, int peer, int32_t score) {
  wpm_witness_peer *t = &r->peers[peer];
  if (do_fade(r)) {
    t->score_least = wpm_witness_earlier(t->score_least, 0);
    t->score_most = wpm_witness_later(t->score_most, 0);
  }
  assert_true(score >= t->score_least && score <= t->score_most);
  assert_true(score == 0 || !has_faded(r, t));
  t->score_least = t->score_most = score;
  if (do_fade(r)) {
    t->score_least = score < 0 ? score : 0;
    t->score_most = score > 0 ? score : 0;
  }
}

/* ---- places ---------------------------------------------------------------------------------- */

/* As many are there again after so many whole minutes. */
static size_t places_after(const wpm_witness *r, int64_t minutes) {
  size_t most = r->w->config.max_connections;
  size_t risen = r->ceiling + (size_t)minutes * (most / 16 + 1);
  return risen < most ? risen : most;
}

size_t wpm_witness_most_places(const wpm_witness *r) {
  return r->short_at < 0 ? r->w->config.max_connections
                         : places_after(r, (wpm_witness_now(r) - r->short_at) / WPM_MINUTE);
}

/* A rise that a sleep put off begins another minute. */
size_t wpm_witness_least_places(const wpm_witness *r) {
  int64_t since = wpm_witness_later(r->short_at, r->awake);
  return r->short_at < 0 ? r->w->config.max_connections
         : r->late       ? 0
                         : places_after(r, (wpm_witness_now(r) - since) / WPM_MINUTE);
}

/* Peers that were told to go in this call, as there were too many. */
static size_t count_crowded(const wpm_witness *r) {
  bool went[WPM_WITNESS_PEERS] = {false};
  size_t count = 0;
  for (size_t i = 0; i < r->w->count; i++) {
    const wpm_world_action *a = &r->w->log[i];
    if (a->type == WPM_ACTION_DISCONNECT && a->reason == WPM_REASON_CROWDED && !went[a->peer]) {
      went[a->peer] = true;
      count++;
    }
  }
  return count;
}

static bool is_static(const wpm_witness *r, int peer) {
  return r->peers[peer].known && wpm_world_record(r->w, peer).is_static;
}

static size_t count_who_may_go(const wpm_witness *r) {
  size_t count = 0;
  for (int peer = 0; peer < WPM_WITNESS_PEERS; peer++) {
    count += wpm_witness_open_links(r, peer) > 0 && !is_static(r, peer);
  }
  return count;
}

/* One of eight goes, where the policy chooses at most: its targets spare some. */
void wpm_witness_run_short(wpm_witness *r) {
  wpm_event e = {.type = WPM_EVENT_SHORTAGE};
  e.u.shortage.of = (wpm_shortage)wpm_witness_below(r, WPM_SHORTAGE_COUNT);
  bool is_same = r->short_at >= 0 && wpm_witness_now(r) < r->short_at + 10 * S;
  size_t places = wpm_witness_places(r);
  size_t leavers = is_same ? 0 : places / 8 + 1;
  size_t may_go = count_who_may_go(r);
  assert_int_equal(wpm_world_handle(r->w, &e), WPM_OK);
  size_t gone = count_crowded(r);
  assert_true(gone <= leavers || r->w->config.relay_inbound > 0);
  assert_true(r->chooses || gone == (leavers < may_go ? leavers : may_go));
  if (!is_same) {
    size_t left = places > leavers ? places - leavers : 0;
    r->short_at = wpm_witness_now(r);
    r->ceiling = left > 8 ? left : 8;
    r->is_shortage = true;
  }
}

/* ---- who goes, who is refused ---------------------------------------------------------------- */

static bool speaks_relay(const wpm_witness *r, int peer) {
  wpm_peer_record record = wpm_world_record(r->w, peer);
  return record.protocols_known && wpm_witness_gossips(r, peer);
}

/* Its place is that of a connection that it made. */
static bool came_in(const wpm_witness *r, int peer) {
  const wpm_witness_link *first = NULL;
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    const wpm_witness_link *l = &r->links[i];
    if (l->id && !l->closing && l->peer == peer && (!first || l->id < first->id)) {
      first = l;
    }
  }
  return first && first->direction == WPM_INBOUND;
}

/* The discouraged go first, of those who share places with it. What a restart brought back goes in an order
 * of its own. */
void wpm_witness_check_crowded(wpm_witness *r, int peer) {
  if (!r->peers[peer].known) {
    return;
  }
  assert_false(is_static(r, peer));
  bool may_have_been_first = r->peers[peer].score_least <= r->w->config.discouraged_at;
  if (r->chooses || r->restarted || may_have_been_first) {
    return;
  }
  for (int other = 0; other < WPM_WITNESS_PEERS; other++) {
    bool may_go = r->is_shortage ? wpm_witness_open_links(r, other) > 0 : came_in(r, other);
    bool goes_before = may_go && wpm_witness_is_discouraged(r, other) &&
                       speaks_relay(r, other) == speaks_relay(r, peer);
    assert_false(goes_before);
  }
}

/* Some places are kept for static peers that have none. */
void wpm_witness_check_no_place(wpm_witness *r, int peer, size_t places) {
  size_t most = wpm_witness_least_places(r);
  size_t kept = 0;
  if (r->chooses || r->restarted || is_static(r, peer)) {
    return;
  }
  for (int other = 0; other < WPM_WITNESS_PEERS; other++) {
    kept += is_static(r, other) && wpm_witness_open_links(r, other) == 0;
  }
  assert_true(places + (kept < most / 2 ? kept : most / 2) >= most);
}
