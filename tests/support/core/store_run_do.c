#include "support/alloc_fail.h"
#include "support/core/store_run.h"

#include "base/bytes.h"

/* ---- what the store chose -------------------------------------------------------------------- */

static bool has_gone(void *user, unsigned id) {
  const wpm_run *r = user;
  wpm_peer_record record;
  return wpm_store_get(r->store, wpm_model_id(id), &record) == WPM_ERR_NOT_FOUND;
}

static bool is_buried(void *user, unsigned id) {
  const wpm_run *r = user;
  uint64_t cursor = 0;
  wpm_tombstone t;
  while (wpm_store_next_tombstone(r->store, &cursor, &t)) {
    if (wpm_bytes_equal(t.id, wpm_model_id(id))) {
      return true;
    }
  }
  return false;
}

static wpm_model_choice choice_of(wpm_run *r) {
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
static unsigned foretell(wpm_run *r) {
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

static size_t evictions(const wpm_run *r) {
  size_t count = 0;
  for (unsigned cause = 0; cause < WPM_CAUSE_COUNT; cause++) {
    count += r->model.counters.evicted[cause];
  }
  return count;
}

static void add(wpm_run *r, unsigned id) {
  wpm_model_choice choice = choice_of(r);
  wpm_origin origin = (wpm_origin)wpm_run_below(r, WPM_ORIGIN_COUNT);
  unsigned victim = !r->lacking && wpm_run_one_in(r, 2) ? foretell(r) : WPM_MODEL_IDS;
  size_t evicted = evictions(r);
  int got = wpm_store_add(r->store, wpm_model_id(id), origin);
  AGREE(r, got, wpm_model_add(&r->model, id, origin, &choice));
  if (victim < WPM_MODEL_IDS && evictions(r) > evicted) {
    assert_false(r->model.peers[victim].held); /* As foretold. */
  }
}

static void remove_one(wpm_run *r, unsigned id) {
  wpm_model_choice choice = choice_of(r);
  int got = wpm_store_remove(r->store, wpm_model_id(id));
  AGREE(r, got, wpm_model_remove(&r->model, id, &choice));
}

void wpm_run_advance(wpm_run *r) {
  wpm_store_advance(r->store, r->now);
  wpm_model_advance(&r->model, r->now);
  assert_true(wpm_store_next_deadline(r->store).ns > r->now.mono.ns);
}

static void some_addresses(wpm_run *r, wpm_model_peer *into) {
  size_t cap = r->model.config.max_addresses;
  size_t most = cap > 0 && cap < WPM_MODEL_ADDRESSES ? cap : WPM_MODEL_ADDRESSES;
  size_t count = wpm_run_below(r, most + 1);
  unsigned first = (unsigned)wpm_run_below(r, WPM_MODEL_ADDRESSES);
  for (size_t i = 0; i < count; i++) {
    wpm_address *a = &into->addresses[i];
    wpm_wall seen = wpm_run_time(r);
    int64_t second = wpm_wall_known(seen) ? seen.ns % WPM_SECOND : 0;
    *a = (wpm_address){.multiaddr = wpm_model_address((first + (unsigned)i) % WPM_MODEL_ADDRESSES),
                       .source = (wpm_address_source)wpm_run_below(r, WPM_ADDRESS_SOURCE_COUNT),
                       .identified = wpm_run_one_in(r, 3),
                       .certified = wpm_run_one_in(r, 4),
                       .confidence =
                           (wpm_confidence)wpm_run_below(r, WPM_CONFIDENCE_COUNT), /* Not read. */
                       .first_seen = {seen.ns - second},
                       .last_seen = {seen.ns - second},
                       .last_success = wpm_run_time(r),
                       .last_failure = wpm_run_time(r),
                       .ttl_ns = wpm_run_ttl(r),
                       .expires = WPM_WALL_NONE};
    if (a->ttl_ns != WPM_TTL_QUALITY && a->ttl_ns < WPM_TTL_CONNECTED) {
      a->expires.ns = r->now.wall.ns + (int64_t)wpm_run_below(r, (uint64_t)a->ttl_ns);
    }
  }
  into->r.address_count = count;
}

/* A record within the caps: of another peer, with addresses, spans and documents of its own. */
static void put(wpm_run *r, unsigned id) {
  static wpm_model_peer made;
  wpm_model_choice choice = choice_of(r);
  wpm_run_advance(r);
  made = r->model.peers[wpm_run_below(r, WPM_MODEL_IDS)];
  if (!made.held) {
    made.r = (wpm_peer_record){.rtt_ns = WPM_SPAN_NONE,
                               .disconnect_time = wpm_run_time(r),
                               .connected_time = WPM_WALL_NONE,
                               .first_failure = WPM_WALL_NONE,
                               .last_failure = WPM_WALL_NONE};
  }
  some_addresses(r, &made);
  made.r.prune_backoff = wpm_run_wait(r);
  made.r.retry_delay = wpm_run_wait(r);
  made.r.mismatch_delay = wpm_run_wait(r);
  made.r.ban = wpm_run_ban(r);
  made.r.public_key = wpm_run_bytes(r);
  made.r.signed_record = wpm_run_bytes(r);
  made.r.signed_sequence = made.r.signed_record.len ? wpm_run_below(r, 9) : 0;
  made.r.enr = wpm_run_bytes(r);
  made.r.enr_sequence = made.r.enr.len ? wpm_run_below(r, 9) : 0;
  made.r.id = wpm_model_id(id);
  wpm_peer_record record = wpm_model_record(&made);
  int got = wpm_store_put(r->store, &record);
  AGREE(r, got, wpm_model_put(&r->model, id, &record, &choice));
}

static void identify(wpm_run *r, unsigned id) {
  static const uint8_t nonsense[] = {4, 1, 2};
  wpm_bytes told[12];
  wpm_text protocols[12];
  size_t protocol_count = wpm_run_protocols(r, protocols, 12);
  for (size_t i = 0; i < 12; i++) {
    told[i] = wpm_run_one_in(r, 20) ? (wpm_bytes){nonsense, 3} : wpm_run_address(r);
  }
  wpm_text agent = wpm_run_name(r);
  wpm_text version = wpm_run_name(r);
  wpm_bytes key = wpm_run_bytes(r);
  unsigned sent = (unsigned)wpm_run_below(r, 32);
  wpm_identified fact = {.agent = sent & 1 ? &agent : NULL,
                         .protocol_version = sent & 2 ? &version : NULL,
                         .addresses = sent & 4 ? told : NULL,
                         .address_count = wpm_run_below(r, 13),
                         .protocols = sent & 8 ? protocols : NULL,
                         .protocol_count = protocol_count,
                         .public_key = sent & 16 ? &key : NULL,
                         .now = r->now.wall};
  int got = wpm_store_identified(r->store, wpm_model_id(id), &fact);
  AGREE(r, got, wpm_model_identified(&r->model, id, &fact));
}

static void set_protocols(wpm_run *r, unsigned id) {
  wpm_text protocols[12];
  size_t count = wpm_run_protocols(r, protocols, 12);
  int got = wpm_store_set_protocols(r->store, wpm_model_id(id), protocols, count);
  AGREE(r, got, wpm_model_set_protocols(&r->model, id, protocols, count));
}

static void certify(wpm_run *r, unsigned id) {
  wpm_bytes told[8];
  for (size_t i = 0; i < 8; i++) {
    told[i] = wpm_run_address(r);
  }
  static const uint8_t envelope[300] = {1};
  wpm_certified record = {.envelope = {envelope, 1 + wpm_run_below(r, 300)},
                          .sequence = wpm_run_below(r, 12),
                          .addresses = told,
                          .address_count = wpm_run_below(r, 9),
                          .ttl_ns = wpm_run_ttl(r),
                          .same_sequence_too = wpm_run_one_in(r, 2)};
  int got = wpm_store_certified(r->store, wpm_model_id(id), &record, r->now.wall);
  AGREE(r, got, wpm_model_certified(&r->model, id, &record, r->now.wall));
}

static size_t some_shards(wpm_run *r, uint16_t *out) {
  size_t count = wpm_run_below(r, WPM_MODEL_SHARDS);
  for (size_t i = 0; i < count; i++) {
    out[i] = (uint16_t)wpm_run_below(r, WPM_MODEL_SHARDS);
  }
  return count;
}

static void metadata(wpm_run *r, unsigned id) {
  uint16_t shards[WPM_MODEL_SHARDS] = {0};
  size_t count = some_shards(r, shards);
  uint32_t cluster = (uint32_t)wpm_run_below(r, 3);
  int got = wpm_store_metadata(r->store, wpm_model_id(id), cluster, shards, count);
  AGREE(r, got, wpm_model_metadata(&r->model, id, cluster, shards, count));
}

static void discover(wpm_run *r, unsigned id) {
  static const uint8_t enr[300] = {0xf8};
  uint16_t shards[WPM_MODEL_SHARDS] = {0};
  wpm_discovered fact = {.enr = {enr, 1 + wpm_run_below(r, 300)},
                         .sequence = wpm_run_below(r, 12),
                         .has_capabilities = wpm_run_one_in(r, 2),
                         .capabilities = (uint8_t)wpm_run_below(r, 256),
                         .cluster_id = (uint32_t)wpm_run_below(r, 3),
                         .shards = shards,
                         .shard_count = some_shards(r, shards)};
  int got = wpm_store_discovered(r->store, wpm_model_id(id), &fact);
  AGREE(r, got, wpm_model_discovered(&r->model, id, &fact));
}

static void connection(wpm_run *r, unsigned id) {
  wpm_direction direction = wpm_run_one_in(r, 2) ? WPM_INBOUND : WPM_OUTBOUND;
  wpm_bytes remote = wpm_run_address(r);
  int got = wpm_store_connected(r->store, wpm_model_id(id), direction, remote, r->now.wall);
  AGREE(r, got, wpm_model_connected(&r->model, id, direction, remote, r->now.wall));
}

static void end(wpm_run *r, unsigned id) {
  wpm_reason reason = (wpm_reason)wpm_run_below(r, WPM_REASON_COUNT);
  int got = wpm_store_disconnected(r->store, wpm_model_id(id), reason, r->now.wall);
  AGREE(r, got, wpm_model_disconnected(&r->model, id, reason, r->now.wall));
}

/* Why a dial can fail. */
static wpm_reason some_failure(wpm_run *r) {
  wpm_reason reason;
  do {
    reason = (wpm_reason)wpm_run_below(r, WPM_REASON_COUNT);
  } while (wpm_reason_leaves(reason) != WPM_CANNOT_CONNECT && reason != WPM_REASON_LOCAL_FAILURE);
  return reason;
}

static void failure(wpm_run *r, unsigned id) {
  wpm_reason reason = some_failure(r);
  wpm_bytes address = wpm_run_address(r);
  int got = wpm_store_dial_failed(r->store, wpm_model_id(id), reason, r->now.wall);
  AGREE(r, got, wpm_model_dial_failed(&r->model, id, reason, r->now.wall));
  got = wpm_store_address_failed(r->store, wpm_model_id(id), address, r->now.wall);
  AGREE(r, got, wpm_model_address_failed(&r->model, id, address, r->now.wall));
}

static void offer(wpm_run *r, unsigned id) {
  wpm_bytes told[4] = {wpm_run_address(r), wpm_run_address(r), wpm_run_address(r),
                       wpm_run_address(r)};
  size_t count = wpm_run_below(r, 5);
  bool set = wpm_run_one_in(r, 3);
  wpm_offer offered = {.source = (wpm_address_source)wpm_run_below(r, WPM_ADDRESS_SOURCE_COUNT),
                       .ttl_ns = set && wpm_run_one_in(r, 4) ? -1 : wpm_run_ttl(r),
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

static void age(wpm_run *r, unsigned id) {
  int64_t old_ttl = wpm_run_ttl(r);
  int64_t new_ttl = wpm_run_one_in(r, 4) ? -1 : wpm_run_ttl(r);
  int got;
  switch (wpm_run_below(r, 8)) {
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
    wpm_store_expire_some(r->store, 100000 + wpm_run_below(r, 9), r->now.wall);
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

static void move(wpm_run *r, unsigned id) {
  unsigned answered = (unsigned)wpm_run_below(r, WPM_MODEL_IDS);
  wpm_bytes address = wpm_run_address(r);
  if (answered == id) {
    return;
  }
  int got = wpm_store_address_moved(r->store, wpm_model_id(id), address, wpm_model_id(answered),
                                    r->now.wall);
  AGREE(r, got, wpm_model_address_moved(&r->model, id, address, answered, r->now.wall));
}

static void wait_for(wpm_run *r, unsigned id) {
  wpm_model_choice choice = choice_of(r);
  wpm_run_advance(r); /* As whoever sets a span knows what time it is. */
  wpm_wait_kind kind = (wpm_wait_kind)wpm_run_below(r, WPM_WAIT_COUNT);
  if (wpm_run_one_in(r, 4)) {
    wpm_tombstone t = {wpm_model_id(id), wpm_run_wait(r), wpm_run_ban(r)};
    int got = wpm_store_put_tombstone(r->store, &t);
    AGREE(r, got, wpm_model_put_tombstone(&r->model, id, &t, &choice));
    return;
  }
  wpm_wait wait = kind == WPM_WAIT_BAN ? wpm_run_ban(r) : wpm_run_wait(r);
  int got = wpm_store_set_wait(r->store, wpm_model_id(id), kind, wait);
  AGREE(r, got, wpm_model_set_wait(&r->model, id, kind, wait, &choice));
}

static void set(wpm_run *r, unsigned id) {
  wpm_bytes peer = wpm_model_id(id);
  wpm_model_peer *m = &r->model.peers[id];
  bool flag = wpm_run_one_in(r, 2);
  int64_t rtt = (int64_t)wpm_run_below(r, 9);
  int32_t score = (int32_t)wpm_run_below(r, 7) - 3;
  wpm_bytes bytes = wpm_run_bytes(r);
  int want = wpm_model_expected(&r->model, id);
  int got;
  switch (wpm_run_below(r, 7)) {
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

static void label(wpm_run *r, unsigned id) {
  wpm_bytes peer = wpm_model_id(id);
  wpm_tag tag = {wpm_run_name(r), (int32_t)wpm_run_below(r, 5) - 2, wpm_run_one_in(r, 3),
                 wpm_run_one_in(r, 2) ? (wpm_wall){(int64_t)wpm_run_below(r, 9)} : WPM_WALL_NONE,
                 wpm_run_one_in(r, 2) ? (int64_t)wpm_run_below(r, 9) : 0};
  wpm_bytes value = wpm_run_bytes(r);
  wpm_bytes held = {NULL, 0};
  int got;
  switch (wpm_run_below(r, 4)) {
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

static void (*const operations[])(wpm_run *r, unsigned id) = {
    add,      add,      add,      remove_one, put,        put,        identify,
    identify, certify,  metadata, discover,   connection, connection, end,
    end,      failure,  offer,    offer,      offer,      age,        age,
    move,     wait_for, wait_for, set,        set,        label,      set_protocols};

const size_t wpm_run_operations = sizeof(operations) / sizeof(operations[0]);

void wpm_run_operation(wpm_run *r, size_t which, unsigned id) {
  operations[which](r, id);
}
