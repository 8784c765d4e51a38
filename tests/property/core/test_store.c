/* The store against a naive model of it (support/core/store_model.h), driven by the same random
 * operations through every public call and compared at every step: small and large caps, with and
 * without eviction and the keeping of what is good, now and then short of memory. Beside them go
 * consumers of the feed, one prompt and one lazy, and listings that take their time.
 *
 * `WPM_TEST_SEED=N` repeats a run. */
#include "support/alloc_fail.h"
#include "support/core/store_model.h"
#include "support/core/store_watch.h"
#include "support/records.h"
#include "support/seed.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
  STEPS = 1 << 20,  /* In all. */
  RUNS = 4,         /* Of each configuration, each with a store of its own. */
  CHECK_EVERY = 512 /* Steps between two looks at all there is. */
};

/* A configuration, in few words. */
typedef struct shape {
  size_t peers, tombstones, addresses, protocols, text, tags, app, indexed, changes;
  bool evict, keep_good;
} shape;

static const shape shapes[] = {
    {20, 3, 4, 5, 20, 3, 40, 4, 32, true, true},
    {20, 5, 5, 6, 20, 4, 60, 1024, 64, false, false},
    {0, 0, 0, 0, 0, 0, 0, 0, 4096, true, true},
    {24, WPM_QUARTER_OF_PEERS, 64, 256, 256, 32, 16384, 2, 8, true, false},
};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

typedef struct run {
  wpm_store *store;
  wpm_model model;
  uint64_t random;
  wpm_instant now;
  wpm_peer_ref refs[WPM_MODEL_IDS];  /* As given at some time, */
  uint64_t ref_lives[WPM_MODEL_IDS]; /* to which peer of the id; 0: none yet. */
  size_t changes;                    /* That the feed keeps at most. */
  wpm_feed_reader prompt;
  wpm_feed_reader lazy;
  wpm_lister listers[2];
  uint64_t listed; /* Listings that came to their end. */
  bool lacking;    /* An allocation of this step is made to fail. */
  uint64_t lacked; /* Calls that failed for it. */
} run;

static uint64_t below(run *r, uint64_t bound) {
  return wpm_test_random_below(&r->random, bound);
}

static bool one_in(run *r, uint64_t n) {
  return below(r, n) == 0;
}

/* Different protocols, in any order: a store may count one that is named twice against its cap. */
static size_t some_protocols(run *r, wpm_text *out, size_t most) {
  size_t count = below(r, most + 1);
  unsigned first = (unsigned)below(r, WPM_MODEL_NAMES);
  unsigned stride = 2 * (unsigned)below(r, WPM_MODEL_NAMES / 2) + 1;
  for (unsigned i = 0; i < count; i++) {
    out[i] = wpm_model_name((first + i * stride) % WPM_MODEL_NAMES);
  }
  return count;
}

static wpm_text some_name(run *r) {
  return wpm_model_name((unsigned)below(r, WPM_MODEL_NAMES));
}

static wpm_bytes some_address(run *r) {
  return wpm_model_address((unsigned)below(r, WPM_MODEL_ADDRESSES));
}

/* Keys, envelopes and values: empty, short, long, and what an id carries. */
static wpm_bytes some_bytes(run *r) {
  static const uint8_t much[700] = {8, 1};
  switch (below(r, 5)) {
  case 0:
    return (wpm_bytes){NULL, 0};
  case 1:
    return (wpm_bytes){much, 300 + below(r, 400)};
  case 2:
    return (wpm_bytes){wpm_model_id(8).data + 2, 37};
  default:
    return (wpm_bytes){much, 1 + below(r, 30)};
  }
}

static int64_t some_ttl(run *r) {
  static const int64_t ttls[] = {WPM_TTL_QUALITY,   WPM_TTL_PERMANENT, WPM_TTL_CONNECTED,
                                 WPM_TTL_TEMPORARY, WPM_TTL_RECENT,    WPM_TTL_ADDRESS,
                                 7 * WPM_SECOND + 3};
  return ttls[below(r, sizeof(ttls) / sizeof(ttls[0]))];
}

static wpm_wall some_time(run *r) {
  return one_in(r, 4) ? WPM_WALL_NONE
                      : (wpm_wall){r->now.wall.ns - (int64_t)below(r, 100 * WPM_SECOND)};
}

/* Of this boot or an earlier one; over, under way, or without end. */
static wpm_wait some_wait(run *r) {
  if (one_in(r, 4)) {
    return (wpm_wait){0};
  }
  int64_t since = (int64_t)below(r, 30 * WPM_SECOND);
  wpm_wait wait = {{{r->now.mono.ns - since}, {r->now.wall.ns - since}, 1},
                   (int64_t)(1 + below(r, 60 * WPM_SECOND))};
  if (one_in(r, 4)) {
    wait.start.boot_id = 7;
    wait.start.mono.ns = (int64_t)below(r, WPM_HOUR);
  }
  return wait;
}

