/* The store against a naive model: arrays and linear scans, driven by the same random operations
 * and compared at every step.
 *
 * `WPM_TEST_SEED=N` repeats a run. */
#include "support/records.h"
#include "support/seed.h"
#include "support/test.h"

#include "base/bytes.h"
#include "base/record.h"

#include <wakupeers/store.h>

#include <string.h>

enum {
  RUNS = 40,
  STEPS = 4000,
  IDS = 24,       /* Different ids. */
  NAMES = 13,     /* Different protocols, agents. */
  ADDRESSES = 12, /* Different addresses. */
  MAX_PEERS = 16, /* The store's caps. */
  MAX_ADDRESSES = 5,
  MAX_PROTOCOLS = 6,
  MAX_TEXT = 20,
  MAX_SHARDS = 8
};

/* One peer as the model has it. */
typedef struct model {
  bool held_here;
  int id;
  unsigned live;
  wpm_address addresses[MAX_ADDRESSES];
  wpm_text protocols[MAX_PROTOCOLS];
  uint16_t shards[MAX_SHARDS];
  wpm_peer_record r;
} model;

static uint8_t ids[IDS][40];
static uint8_t addresses[ADDRESSES][8];
static const char *const names[NAMES] = {"/a",
                                         "/b",
                                         "/ipfs/id/1.0.0",
                                         "/vac/waku/relay/2.0",
                                         "/meshsub/1.1.0",
                                         "/floodsub/1.0.0",
                                         "/c",
                                         "/d",
                                         "/e",
                                         "/a/longer/than/the/limit",
                                         "",
                                         "/f",
                                         "/meshsub/longer/than/the/limit"};

typedef struct run {
  wpm_store *store;
  model peers[IDS]; /* In the order in which slots were given out, as far as that matters: not. */
  uint64_t random;
  wpm_wall now;
} run;

static uint64_t below(run *r, uint64_t bound) {
  return wpm_test_random_below(&r->random, bound);
}

static wpm_bytes id_of(int i) {
  return (wpm_bytes){ids[i], (size_t)(i == 0 ? 1 : i == 1 ? 2 : 39)};
}

static wpm_bytes address_of(uint64_t i) {
  return (wpm_bytes){addresses[i], 8};
}

static wpm_text name_of(uint64_t i) {
  return (wpm_text){names[i], strlen(names[i])};
}

static void make_constants(void) {
  for (int i = 0; i < IDS; i++) {
    static const uint8_t head[] = {0x00, 0x25, 0x08, 0x02, 0x12, 0x21, 0x02};
    memcpy(ids[i], head, sizeof(head));
    ids[i][20] = (uint8_t)i;
  }
  for (int i = 0; i < ADDRESSES; i++) {
    const uint8_t bytes[8] = {4, 10, 0, 0, (uint8_t)i, 6, 0xea, 0x60};
    memcpy(addresses[i], bytes, sizeof(bytes));
  }
}

/* ---- the model ------------------------------------------------------------------------------- */

static size_t model_count(const run *r) {
  size_t count = 0;
  for (int i = 0; i < IDS; i++) {
    count += r->peers[i].held_here;
  }
  return count;
}

static void model_new(model *m, int id) {
  *m = (model){.held_here = true, .id = id};
  m->r.id = id_of(id);
  m->r.rtt_ns = WPM_SPAN_NONE;
  m->r.disconnect_time = m->r.connected_time = WPM_WALL_NONE;
  m->r.first_failure = m->r.last_failure = WPM_WALL_NONE;
}

static wpm_address *model_address(model *m, wpm_bytes address) {
  for (size_t i = 0; i < m->r.address_count; i++) {
    if (wpm_bytes_equal(m->addresses[i].multiaddr, address)) {
      return &m->addresses[i];
    }
  }
  return NULL;
}

static void model_drop_address(model *m, size_t at) {
  for (size_t i = at + 1; i < m->r.address_count; i++) {
    m->addresses[i - 1] = m->addresses[i];
  }
  m->r.address_count--;
}

