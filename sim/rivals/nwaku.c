/* nwaku v0.37.1 (7d1c6ab), as its sources have it, with nim-libp2p v1.14.3 (e82080f) and nim-chronos 4.0.4
 * (0646c44), its submodules. Files are of waku/ unless another is named.
 *
 * Start (node/waku_node.nim start, startRelay; factory/node_factory.nim startNode):
 * - reconnectPeers goes first, one stored relay peer after the other: prune backoff + slack for each,
 *   then one dial, awaited. Only then does the switch listen, are the static nodes dialled (all at
 *   once, awaited), and do the loops begin. The storage is on (--peer-persistence; off by default).
 * - What has no public key is refused by the storage (node/peer_manager/peer_store/waku_peer_storage.nim
 *   encode): those that were identified are stored, not those that were only heard of.
 * - Stored peers come back as NotConnected; failures are not stored (loadFromStorage). Removed ones
 *   are still stored: the storage has no delete (peer_store/peer_storage.nim).
 * Loop (node/peer_manager/peer_manager.nim):
 * - relayConnectivityLoop: connectToRelayPeers, then 30 s × the lesser of the fill of outbound and one
 *   minus the excess of inbound, in whole seconds, at least 1 s.
 * - connectToRelayPeers: only while online. Inbound relay connections over their target go, the first
 *   in the table first. Below the outbound target the disconnected peers outside their backoff,
 *   shuffled, as many as are missing, in batches of 10 (MaxParallelDials), each batch awaited.
 * - Targets: 60 % of max_connections for relay, a third of those outbound (new, "60:40").
 * - canBeConnected: 120 s · 4^(failures - 1) of wall time in whole seconds since the last failure;
 *   at 5 failures never again (InitialBackoffInSec, BackoffFactor, MaxFailedAttempts). A success
 *   sets failures to 0. Dials time out after 10 s (DefaultDialTimeout).
 * - onPeerEvent: a relay peer that joins over the inbound target is disconnected.
 * - onPeerEvent, ipTable: as a sixth peer of one IP address joins, whoever dialled, the one that joined first
 *   is disconnected and deleted, a static node too (DefaultColocationLimit 5, on by default;
 *   --ip-colocation-limit=0: any number). What is put of it as it leaves has no public key, and is refused:
 *   the storage keeps what it had (node/peer_manager/peer_store/waku_peer_storage.nim encode).
 * - prunePeerStore every 10 min over 5 × max_connections (node/waku_switch.nim): first those that
 *   failed 5 times, then disconnected ones at random: those without a node record or whose record names no
 *   shard, then shard after shard, in the order of Nim's table of 64 slots (lib/pure/hashes.nim hashWangYi1).
 * - Shards: onPeerMetadata lets go who is of another cluster, and nobody for his shards. Peers of any shard
 *   are dialled and count for the targets: manageRelayPeers, which looks at shards, takes the place of
 *   connectToRelayPeers with --relay-shard-manager, which is off (tools/confutils/cli_args.nim, of the root).
 * - addPeer (node/peer_manager/waku_peer_store.nim): what is told replaces the addresses, unless they
 *   are the same and the node record is no newer.
 * Limits (nim-libp2p libp2p/connmanager.nim): one semaphore of max_connections for both directions: an
 * outgoing dial over it fails, an incoming connection is not taken; a third one of a peer is refused.
 * Keep-alive (node/health_monitor/node_health_monitor.nim keepAliveLoop): every 10 s after the pings
 * before: the mesh (6 of each shard of ours) and random outbound peers up to 10; every 12th time all
 * outbound ones; they have 5 s (node/kernel_api/ping.nim parallelPings). A failed ping disconnects nobody;
 * three rounds in which every ping failed, or a gap of 30 s of the monotonic clock, disconnect all.
 * Online (node/health_monitor/online_monitor.nim): every 5 s: a peer is connected, or DNS answers.
 *
 * Left out: that discv5 passes on nodes of our shards alone (discovery/waku_discv5.nim shardingPredicate), since
 * this world tells by peer exchange and DNS, whose peers are all taken (node/kernel_api/peer_exchange.nim
 * fetchPeerExchangePeers, factory/node_factory.nim startNode), and deletion where metadata fails (here it does
 * not).
 */
