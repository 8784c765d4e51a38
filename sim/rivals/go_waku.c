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
 * Shards: each of ours is a topic. The loop goes through our topics in no order (here shuffled), with the
 * outbound target for each. Who is of other shards has topics that are not ours, and a discovered peer whose record
 * names none the default one (addPeer): these they keep, and the loop does not see them. But they are dialled as they
 * are discovered, and stay: metadata must name our cluster (protocol/metadata/waku_metadata.go Connected), and a shard
 * of ours only where the peer joins a topic of ours (DisconnectPeerOnShardMismatch), as here all do that name it.
 * Of one IP address:
 * - 5 inbound connections, on by default; --ip-colocation-limit=0: any number (peermanager/connection_gater.go
 *   InterceptAccept). The end of an outbound one is counted as that of an inbound one (NotifyDisconnect, by
 *   node/wakunode2.go Start), and one that passes here and not the next limit is counted for ever.
 * - 8 connections and dials in flight, of both directions: a dial beyond that fails at once (go-libp2p
 *   p2p/host/resource-manager/conn_limiter.go defaultIP4Limit; p2p/transport/tcp/tcp.go DialWithUpdates,
 *   p2p/net/upgrader/listener.go handleIncoming).
 * Static nodes are dialled once, at the start, for 7 s (cmd/waku/node.go).
 * Addresses live an hour (addPeer), while connected, and 15 min after (go-libp2p p2p/protocol/identify/id.go,
 * RecentlyConnectedAddrTTL); a peer without any is removed when the loop meets it (AddrInfoToPeerData).
 * Store: over 3 × max_connections every 10 min those that failed more than 5 times go, then peers
 * that are not connected: those without a topic, then topic after topic, in no order (prunePeerStore). Nothing
 * is kept over a restart: --persist-peers works with --store only, and is off.
 * Connections: go-libp2p's connection manager closes down to 200 over 300 (node/wakuoptions.go).
 * Keep-alive (node/keepalive.go): every 10 s the mesh of each topic and random relay peers of our topics up to
 * 10, every 5 min all of our topics; two tries of 7 s, then the peer is disconnected, and the round waits for all.
 * After two rounds in which all failed, or a gap of 30 s of wall time, everybody is disconnected.
 *
 * Left out: the dial backoff of go-libp2p's swarm, which is shorter, relayed addresses, removal after failed
 * requests of filter and lightpush, which the world does not make, and that discv5 passes on nodes of our shards
 * alone (discv5/discover.go DefaultPredicate), since this world tells by peer exchange and DNS, whose peers are all
 * taken (protocol/peer_exchange/client.go handleResponse; cmd/waku/node.go, of the root).
 */
#include "sim/rivals/rival.h"
#include "sim/scenario.h"

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
  MESH = 6,
  PINGS = 10,
  FAILURES_MAX = 5,
  HIGH = 300,
  LOW = 200,
  INBOUND_PER_IP = 5,
  PER_IP = 8,
  TOPIC_DEFAULT = UINT8_MAX /* Of those whose node record names no shard, where others do. */
};

/* Inbound connections from one IP address, as the gater counts them. */
typedef struct gate {
  uint32_t ip;
  uint32_t count;
} gate;

/* An attempt on one address, from its dial's beginning to its end. */
typedef struct flight {
  uint32_t dial;
  uint32_t ip;
} flight;

struct sim_policy {
  sim_rival rival;
  size_t out_target, in_target;
  sim_rival_queue channel; /* Peers that somebody wants to push into it. */
  size_t active;           /* Dials that came from it. */
  bool has_next;           /* One more came from it, which waits for one of them to end. */
  uint32_t next;
  uint8_t topics[SIM_SHARDS]; /* Which the loop has still to look for, in this round. */
  size_t topic_count;
  sim_rival_queue missing; /* Whom the loop pushes when the channel has taken whom it waits with. */
  size_t turn; /* Which of those in the channel that is, from 1; 0: the loop waits not. */
  bool tick;   /* One came that the loop has not seen. */
  int64_t loop_at, prune_at, some_at, all_at, trim_at;
  int64_t pings_end_at; /* Of the round under way; INT64_MAX: none. */
  int64_t last_wall;    /* When the last round ended. */
  unsigned rounds_failed;
  size_t in_round, failed_in_round;
  gate *gates;
  size_t gate_count, gate_capacity;
  flight *flights;
  size_t flight_count, flight_capacity;
};

/* ---- beginning and end ----------------------------------------------------------------------- */