static wpm_wait some_ban(run *r) {
  wpm_wait wait = some_wait(r);
  wait.length_ns = wait.length_ns > 0 && one_in(r, 6) ? INT64_MAX : wait.length_ns;
  return wait;
}

/* ---- what the store chose -------------------------------------------------------------------- */

static bool has_gone(void *user, unsigned id) {
  const run *r = user;
  wpm_peer_record record;
  return wpm_store_get(r->store, wpm_model_id(id), &record) == WPM_ERR_NOT_FOUND;
}

static bool is_buried(void *user, unsigned id) {
  const run *r = user;
  uint64_t cursor = 0;
  wpm_tombstone t;
  while (wpm_store_next_tombstone(r->store, &cursor, &t)) {
    if (wpm_bytes_equal(t.id, wpm_model_id(id))) {
      return true;
    }
  }
  return false;
}

static wpm_model_choice choice_of(run *r) {
  return (wpm_model_choice){has_gone, is_buried, r};
}

/* The model does what the store did, and says the same; unless an allocation was made to fail: then
 * nothing may have changed. */
#define AGREE(r, got, by_model)                                                                    \
  do {                                                                                             \
    if ((got) == WPM_ERR_NO_MEMORY && wpm_alloc_failed() > 0) {                                    \
      (r)->lacked++;                                                                               \
    } else {                                                                                       \
      assert_int_equal((by_model), (got));                                                         \
    }                                                                                              \
  } while (0)

/* ---- operations on both ---------------------------------------------------------------------- */

/* Asks, now and then, who would go. */
static unsigned foretell(run *r) {
  wpm_peer_ref ref;
  wpm_peer_record record;
  wpm_cause cause;
  bool any = false;
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    any = any || wpm_model_eviction(&r->model.peers[i]) != WPM_CAUSE_FACT;
  }
  assert_int_equal(wpm_store_victim(r->store, &ref, &cause), any ? WPM_OK : WPM_ERR_NO_VICTIM);
  if (!any) {
    return WPM_MODEL_IDS;
  }
  assert_int_equal(wpm_store_at(r->store, ref, &record), WPM_OK);
  unsigned id = wpm_model_number(record.id);
  wpm_model_expect_victim(&r->model, id, cause);
  return id;
}

static size_t evictions(const run *r) {
  size_t count = 0;
  for (unsigned cause = 0; cause < WPM_CAUSE_COUNT; cause++) {
    count += r->model.counters.evicted[cause];
  }
  return count;
}

static void add(run *r, unsigned id) {
  wpm_model_choice choice = choice_of(r);
  wpm_origin origin = (wpm_origin)below(r, WPM_ORIGIN_COUNT);
  unsigned victim = !r->lacking && one_in(r, 2) ? foretell(r) : WPM_MODEL_IDS;
  size_t evicted = evictions(r);
  int got = wpm_store_add(r->store, wpm_model_id(id), origin);
  AGREE(r, got, wpm_model_add(&r->model, id, origin, &choice));
  if (victim < WPM_MODEL_IDS && evictions(r) > evicted) {
    assert_false(r->model.peers[victim].held); /* As foretold. */
  }
}

static void remove_one(run *r, unsigned id) {
  wpm_model_choice choice = choice_of(r);
  int got = wpm_store_remove(r->store, wpm_model_id(id));
  AGREE(r, got, wpm_model_remove(&r->model, id, &choice));
}

static void advance(run *r) {
  wpm_store_advance(r->store, r->now);
  wpm_model_advance(&r->model, r->now);
  assert_true(wpm_store_next_deadline(r->store).ns > r->now.mono.ns);
}

static void some_addresses(run *r, wpm_model_peer *into) {
  size_t cap = r->model.config.max_addresses;
  size_t most = cap > 0 && cap < WPM_MODEL_ADDRESSES ? cap : WPM_MODEL_ADDRESSES;
  size_t count = below(r, most + 1);
  unsigned first = (unsigned)below(r, WPM_MODEL_ADDRESSES);
  for (size_t i = 0; i < count; i++) {
    wpm_address *a = &into->addresses[i];
    wpm_wall seen = some_time(r);
    int64_t second = wpm_wall_known(seen) ? seen.ns % WPM_SECOND : 0;
    *a = (wpm_address){.multiaddr = wpm_model_address((first + (unsigned)i) % WPM_MODEL_ADDRESSES),
                       .source = (wpm_address_source)below(r, WPM_ADDRESS_SOURCE_COUNT),
                       .identified = one_in(r, 3),
                       .certified = one_in(r, 4),
                       .confidence = (wpm_confidence)below(r, WPM_CONFIDENCE_COUNT), /* Not read. */
                       .first_seen = {seen.ns - second},
                       .last_seen = {seen.ns - second},
                       .last_success = some_time(r),
                       .last_failure = some_time(r),
                       .ttl_ns = some_ttl(r),
                       .expires = WPM_WALL_NONE};
    if (a->ttl_ns != WPM_TTL_QUALITY && a->ttl_ns < WPM_TTL_CONNECTED) {
      a->expires.ns = r->now.wall.ns + (int64_t)below(r, (uint64_t)a->ttl_ns);
    }
  }
  into->r.address_count = count;
}

