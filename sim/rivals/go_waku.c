/* go-waku 84a4b1b (two commits after v0.10.0), as its sources have it, with go-libp2p v0.39.1 and
 * waku-org/go-libp2p-pubsub v0.13.1-gowaku, by its go.mod. Files are of waku/v2/ unless another is named.
 *
 * Numbers (peermanager/peer_manager.go relayAndServicePeers, inAndOutRelayPeers): of max_connections
 * four fifths are for relay; outbound a third of those, at least 10; inbound the rest.
 *
 * Dialling (peermanager/peer_connector.go):
 * - Peers to dial go through one channel without a buffer, first come, first served; min(5, outbound
 *   target) are dialled at once (maxActiveDials), each for at most 20 s (node/wakunode2.go
 *   discoveryConnectTimeout). One more is taken out, which waits for one of them to end (dialPeers).
 * - Passed over as they are taken out: connected; in backoff. Without a network dials go all the same, and fail: a node takes
 *   itself to be online (node/wakuoptions.go, DefaultWakuNodeOptions) until an application calls
 *   SetOnline of its checker, which nothing of the node does.
 * - Only a failed dial makes a backoff (addConnectionBackoff): 1 min for the first three, then
 *   uniform between 1 min and 5^n s, at most 1 h (getBackOff; go-libp2p p2p/discovery/backoff,
 *   FullJitter). It is never reset; it lives in a cache of 600 peers, here without that bound.
 * - A discovered peer is dialled at once while fewer peers than the outbound target are connected
 *   (consumeSubscription); each has a sender of its own (AddDiscoveredPeer).
 * Loop, every 15 s and at the start (connectToPeers, ensureMinRelayConnsPerTopic): where fewer than
 * 4 peers are in the mesh or fewer than the outbound target are connected: peers of the topic that
 * are not connected, in no order (here shuffled), as many as are missing. It sends one after the other
 * (connectToSpecifiedPeers), and waits until the channel has taken the last; of the ticks meanwhile one is
 * made up for (Go's time.Ticker). Then inbound relay connections over their target go, the last first
 * (pruneInRelayConns).
 * Topics (peermanager/topic_event_handler.go): a discovered peer has the topics of its node record. A
 * peer that leaves a topic, also by disconnecting (go-libp2p-pubsub pubsub.go
 * handleDeadPeers), loses it (RemovePubSubTopic), and the loop does not see it any more. One that is discovered again is passed over unless its node record is newer
 * (AddDiscoveredPeer), or it comes back by itself and joins.
 * Static nodes are dialled once, at the start, for 7 s (cmd/waku/node.go).
 * Addresses live an hour (addPeer), while connected, and 15 min after (go-libp2p p2p/protocol/identify/id.go,
 * RecentlyConnectedAddrTTL); a peer without any is removed when the loop meets it (AddrInfoToPeerData).
 * Store: over 3 × max_connections every 10 min those that failed more than 5 times go, then peers
 * that are not connected (prunePeerStore). Nothing is kept over a restart: --persist-peers works
 * with --store only, and is off.
 * Connections: go-libp2p's connection manager closes down to 200 over 300 (node/wakuoptions.go).
 * Keep-alive (node/keepalive.go): every 10 s the mesh and random relay peers up to 10, every 5 min all;
 * two tries of 7 s, then the peer is disconnected, and the round waits for all. After two rounds in
 * which all failed, or a gap of 30 s of wall time, everybody is disconnected.
 *
 * Left out: the dial backoff of go-libp2p's swarm, which is shorter, the limit of 5 inbound per IP (each peer
 * has its own but in the scenario small_house), relayed addresses, and removal after failed requests of filter and
 * lightpush, which the world does not make.
 */
#include "sim/rivals/rival.h"

#include <stdlib.h>