static void drop(sim_policy *policy) {
  if (policy) {
    sim_rival_fini(&policy->rival);
    free(policy->channel.items);
    free(policy->missing.items);
    free(policy->gates);
    free(policy->flights);
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
  policy->topic_count = 0;
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
  policy->gate_count = policy->flight_count = 0;
}

static int stop(sim_policy *policy, wpm_instant now) {
  crash(policy, now);
  return WPM_OK;
}

/* ---- connections of one address -------------------------------------------------------------- */

static size_t opened_to(const sim_policy *policy, uint32_t ip) {
  size_t count = 0;
  for (size_t i = 0; i < policy->rival.link_count; i++) {
    count += policy->rival.links[i].ip == ip;
  }
  for (size_t i = 0; i < policy->flight_count; i++) {
    count += policy->flights[i].ip == ip;
  }
  return count;
}

static void take_off(sim_policy *policy, uint32_t dial, uint32_t ip) {
  if (sim_rival_reserve(&policy->rival, (void **)&policy->flights, &policy->flight_capacity,
                        policy->flight_count, sizeof(*policy->flights))) {
    policy->flights[policy->flight_count++] = (flight){dial, ip};
  }
}

static void land(sim_policy *policy, uint64_t dial) {
  size_t left = 0;
  for (size_t i = 0; i < policy->flight_count; i++) {
    if (policy->flights[i].dial != dial) {
      policy->flights[left++] = policy->flights[i];
    }
  }
  policy->flight_count = left;
}

static gate *gate_of(sim_policy *policy, uint32_t ip) {
  for (size_t i = 0; i < policy->gate_count; i++) {
    if (policy->gates[i].ip == ip) {
      return &policy->gates[i];
    }
  }
  return NULL;
}

static bool passes_gate(sim_policy *policy, uint32_t ip) {
  gate *at = gate_of(policy, ip);
  if (!at && sim_rival_reserve(&policy->rival, (void **)&policy->gates, &policy->gate_capacity,
                               policy->gate_count, sizeof(*policy->gates))) {
    at = &policy->gates[policy->gate_count++];
    *at = (gate){.ip = ip};
  }
  if (!at || at->count >= INBOUND_PER_IP) {
    return false;
  }
  at->count++;
  return true;
}

static void leaves_gate(sim_policy *policy, uint32_t ip) {
  gate *at = gate_of(policy, ip);
  if (at && --at->count == 0) {
    *at = policy->gates[--policy->gate_count];
  }
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

static void fail(sim_policy *policy, uint32_t number, wpm_instant now) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, number);
  add_backoff(policy, number, now);
  peer->failures++;
  peer->state = WPM_CANNOT_CONNECT;
}