/* A record within the caps: of another peer, with addresses, spans and documents of its own. */
static void put(run *r, unsigned id) {
  static wpm_model_peer made;
  wpm_model_choice choice = choice_of(r);
  advance(r);
  made = r->model.peers[below(r, WPM_MODEL_IDS)];
  if (!made.held) {
    made.r = (wpm_peer_record){.rtt_ns = WPM_SPAN_NONE,
                               .disconnect_time = some_time(r),
                               .connected_time = WPM_WALL_NONE,
                               .first_failure = WPM_WALL_NONE,
                               .last_failure = WPM_WALL_NONE};
  }
  some_addresses(r, &made);
  made.r.prune_backoff = some_wait(r);
  made.r.retry_delay = some_wait(r);
  made.r.mismatch_delay = some_wait(r);
  made.r.ban = some_ban(r);
  made.r.public_key = some_bytes(r);
  made.r.signed_record = some_bytes(r);
  made.r.signed_sequence = made.r.signed_record.len ? below(r, 9) : 0;
  made.r.enr = some_bytes(r);
  made.r.enr_sequence = made.r.enr.len ? below(r, 9) : 0;
  made.r.id = wpm_model_id(id);
  wpm_peer_record record = wpm_model_record(&made);
  int got = wpm_store_put(r->store, &record);
  AGREE(r, got, wpm_model_put(&r->model, id, &record, &choice));
}

static void identify(run *r, unsigned id) {
  static const uint8_t nonsense[] = {4, 1, 2};
  wpm_bytes told[12];
  wpm_text protocols[12];
  size_t protocol_count = some_protocols(r, protocols, 12);
  for (size_t i = 0; i < 12; i++) {
    told[i] = one_in(r, 20) ? (wpm_bytes){nonsense, 3} : some_address(r);
  }
  wpm_text agent = some_name(r);
  wpm_text version = some_name(r);
  wpm_bytes key = some_bytes(r);
  unsigned sent = (unsigned)below(r, 32);
  wpm_identified fact = {.agent = sent & 1 ? &agent : NULL,
                         .protocol_version = sent & 2 ? &version : NULL,
                         .addresses = sent & 4 ? told : NULL,
                         .address_count = below(r, 13),
                         .protocols = sent & 8 ? protocols : NULL,
                         .protocol_count = protocol_count,
                         .public_key = sent & 16 ? &key : NULL,
                         .now = r->now.wall};
  int got = wpm_store_identified(r->store, wpm_model_id(id), &fact);
  AGREE(r, got, wpm_model_identified(&r->model, id, &fact));
}

static void set_protocols(run *r, unsigned id) {
  wpm_text protocols[12];
  size_t count = some_protocols(r, protocols, 12);
  int got = wpm_store_set_protocols(r->store, wpm_model_id(id), protocols, count);
  AGREE(r, got, wpm_model_set_protocols(&r->model, id, protocols, count));
}

static void certify(run *r, unsigned id) {
  wpm_bytes told[8];
  for (size_t i = 0; i < 8; i++) {
    told[i] = some_address(r);
  }
  static const uint8_t envelope[300] = {1};
  wpm_certified record = {.envelope = {envelope, 1 + below(r, 300)},
                          .sequence = below(r, 12),
                          .addresses = told,
                          .address_count = below(r, 9),
                          .ttl_ns = some_ttl(r),
                          .same_sequence_too = one_in(r, 2)};
  int got = wpm_store_certified(r->store, wpm_model_id(id), &record, r->now.wall);
  AGREE(r, got, wpm_model_certified(&r->model, id, &record, r->now.wall));
}

static size_t some_shards(run *r, uint16_t *out) {
  size_t count = below(r, WPM_MODEL_SHARDS);
  for (size_t i = 0; i < count; i++) {
    out[i] = (uint16_t)below(r, WPM_MODEL_SHARDS);
  }
  return count;
}

static void metadata(run *r, unsigned id) {
  uint16_t shards[WPM_MODEL_SHARDS] = {0};
  size_t count = some_shards(r, shards);
  uint32_t cluster = (uint32_t)below(r, 3);
  int got = wpm_store_metadata(r->store, wpm_model_id(id), cluster, shards, count);
  AGREE(r, got, wpm_model_metadata(&r->model, id, cluster, shards, count));
}