#define DIAL_TIMEOUT (20 * WPM_SECOND)
#define STATIC_TIMEOUT (7 * WPM_SECOND)
#define LOOP_INTERVAL (15 * WPM_SECOND)
#define PRUNE_INTERVAL (10 * WPM_MINUTE)
#define PING_SOME (10 * WPM_SECOND)
#define PING_ALL (5 * WPM_MINUTE)
#define PING_WAIT (7 * WPM_SECOND)

enum {
  ACTIVE_DIALS = 5,
  OUT_LEAST = 10,
  MESH_LEAST = 4,
  MESH = 6,
  PINGS = 10,
  FAILURES_MAX = 5,
  HIGH = 300,
  LOW = 200
};

struct sim_policy {
  sim_rival rival;
  size_t out_target, in_target;
  sim_rival_queue channel; /* Peers that somebody wants to push into it. */
  size_t active;           /* Dials that came from it. */
  bool has_next;           /* One more came from it, which waits for one of them to end. */
  uint32_t next;
  sim_rival_queue missing; /* Whom the loop pushes when the channel has taken whom it waits with. */
  size_t turn; /* Which of those in the channel that is, from 1; 0: the loop waits not. */
  bool tick;   /* One came that the loop has not seen. */
  int64_t loop_at, prune_at, some_at, all_at, trim_at;
  int64_t pings_end_at; /* Of the round under way; INT64_MAX: none. */
  int64_t last_wall;    /* When the last round ended. */
  unsigned rounds_failed;
  size_t in_round, failed_in_round;
};

/* ---- beginning and end ----------------------------------------------------------------------- */

static void drop(sim_policy *policy) {
  if (policy) {
    sim_rival_fini(&policy->rival);
    free(policy->channel.items);
    free(policy->missing.items);
    free(policy);
  }
}

static sim_policy *make(const sim_setup *setup) {
  sim_policy *policy = calloc(1, sizeof(*policy));
  if (!policy) {
    return NULL;
  }
  sim_rival_init(&policy->rival, setup);
  size_t relay = setup->max_connections - setup->max_connections / 5;
  policy->out_target = relay / 3 > OUT_LEAST ? relay / 3 : OUT_LEAST;
  policy->in_target = relay > policy->out_target ? relay - policy->out_target : 0;
  return policy;
}

static int start(sim_policy *policy, wpm_instant now) {
  int64_t clock = sim_rival_clock(&policy->rival, now);
  policy->channel.count = policy->missing.count = policy->active = policy->turn = 0;
  policy->has_next = policy->tick = false;
  policy->loop_at = clock;
  policy->prune_at = clock + PRUNE_INTERVAL;
  policy->some_at = clock + PING_SOME;
  policy->all_at = clock + PING_ALL;
  policy->trim_at = clock + 10 * WPM_SECOND;
  policy->pings_end_at = INT64_MAX;
  policy->last_wall = now.wall.ns;
  policy->rounds_failed = 0;
  return policy->rival.error;
}

static void crash(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  (void)now;
  sim_rival_end(rival);
  sim_rival_forget_all(rival);
  rival->known.count = 0;
}

static int stop(sim_policy *policy, wpm_instant now) {
  crash(policy, now);
  return WPM_OK;
}

/* ---- dialling -------------------------------------------------------------------------------- */

static void add_backoff(sim_policy *policy, uint32_t number, wpm_instant now) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, number);
  int64_t bound = WPM_SECOND;
  for (uint32_t i = 0; i < peer->attempts && bound < WPM_HOUR; i++) {
    bound *= 5;
  }
  bound = bound < WPM_HOUR ? bound : WPM_HOUR;
  int64_t delay = WPM_MINUTE;
  if (bound > WPM_MINUTE) {
    delay += (int64_t)sim_random_below(&policy->rival.random, (uint64_t)(bound - WPM_MINUTE));
  }
  peer->attempts++;
  peer->next_try = sim_rival_clock(&policy->rival, now) + delay;
}

static bool has_address(const sim_rival_peer *peer, int64_t clock) {
  return peer->links > 0 || clock < peer->expires;
}