#include "sim/rivals/rival.h"
#include "sim/scenario.h"

#include <stdlib.h>
#include <string.h>

#define DIAL_TIMEOUT (10 * WPM_SECOND)
#define LOOP_INTERVAL 30
#define PRUNE_INTERVAL (10 * WPM_MINUTE)
#define KEEPALIVE (10 * WPM_SECOND)
#define PINGS_WAIT (5 * WPM_SECOND)
#define ONLINE_INTERVAL (5 * WPM_SECOND)

enum {
  PARALLEL_DIALS = 10,
  FAILURES_MAX = 5,
  MESH = 6,
  RANDOM_PINGS = 10,
  ALL_EVERY = 12,
  PER_IP = 5
};

typedef enum phase {
  RECONNECTING, /* reconnectPeers. */
  CONNECTING,   /* The static nodes. */
  RUNNING
} phase;

/* A peer that joined, and from where. */
typedef struct joined {
  uint32_t peer;
  uint32_t ip;
} joined;

struct sim_policy {
  sim_rival rival;
  phase phase;
  size_t out_target, in_target;
  sim_rival_list queue; /* Peers to reconnect, or candidates of this round of the loop. */
  size_t next;          /* In the queue. */
  size_t pending;       /* Candidates still to be dialled in this round. */
  size_t awaited;       /* Dials of the batch in flight. */
  int64_t loop_at, prune_at, online_at, ping_at, pings_end_at; /* INT64_MAX: not now. */
  int64_t pinged_at;                                           /* When the pings in flight went. */
  int64_t last_round;
  joined *joined; /* Its ipTable: the first that joined ahead. */
  size_t joined_count, joined_capacity;
  size_t pings_sent, pings_answered;
  unsigned rounds_failed, rounds_to_all;
  bool online;
};

/* ---- beginning and end ----------------------------------------------------------------------- */

static void drop(sim_policy *policy) {
  if (policy) {
    sim_rival_fini(&policy->rival);
    free(policy->queue.items);
    free(policy->joined);
    free(policy);
  }
}

static sim_policy *make(const sim_setup *setup) {
  sim_policy *policy = calloc(1, sizeof(*policy));
  if (!policy) {
    return NULL;
  }
  sim_rival_init(&policy->rival, setup);
  size_t relay = (setup->max_connections * 60 + 99) / 100;
  policy->out_target = relay / 3;
  policy->in_target = relay - policy->out_target;
  return policy;
}

static int start(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  int64_t clock = sim_rival_clock(rival, now);
  policy->phase = RECONNECTING;
  policy->queue.count = policy->next = policy->pending = policy->awaited = 0;
  policy->loop_at = clock;
  policy->prune_at = policy->online_at = policy->ping_at = policy->pings_end_at = INT64_MAX;
  policy->online = true;
  sim_rival_list met = {0};
  sim_rival_all_met(rival, &met);
  for (size_t i = 0; i < met.count; i++) {
    sim_rival_peer *peer = sim_rival_peer_at(rival, met.items[i]);
    if (peer->stored) {
      sim_rival_know(rival, peer->number);
      peer->state = WPM_NOT_CONNECTED;
      peer->failures = 0;
      if (peer->relay) {
        sim_rival_push(rival, &policy->queue, peer->number);
      }
    }
  }
  free(met.items);
  sim_rival_shuffle(rival, policy->queue.items, policy->queue.count);
  if (policy->queue.count > 0) {
    policy->loop_at += rival->setup.prune_backoff_ns + rival->setup.backoff_slack_ns;
  }
  return rival->error;
}