static void discover(run *r, unsigned id) {
  static const uint8_t enr[300] = {0xf8};
  uint16_t shards[WPM_MODEL_SHARDS] = {0};
  wpm_discovered fact = {.enr = {enr, 1 + below(r, 300)},
                         .sequence = below(r, 12),
                         .has_capabilities = one_in(r, 2),
                         .capabilities = (uint8_t)below(r, 256),
                         .cluster_id = (uint32_t)below(r, 3),
                         .shards = shards,
                         .shard_count = some_shards(r, shards)};
  int got = wpm_store_discovered(r->store, wpm_model_id(id), &fact);
  AGREE(r, got, wpm_model_discovered(&r->model, id, &fact));
}

static void connection(run *r, unsigned id) {
  wpm_direction direction = one_in(r, 2) ? WPM_INBOUND : WPM_OUTBOUND;
  wpm_bytes remote = some_address(r);
  int got = wpm_store_connected(r->store, wpm_model_id(id), direction, remote, r->now.wall);
  AGREE(r, got, wpm_model_connected(&r->model, id, direction, remote, r->now.wall));
}

static void end(run *r, unsigned id) {
  wpm_reason reason = (wpm_reason)below(r, WPM_REASON_COUNT);
  int got = wpm_store_disconnected(r->store, wpm_model_id(id), reason, r->now.wall);
  AGREE(r, got, wpm_model_disconnected(&r->model, id, reason, r->now.wall));
}

/* Why a dial can fail. */
static wpm_reason some_failure(run *r) {
  wpm_reason reason;
  do {
    reason = (wpm_reason)below(r, WPM_REASON_COUNT);
  } while (wpm_reason_leaves(reason) != WPM_CANNOT_CONNECT && reason != WPM_REASON_LOCAL_FAILURE);
  return reason;
}

static void failure(run *r, unsigned id) {
  wpm_reason reason = some_failure(r);
  wpm_bytes address = some_address(r);
  int got = wpm_store_dial_failed(r->store, wpm_model_id(id), reason, r->now.wall);
  AGREE(r, got, wpm_model_dial_failed(&r->model, id, reason, r->now.wall));
  got = wpm_store_address_failed(r->store, wpm_model_id(id), address, r->now.wall);
  AGREE(r, got, wpm_model_address_failed(&r->model, id, address, r->now.wall));
}

static void offer(run *r, unsigned id) {
  wpm_bytes told[4] = {some_address(r), some_address(r), some_address(r), some_address(r)};
  size_t count = below(r, 5);
  bool set = one_in(r, 3);
  wpm_offer offered = {.source = (wpm_address_source)below(r, WPM_ADDRESS_SOURCE_COUNT),
                       .ttl_ns = set && one_in(r, 4) ? -1 : some_ttl(r),
                       .now = r->now.wall};
  size_t left_out = 0;
  size_t left_out_too = 0;
  int got =
      set ? wpm_store_set_addresses(r->store, wpm_model_id(id), told, count, &offered, &left_out)
          : wpm_store_add_addresses(r->store, wpm_model_id(id), told, count, &offered, &left_out);
  AGREE(r, got, wpm_model_offer(&r->model, id, told, count, &offered, set, &left_out_too));
  if (got == WPM_OK) {
    assert_int_equal(left_out, left_out_too);
  }
}

static void age(run *r, unsigned id) {
  int64_t old_ttl = some_ttl(r);
  int64_t new_ttl = one_in(r, 4) ? -1 : some_ttl(r);
  int got;
  switch (below(r, 8)) {
  case 0:
    got = wpm_store_clear_addresses(r->store, wpm_model_id(id));
    AGREE(r, got, wpm_model_clear_addresses(&r->model, id));
    break;
  case 1:
  case 2:
  case 3:
    got = wpm_store_update_ttl(r->store, wpm_model_id(id), old_ttl, new_ttl, r->now.wall);
    AGREE(r, got, wpm_model_update_ttl(&r->model, id, old_ttl, new_ttl, r->now.wall));
    break;
  case 4: /* At least all of them. */
    wpm_store_expire_some(r->store, 100000 + below(r, 9), r->now.wall);
    for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
      (void)wpm_model_expire(&r->model, i, r->now.wall);
    }
    break;
  default:
    got = wpm_store_expire(r->store, wpm_model_id(id), r->now.wall);
    AGREE(r, got, wpm_model_expire(&r->model, id, r->now.wall));
    break;
  }
}

static void move(run *r, unsigned id) {
  unsigned answered = (unsigned)below(r, WPM_MODEL_IDS);
  wpm_bytes address = some_address(r);
  if (answered == id) {
    return;
  }
  int got = wpm_store_address_moved(r->store, wpm_model_id(id), address, wpm_model_id(answered),
                                    r->now.wall);
  AGREE(r, got, wpm_model_address_moved(&r->model, id, address, answered, r->now.wall));
}