/* False: the cap left it out. */
static bool model_add_address(model *m, wpm_address added) {
  wpm_address *held = model_address(m, added.multiaddr);
  if (held) {
    held->source = held->source > added.source ? held->source : added.source;
    return true;
  }
  if (m->r.address_count == MAX_ADDRESSES) {
    size_t worst = 0;
    for (size_t i = 1; i < MAX_ADDRESSES; i++) {
      const wpm_address *a = &m->addresses[i];
      const wpm_address *w = &m->addresses[worst];
      if (a->source < w->source ||
          (a->source == w->source && a->last_success.ns < w->last_success.ns)) {
        worst = i;
      }
    }
    if (m->addresses[worst].source >= added.source) {
      return false;
    }
    model_drop_address(m, worst);
  }
  m->addresses[m->r.address_count++] = added;
  return true;
}

static void model_keep_protocol(model *m, wpm_text protocol) {
  size_t at = 0;
  for (size_t k = 0; k < m->r.protocol_count; k++) {
    if (wpm_text_equal(m->protocols[k], protocol)) {
      return;
    }
    at += wpm_bytes_compare((wpm_bytes){(const uint8_t *)m->protocols[k].data, m->protocols[k].len},
                            (wpm_bytes){(const uint8_t *)protocol.data, protocol.len}) < 0;
  }
  for (size_t k = m->r.protocol_count; k > at; k--) {
    m->protocols[k] = m->protocols[k - 1];
  }
  m->protocols[at] = protocol;
  m->r.protocol_count++;
}

/* Relay protocols first; of one that is too long, its prefix. */
static void model_protocols(model *m, const wpm_text *told, size_t count) {
  m->r.protocols_known = true;
  m->r.protocol_count = 0;
  size_t kept = 0;
  for (int relay = 1; relay >= 0; relay--) {
    for (size_t i = 0; i < count && kept < MAX_PROTOCOLS; i++) {
      wpm_text protocol = told[i];
      if (wpm_protocol_is_relay(protocol) != relay || protocol.len == 0) {
        continue;
      }
      if (protocol.len > MAX_TEXT) {
        if (!relay) {
          continue;
        }
        protocol.len = strlen("/meshsub/"); /* The only such name there is. */
      }
      kept++;
      model_keep_protocol(m, protocol);
    }
  }
}

static bool model_relays(const model *m) {
  for (size_t i = 0; i < m->r.protocol_count; i++) {
    if (wpm_protocol_is_relay(m->protocols[i])) {
      return true;
    }
  }
  return false;
}

static wpm_connectivity model_connectivity(const model *m) {
  if (m->live > 0) {
    return WPM_CONNECTED;
  }
  wpm_connectivity left = wpm_reason_leaves(m->r.reason);
  return left == WPM_NOT_CONNECTED && m->r.held ? WPM_CANNOT_CONNECT : left;
}

static wpm_peer_record model_record(model *m) {
  m->r.addresses = m->addresses;
  m->r.protocols = m->protocols;
  m->r.shards = m->shards;
  m->r.connectivity = model_connectivity(m);
  return m->r;
}

/* ---- operations on both ---------------------------------------------------------------------- */

static int expected(const model *m) {
  return m->held_here ? WPM_OK : WPM_ERR_NOT_FOUND;
}

static void add(run *r, model *m, int id) {
  wpm_origin origin = (wpm_origin)below(r, WPM_ORIGIN_COUNT);
  int want = m->held_here || model_count(r) < MAX_PEERS ? WPM_OK : WPM_ERR_FULL;
  assert_int_equal(wpm_store_add(r->store, id_of(id), origin), want);
  if (want == WPM_OK && !m->held_here) {
    model_new(m, id);
  }
  if (want == WPM_OK && m->r.origin == WPM_ORIGIN_UNKNOWN) {
    m->r.origin = origin;
  }
}

