/* js-waku 84a6ea6, as its sources have it, with libp2p 2.8.11, @libp2p/peer-store 11.2.5, @libp2p/utils 6.7.0
 * and @libp2p/bootstrap 11.0.42, by its package-lock.json (js-libp2p at libp2p-v2.8.11 and bootstrap-v11.0.42). Files are of
 * packages/core/src/lib/connection_manager/ unless another is named.
 *
 * Dialer (dialer.ts): a peer is passed over that is connected, was dialled in the last 10 s, or failed
 * in the last 60 s. With nothing in the queue and no dial under way it is dialled at once, else it is
 * put into the queue (more than once, if asked for more than once); every 500 ms the first three are
 * taken and dialled, when the three before are over. Dials time out after 10 s (libp2p
 * connection-manager/constants.defaults.ts). It does not ask whether there is a network: offline each
 * attempt is a dial that fails. Only what follows the events of the browser does (onWakuConnectionEvent).
 * Limiter (connection_limiter.ts), every 5 s: with at most max_connections connections it asks the
 * dialer for the first peers of its list, as many as are missing; the list is of those that are not
 * connected: bootstrap nodes, then those of peer exchange, then those of the cache, then the rest.
 * With more connections, those over the number go. Then of the bootstrap nodes connected all but the
 * first 3 go. At the start, when the last connection ends, and when the network comes back or the
 * first connection is up, every peer of the list is asked for. With an empty list the discovery of
 * bootstrap nodes and cache starts again: both tell only what the store does not know.
 * Bootstrap nodes are all dialled a second after the start, past the dialer (@libp2p/bootstrap
 * src/index.ts); their tag does not expire.
 * Discovery (discovery_dialer.ts): a discovered peer is saved, its addresses are added, and it is asked
 * for at once.
 * Cache (packages/discovery/src/peer-cache/peer_cache.ts): every identified peer with its listen
 * addresses, in localStorage, for ever; read at the start.
 * Keep-alive (keep_alive_manager.ts): a ping 5 min after the connection, and so on; a failure is only
 * logged. But libp2p's connection monitor, on by default, pings every connection every 10 s, and
 * aborts it when a ping takes longer than 5 s (libp2p connection-monitor.ts, utils
 * adaptive-timeout.ts).
 * Peer store (@libp2p/peer-store src/constants.ts, src/store.ts): addresses count for an hour of wall
 * time after they were told, bootstrap nodes' too; peers go after 6 h.
 * It listens on nothing: what dials it in this world is refused (packages/sdk/src/create/libp2p.ts).
 *
 * Left out: what a queue holds beyond 100 000 (the source has no bound), libp2p's own limits (300
 * connections, 100 dials, 25 addresses), which these do not reach, and pings of relay, which a default
 * node does not mount.
 */
#include "sim/rivals/blocks.h"

#include <stdlib.h>

#define DIAL_TIMEOUT (10 * WPM_SECOND)
#define QUEUE_INTERVAL (500 * WPM_MILLISECOND)
#define LIMIT_INTERVAL (5 * WPM_SECOND)
#define DIAL_COOLDOWN (10 * WPM_SECOND)
#define FAIL_COOLDOWN (60 * WPM_SECOND)
#define MONITOR_INTERVAL (10 * WPM_SECOND)
#define MONITOR_WAIT (5 * WPM_SECOND)
#define KEEP_ALIVE (5 * WPM_MINUTE)

enum { AT_ONCE = 3, BOOTSTRAP_MOST = 3, QUEUE_MOST = 100000 };

struct sim_policy {
  sim_rival rival;
  sim_rival_queue queue;
  sim_rival_blocks blocks; /* Of the known: by rank, and when they go. */
  size_t batch;            /* Dials of the queue in flight. */
  bool immediate;          /* A dial without the queue is in flight. */
  uint32_t at_once;        /* Whose. */
  bool connected;          /* As the network monitor has it. */
  bool begun;
  int64_t queue_at, limit_at, monitor_at, monitor_end_at, bootstrap_at;
};