static void wait_for(run *r, unsigned id) {
  wpm_model_choice choice = choice_of(r);
  advance(r); /* As whoever sets a span knows what time it is. */
  wpm_wait_kind kind = (wpm_wait_kind)below(r, WPM_WAIT_COUNT);
  if (one_in(r, 4)) {
    wpm_tombstone t = {wpm_model_id(id), some_wait(r), some_ban(r)};
    int got = wpm_store_put_tombstone(r->store, &t);
    AGREE(r, got, wpm_model_put_tombstone(&r->model, id, &t, &choice));
    return;
  }
  wpm_wait wait = kind == WPM_WAIT_BAN ? some_ban(r) : some_wait(r);
  int got = wpm_store_set_wait(r->store, wpm_model_id(id), kind, wait);
  AGREE(r, got, wpm_model_set_wait(&r->model, id, kind, wait, &choice));
}

static void set(run *r, unsigned id) {
  wpm_bytes peer = wpm_model_id(id);
  wpm_model_peer *m = &r->model.peers[id];
  bool flag = one_in(r, 2);
  int64_t rtt = (int64_t)below(r, 9);
  int32_t score = (int32_t)below(r, 7) - 3;
  wpm_bytes bytes = some_bytes(r);
  int want = wpm_model_expected(&r->model, id);
  int got;
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
    got = wpm_store_pong(r->store, peer, rtt);
    AGREE(r, got, (m->r.rtt_ns = rtt, want));
    break;
  case 3:
    got = wpm_store_set_score(r->store, peer, score);
    AGREE(r, got, (m->r.score = score, want));
    break;
  case 4:
    assert_int_equal(wpm_store_stable(r->store, peer), want);
    assert_int_equal(wpm_model_stable(&r->model, id), want);
    break;
  case 5:
    got = wpm_store_set_public_key(r->store, peer, bytes);
    AGREE(r, got, wpm_model_set_public_key(&r->model, id, bytes));
    break;
  default:
    got = wpm_store_set_private_key(r->store, peer, bytes);
    AGREE(r, got, (m->private_key = bytes, WPM_OK));
    break;
  }
}

static void label(run *r, unsigned id) {
  wpm_bytes peer = wpm_model_id(id);
  wpm_tag tag = {some_name(r), (int32_t)below(r, 5) - 2, one_in(r, 3),
                 one_in(r, 2) ? (wpm_wall){(int64_t)below(r, 9)} : WPM_WALL_NONE,
                 one_in(r, 2) ? (int64_t)below(r, 9) : 0};
  wpm_bytes value = some_bytes(r);
  wpm_bytes held = {NULL, 0};
  int got;
  switch (below(r, 4)) {
  case 0:
    got = wpm_store_remove_tag(r->store, peer, tag.name);
    AGREE(r, got, wpm_model_remove_tag(&r->model, id, tag.name));
    break;
  case 1:
    got = wpm_store_set_tag(r->store, peer, &tag);
    AGREE(r, got, wpm_model_set_tag(&r->model, id, &tag));
    break;
  default:
    got = wpm_store_set_app(r->store, peer, tag.name, value);
    AGREE(r, got, wpm_model_set_app(&r->model, id, tag.name, value));
    got = wpm_store_get_app(r->store, peer, tag.name, &held);
    for (size_t i = 0; r->model.peers[id].held && i < r->model.peers[id].r.app_count; i++) {
      const wpm_app_entry *entry = &r->model.peers[id].app[i];
      if (wpm_text_equal(entry->key, tag.name)) {
        assert_int_equal(got, WPM_OK);
        assert_true(wpm_bytes_equal(held, entry->value));
        return;
      }
    }
    assert_int_equal(got, WPM_ERR_NOT_FOUND);
    break;
  }
}

/* ---- comparing ------------------------------------------------------------------------------- */

static wpm_term some_term(run *r) {
  wpm_term_kind kind = (wpm_term_kind)below(r, WPM_TERM_AND);
  wpm_term term = {.kind = kind, .number = (uint32_t)below(r, WPM_MODEL_SHARDS)};
  switch (kind) {
  case WPM_TERM_PROTOCOL:
  case WPM_TERM_TAG:
    term.text = some_name(r);
    break;
  case WPM_TERM_CONNECTIVITY:
    term.number %= WPM_CONNECTIVITY_COUNT;
    break;
  case WPM_TERM_CAPABILITY:
    term.number %= 8;
    break;
  case WPM_TERM_ORIGIN:
    term.number %= WPM_ORIGIN_COUNT;
    break;
  case WPM_TERM_DIRECTION:
    term.number %= WPM_DIRECTION_COUNT;
    break;
  case WPM_TERM_ALL:
  case WPM_TERM_RELAY:
  case WPM_TERM_SHARD:
  case WPM_TERM_DIALABLE:
  case WPM_TERM_BANNED:
  case WPM_TERM_PROTECTED:
  case WPM_TERM_STATIC:
  case WPM_TERM_HELD:
  case WPM_TERM_ADDRESS:
  case WPM_TERM_AND:
  case WPM_TERM_OR:
  case WPM_TERM_NOT:
    break;
  }
  return term;
}