static void put(run *r, model *m, int id) {
  model *other = &r->peers[below(r, IDS)];
  if (!other->held_here) {
    return;
  }
  model made = *other;
  wpm_peer_record record = model_record(&made);
  record.id = id_of(id);
  record.public_key = (wpm_bytes){NULL, 0};
  int want = m->held_here || model_count(r) < MAX_PEERS ? WPM_OK : WPM_ERR_FULL;
  assert_int_equal(wpm_store_put(r->store, &record), want);
  if (want == WPM_OK) {
    unsigned live = m->held_here ? m->live : 0;
    *m = made;
    m->held_here = true;
    m->id = id;
    m->live = live;
    m->r.id = id_of(id);
    m->r.public_key = record.public_key;
    m->r.held = made.r.held || live > 0;
  }
}

static void identify(run *r, model *m, int id) {
  wpm_bytes told[16];
  wpm_text protocols[16];
  size_t address_count = below(r, 9);
  size_t protocol_count = below(r, 9);
  for (size_t i = 0; i < 16; i++) {
    told[i] = address_of(below(r, ADDRESSES));
    protocols[i] = name_of(below(r, NAMES));
  }
  wpm_text agent = name_of(below(r, NAMES));
  wpm_text version = name_of(below(r, NAMES));
  unsigned sent = (unsigned)below(r, 16);
  wpm_identified fact = {.agent = sent & 1 ? &agent : NULL,
                         .protocol_version = sent & 2 ? &version : NULL,
                         .addresses = sent & 4 ? told : NULL,
                         .address_count = address_count,
                         .protocols = sent & 8 ? protocols : NULL,
                         .protocol_count = protocol_count};
  assert_int_equal(wpm_store_identified(r->store, id_of(id), &fact), expected(m));
  if (!m->held_here) {
    return;
  }
  if (sent & 1) {
    m->r.agent = (wpm_text){agent.data, agent.len < MAX_TEXT ? agent.len : MAX_TEXT};
  }
  if (sent & 2) {
    m->r.protocol_version =
        (wpm_text){version.data, version.len < MAX_TEXT ? version.len : MAX_TEXT};
  }
  if (sent & 4) {
    model before = *m;
    for (size_t i = m->r.address_count; i-- > 0;) {
      if (m->addresses[i].source == WPM_SOURCE_IDENTIFY) {
        model_drop_address(m, i);
      }
    }
    for (size_t i = 0; i < address_count; i++) {
      wpm_address a = {told[i], WPM_SOURCE_IDENTIFY, WPM_WALL_NONE, WPM_WALL_NONE};
      const wpm_address *held = model_address(&before, told[i]);
      if (held) {
        a.last_success = held->last_success;
        a.last_failure = held->last_failure;
      }
      (void)model_add_address(m, a);
    }
  }
  if (sent & 8) {
    model_protocols(m, protocols, protocol_count);
  }
}

static void metadata(run *r, model *m, int id) {
  uint16_t told[MAX_SHARDS];
  size_t count = below(r, MAX_SHARDS);
  uint32_t cluster = (uint32_t)below(r, 3);
  for (size_t i = 0; i < count; i++) {
    told[i] = (uint16_t)below(r, 10);
  }
  assert_int_equal(wpm_store_metadata(r->store, id_of(id), cluster, told, count), expected(m));
  if (!m->held_here) {
    return;
  }
  m->r.metadata_known = true;
  m->r.cluster_id = cluster;
  m->r.shard_count = 0;
  for (uint16_t shard = 0; shard < 10; shard++) {
    bool named = false;
    for (size_t i = 0; i < count; i++) {
      named = named || told[i] == shard;
    }
    if (named) {
      m->shards[m->r.shard_count++] = shard;
    }
  }
}