/* What was stored is all that is left. */
static void crash(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  (void)now;
  sim_rival_end(rival);
  policy->joined_count = 0;
  for (size_t i = rival->known.count; i > 0; i--) {
    const sim_rival_peer *peer = rival->known.items[i - 1];
    if (!peer->stored) {
      sim_rival_forget(rival, peer->number);
    }
  }
}

static int stop(sim_policy *policy, wpm_instant now) {
  crash(policy, now);
  return WPM_OK;
}

/* ---- dials ----------------------------------------------------------------------------------- */

static int64_t wall_seconds(wpm_instant now) {
  return now.wall.ns / WPM_SECOND;
}

static void fail(sim_policy *policy, uint32_t number, wpm_instant now) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, number);
  peer->failures++;
  peer->failed_at = wall_seconds(now);
  peer->state = WPM_CANNOT_CONNECT;
}

static bool can_be_connected(const sim_rival_peer *peer, wpm_instant now) {
  if (peer->failures == 0) {
    return true;
  }
  if (peer->failures >= FAILURES_MAX) {
    return false;
  }
  int64_t backoff = 120;
  for (uint32_t i = 1; i < peer->failures; i++) {
    backoff *= 4;
  }
  return wall_seconds(now) >= peer->failed_at + backoff;
}

static void connect_peer(sim_policy *policy, uint32_t number, bool awaited, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, number);
  if (peer->links > 0) {
    peer->failures = 0;
  } else if (rival->link_count + rival->dials >= rival->setup.max_connections ||
             peer->address_count == 0) {
    fail(policy, number, now);
  } else if (peer->dial == 0) {
    peer->batch = awaited;
    policy->awaited += awaited;
    sim_rival_dial(rival, number, DIAL_TIMEOUT);
  }
}

/* ---- the connectivity loop ------------------------------------------------------------------- */

static void sleep_again(sim_policy *policy, wpm_instant now) {
  size_t in = sim_rival_relay_links(&policy->rival, WPM_INBOUND);
  size_t out = sim_rival_relay_links(&policy->rival, WPM_OUTBOUND);
  size_t excess = in > policy->in_target ? in - policy->in_target : 0;
  size_t by_out =
      out < policy->out_target ? LOOP_INTERVAL * out / policy->out_target : LOOP_INTERVAL;
  size_t by_in = excess < policy->in_target
                     ? LOOP_INTERVAL * (policy->in_target - excess) / policy->in_target
                     : 0;
  size_t seconds = by_out < by_in ? by_out : by_in;
  policy->loop_at =
      sim_rival_clock(&policy->rival, now) + (int64_t)(seconds > 1 ? seconds : 1) * WPM_SECOND;
}

/* The next batches, until one is in flight; at their end the loop sleeps. */
static void next_batch(sim_policy *policy, wpm_instant now) {
  while (policy->pending > 0 &&
         sim_rival_relay_links(&policy->rival, WPM_OUTBOUND) < policy->out_target) {
    size_t count = policy->pending < PARALLEL_DIALS ? policy->pending : PARALLEL_DIALS;
    for (size_t i = 0; i < count; i++) {
      connect_peer(policy, policy->queue.items[policy->next++], true, now);
    }
    policy->pending -= count;
    if (policy->awaited > 0) {
      policy->loop_at = INT64_MAX;
      return;
    }
  }
  policy->pending = 0;
  sleep_again(policy, now);
}

static void prune_inbound(sim_policy *policy) {
  sim_rival *rival = &policy->rival;
  size_t in = sim_rival_relay_links(rival, WPM_INBOUND);
  for (size_t i = 0; in > policy->in_target && i < rival->link_count; i++) {
    const sim_rival_link *link = &rival->links[i];
    if (link->direction == WPM_INBOUND && link->peer->relay) {
      sim_rival_close(rival, link->id, WPM_REASON_LOCAL_CLOSE);
      in--;
    }
  }
}