/* ---- the dialer ------------------------------------------------------------------------------ */

/* dialHistory and failedDials are by Date.now(): wall time. */
static bool passes_over(const sim_rival_peer *peer, wpm_instant now) {
  return peer->links > 0 ||
         (peer->dialled_at != 0 && now.wall.ns - peer->dialled_at < DIAL_COOLDOWN) ||
         (peer->failed_at != 0 && now.wall.ns - peer->failed_at < FAIL_COOLDOWN);
}

static bool has_address(const sim_rival_peer *peer, wpm_instant now) {
  return peer->address_count > 0 && (peer->links > 0 || now.wall.ns < peer->expires);
}

/* False: over at once, without a dial. */
static bool dial_peer(sim_policy *policy, uint32_t number, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, number);
  if (peer->links > 0) {
    peer->dialled_at = now.wall.ns;
    return false;
  }
  if (!has_address(peer, now)) {
    peer->failed_at = now.wall.ns;
    return false;
  }
  if (peer->dial != 0) { /* libp2p joins the two; the first to end serves both. */
    return false;
  }
  sim_rival_dial(rival, number, DIAL_TIMEOUT);
  return true;
}

static void ask_for(sim_policy *policy, uint32_t number, wpm_instant now) {
  if (passes_over(sim_rival_peer_at(&policy->rival, number), now)) {
    return;
  }
  if (policy->queue.count == 0 && policy->batch == 0 && !policy->immediate) {
    policy->at_once = number;
    policy->immediate = dial_peer(policy, number, now);
  } else if (policy->queue.count < QUEUE_MOST) {
    sim_rival_put(&policy->rival, &policy->queue, number);
  }
}

static void process_queue(sim_policy *policy, wpm_instant now) {
  uint32_t batch[AT_ONCE];
  size_t count = 0;
  while (policy->batch == 0 && count < AT_ONCE && policy->queue.count > 0) {
    batch[count++] = sim_rival_shift(&policy->queue);
  }
  for (size_t i = 0; i < count; i++) {
    if (dial_peer(policy, batch[i], now)) {
      sim_rival_peer_at(&policy->rival, batch[i])->batch = true;
      policy->batch++;
    }
  }
}

static void dial_is_over(sim_policy *policy, uint32_t number, bool made, wpm_instant now) {
  sim_rival_peer *peer = sim_rival_peer_at(&policy->rival, number);
  if (made) {
    peer->dialled_at = now.wall.ns;
    peer->failed_at = 0;
  } else {
    peer->failed_at = now.wall.ns;
  }
  if (peer->batch) {
    peer->batch = false;
    policy->batch--;
  } else if (policy->immediate && policy->at_once == number) {
    policy->immediate = false;
  }
}

/* ---- the limiter ----------------------------------------------------------------------------- */

/* The rank of a peer in the list: bootstrap, peer exchange, cache, the rest. */
static unsigned rank_of(const sim_rival_peer *peer) {
  return peer->wanted ? 0 : peer->topic ? 1 : peer->stored ? 2 : 3;
}

/* Peers of whom nobody told for 6 h go, unless they are connected. */
static int64_t goes_at(const sim_rival_peer *peer) {
  return peer->links == 0 && peer->dial == 0 ? peer->expires + 5 * WPM_HOUR : INT64_MAX;
}

/* Something of the peer is another now, or its place. */
static void note(sim_policy *policy, const sim_rival_peer *peer) {
  if (peer->known) {
    sim_rival_blocks_note(&policy->rival, &policy->blocks, peer->place, rank_of(peer),
                          goes_at(peer));
  }
}