/* A random expression; what is left over at its end is ANDed. */
static size_t some_query(run *r, wpm_term *terms, size_t most) {
  size_t count = below(r, most + 1);
  size_t depth = 0;
  for (size_t i = 0; i < count; i++) {
    uint64_t draw = below(r, 4);
    if (draw == 0 && depth >= 2) {
      terms[i] = (wpm_term){.kind = one_in(r, 2) ? WPM_TERM_AND : WPM_TERM_OR};
      depth--;
    } else if (draw == 1 && depth >= 1) {
      terms[i] = (wpm_term){.kind = WPM_TERM_NOT};
    } else {
      terms[i] = some_term(r);
      depth++;
    }
  }
  return count;
}

static unsigned number_of(const run *r, wpm_peer_ref ref) {
  wpm_peer_record record;
  assert_int_equal(wpm_store_at(r->store, ref, &record), WPM_OK);
  return wpm_model_number(record.id);
}

static void compare_pick(run *r, const wpm_query *query, const bool *matches, size_t matching) {
  wpm_peer_ref refs[WPM_MODEL_IDS];
  bool picked[WPM_MODEL_IDS] = {false};
  size_t count = below(r, WPM_MODEL_IDS + 1);
  size_t found = 0;
  assert_int_equal(
      wpm_store_query_pick(r->store, query, wpm_test_random(&r->random), refs, count, &found),
      WPM_OK);
  assert_int_equal(found, count < matching ? count : matching);
  for (size_t i = 0; i < found; i++) {
    unsigned id = number_of(r, refs[i]);
    assert_true(matches[id] && !picked[id]);
    picked[id] = true;
  }
}

static void compare_top(run *r, const wpm_query *query, const bool *matches, size_t matching) {
  wpm_peer_ref refs[WPM_MODEL_IDS];
  bool taken[WPM_MODEL_IDS] = {false};
  wpm_order order = (wpm_order)below(r, WPM_ORDER_COUNT);
  size_t count = below(r, WPM_MODEL_IDS + 1);
  size_t found = 0;
  assert_int_equal(wpm_store_query_top(r->store, query, order, refs, count, &found), WPM_OK);
  assert_int_equal(found, count < matching ? count : matching);
  for (size_t i = 0; i < found; i++) {
    unsigned id = number_of(r, refs[i]);
    int64_t worth = wpm_model_worth(&r->model.peers[id], order);
    assert_true(matches[id] && !taken[id]);
    taken[id] = true;
    for (unsigned k = 0; k < WPM_MODEL_IDS; k++) { /* None that is left out is better. */
      assert_true(!matches[k] || taken[k] || wpm_model_worth(&r->model.peers[k], order) <= worth);
    }
    if (i > 0) {
      unsigned before = number_of(r, refs[i - 1]);
      assert_true(wpm_model_worth(&r->model.peers[before], order) > worth ||
                  refs[i - 1].slot < refs[i].slot);
    }
  }
}

static void compare_page(run *r, const wpm_query *query, const bool *matches, size_t matching) {
  wpm_peer_ref refs[WPM_MODEL_IDS];
  uint64_t cursor = 0;
  size_t page = 1 + below(r, WPM_MODEL_IDS);
  size_t listed = 0;
  size_t found;
  do {
    assert_int_equal(wpm_store_query_page(r->store, query, &cursor, refs, page, &found), WPM_OK);
    assert_true(found <= page);
    for (size_t i = 0; i < found; i++) {
      assert_true(matches[number_of(r, refs[i])]);
      assert_true(i == 0 || refs[i - 1].slot < refs[i].slot); /* So none is there twice. */
    }
    listed += found;
  } while (found == page);
  assert_int_equal(listed, matching);
}

static void compare_query(run *r) {
  wpm_term terms[12];
  wpm_query query = {terms, some_query(r, terms, 12)};
  bool matches[WPM_MODEL_IDS];
  size_t matching = 0;
  size_t counted = 0;
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    matches[i] = wpm_model_matches(&r->model.peers[i], &query);
    matching += matches[i];
  }
  assert_int_equal(wpm_store_query_count(r->store, &query, &counted), WPM_OK);
  assert_int_equal(counted, matching);
  switch (below(r, 4)) {
  case 0:
    compare_pick(r, &query, matches, matching);
    break;
  case 1:
    compare_top(r, &query, matches, matching);
    break;
  case 2:
    compare_page(r, &query, matches, matching);
    break;
  default:
    break; /* Counted. */
  }
}

/* For whoever has to find out why they differ. */
static void tell_addresses(const char *whose, const wpm_peer_record *record) {
  fprintf(stderr, "%s addresses:\n", whose);
  for (size_t i = 0; i < record->address_count; i++) {
    const wpm_address *a = &record->addresses[i];
    fprintf(stderr,
            "  %u: source %d, identified %d, certified %d, confidence %d, seen %" PRId64
            " to %" PRId64 ", success %" PRId64 ", failure %" PRId64 ", ttl %" PRId64
            ", expires %" PRId64 "\n",
            a->multiaddr.data[4], (int)a->source, a->identified, a->certified, (int)a->confidence,
            a->first_seen.ns, a->last_seen.ns, a->last_success.ns, a->last_failure.ns, a->ttl_ns,
            a->expires.ns);
  }
}