static void connect_to_relay_peers(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  policy->queue.count = policy->next = policy->pending = 0;
  size_t out = sim_rival_relay_links(rival, WPM_OUTBOUND);
  if (policy->online) {
    prune_inbound(policy);
  }
  for (size_t i = 0; policy->online && out < policy->out_target && i < rival->known.count; i++) {
    const sim_rival_peer *peer = rival->known.items[i];
    if (peer->links == 0 && can_be_connected(peer, now)) {
      sim_rival_push(rival, &policy->queue, peer->number);
    }
  }
  sim_rival_shuffle(rival, policy->queue.items, policy->queue.count);
  if (out < policy->out_target) {
    size_t missing = policy->out_target - out;
    policy->pending = policy->queue.count < missing ? policy->queue.count : missing;
  }
  next_batch(policy, now);
}

/* ---- the start, step by step ------------------------------------------------------------------ */

static void run(sim_policy *policy, wpm_instant now) {
  int64_t clock = sim_rival_clock(&policy->rival, now);
  policy->phase = RUNNING;
  policy->prune_at = clock;
  policy->online_at = clock;
  policy->ping_at = clock + KEEPALIVE;
  policy->last_round = clock;
  policy->rounds_to_all = ALL_EVERY - 1;
  policy->rounds_failed = 0;
  connect_to_relay_peers(policy, now);
}

static void connect_static(sim_policy *policy, wpm_instant now) {
  policy->phase = CONNECTING;
  policy->loop_at = INT64_MAX;
  sim_rival_list met = {0};
  sim_rival_all_met(&policy->rival, &met);
  for (size_t i = 0; i < met.count; i++) {
    if (sim_rival_peer_at(&policy->rival, met.items[i])->wanted) {
      connect_peer(policy, met.items[i], true, now);
    }
  }
  free(met.items);
  if (policy->awaited == 0) {
    run(policy, now);
  }
}

/* One peer, its backoff slept out; the next one when its dial is over. */
static void reconnect_next(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  while (policy->next < policy->queue.count) {
    uint32_t number = policy->queue.items[policy->next++];
    if (sim_rival_peer_at(rival, number)->state != WPM_CANNOT_CONNECT) {
      connect_peer(policy, number, true, now);
      policy->loop_at = policy->awaited > 0
                            ? INT64_MAX
                            : sim_rival_clock(rival, now) + rival->setup.prune_backoff_ns +
                                  rival->setup.backoff_slack_ns;
      return;
    }
  }
  connect_static(policy, now);
}

static void batch_is_over(sim_policy *policy, wpm_instant now) {
  switch (policy->phase) {
  case RECONNECTING:
    policy->loop_at = sim_rival_clock(&policy->rival, now);
    if (policy->next < policy->queue.count) {
      policy->loop_at +=
          policy->rival.setup.prune_backoff_ns + policy->rival.setup.backoff_slack_ns;
    }
    break;
  case CONNECTING:
    run(policy, now);
    break;
  case RUNNING:
    next_batch(policy, now);
    break;
  }
}

static void dial_is_over(sim_policy *policy, uint32_t number, wpm_instant now) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, number);
  if (peer->batch) {
    peer->batch = false;
    policy->awaited--;
    if (policy->awaited == 0) {
      batch_is_over(policy, now);
    }
  }
}

/* ---- keep-alive ------------------------------------------------------------------------------ */

static void disconnect_all(sim_policy *policy) {
  for (size_t i = 0; i < policy->rival.link_count; i++) {
    sim_rival_close(&policy->rival, policy->rival.links[i].id, WPM_REASON_LOCAL_CLOSE);
  }
}

static void ping_link(sim_policy *policy, size_t index) {
  sim_rival_link *link = &policy->rival.links[index];
  if (link->pinged_at != policy->pinged_at) {
    link->pinged_at = policy->pinged_at;
    policy->pings_sent++;
    sim_rival_ping(&policy->rival, link->id);
  }
}