static void connection(run *r, model *m, int id) {
  wpm_direction direction = below(r, 2) ? WPM_INBOUND : WPM_OUTBOUND;
  wpm_bytes remote = address_of(below(r, ADDRESSES));
  assert_int_equal(wpm_store_connected(r->store, id_of(id), direction, remote, r->now),
                   expected(m));
  if (!m->held_here) {
    return;
  }
  wpm_address *address = model_address(m, remote);
  if (direction == WPM_INBOUND) {
    m->r.observed_address = remote;
  } else if (address) {
    address->last_success = r->now;
  }
  if (m->live++ == 0) {
    m->r.connected_time = r->now;
    m->r.direction = direction;
  }
  m->r.held = true;
}

static void end(run *r, model *m, int id) {
  wpm_reason reason = (wpm_reason)below(r, WPM_REASON_COUNT);
  assert_int_equal(wpm_store_disconnected(r->store, id_of(id), reason, r->now), expected(m));
  if (m->held_here && m->live > 0 && --m->live == 0) {
    m->r.reason = reason;
    m->r.disconnect_time = r->now;
  }
}

static void failure(run *r, model *m, int id) {
  wpm_reason reason = (wpm_reason)below(r, WPM_REASON_COUNT);
  assert_int_equal(wpm_store_dial_failed(r->store, id_of(id), reason, r->now), expected(m));
  if (m->held_here && m->live == 0 && reason != WPM_REASON_LOCAL_FAILURE) {
    m->r.reason = reason;
    m->r.first_failure = m->r.failures == 0 ? r->now : m->r.first_failure;
    m->r.last_failure = r->now;
    m->r.failures++;
  }
}

static void address(run *r, model *m, int id) {
  wpm_bytes a = address_of(below(r, ADDRESSES));
  if (below(r, 3) == 0) {
    wpm_address *held = m->held_here ? model_address(m, a) : NULL;
    assert_int_equal(wpm_store_address_failed(r->store, id_of(id), a, r->now),
                     held ? WPM_OK : WPM_ERR_NOT_FOUND);
    if (held) {
      held->last_failure = r->now;
    }
    return;
  }
  wpm_address_source source = (wpm_address_source)below(r, WPM_ADDRESS_SOURCE_COUNT);
  int err = wpm_store_add_address(r->store, id_of(id), a, source);
  if (!m->held_here) {
    assert_int_equal(err, WPM_ERR_NOT_FOUND);
    return;
  }
  wpm_address added = {a, source, WPM_WALL_NONE, WPM_WALL_NONE};
  assert_int_equal(err, model_add_address(m, added) ? WPM_OK : WPM_ERR_FULL);
}

