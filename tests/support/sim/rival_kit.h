/* One rival on a bench: it is handed facts by hand, and its dials are looked at. */
#pragma once

#include "support/test.h"

#include "sim/policy.h"

enum { DIALS_MAX = 4096 };

/* One policy, its clock, and its dials. */
typedef struct bench {
  const sim_policy_type *type;
  sim_policy *policy;
  int64_t now;
  size_t count;
  size_t closed;
  uint64_t last_closed; /* Its link. */
  size_t pings;
  bool is_answered; /* Its pings are, at once. */
  struct {
    uint32_t peer;
    uint64_t dial;
    int64_t at;
  } dials[DIALS_MAX];
} bench;

static bench b;

static inline wpm_instant clocks(void) {
  return (wpm_instant){{b.now}, {b.now + 1735689600 * WPM_SECOND}, 1};
}

static inline void pull(void);

static inline void tell(const sim_fact *fact) {
  assert_int_equal(b.type->take(b.policy, fact, clocks()), WPM_OK);
  pull();
}

static inline void pull(void) {
  sim_action action;
  while (b.type->next_action(b.policy, clocks(), &action)) {
    b.closed += action.type == SIM_ACTION_CLOSE;
    b.last_closed = action.type == SIM_ACTION_CLOSE ? action.link : b.last_closed;
    if (action.type == SIM_ACTION_PING) {
      b.pings++;
      if (b.is_answered) {
        tell(&(sim_fact){.type = SIM_FACT_PONG, .peer = action.peer, .link = action.link});
      }
    }
    if (action.type == SIM_ACTION_DIAL) {
      assert_true(b.count < DIALS_MAX);
      b.dials[b.count].peer = action.peer;
      b.dials[b.count].dial = action.dial;
      b.dials[b.count++].at = b.now;
    }
  }
}

static inline void begin_sharded(const sim_policy_type *type, size_t max_connections,
                                 size_t shards) {
  const sim_setup setup = {.seed = 1,
                           .peers = UINT32_MAX,
                           .max_connections = max_connections,
                           .max_dials = 256,
                           .prune_backoff_ns = WPM_MINUTE,
                           .backoff_slack_ns = 2 * WPM_SECOND,
                           .shards = shards};
  b = (bench){.type = type, .policy = type->make(&setup), .now = 1000 * WPM_SECOND};
  assert_non_null(b.policy);
  assert_int_equal(type->start(b.policy, clocks()), WPM_OK);
  pull();
}

static inline void begin(const sim_policy_type *type, size_t max_connections) {
  begin_sharded(type, max_connections, 0);
}

static inline void end(void) {
  b.type->drop(b.policy);
}

static inline void run(int64_t span) {
  int64_t until = b.now + span;
  for (;;) {
    int64_t due = b.type->deadline(b.policy).ns;
    b.now = due > until ? until : due > b.now ? due : b.now;
    if (due > until) {
      return;
    }
    assert_int_equal(b.type->advance(b.policy, clocks()), WPM_OK);
    pull();
  }
}

/* Peers from HOUSE on share an address, each at a port of its own. */
enum { HOUSE = 5000, HOUSE_SIZE = 100 };

static inline sim_address address_of(uint32_t peer) {
  bool is_of_house = peer >= HOUSE && peer < HOUSE + HOUSE_SIZE;
  return (sim_address){0x0b000000 + (is_of_house ? HOUSE : peer), (uint16_t)(1000 + peer % 1000)};
}

static inline void hear(uint32_t peer, uint32_t sequence, bool configured) {
  sim_fact fact = {.type = SIM_FACT_FOUND, .peer = peer, .flag = configured};
  fact.sequence = configured ? 0 : sequence;
  fact.relay = !configured;
  fact.addresses[0] = address_of(peer);
  fact.addresses[0].port = (uint16_t)(fact.addresses[0].port + sequence);
  fact.address_count = 1;
  tell(&fact);
}

/* Of a peer's node record: `shard` as in the fact. */
static inline void hear_of_shard(uint32_t peer, uint8_t shard) {
  sim_fact fact = {.type = SIM_FACT_FOUND,
                   .peer = peer,
                   .sequence = 1,
                   .relay = shard > 0,
                   .shard = shard,
                   .address_count = 1};
  fact.addresses[0] = address_of(peer);
  tell(&fact);
}

static inline void identify(uint32_t peer, uint8_t shard) {
  sim_fact fact = {.type = SIM_FACT_IDENTIFIED,
                   .peer = peer,
                   .link = 1000 + peer,
                   .relay = true,
                   .shard = shard,
                   .address_count = 1};
  fact.addresses[0] = address_of(peer);
  tell(&fact);
}

/* It dials us. */
static inline void come(uint32_t peer) {
  sim_fact fact = {.type = SIM_FACT_CONNECTED,
                   .peer = peer,
                   .link = 1000 + peer,
                   .direction = WPM_INBOUND,
                   .remote = address_of(peer)};
  fact.remote.port = 40000;
  tell(&fact);
}

static inline void fail_dial(size_t i) {
  sim_fact fact = {.type = SIM_FACT_DIAL_FAILED,
                   .peer = b.dials[i].peer,
                   .dial = b.dials[i].dial,
                   .reason = WPM_REASON_REFUSED};
  tell(&fact);
}

static inline void make_dial_to(size_t i, uint8_t shard) {
  sim_fact fact = {.type = SIM_FACT_CONNECTED,
                   .peer = b.dials[i].peer,
                   .link = 1000 + b.dials[i].peer,
                   .dial = b.dials[i].dial,
                   .direction = WPM_OUTBOUND,
                   .remote = address_of(b.dials[i].peer)};
  tell(&fact);
  identify(b.dials[i].peer, shard);
}

static inline void make_dial(size_t i) {
  make_dial_to(i, 0);
}

static inline void disconnect(uint32_t peer) {
  sim_fact fact = {
      .type = SIM_FACT_DISCONNECTED, .peer = peer, .link = 1000 + peer, .reason = WPM_REASON_EOF};
  tell(&fact);
}

static inline uint64_t known(void) {
  sim_counts counts;
  b.type->count(b.policy, clocks(), &counts);
  return counts.known;
}

/* Waits for the next dial, at most `span`; returns how long it took, -1: none came. */
static inline int64_t until_dial(int64_t span) {
  size_t before = b.count;
  int64_t since = b.now;
  while (b.count == before && b.now - since < span) {
    run(WPM_SECOND / 4);
  }
  return b.count == before ? -1 : b.dials[before].at - since;
}

static inline void lose_network(void) {
  tell(&(sim_fact){.type = SIM_FACT_ONLINE, .flag = false});
}