static void ping_some(sim_policy *policy, bool all) {
  sim_rival *rival = &policy->rival;
  sim_rival_list others = {0};
  size_t mesh = 0;
  size_t mesh_of[SIM_SHARDS + 1] = {0};
  for (size_t i = 0; i < rival->link_count; i++) {
    uint8_t topic = sim_rival_topic(rival, rival->links[i].peer);
    if (!all && topic > 0 && mesh_of[topic] < MESH) {
      mesh_of[topic]++;
      mesh++;
      ping_link(policy, i);
    } else if (rival->links[i].direction == WPM_OUTBOUND) {
      sim_rival_push(rival, &others, (uint32_t)i);
    }
  }
  sim_rival_shuffle(rival, others.items, others.count);
  size_t most = all ? others.count : mesh < RANDOM_PINGS ? RANDOM_PINGS - mesh : 0;
  for (size_t i = 0; i < others.count && i < most; i++) {
    ping_link(policy, others.items[i]);
  }
  free(others.items);
}

static void ping_round(sim_policy *policy, wpm_instant now) {
  int64_t clock = sim_rival_clock(&policy->rival, now);
  policy->ping_at = clock + KEEPALIVE;
  if (clock - policy->last_round > 3 * KEEPALIVE || policy->rounds_failed > 2) {
    disconnect_all(policy);
    policy->last_round = clock;
    policy->rounds_failed = 0;
    return;
  }
  bool all = policy->rounds_to_all == 0;
  policy->rounds_to_all = all ? ALL_EVERY - 1 : policy->rounds_to_all - 1;
  policy->pinged_at = clock;
  policy->pings_sent = policy->pings_answered = 0;
  policy->last_round = clock;
  ping_some(policy, all);
  policy->ping_at = INT64_MAX;
  policy->pings_end_at = policy->pings_sent > 0 ? clock + PINGS_WAIT : clock;
}

static void end_round(sim_policy *policy, wpm_instant now) {
  bool failed = policy->pings_sent > 0 && policy->pings_answered == 0;
  policy->rounds_failed = failed ? policy->rounds_failed + 1 : 0;
  policy->pings_end_at = INT64_MAX;
  policy->ping_at = sim_rival_clock(&policy->rival, now) + KEEPALIVE;
}

static void answered(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  const sim_rival_link *link = sim_rival_link_of(&policy->rival, fact->link);
  if (link && link->pinged_at == policy->pinged_at && policy->pings_end_at != INT64_MAX) {
    policy->pings_answered++;
    if (policy->pings_answered == policy->pings_sent) {
      end_round(policy, now);
    }
  }
}

/* ---- peers of one address -------------------------------------------------------------------- */

/* Its storage has it still, with its addresses. */
static void delete_peer(sim_policy *policy, uint32_t number) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, number);
  sim_rival_peer kept = *peer;
  sim_rival_forget(&policy->rival, number);
  if (kept.stored) {
    peer->address_count = kept.address_count;
    memcpy(peer->addresses, kept.addresses, sizeof(kept.addresses));
  }
}

static void disconnect(sim_policy *policy, uint32_t number) {
  const sim_rival *rival = &policy->rival;
  for (size_t i = 0; i < rival->link_count; i++) {
    if (rival->links[i].peer->number == number) {
      sim_rival_close(&policy->rival, rival->links[i].id, WPM_REASON_LOCAL_CLOSE);
    }
  }
}

static bool has_joined(const sim_policy *policy, uint32_t number) {
  for (size_t i = 0; i < policy->joined_count; i++) {
    if (policy->joined[i].peer == number) {
      return true;
    }
  }
  return false;
}

static size_t count_joined(const sim_policy *policy, uint32_t ip) {
  size_t count = 0;
  for (size_t i = 0; i < policy->joined_count; i++) {
    count += policy->joined[i].ip == ip;
  }
  return count;
}