static void prune_inbound(sim_policy *policy) {
  sim_rival *rival = &policy->rival;
  size_t in = 0;
  for (size_t i = 0; i < rival->link_count; i++) {
    const sim_rival_link *link = &rival->links[i];
    if (link->direction == WPM_INBOUND && link->peer->relay && ++in > policy->in_target) {
      sim_rival_close(rival, link->id, WPM_REASON_LOCAL_CLOSE);
    }
  }
}

/* The loop waits at the channel with the next that is missing; with none left its round is over. */
static void push_missing(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  while (policy->missing.count > 0) {
    uint32_t number = sim_rival_shift(&policy->missing);
    if (has_address(sim_rival_peer_at(rival, number), sim_rival_clock(rival, now))) {
      sim_rival_put(rival, &policy->channel, number);
      policy->turn = policy->channel.count;
      return;
    }
    sim_rival_forget(rival, number);
  }
  prune_inbound(policy);
}

static bool is_dialable(const sim_rival_peer *peer) {
  return peer->links == 0 && peer->dial == 0 && peer->address_count > 0;
}

static void dial_next(sim_policy *policy) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, policy->next);
  policy->has_next = false;
  if (is_dialable(peer)) {
    peer->batch = true;
    policy->active++;
    sim_rival_dial(&policy->rival, policy->next, DIAL_TIMEOUT);
  }
}

/* Takes from the channel until one waits for a dial to be free. */
static void take_channel(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  size_t most = policy->out_target < ACTIVE_DIALS ? policy->out_target : ACTIVE_DIALS;
  for (;;) {
    if (policy->has_next && policy->active < most) {
      dial_next(policy);
    }
    if (policy->has_next || policy->channel.count == 0) {
      return;
    }
    policy->next = sim_rival_shift(&policy->channel);
    const sim_rival_peer *peer = sim_rival_peer_at(rival, policy->next);
    policy->has_next = is_dialable(peer) && sim_rival_clock(rival, now) >= peer->next_try;
    if (policy->turn > 0 && --policy->turn == 0) {
      push_missing(policy, now);
    }
  }
}

static void push(sim_policy *policy, uint32_t number, wpm_instant now) {
  sim_rival_put(&policy->rival, &policy->channel, number);
  take_channel(policy, now);
}

/* A dial on its own account, of a static node or a person's. */
static void dial_once(sim_policy *policy, uint32_t number) {
  const sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, number);
  if (peer->links == 0 && peer->dial == 0 && peer->address_count > 0) {
    sim_rival_dial(&policy->rival, number, STATIC_TIMEOUT);
  }
}

static void dial_is_over(sim_policy *policy, uint32_t number, wpm_instant now) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, number);
  if (peer->batch) {
    peer->batch = false;
    policy->active--;
    take_channel(policy, now);
  }
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void connect_to_peers(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  size_t connected = 0;
  sim_rival_list others = {0};
  for (size_t i = 0; i < rival->known.count; i++) {
    const sim_rival_peer *peer = rival->known.items[i];
    connected += peer->topic && peer->links > 0;
    if (peer->topic && peer->links == 0) {
      sim_rival_push(rival, &others, peer->number);
    }
  }
  size_t mesh = sim_rival_relay_links(rival, WPM_DIRECTION_NONE);
  if ((mesh < MESH_LEAST || connected < policy->out_target) && connected < policy->out_target) {
    sim_rival_shuffle(rival, others.items, others.count);
    size_t missing = policy->out_target - connected;
    for (size_t i = 0; i < others.count && i < missing; i++) {
      sim_rival_put(rival, &policy->missing, others.items[i]);
    }
  }
  free(others.items);
  push_missing(policy, now);
  take_channel(policy, now);
}

/* The loop goes round where a tick came, and it waits not. */
static void go_round(sim_policy *policy, wpm_instant now) {
  if (policy->tick && policy->turn == 0) {
    policy->tick = false;
    connect_to_peers(policy, now);
  }
}