static void compare_record(const run *r, unsigned id, const wpm_peer_record *got) {
  wpm_peer_record want = wpm_model_record(&r->model.peers[id]);
  uint32_t fields = wpm_model_deviation(&r->model, got, &want);
  if (fields & WPM_FIELD_ADDRESSES || fields & WPM_FIELD_ADDRESS_TIMES) {
    tell_addresses("the store's", got);
    tell_addresses("the model's", &want);
  }
  if (fields) {
    fail_msg("peer %u differs in fields %x", id, fields);
  }
}

static void compare_peer(run *r, unsigned id) {
  const wpm_model_peer *m = &r->model.peers[id];
  wpm_peer_record got;
  int want = wpm_model_expected(&r->model, id);
  assert_int_equal(wpm_store_get(r->store, wpm_model_id(id), &got), want);
  if (m->held) {
    compare_record(r, id, &got);
  }
  /* A reference answers for the peer that it was given for, and for no other. */
  int at = r->ref_lives[id] ? wpm_store_at(r->store, r->refs[id], &got) : WPM_ERR_NOT_FOUND;
  bool good = m->held && m->life == r->ref_lives[id];
  assert_int_equal(at, good ? WPM_OK : WPM_ERR_NOT_FOUND);
  assert_true(!good || wpm_bytes_equal(got.id, wpm_model_id(id)));
  if (m->held && !good) {
    assert_int_equal(wpm_store_ref(r->store, wpm_model_id(id), &r->refs[id]), WPM_OK);
    r->ref_lives[id] = m->life;
  }
}

static void compare_private_key(const run *r, unsigned id) {
  wpm_bytes key = {NULL, 0};
  wpm_bytes want = r->model.peers[id].private_key;
  int err = wpm_store_get_private_key(r->store, wpm_model_id(id), &key);
  assert_int_equal(err, want.len ? WPM_OK : WPM_ERR_NOT_FOUND);
  assert_true(wpm_bytes_equal(key, want));
}

static void compare_tombstones(const run *r) {
  uint64_t cursor = 0;
  size_t count = 0;
  wpm_tombstone t;
  while (wpm_store_next_tombstone(r->store, &cursor, &t)) {
    const wpm_model_peer *m = &r->model.peers[wpm_model_number(t.id)];
    assert_true(m->buried && !m->held);
    if (m->tombstone.ban.length_ns > 0) {
      assert_true(wpm_model_same_wait(&r->model, &t.ban, &m->tombstone.ban));
    }
    if (m->tombstone.prune_backoff.length_ns > 0) {
      assert_true(wpm_model_same_wait(&r->model, &t.prune_backoff, &m->tombstone.prune_backoff));
    }
    count++;
  }
  assert_int_equal(count, wpm_model_tombstones(&r->model));
  assert_int_equal(wpm_store_tombstone_count(r->store), count);
  assert_int_equal(wpm_store_tombstones_dropped(r->store), r->model.dropped);
}

static void compare_all(run *r) {
  wpm_error error;
  wpm_bytes ids[WPM_MODEL_IDS];
  wpm_peer_record found[WPM_MODEL_IDS];
  if (wpm_store_check(r->store, &error) != WPM_OK) {
    fail_msg("%s", error.text);
  }
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    compare_peer(r, i);
    compare_private_key(r, i);
    ids[i] = wpm_model_id(i);
  }
  assert_int_equal(wpm_store_get_many(r->store, ids, WPM_MODEL_IDS, found),
                   wpm_model_count(&r->model));
  for (unsigned i = 0; i < WPM_MODEL_IDS; i++) {
    if (r->model.peers[i].held) {
      compare_record(r, i, &found[i]);
    } else {
      assert_int_equal(found[i].id.len, 0);
    }
  }
  compare_tombstones(r);
  wpm_store_counters counters = wpm_store_get_counters(r->store);
  assert_memory_equal(&counters, &r->model.counters, sizeof(counters));
}

/* ---- the run --------------------------------------------------------------------------------- */

static void (*const operations[])(run *r, unsigned id) = {
    add,      add,      add,      remove_one, put,        put,        identify,
    identify, certify,  metadata, discover,   connection, connection, end,
    end,      failure,  offer,    offer,      offer,      age,        age,
    move,     wait_for, wait_for, set,        set,        label,      set_protocols};
enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