/* Those that are being disconnected count until they have left. */
static void joins(sim_policy *policy, uint32_t number, uint32_t ip) {
  if (!sim_rival_reserve(&policy->rival, (void **)&policy->joined, &policy->joined_capacity,
                         policy->joined_count, sizeof(*policy->joined))) {
    return;
  }
  policy->joined[policy->joined_count++] = (joined){number, ip};
  size_t behind = count_joined(policy, ip);
  for (size_t i = 0; behind > PER_IP; i++) {
    if (policy->joined[i].ip == ip) {
      disconnect(policy, policy->joined[i].peer);
      delete_peer(policy, policy->joined[i].peer);
      behind--;
    }
  }
}

static void leaves(sim_policy *policy, uint32_t number) {
  size_t left = 0;
  for (size_t i = 0; i < policy->joined_count; i++) {
    if (policy->joined[i].peer != number) {
      policy->joined[left++] = policy->joined[i];
    }
  }
  policy->joined_count = left;
}

/* ---- facts ----------------------------------------------------------------------------------- */

/* What it deleted it finds in its storage alone, which it reads at its start. */
static void meet(sim_policy *policy, uint32_t number) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, number);
  if (!peer->known) {
    peer->record = 0;
    peer->address_count = 0;
  }
  sim_rival_know(&policy->rival, number);
}

static void found(sim_policy *policy, const sim_fact *fact) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  bool same =
      peer->address_count == fact->address_count &&
      memcmp(peer->addresses, fact->addresses, peer->address_count * sizeof(*peer->addresses)) == 0;
  bool was_known = peer->known;
  meet(policy, fact->peer);
  peer->wanted = peer->wanted || fact->flag;
  if (!was_known || !same || fact->sequence > peer->sequence) {
    sim_rival_set_addresses(rival, fact);
    peer->sequence = fact->sequence;
    if (!fact->flag) {
      peer->record = peer->shard = fact->shard;
    }
  }
  peer->relay = peer->relay || fact->relay;
}

static void connected(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  bool refused = fact->direction == WPM_INBOUND &&
                 (policy->phase == RECONNECTING || peer->links > 2 ||
                  rival->link_count + rival->dials > rival->setup.max_connections);
  if (refused) {
    sim_rival_close(rival, fact->link, WPM_REASON_LOCAL_CLOSE);
    return;
  }
  meet(policy, fact->peer);
  peer->state = WPM_CONNECTED;
  sim_rival_identify(rival, fact->link);
  if (fact->dial != 0) {
    peer->failures = 0;
    dial_is_over(policy, fact->peer, now);
  }
}

static void identified(sim_policy *policy, const sim_fact *fact) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  const sim_rival_link *link = sim_rival_link_of(rival, fact->link);
  sim_rival_set_addresses(rival, fact);
  peer->relay = fact->relay;
  peer->shard = fact->shard;
  peer->stored = true; /* Its public key is known now. */
  if (fact->relay && sim_rival_relay_links(rival, WPM_INBOUND) > policy->in_target &&
      link->direction == WPM_INBOUND) {
    sim_rival_close(rival, fact->link, WPM_REASON_LOCAL_CLOSE);
  } else if (!has_joined(policy, fact->peer)) {
    joins(policy, fact->peer, link->ip);
  }
}

static void expect(sim_policy *policy, const uint32_t *peers, size_t count) {
  sim_rival_expect(&policy->rival, peers, count);
}