/* Asks for the first `most` of the list. */
static void ask_for_list(sim_policy *policy, size_t most, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_list list = {0};
  for (unsigned rank = 0; rank < 4 && list.count < most; rank++) {
    for (size_t i = sim_rival_blocks_find(&policy->blocks, 0, rank);
         i < rival->known.count && list.count < most;
         i = sim_rival_blocks_find(&policy->blocks, i + 1, rank)) {
      const sim_rival_peer *peer = rival->known.items[i];
      if (rank_of(peer) == rank && peer->links == 0 && has_address(peer, now)) {
        sim_rival_push(rival, &list, peer->number);
      }
    }
  }
  for (size_t i = 0; i < list.count; i++) {
    ask_for(policy, list.items[i], now);
  }
  free(list.items);
}

static void limit(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  size_t most = rival->setup.max_connections;
  size_t bootstrap = 0;
  if (rival->link_count <= most) {
    ask_for_list(policy, most - rival->link_count, now);
  }
  for (size_t i = most; i < rival->link_count; i++) {
    sim_rival_close(rival, rival->links[i].id, WPM_REASON_LOCAL_CLOSE);
  }
  for (size_t i = 0; i < rival->link_count; i++) {
    if (rival->links[i].peer->wanted && ++bootstrap > BOOTSTRAP_MOST) {
      sim_rival_close(rival, rival->links[i].id, WPM_REASON_LOCAL_CLOSE);
    }
  }
}

static void expire_block(sim_policy *policy, size_t block, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  size_t first = block * SIM_RIVAL_BLOCK;
  size_t behind = first + SIM_RIVAL_BLOCK;
  behind = behind < rival->known.count ? behind : rival->known.count;
  sim_rival_block_clear(&policy->blocks.items[block]);
  for (size_t i = behind; i > first; i--) {
    const sim_rival_peer *peer = rival->known.items[i - 1];
    if (now.wall.ns >= goes_at(peer)) {
      sim_rival_forget(rival, peer->number); /* The last takes its place. */
    }
    if (i <= rival->known.count) {
      note(policy, rival->known.items[i - 1]);
    }
  }
}