/* Over 300 connections all but 200 go; among equals in no order: here the latest. */
static void trim(sim_policy *policy) {
  sim_rival *rival = &policy->rival;
  for (size_t i = LOW; rival->link_count > HIGH && i < rival->link_count; i++) {
    sim_rival_close(rival, rival->links[i].id, WPM_REASON_LOCAL_CLOSE);
  }
}

static void prune_store(sim_policy *policy) {
  sim_rival *rival = &policy->rival;
  size_t capacity = 3 * rival->setup.max_connections;
  for (size_t i = rival->known.count; i > 0 && rival->known.count >= capacity; i--) {
    const sim_rival_peer *peer = rival->known.items[i - 1];
    if (peer->failures > FAILURES_MAX && peer->links == 0) {
      sim_rival_forget(rival, peer->number);
    }
  }
  sim_rival_list others = {0};
  for (size_t i = 0; rival->known.count >= capacity && i < rival->known.count; i++) {
    if (rival->known.items[i]->links == 0) {
      sim_rival_push(rival, &others, rival->known.items[i]->number);
    }
  }
  /* Those without a topic first. */
  for (int topic = 0; topic < 2; topic++) {
    for (size_t i = 0; i < others.count && rival->known.count >= capacity; i++) {
      const sim_rival_peer *peer = sim_rival_peer_at(rival, others.items[i]);
      if (peer->known && peer->topic == (topic == 1)) {
        sim_rival_forget(rival, others.items[i]);
      }
    }
  }
  free(others.items);
}

/* ---- keep-alive ------------------------------------------------------------------------------ */

static void disconnect_all(sim_policy *policy) {
  for (size_t i = 0; i < policy->rival.link_count; i++) {
    sim_rival_close(&policy->rival, policy->rival.links[i].id, WPM_REASON_LOCAL_CLOSE);
  }
}

static void ping_link(sim_policy *policy, size_t index, int64_t clock) {
  sim_rival_link *link = &policy->rival.links[index];
  link->pinged_at = clock;
  policy->in_round++;
  sim_rival_ping(&policy->rival, link->id);
}

static void ping_relay(sim_policy *policy, bool all, int64_t clock) {
  sim_rival *rival = &policy->rival;
  sim_rival_list others = {0};
  size_t mesh = 0;
  policy->in_round = policy->failed_in_round = 0;
  for (size_t i = 0; i < rival->link_count; i++) {
    bool relay = rival->links[i].peer->relay;
    if (relay && (all || mesh < MESH)) {
      mesh++;
      ping_link(policy, i, clock);
    } else if (relay) {
      sim_rival_push(rival, &others, (uint32_t)i);
    }
  }
  sim_rival_shuffle(rival, others.items, others.count);
  for (size_t i = 0; !all && i < others.count && mesh + i < PINGS; i++) {
    ping_link(policy, others.items[i], clock);
  }
  free(others.items);
  policy->pings_end_at = policy->in_round > 0 ? clock + PING_WAIT : clock;
}

static void ping_some(sim_policy *policy, wpm_instant now) {
  int64_t clock = sim_rival_clock(&policy->rival, now);
  if (now.wall.ns - policy->last_wall > 3 * PING_SOME) {
    policy->last_wall = now.wall.ns;
    disconnect_all(policy);
  } else if (policy->rounds_failed >= 2) {
    policy->rounds_failed = 0;
    disconnect_all(policy);
  } else {
    ping_relay(policy, false, clock);
  }
}

static bool is_waited_for(const sim_rival *rival) {
  for (size_t i = 0; i < rival->link_count; i++) {
    if (rival->links[i].pinged_at >= 0) {
      return true;
    }
  }
  return false;
}