static int take(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  if (fact->type == SIM_FACT_PONG) {
    answered(policy, fact, now);
  }
  if (!sim_rival_note(&policy->rival, fact)) {
    return policy->rival.error;
  }
  switch (fact->type) {
  case SIM_FACT_FOUND:
    found(policy, fact);
    break;
  case SIM_FACT_PERSON_WANTS:
    connect_peer(policy, fact->peer, false, now);
    break;
  case SIM_FACT_CONNECTED:
    connected(policy, fact, now);
    break;
  case SIM_FACT_DIAL_FAILED:
    fail(policy, fact->peer, now);
    dial_is_over(policy, fact->peer, now);
    break;
  case SIM_FACT_DISCONNECTED:
    if (sim_rival_peer_at(&policy->rival, fact->peer)->links == 0) {
      sim_rival_peer_at(&policy->rival, fact->peer)->state = WPM_CAN_CONNECT;
      leaves(policy, fact->peer);
    }
    break;
  case SIM_FACT_IDENTIFIED:
    identified(policy, fact);
    break;
  case SIM_FACT_RECEIVED:
  case SIM_FACT_PONG:
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
  return policy->rival.error;
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static wpm_mono deadline(const sim_policy *policy) {
  const int64_t all[] = {policy->loop_at, policy->prune_at, policy->online_at, policy->ping_at,
                         policy->pings_end_at};
  return sim_rival_deadline(&policy->rival, all, sizeof(all) / sizeof(*all));
}

/* Of these as many as are too many go whose node record names that shard; 0: none. */
static void prune_of(sim_policy *policy, const sim_rival_list *others, uint8_t record) {
  sim_rival *rival = &policy->rival;
  size_t capacity = 5 * rival->setup.max_connections;
  for (size_t i = 0; i < others->count && rival->known.count > capacity; i++) {
    const sim_rival_peer *peer = sim_rival_peer_at(rival, others->items[i]);
    if (peer->known && peer->record == record) {
      delete_peer(policy, others->items[i]);
    }
  }
}

static void prune_store(sim_policy *policy) {
  static const uint8_t shards[SIM_SHARDS] = {4, 5, 7, 3, 2, 6, 0, 1};
  sim_rival *rival = &policy->rival;
  size_t capacity = 5 * rival->setup.max_connections;
  for (size_t i = rival->known.count; i > 0 && rival->known.count > capacity; i--) {
    const sim_rival_peer *peer = rival->known.items[i - 1];
    if (peer->failures >= FAILURES_MAX) {
      delete_peer(policy, peer->number);
    }
  }
  sim_rival_list others = {0};
  for (size_t i = 0; rival->known.count > capacity && i < rival->known.count; i++) {
    if (rival->known.items[i]->links == 0) {
      sim_rival_push(rival, &others, rival->known.items[i]->number);
    }
  }
  sim_rival_shuffle(rival, others.items, others.count);
  prune_of(policy, &others, 0);
  for (size_t i = 0; i < SIM_SHARDS; i++) {
    prune_of(policy, &others, (uint8_t)(1 + shards[i]));
  }
  free(others.items);
}

static int advance(sim_policy *policy, wpm_instant now) {
  int64_t clock = sim_rival_clock(&policy->rival, now);
  if (policy->online_at <= clock) {
    policy->online_at = clock + ONLINE_INTERVAL;
    policy->online = policy->rival.link_count > 0 || policy->rival.online;
  }
  if (policy->prune_at <= clock) {
    policy->prune_at = clock + PRUNE_INTERVAL;
    prune_store(policy);
  }
  if (policy->pings_end_at <= clock) {
    end_round(policy, now);
  }
  if (policy->ping_at <= clock) {
    ping_round(policy, now);
  }
  if (policy->loop_at <= clock) {
    if (policy->phase == RECONNECTING) {
      reconnect_next(policy, now);
    } else {
      connect_to_relay_peers(policy, now);
    }
  }
  return policy->rival.error;
}

static bool next_action(sim_policy *policy, wpm_instant now, sim_action *out) {
  (void)now;
  return sim_rival_next_action(&policy->rival, out);
}

static void count(sim_policy *policy, wpm_instant now, sim_counts *out) {
  sim_rival_counts(&policy->rival, out);
  for (size_t i = 0; i < policy->rival.known.count; i++) {
    const sim_rival_peer *peer = policy->rival.known.items[i];
    out->waiting += peer->links == 0 && !can_be_connected(peer, now);
  }
}

static size_t pick(const sim_policy *policy, uint64_t draw, uint32_t *out, size_t most) {
  return sim_rival_pick(&policy->rival, draw, out, most);
}

const sim_policy_type sim_policy_nwaku = {
    .name = "nwaku",
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