/* The operation was on peer `id`. */
static void watch(run *r, unsigned id) {
  uint64_t missed = r->prompt.missed;
  wpm_feed_reader_catch_up(&r->prompt, r->store, &r->model, id);
  /* One call changes each peer once at most. Yet where there was no memory for the feed, changes are
   * lost rather than the call. */
  assert_true(r->prompt.missed == missed || r->changes <= WPM_MODEL_IDS ||
              (r->lacking && wpm_alloc_failed() > 0));
  if (one_in(r, 40)) {
    wpm_feed_reader_catch_up(&r->lazy, r->store, &r->model, WPM_MODEL_IDS);
  }
  for (size_t i = 0; i < 2; i++) {
    wpm_lister_look(&r->listers[i], &r->model);
    if (one_in(r, 8) && !wpm_lister_go_on(&r->listers[i], r->store, &r->model, 1 + below(r, 3))) {
      wpm_term terms[3];
      wpm_query query = {terms, some_query(r, terms, 3)};
      wpm_lister_begin(&r->listers[i], &r->model, i == 0 ? NULL : &query);
      r->listed++;
    }
  }
}

static void step(run *r) {
  unsigned id = (unsigned)below(r, WPM_MODEL_IDS);
  int64_t passed = one_in(r, 50) ? (int64_t)below(r, 30 * WPM_SECOND) : (int64_t)below(r, 1000);
  r->now.mono.ns += passed;
  r->now.wall.ns += passed;
  uint64_t draw = below(r, OPERATIONS + 10);
  r->lacking = draw < OPERATIONS && one_in(r, 16);
  if (draw < OPERATIONS) {
    if (r->lacking) {
      wpm_alloc_fail_once_at(1 + below(r, 6));
    }
    operations[draw](r, id);
    wpm_alloc_fail_off();
  } else if (draw < OPERATIONS + 2) {
    advance(r);
  } else {
    compare_query(r);
    return;
  }
  compare_peer(r, id);
  assert_int_equal(wpm_store_count(r->store), wpm_model_count(&r->model));
  watch(r, id);
}

static wpm_store_config config_of(const shape *s, uint64_t seed) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  config.max_peers = s->peers;
  config.max_tombstones = s->tombstones;
  config.max_addresses = s->addresses;
  config.max_protocols = s->protocols;
  config.max_text = s->text;
  config.max_tags = s->tags;
  config.max_app_bytes = s->app;
  config.max_indexed = s->indexed;
  config.max_changes = s->changes;
  config.evict = s->evict;
  config.keep_good = s->keep_good;
  memcpy(config.hash_key, &seed, sizeof(seed));
  return config;
}

/* Gives the places that peers will have to others first, who then go in any order: so that the few
 * lie far apart, in several pages of any index. */
static void spread(run *r) {
  enum { OTHERS = 9000 };
  uint32_t numbers[OTHERS];
  for (uint32_t i = 0; i < OTHERS; i++) {
    wpm_bytes id = {(const uint8_t *)&i, sizeof(i)};
    assert_int_equal(wpm_store_add(r->store, id, WPM_ORIGIN_UNKNOWN), WPM_OK);
    uint32_t other = (uint32_t)below(r, i + 1);
    numbers[i] = numbers[other];
    numbers[other] = i;
  }
  for (uint32_t i = 0; i < OTHERS; i++) {
    wpm_bytes id = {(const uint8_t *)&numbers[i], sizeof(numbers[i])};
    assert_int_equal(wpm_store_remove(r->store, id), WPM_OK);
  }
}

static void one_run(const shape *s, uint64_t seed, unsigned steps) {
  run *r = calloc(1, sizeof(*r));
  assert_non_null(r);
  r->random = seed;
  r->changes = s->changes;
  r->now = (wpm_instant){{WPM_HOUR}, {INT64_C(1735689600) * WPM_SECOND}, 1};
  wpm_store_config config = config_of(s, seed);
  assert_int_equal(wpm_store_new(&config, &r->store), WPM_OK);
  wpm_model_init(&r->model, &config);
  advance(r);
  if (s->peers == 0) {
    spread(r);
  }
  wpm_feed_reader_begin(&r->prompt, r->store, &r->model);
  wpm_feed_reader_begin(&r->lazy, r->store, &r->model);
  wpm_lister_begin(&r->listers[0], &r->model, NULL);
  wpm_lister_begin(&r->listers[1], &r->model, &(wpm_query){NULL, 0});
  for (unsigned i = 1; i <= steps; i++) {
    step(r);
    if (i % CHECK_EVERY == 0) {
      compare_all(r);
    }
  }
  compare_all(r);
  assert_true(r->lazy.missed > 0 || s->changes > WPM_MODEL_IDS);
  assert_true(r->lacked > steps / 4000);
  assert_true(r->listed > steps / 1000); /* So those watched what there was to see. */
  wpm_store_free(r->store);
  free(r);
}

static void it_does_as_the_model(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed();
  for (uint64_t i = 0; i < SHAPES * RUNS; i++) {
    one_run(&shapes[i % SHAPES], seed + i, STEPS / (SHAPES * RUNS));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(it_does_as_the_model)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