static void end_round(sim_policy *policy, wpm_instant now) {
  bool failed = policy->in_round > 0 && policy->failed_in_round == policy->in_round;
  policy->rounds_failed = failed ? policy->rounds_failed + 1 : 0;
  policy->pings_end_at = INT64_MAX;
  policy->last_wall = now.wall.ns;
}

/* The wait of one try is over: a second one, or the end of the connection. */
static void pings_time_out(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  bool again = false;
  for (size_t i = 0; i < rival->link_count; i++) {
    sim_rival_link *link = &rival->links[i];
    if (link->pinged_at < 0) {
      continue;
    }
    link->pings_missed++;
    if (link->pings_missed < 2) {
      again = true;
      sim_rival_ping(rival, link->id);
    } else {
      link->pinged_at = -1;
      policy->failed_in_round++;
      sim_rival_close(rival, link->id, WPM_REASON_PING_TIMEOUT);
    }
  }
  if (again) {
    policy->pings_end_at = sim_rival_clock(rival, now) + PING_WAIT;
  } else {
    end_round(policy, now);
  }
}

/* ---- facts ----------------------------------------------------------------------------------- */

static void found(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  int64_t clock = sim_rival_clock(rival, now);
  if (fact->flag) { /* Its addresses are held for the dial alone. */
    if (!peer->known) {
      sim_rival_set_addresses(rival, fact);
    }
    dial_once(policy, fact->peer);
    return;
  }
  if (peer->known) {
    if (!has_address(peer, clock)) {
      sim_rival_set_addresses(rival, fact);
      peer->expires = clock + WPM_HOUR;
    }
    if (peer->sequence >= fact->sequence) {
      return;
    }
  }
  sim_rival_know(rival, fact->peer);
  sim_rival_set_addresses(rival, fact);
  peer->sequence = fact->sequence;
  peer->expires = clock + WPM_HOUR;
  peer->topic = fact->relay;
  peer->relay = peer->relay || fact->relay;
  if (rival->connected < policy->out_target) {
    push(policy, fact->peer, now);
  }
}

static void connected(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  sim_rival_know(rival, fact->peer);
  peer->state = WPM_CONNECTED;
  sim_rival_identify(rival, fact->link);
  if (fact->dial != 0) {
    peer->failures = 0;
    dial_is_over(policy, fact->peer, now);
  }
}

static void disconnected(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  int64_t recent = sim_rival_clock(rival, now) + WPM_TTL_RECENT;
  if (peer->links == 0) {
    peer->topic = false;
    peer->state = WPM_CAN_CONNECT;
    peer->expires = peer->expires > recent ? peer->expires : recent;
  }
  if (policy->pings_end_at != INT64_MAX && !is_waited_for(rival)) {
    end_round(policy, now);
  }
}

static void identified(sim_policy *policy, const sim_fact *fact) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, fact->peer);
  sim_rival_set_addresses(&policy->rival, fact);
  peer->relay = fact->relay;
  peer->topic = peer->topic || fact->relay;
}

static void dial_failed(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, fact->peer);
  add_backoff(policy, fact->peer, now);
  peer->failures++;
  peer->state = WPM_CANNOT_CONNECT;
  dial_is_over(policy, fact->peer, now);
}

static void expect(sim_policy *policy, const uint32_t *peers, size_t count) {
  sim_rival_expect(&policy->rival, peers, count);
}