/* The last first. */
static void expire(sim_policy *policy, wpm_instant now) {
  for (size_t block = policy->blocks.count; block > 0; block--) {
    if (now.wall.ns >= policy->blocks.items[block - 1].due) {
      expire_block(policy, block - 1, now);
    }
  }
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static void drop(sim_policy *policy) {
  if (policy) {
    sim_rival_fini(&policy->rival);
    free(policy->queue.items);
    free(policy->blocks.items);
    free(policy);
  }
}

static sim_policy *make(const sim_setup *setup) {
  sim_policy *policy = calloc(1, sizeof(*policy));
  if (!policy) {
    return NULL;
  }
  sim_rival_init(&policy->rival, setup);
  return policy;
}

static int start(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  int64_t clock = sim_rival_clock(rival, now);
  policy->queue.count = policy->batch = policy->blocks.count = 0;
  policy->immediate = policy->connected = policy->begun = false;
  policy->queue_at = clock + QUEUE_INTERVAL;
  policy->limit_at = clock;
  policy->monitor_at = clock + MONITOR_INTERVAL;
  policy->monitor_end_at = INT64_MAX;
  policy->bootstrap_at = clock + WPM_SECOND;
  sim_rival_list met = {0};
  sim_rival_all_met(rival, &met);
  for (size_t i = 0; i < met.count; i++) {
    sim_rival_peer *peer = sim_rival_peer_at(rival, met.items[i]);
    if (peer->stored) {
      sim_rival_know(rival, peer->number);
      peer->state = WPM_NOT_CONNECTED;
      peer->expires = now.wall.ns + WPM_HOUR;
      note(policy, peer);
    }
  }
  free(met.items);
  return rival->error;
}

/* The cache is all that is left. */
static void crash(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  (void)now;
  sim_rival_end(rival);
  for (size_t k = 0; k < rival->known.count; k++) {
    sim_rival_peer *peer = rival->known.items[k];
    sim_rival_peer kept = {.number = peer->number, .stored = peer->stored};
    for (size_t i = 0; peer->stored && i < peer->address_count; i++) {
      kept.addresses[kept.address_count++] = peer->addresses[i];
    }
    *peer = kept;
  }
  rival->known.count = 0;
}

static int stop(sim_policy *policy, wpm_instant now) {
  crash(policy, now);
  return WPM_OK;
}

/* ---- facts ----------------------------------------------------------------------------------- */

/* What is told is added to what is known. */
static void merge_addresses(sim_rival *rival, const sim_fact *fact) {
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  for (size_t i = 0; i < fact->address_count; i++) {
    bool held = false;
    for (size_t j = 0; j < peer->address_count; j++) {
      held = held || (peer->addresses[j].ip == fact->addresses[i].ip &&
                      peer->addresses[j].port == fact->addresses[i].port);
    }
    if (!held && peer->address_count < SIM_RIVAL_ADDRESSES) {
      peer->addresses[peer->address_count++] = fact->addresses[i];
    }
  }
}

static void found(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  if (peer->known && now.wall.ns >= peer->expires) {
    peer->address_count = 0;
  }
  sim_rival_know(rival, fact->peer);
  merge_addresses(rival, fact);
  peer->wanted = peer->wanted || fact->flag;
  peer->topic = peer->topic || !fact->flag; /* Told by peer exchange. */
  peer->expires = now.wall.ns + WPM_HOUR;
  if (policy->begun && !fact->flag) {
    ask_for(policy, fact->peer, now);
  }
}

static void connected(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  if (fact->direction == WPM_INBOUND) {
    sim_rival_close(rival, fact->link, WPM_REASON_LOCAL_CLOSE);
    return;
  }
  sim_rival_link_of(rival, fact->link)->ping_due = sim_rival_clock(rival, now) + KEEP_ALIVE;
  sim_rival_peer_at(rival, fact->peer)->state = WPM_CONNECTED;
  sim_rival_know(rival, fact->peer);
  sim_rival_identify(rival, fact->link);
  dial_is_over(policy, fact->peer, true, now);
  if (!policy->connected) {
    policy->connected = true;
    ask_for_list(policy, SIZE_MAX, now);
  }
}

static void disconnected(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  if (peer->links == 0) {
    peer->state = WPM_CAN_CONNECT;
  }
  if (rival->link_count == 0) {
    policy->connected = false;
    ask_for_list(policy, SIZE_MAX, now);
  }
}

static void identified(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  sim_rival_peer *peer = sim_rival_peer_at(rival, fact->peer);
  int64_t expires = now.wall.ns + WPM_HOUR;
  sim_rival_set_addresses(rival, fact);
  peer->stored = true;
  peer->relay = fact->relay;
  peer->expires = peer->expires > expires ? peer->expires : expires;
}

static void person(sim_policy *policy, const sim_fact *fact) {
  sim_rival *rival = &policy->rival;
  merge_addresses(rival, fact);
  sim_rival_know(rival, fact->peer);
  if (sim_rival_peer_at(rival, fact->peer)->links == 0 &&
      sim_rival_peer_at(rival, fact->peer)->dial == 0) {
    sim_rival_dial(rival, fact->peer, DIAL_TIMEOUT);
  }
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
    person(policy, fact);
    break;
  case SIM_FACT_CONNECTED:
    connected(policy, fact, now);
    break;
  case SIM_FACT_DIAL_FAILED:
    sim_rival_peer_at(&policy->rival, fact->peer)->state = WPM_CANNOT_CONNECT;
    dial_is_over(policy, fact->peer, false, now);
    break;
  case SIM_FACT_DISCONNECTED:
    disconnected(policy, fact, now);
    break;
  case SIM_FACT_IDENTIFIED:
    identified(policy, fact, now);
    break;
  case SIM_FACT_ONLINE:
    if (fact->flag) {
      ask_for_list(policy, SIZE_MAX, now);
    }
    break;
  case SIM_FACT_RECEIVED:
  case SIM_FACT_PONG:
  case SIM_FACT_PRUNED:
  case SIM_FACT_WOKE:
  case SIM_FACT_MOVED:
  case SIM_FACT_PROTECTED:
  case SIM_FACT_BANNED:
  case SIM_FACT_RANGE_BANNED:
  case SIM_FACT_MISBEHAVED:
  case SIM_FACT_SHORTAGE: /* It takes no notice. */
    break;
  }
  note(policy, sim_rival_peer_met(&policy->rival, fact->peer));
  return policy->rival.error;
}