static void set(run *r, model *m, int id) {
  wpm_bytes peer = id_of(id);
  wpm_wait wait = {{{(int64_t)below(r, 9)}, r->now, below(r, 3)}, (int64_t)below(r, 9)};
  bool flag = below(r, 2);
  int want = expected(m);
  switch (below(r, 7)) {
  case 0:
    assert_int_equal(wpm_store_set_static(r->store, peer, flag), want);
    m->r.is_static = flag;
    break;
  case 1:
    assert_int_equal(wpm_store_set_held_off(r->store, peer, flag), want);
    m->r.held_off = flag;
    break;
  case 2:
    assert_int_equal(wpm_store_set_prune_backoff(r->store, peer, wait), want);
    m->r.prune_backoff = wait;
    break;
  case 3:
    assert_int_equal(wpm_store_set_retry_delay(r->store, peer, wait), want);
    m->r.retry_delay = wait;
    break;
  case 4:
    assert_int_equal(wpm_store_set_mismatch_delay(r->store, peer, wait), want);
    m->r.mismatch_delay = wait;
    break;
  case 5:
    assert_int_equal(wpm_store_pong(r->store, peer, wait.length_ns), want);
    m->r.rtt_ns = wait.length_ns;
    break;
  case 6:
    assert_int_equal(wpm_store_stable(r->store, peer), want);
    m->r.failures = 0;
    m->r.first_failure = WPM_WALL_NONE;
    m->r.retry_delay = (wpm_wait){0};
    break;
  }
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool model_matches(const model *m, const wpm_store_filter *f) {
  bool shard = !f->by_shard;
  bool protocol = f->protocol.len == 0;
  for (size_t i = 0; i < m->r.shard_count; i++) {
    shard = shard || m->shards[i] == f->shard;
  }
  for (size_t i = 0; i < m->r.protocol_count; i++) {
    protocol = protocol || wpm_text_equal(m->protocols[i], f->protocol);
  }
  return m->held_here && shard && protocol && (!f->relay_capable || model_relays(m)) &&
         (!f->connectivity || f->connectivity & 1u << model_connectivity(m));
}

static void compare_query(run *r) {
  wpm_store_filter f = {.connectivity = below(r, 2) ? 0 : (unsigned)below(r, 16),
                        .protocol = name_of(below(r, 2) ? 10 : below(r, NAMES)),
                        .by_shard = below(r, 3) == 0,
                        .shard = (uint16_t)below(r, 10),
                        .relay_capable = below(r, 3) == 0};
  size_t count = 0;
  for (int i = 0; i < IDS; i++) {
    count += model_matches(&r->peers[i], &f);
  }
  assert_int_equal(wpm_store_count_matching(r->store, &f), count);
  uint64_t cursor = 0;
  size_t listed = 0;
  wpm_peer_record record;
  while (wpm_store_next(r->store, &f, &cursor, &record)) {
    listed++;
    int i = record.id.len < 39 ? (int)record.id.len - 1 : record.id.data[20];
    assert_true(model_matches(&r->peers[i], &f));
  }
  assert_int_equal(listed, count);
}

static void compare_peer(run *r, int id) {
  model *m = &r->peers[id];
  wpm_peer_record got;
  assert_int_equal(wpm_store_get(r->store, id_of(id), &got), expected(m));
  if (m->held_here) {
    wpm_peer_record want = model_record(m);
    assert_true(wpm_record_equal(&got, &want));
  }
}

static void step(run *r) {
  int id = (int)below(r, IDS);
  model *m = &r->peers[id];
  r->now.ns += (int64_t)below(r, 5);
  switch (below(r, 14)) {
  case 0:
  case 1:
    add(r, m, id);
    break;
  case 2:
    assert_int_equal(wpm_store_remove(r->store, id_of(id)), expected(m));
    m->held_here = false;
    break;
  case 3:
    put(r, m, id);
    break;
  case 4:
  case 5:
    identify(r, m, id);
    break;
  case 6:
    metadata(r, m, id);
    break;
  case 7:
    connection(r, m, id);
    break;
  case 8:
    end(r, m, id);
    break;
  case 9:
    failure(r, m, id);
    break;
  case 10:
  case 11:
    address(r, m, id);
    break;
  case 12:
    set(r, m, id);
    break;
  default:
    compare_query(r);
    break;
  }
  compare_peer(r, id);
  assert_int_equal(wpm_store_count(r->store), model_count(r));
}

static void one_run(uint64_t seed) {
  run *r = calloc(1, sizeof(*r));
  assert_non_null(r);
  r->random = seed;
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_peers = MAX_PEERS;
  config.max_addresses = MAX_ADDRESSES;
  config.max_protocols = MAX_PROTOCOLS;
  config.max_text = MAX_TEXT;
  memcpy(config.hash_key, &seed, sizeof(seed));
  assert_int_equal(wpm_store_new(&config, &r->store), WPM_OK);
  for (int i = 0; i < STEPS; i++) {
    step(r);
    if (i % 64 == 0) {
      wpm_error error;
      for (int id = 0; id < IDS; id++) {
        compare_peer(r, id);
      }
      if (wpm_store_check(r->store, &error) != WPM_OK) {
        fail_msg("%s", error.text);
      }
    }
  }
  wpm_store_free(r->store);
  free(r);
}

static void it_does_as_the_model(void **state) {
  (void)state;
  make_constants();
  uint64_t seed = wpm_test_seed();
  for (uint64_t i = 0; i < RUNS; i++) {
    one_run(seed + i);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(it_does_as_the_model)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