static int take(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  if (!sim_rival_note(&policy->rival, fact)) {
    return policy->rival.error;
  }
  switch (fact->type) {
  case SIM_FACT_FOUND:
    found(policy, fact, now);
    break;
  case SIM_FACT_PERSON_WANTS:
    if (sim_rival_peer_at(&policy->rival, fact->peer)->address_count == 0) {
      sim_rival_set_addresses(&policy->rival, fact);
    }
    dial_once(policy, fact->peer);
    break;
  case SIM_FACT_CONNECTED:
    connected(policy, fact, now);
    break;
  case SIM_FACT_DIAL_FAILED:
    dial_failed(policy, fact, now);
    break;
  case SIM_FACT_DISCONNECTED:
    disconnected(policy, fact, now);
    break;
  case SIM_FACT_IDENTIFIED:
    identified(policy, fact);
    break;
  case SIM_FACT_PONG:
    if (policy->pings_end_at != INT64_MAX && !is_waited_for(&policy->rival)) {
      end_round(policy, now);
    }
    break;
  case SIM_FACT_RECEIVED:
  case SIM_FACT_PRUNED:
  case SIM_FACT_ONLINE:
  case SIM_FACT_WOKE:
  case SIM_FACT_MOVED:
  case SIM_FACT_PROTECTED:
  case SIM_FACT_BANNED:
  case SIM_FACT_RANGE_BANNED:
  case SIM_FACT_MISBEHAVED:
  case SIM_FACT_SHORTAGE: /* It takes no notice. */
    break;
  }
  go_round(policy, now);
  return policy->rival.error;
}

/* ---- deadlines ------------------------------------------------------------------------------- */

/* The keep-alive's tickers wait while a round is under way. */
static wpm_mono deadline(const sim_policy *policy) {
  bool pinging = policy->pings_end_at != INT64_MAX;
  const int64_t all[] = {policy->loop_at, policy->prune_at, policy->trim_at,
                         pinging ? policy->pings_end_at : policy->some_at,
                         pinging ? policy->pings_end_at : policy->all_at};
  return sim_rival_deadline(&policy->rival, all, sizeof(all) / sizeof(*all));
}

static void keep_alive(sim_policy *policy, int64_t clock, wpm_instant now) {
  if (policy->pings_end_at <= clock) {
    pings_time_out(policy, now);
  }
  if (policy->pings_end_at == INT64_MAX && policy->all_at <= clock) {
    policy->all_at += ((clock - policy->all_at) / PING_ALL + 1) * PING_ALL;
    ping_relay(policy, true, clock);
  } else if (policy->pings_end_at == INT64_MAX && policy->some_at <= clock) {
    policy->some_at += ((clock - policy->some_at) / PING_SOME + 1) * PING_SOME;
    ping_some(policy, now);
  }
}

static int advance(sim_policy *policy, wpm_instant now) {
  int64_t clock = sim_rival_clock(&policy->rival, now);
  if (policy->loop_at <= clock) {
    policy->loop_at += ((clock - policy->loop_at) / LOOP_INTERVAL + 1) * LOOP_INTERVAL;
    policy->tick = true;
    go_round(policy, now);
  }
  if (policy->prune_at <= clock) {
    policy->prune_at = clock + PRUNE_INTERVAL;
    prune_store(policy);
  }
  if (policy->trim_at <= clock) {
    policy->trim_at = clock + 10 * WPM_SECOND;
    trim(policy);
  }
  keep_alive(policy, clock, now);
  return policy->rival.error;
}

static bool next_action(sim_policy *policy, wpm_instant now, sim_action *out) {
  (void)now;
  return sim_rival_next_action(&policy->rival, out);
}

static void count(sim_policy *policy, wpm_instant now, sim_counts *out) {
  const sim_rival *rival = &policy->rival;
  sim_rival_counts(rival, out);
  for (size_t i = 0; i < rival->known.count; i++) {
    const sim_rival_peer *peer = rival->known.items[i];
    out->waiting += peer->links == 0 && sim_rival_clock(rival, now) < peer->next_try;
  }
}

static size_t pick(const sim_policy *policy, uint64_t draw, uint32_t *out, size_t most) {
  return sim_rival_pick(&policy->rival, draw, out, most);
}

const sim_policy_type sim_policy_go_waku = {
    .name = "go-waku",
    .make = make,
    .drop = drop,
    .start = start,
    .stop = stop,
    .crash = crash,
    .take = take,
    .expect = expect,
    .deadline = deadline,
    .advance = advance,
    .next_action = next_action,
    .count = count,
    .pick = pick,
};
