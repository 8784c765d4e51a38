#include "support/core/witness.h"

#include "support/test.h"

#include "base/record.h"

size_t wpm_witness_open_links(const wpm_witness *r, int peer) {
  size_t count = 0;
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    count += r->links[i].id && !r->links[i].closing && (peer < 0 || r->links[i].peer == peer);
  }
  return count;
}

wpm_witness_dial *wpm_witness_dial_to(wpm_witness *r, int peer) {
  for (size_t i = 0; i < WPM_WITNESS_DIALS; i++) {
    if (r->dials[i].id && r->dials[i].peer == peer) {
      return &r->dials[i];
    }
  }
  return NULL;
}

size_t wpm_witness_places(const wpm_witness *r) {
  bool has[WPM_WITNESS_PEERS] = {false};
  size_t count = 0;
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    const wpm_witness_link *l = &r->links[i];
    if (l->id && !l->closing) {
      has[l->peer] = true;
    }
  }
  for (size_t i = 0; i < WPM_WITNESS_DIALS; i++) {
    if (r->dials[i].id) {
      has[r->dials[i].peer] = true;
    }
  }
  for (int peer = 0; peer < WPM_WITNESS_PEERS; peer++) {
    count += has[peer];
  }
  return count;
}

wpm_witness_link *wpm_witness_link_of(wpm_witness *r, wpm_connection_id id) {
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    if (r->links[i].id == id) {
      return &r->links[i];
    }
  }
  return NULL;
}

wpm_witness_link *wpm_witness_random_link(wpm_witness *r) {
  size_t start = wpm_witness_below(r, WPM_WITNESS_LINKS);
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    wpm_witness_link *l = &r->links[(start + i) % WPM_WITNESS_LINKS];
    if (l->id) {
      return l;
    }
  }
  return NULL;
}

int64_t wpm_witness_least_retry(const wpm_witness *r, uint32_t failures) {
  int64_t most = r->w->config.reconnect_max_ns;
  int64_t first = r->w->config.reconnect_min_ns < most ? r->w->config.reconnect_min_ns : most;
  int64_t delay = first;
  for (uint32_t i = 1; i < failures && delay < most; i++) {
    delay *= 2;
  }
  return wpm_witness_later(first, delay < most * 3 / 4 ? delay : most * 3 / 4);
}

bool wpm_witness_gossips(const wpm_witness *r, int peer) {
  wpm_peer_record record = wpm_world_record(r->w, peer);
  bool relay = false;
  for (size_t i = 0; i < record.protocol_count; i++) {
    relay = relay || wpm_protocol_is_relay(record.protocols[i]);
  }
  return relay || !record.protocols_known;
}

void wpm_witness_owe_backoff(wpm_witness *r, int peer, int64_t from, int64_t named) {
  const wpm_manager_config *c = &r->w->config;
  int64_t length = named > 0 ? named : c->prune_backoff_ns;
  length = (length < WPM_DAY ? length : WPM_DAY) + c->backoff_slack_ns;
  length = length < WPM_DAY ? length : WPM_DAY;
  r->peers[peer].prune_until = wpm_witness_later(r->peers[peer].prune_until, from + length);
}

static bool is_theirs(wpm_reason reason) {
  return reason >= WPM_REASON_GO_AWAY && reason <= WPM_REASON_IMPORTED;
}

bool wpm_witness_is_in_gap(const wpm_witness *r, const wpm_witness_link *l, wpm_reason reason) {
  return is_theirs(reason) && l->last_byte <= r->gap_from;
}

/* It went as the sleep began. */
static int64_t end_of(const wpm_witness *r, const wpm_witness_link *l, wpm_reason reason) {
  return wpm_witness_is_in_gap(r, l, reason) ? r->gap_from : wpm_witness_now(r);
}

/* Whichever of two ends: failures are forgotten where it was stable. */
static bool was_stable(wpm_witness *r, const wpm_witness_link *l, wpm_reason reason) {
  wpm_witness_peer *t = &r->peers[l->peer];
  bool stable = end_of(r, l, reason) - l->began >= r->w->config.stable_after_ns;
  if (stable) {
    t->failures = t->short_lived = 0;
    t->retry_until = 0;
  }
  return stable;
}

/* The last connection of a peer went, for this reason. */
static void truly_disconnected(wpm_witness *r, const wpm_witness_link *l, wpm_reason reason,
                               bool stable, bool gossip) {
  wpm_witness_peer *t = &r->peers[l->peer];
  bool theirs = is_theirs(reason);
  bool in_gap = wpm_witness_is_in_gap(r, l, reason);
  int64_t now = end_of(r, l, reason);
  if (gossip) {
    wpm_witness_owe_backoff(r, l->peer, now, 0);
  }
  if (!stable && l->direction == WPM_OUTBOUND && theirs && !in_gap) {
    t->short_lived++;
    t->retry_until = now + wpm_witness_least_retry(r, t->failures + t->short_lived);
  }
  t->state = wpm_reason_leaves(reason);
  if (t->state == WPM_NOT_CONNECTED) {
    t->state = WPM_CANNOT_CONNECT; /* A local failure of a connection that was. */
  }
}

void wpm_witness_saw_end(wpm_witness *r, const wpm_witness_link *l, wpm_reason reason,
                         bool gossip) {
  bool stable = was_stable(r, l, reason);
  wpm_witness_judge_end(r, l, reason);
  if (wpm_witness_open_links(r, l->peer) == 0) {
    truly_disconnected(r, l, reason, stable, gossip);
    r->peers[l->peer].dialled_by_person = false;
  }
  r->peers[l->peer].two_since = -1;
}

void wpm_witness_void_retry_delays(wpm_witness *r) {
  for (int peer = 0; peer < WPM_WITNESS_PEERS; peer++) {
    r->peers[peer].retry_until = 0;
  }
}

void wpm_witness_wake(wpm_witness *r) {
  wpm_world *w = r->w;
  r->woke = false;
  int64_t deadline = wpm_manager_next_deadline(w->manager).ns;
  r->epoch_at = w->called.ns == INT64_MIN ? wpm_witness_now(r) : r->epoch_at;
  if (w->called.ns == INT64_MIN || deadline == WPM_NEVER.ns ||
      w->now.mono.ns - wpm_witness_later(deadline, w->called.ns) <= w->config.sleep_gap_ns) {
    return;
  }
  r->gap_from = wpm_witness_later(deadline, w->called.ns) + r->offset;
  r->woke = true;
  r->epoch_at = wpm_witness_now(r);
  r->voided = true;
  r->in_vain = 0;
  wpm_witness_void_retry_delays(r);
  for (size_t i = 0; i < WPM_WITNESS_DIALS; i++) {
    r->dials[i].cut = true;
  }
}

void wpm_witness_grow_stable(wpm_witness *r) {
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    const wpm_witness_link *l = &r->links[i];
    if (l->id && !l->closing && wpm_witness_now(r) - l->began >= r->w->config.stable_after_ns) {
      r->peers[l->peer].failures = r->peers[l->peer].short_lived = 0;
      r->peers[l->peer].retry_until = 0;
    }
  }
}

void wpm_witness_note_gossip(const wpm_witness *r, bool *gossip) {
  for (int peer = 0; peer < WPM_WITNESS_PEERS; peer++) {
    gossip[peer] = r->peers[peer].known && wpm_witness_gossips(r, peer);
  }
}