/* ---- deadlines ------------------------------------------------------------------------------- */

static void bootstrap(sim_policy *policy, wpm_instant now) {
  sim_rival *rival = &policy->rival;
  policy->bootstrap_at = INT64_MAX;
  for (size_t i = 0; i < rival->known.count; i++) {
    const sim_rival_peer *peer = rival->known.items[i];
    if (peer->wanted) {
      (void)dial_peer(policy, peer->number, now);
    }
  }
}

/* libp2p's connection monitor. */
static void monitor(sim_policy *policy, int64_t clock) {
  sim_rival *rival = &policy->rival;
  for (size_t i = 0; policy->monitor_end_at <= clock && i < rival->link_count; i++) {
    if (rival->links[i].pinged_at >= 0) {
      sim_rival_close(rival, rival->links[i].id, WPM_REASON_PING_TIMEOUT);
    }
  }
  if (policy->monitor_end_at <= clock) {
    policy->monitor_end_at = INT64_MAX;
  }
  if (policy->monitor_at <= clock) {
    policy->monitor_at = clock + MONITOR_INTERVAL;
    policy->monitor_end_at = clock + MONITOR_WAIT;
    for (size_t i = 0; i < rival->link_count; i++) {
      rival->links[i].pinged_at = clock;
      sim_rival_ping(rival, rival->links[i].id);
    }
  }
}

static void keep_alive(sim_policy *policy, int64_t clock) {
  sim_rival *rival = &policy->rival;
  for (size_t i = 0; i < rival->link_count; i++) {
    if (rival->links[i].ping_due <= clock) {
      rival->links[i].ping_due = clock + KEEP_ALIVE;
      sim_rival_ping(rival, rival->links[i].id);
    }
  }
}

static wpm_mono deadline(const sim_policy *policy) {
  const int64_t all[] = {policy->limit_at, policy->monitor_at, policy->monitor_end_at,
                         policy->bootstrap_at,
                         policy->queue.count > 0 ? policy->queue_at : INT64_MAX};
  return sim_rival_deadline(&policy->rival, all, sizeof(all) / sizeof(*all));
}

/* A timer that fires every so often, whether anybody waits or not. */
static int64_t next_tick(int64_t at, int64_t clock, int64_t interval) {
  return at > clock ? at : at + ((clock - at) / interval + 1) * interval;
}

static int advance(sim_policy *policy, wpm_instant now) {
  int64_t clock = sim_rival_clock(&policy->rival, now);
  if (!policy->begun) {
    policy->begun = true;
    ask_for_list(policy, SIZE_MAX, now);
  }
  if (policy->bootstrap_at <= clock) {
    bootstrap(policy, now);
  }
  if (policy->limit_at <= clock) {
    policy->limit_at = next_tick(policy->limit_at, clock, LIMIT_INTERVAL);
    expire(policy, now);
    limit(policy, now);
    keep_alive(policy, clock);
  }
  if (policy->queue_at <= clock) {
    policy->queue_at = next_tick(policy->queue_at, clock, QUEUE_INTERVAL);
    process_queue(policy, now);
  }
  monitor(policy, clock);
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
    out->waiting += peer->links == 0 && passes_over(peer, now);
  }
}

static size_t pick(const sim_policy *policy, uint64_t draw, uint32_t *out, size_t most) {
  return sim_rival_pick(&policy->rival, draw, out, most);
}

const sim_policy_type sim_policy_js_waku = {
    .name = "js-waku",
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