/* False: it has failed, since to none of its addresses another connection may be opened. */
static bool dial(sim_policy *policy, uint32_t number, int64_t timeout_ns, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  const sim_rival_peer *peer = sim_rival_peer_at(rival, number);
  sim_address addresses[SIM_RIVAL_ADDRESSES];
  size_t count = 0;
  for (size_t i = 0; i < peer->address_count; i++) {
    if (opened_to(policy, peer->addresses[i].ip) < PER_IP) {
      addresses[count++] = peer->addresses[i];
      take_off(policy, rival->next_dial + 1, peer->addresses[i].ip);
    }
  }
  if (count == 0) {
    fail(policy, number, now);
    return false;
  }
  sim_rival_dial_at(rival, number, timeout_ns, addresses, count);
  return true;
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

/* As many of the topic as are missing. */
static void look_for(sim_policy *policy, uint8_t topic) {
  sim_rival *rival = &policy->rival;
  size_t connected = 0;
  sim_rival_list others = {0};
  for (size_t i = 0; i < rival->known.count; i++) {
    const sim_rival_peer *peer = rival->known.items[i];
    connected += peer->topic == topic && peer->links > 0;
    if (peer->topic == topic && peer->links == 0) {
      sim_rival_push(rival, &others, peer->number);
    }
  }
  if (connected < policy->out_target) { /* In a mesh that is too small nobody is missing else. */
    sim_rival_shuffle(rival, others.items, others.count);
    size_t missing = policy->out_target - connected;
    for (size_t i = 0; i < others.count && i < missing; i++) {
      sim_rival_put(rival, &policy->missing, others.items[i]);
    }
  }
  free(others.items);
}

/* The loop waits at the channel with the next that is missing; with none left, of any topic, its round is over. */
static void push_missing(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  while (policy->missing.count > 0 || policy->topic_count > 0) {
    if (policy->missing.count == 0) {
      look_for(policy, policy->topics[--policy->topic_count]);
      continue;
    }
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

static void dial_next(sim_policy *policy, wpm_instant now) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, policy->next);
  policy->has_next = false;
  if (is_dialable(peer) && dial(policy, policy->next, DIAL_TIMEOUT, now)) {
    peer->batch = true;
    policy->active++;
  }
}

/* Takes from the channel until one waits for a dial to be free. */
static void take_channel(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  size_t most = policy->out_target < ACTIVE_DIALS ? policy->out_target : ACTIVE_DIALS;
  for (;;) {
    if (policy->has_next && policy->active < most) {
      dial_next(policy, now);
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
static void dial_once(sim_policy *policy, uint32_t number, wpm_instant now) {
  if (is_dialable(sim_rival_peer_at(&policy->rival, number))) {
    (void)dial(policy, number, STATIC_TIMEOUT, now);
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
  uint32_t topics[SIM_SHARDS];
  policy->topic_count = rival->setup.shards > 0 ? rival->setup.shards : 1;
  for (uint32_t i = 0; i < policy->topic_count; i++) {
    topics[i] = i + 1;
  }
  sim_rival_shuffle(rival, topics, policy->topic_count);
  for (size_t i = 0; i < policy->topic_count; i++) {
    policy->topics[i] = (uint8_t)topics[i];
  }
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

/* Of these as many as are too many go who have that topic. */
static void prune_of(sim_policy *policy, const sim_rival_list *others, uint8_t topic) {
  sim_rival *rival = &policy->rival;
  size_t capacity = 3 * rival->setup.max_connections;
  for (size_t i = 0; i < others->count && rival->known.count >= capacity; i++) {
    const sim_rival_peer *peer = sim_rival_peer_at(rival, others->items[i]);
    if (peer->known && peer->topic == topic) {
      sim_rival_forget(rival, others->items[i]);
    }
  }
}

static void prune_topics(sim_policy *policy, const sim_rival_list *others) {
  uint32_t topics[SIM_SHARDS + 1] = {1};
  size_t count = 1;
  if (policy->rival.setup.shards > 0) {
    topics[0] = TOPIC_DEFAULT;
    while (count <= SIM_SHARDS) {
      topics[count] = (uint32_t)count;
      count++;
    }
    sim_rival_shuffle(&policy->rival, topics, count);
  }
  prune_of(policy, others, 0);
  for (size_t i = 0; i < count; i++) {
    prune_of(policy, others, (uint8_t)topics[i]);
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
  if (rival->known.count >= capacity) {
    prune_topics(policy, &others);
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
  size_t mesh_of[SIM_SHARDS + 1] = {0};
  policy->in_round = policy->failed_in_round = 0;
  for (size_t i = 0; i < rival->link_count; i++) {
    uint8_t topic = sim_rival_topic(rival, rival->links[i].peer);
    if (topic > 0 && (all || mesh_of[topic] < MESH)) {
      mesh_of[topic]++;
      mesh++;
      ping_link(policy, i, clock);
    } else if (topic > 0) {
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
    dial_once(policy, fact->peer, now);
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
  peer->relay = peer->relay || fact->relay;
  peer->shard = fact->shard;
  peer->topic = rival->setup.shards == 0 ? fact->relay
                : fact->shard > 0        ? fact->shard
                                         : TOPIC_DEFAULT;
  if (rival->connected < policy->out_target) {
    push(policy, fact->peer, now);
  }
}

static bool is_let_in(sim_policy *policy, const sim_fact *fact) {
  return fact->direction == WPM_OUTBOUND ||
         (passes_gate(policy, fact->remote.ip) && opened_to(policy, fact->remote.ip) <= PER_IP);
}

static void connected(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  land(policy, fact->dial);
  if (!is_let_in(policy, fact)) {
    sim_rival_refuse(rival, fact->link);
    return;
  }
  sim_rival_know(rival, fact->peer);
  peer->state = WPM_CONNECTED;
  sim_rival_identify(rival, fact->link);
  if (fact->dial != 0) {
    peer->failures = 0;
    dial_is_over(policy, fact->peer, now);
  }
}

/* A topic that is not ours it did not join, so it does not leave it. */
static bool is_ours(const sim_rival *rival, uint8_t topic) {
  return rival->setup.shards == 0 || topic <= rival->setup.shards;
}

static void disconnected(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  int64_t recent = sim_rival_clock(rival, now) + WPM_TTL_RECENT;
  if (peer->links == 0) {
    peer->topic = is_ours(rival, peer->topic) ? 0 : peer->topic;
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
  peer->shard = fact->shard;
  uint8_t joined = sim_rival_topic(&policy->rival, peer);
  peer->topic = joined > 0 ? joined : peer->topic;
}

static void dial_failed(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  land(policy, fact->dial);
  fail(policy, fact->peer, now);
  dial_is_over(policy, fact->peer, now);
}

static void expect(sim_policy *policy, const uint32_t *peers, size_t count) {
  sim_rival_expect(&policy->rival, peers, count);
}

static int take(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  const sim_rival_link *ends =
      fact->type == SIM_FACT_DISCONNECTED ? sim_rival_link_of(&policy->rival, fact->link) : NULL;
  if (ends) {
    leaves_gate(policy, ends->ip);
  }
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
    dial_once(policy, fact->peer, now);
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
