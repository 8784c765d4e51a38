#include "bench/manager_kit.h"

#include "base/bytes.h"
#include "bench/measure.h"

#include <wakupeers/explain.h>
#include <wakupeers/manager.h>

#include <stdlib.h>
#include <string.h>

#define OUTBOUND 10u
#define CONNECTED 1000u
#define ID_LEN 34
#define NUMBER_AT 30       /* Where in its id a peer's number is. */
#define BATCH 20000u       /* Most events at once, */
#define BATCH_LIVE 1000u   /* and most connections or dials at once besides. */
#define FAR_APART 7368787u /* A prime: peers that follow each other lie nowhere near each other. */
#define NEW 0x40000000u    /* Numbers from there on are of nobody that was heard of before. */

static wpm_manager *manager;
static wpm_instant now;
static uint32_t peers;
static uint64_t turn;        /* Peers that had theirs. */
static uint64_t others_turn; /* The same of manager_kit_hear_others. */
static wpm_dial_id *dials;   /* By number: the latest dial. */
static uint64_t evicted;     /* Peers, before the batch. */
static uint32_t begun;       /* Dials, in the batch. */

static void check(int rc, const char *what) {
  if (rc != WPM_OK) {
    wpm_bench_fail("%s: %s", what, wpm_strerror(rc));
  }
}

static void must(bool holds, const char *what, uint32_t number) {
  if (!holds) {
    wpm_bench_fail("peer %u: %s", (unsigned)number, what);
  }
}

/* Identity multihashes, spread by a multiplication so that none lies beside its number. */
static wpm_bytes id_of(uint32_t number, uint8_t out[ID_LEN]) {
  uint64_t word = (uint64_t)number * UINT64_C(0x9e3779b97f4a7c15);
  memset(out, 0x11, ID_LEN);
  out[0] = 0x00;
  out[1] = ID_LEN - 2;
  memcpy(out + 2, &word, sizeof word);
  memcpy(out + NUMBER_AT, &number, sizeof number);
  return (wpm_bytes){out, ID_LEN};
}

/* Public ones, from 11.0.0.0 to 99.255.255.255, hardly two of one /24. */
static wpm_bytes address_of(uint32_t number, uint8_t out[8]) {
  uint32_t spread = number * UINT32_C(0x9e3779b1);
  const uint8_t bytes[8] = {4,
                            (uint8_t)(11 + (spread >> 24) % 89),
                            (uint8_t)(spread >> 16),
                            (uint8_t)(spread >> 8),
                            (uint8_t)spread,
                            6,
                            0xea,
                            0x60};
  memcpy(out, bytes, sizeof bytes);
  return (wpm_bytes){out, 8};
}

static void act(void) {
  wpm_action action;
  while (wpm_manager_next_action(manager, &action)) {
    if (action.type == WPM_ACTION_DIAL) {
      uint32_t number;
      memcpy(&number, action.peer.data + NUMBER_AT, sizeof number);
      must(number < peers, "a newcomer is dialled", number);
      dials[number] = action.u.dial.dial;
      begun++;
    }
  }
}

static void handle(const wpm_event *event) {
  check(wpm_manager_handle(manager, event, now), "event");
  act();
}

static void advance(void) {
  check(wpm_manager_advance(manager, now), "advance");
  act();
}

static void pass(int64_t ns) {
  now.mono.ns += ns;
  now.wall.ns += ns;
}

/* Of a connected peer, where it is not its own. */
static void hear_from(uint32_t teller, uint32_t number, bool is_static) {
  uint8_t id[ID_LEN];
  uint8_t teller_id[ID_LEN];
  uint8_t address[8];
  wpm_bytes addresses[] = {address_of(number, address)};
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = id_of(number, id)};
  e.u.found.addresses = addresses;
  e.u.found.address_count = 1;
  e.u.found.source = WPM_SOURCE_PEER_EXCHANGE;
  e.u.found.origin = WPM_ORIGIN_PEER_EXCHANGE;
  e.u.found.is_static = is_static;
  e.u.found.told_by = teller != number ? id_of(teller, teller_id) : (wpm_bytes){NULL, 0};
  handle(&e);
}

static void hear(uint32_t number) {
  hear_from(number, number, false);
}

static void come_up(uint32_t number, wpm_dial_id dial) {
  uint8_t id[ID_LEN];
  uint8_t address[8];
  wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = id_of(number, id)};
  e.u.connected.connection = number + 1;
  e.u.connected.dial = dial;
  e.u.connected.direction = dial ? WPM_OUTBOUND : WPM_INBOUND;
  e.u.connected.remote = address_of(number, address);
  handle(&e);
}

static void go_down(uint32_t number) {
  uint8_t id[ID_LEN];
  wpm_event e = {.type = WPM_EVENT_DISCONNECTED, .peer = id_of(number, id)};
  e.u.disconnected.connection = number + 1;
  e.u.disconnected.reason = WPM_REASON_EOF;
  handle(&e);
}

/* ---- how a peer stands ------------------------------------------------------------------------- */

static wpm_held_by held_by(uint32_t number) {
  uint8_t id[ID_LEN];
  wpm_plan plan;
  check(wpm_manager_plan(manager, id_of(number, id), now, &plan), "plan");
  return plan.held_by;
}

static bool is_connected(uint32_t number) {
  return held_by(number) == WPM_HELD_BY_CONNECTED;
}

static bool is_dialled(uint32_t number) {
  return held_by(number) == WPM_HELD_BY_DIALLING;
}

static wpm_peer_record record_of(uint32_t number) {
  uint8_t id[ID_LEN];
  wpm_peer_record out;
  check(wpm_store_get(wpm_manager_store(manager), id_of(number, id), &out), "get");
  return out;
}

static bool is_held(uint32_t number) {
  uint8_t id[ID_LEN];
  wpm_peer_record out;
  return wpm_store_get(wpm_manager_store(manager), id_of(number, id), &out) == WPM_OK;
}

static size_t held(void) {
  return wpm_store_count(wpm_manager_store(manager));
}

static uint64_t evicted_so_far(void) {
  wpm_store_counters counters = wpm_store_get_counters(wpm_manager_store(manager));
  uint64_t sum = 0;
  for (size_t i = 0; i < WPM_CAUSE_COUNT; i++) {
    sum += counters.evicted[i];
  }
  return sum;
}

/* ---- what is measured -------------------------------------------------------------------------- */

static void nothing_is_due(uint32_t at, uint32_t number) {
  (void)at, (void)number;
  check(wpm_manager_advance(manager, now), "advance");
}

static void nothing_was_due(uint32_t at, uint32_t number) {
  (void)at;
  must(wpm_manager_next_deadline(manager).ns > now.mono.ns, "something is due", number);
}

static void bytes_came(uint32_t at, uint32_t number) {
  uint8_t id[ID_LEN];
  (void)at;
  number %= CONNECTED;
  wpm_event e = {.type = WPM_EVENT_RECEIVED, .peer = id_of(number, id)};
  e.u.received.connection = number + 1;
  handle(&e);
}

static void bytes_had_come(uint32_t at, uint32_t number) {
  (void)at;
  must(is_connected(number % CONNECTED), "not connected", number % CONNECTED);
}

static void pong_came(uint32_t at, uint32_t number) {
  uint8_t id[ID_LEN];
  (void)at;
  number %= CONNECTED;
  wpm_event e = {.type = WPM_EVENT_PONG, .peer = id_of(number, id)};
  e.u.pong.connection = number + 1;
  e.u.pong.rtt_ns = 30 * WPM_MILLISECOND;
  handle(&e);
}

static void pong_had_come(uint32_t at, uint32_t number) {
  (void)at;
  uint8_t id[ID_LEN];
  wpm_explanation stands;
  number %= CONNECTED;
  check(wpm_manager_explain(manager, id_of(number, id), now, &stands), "explain");
  must(stands.rtt_last_ns == 30 * WPM_MILLISECOND, "no round trip", number);
}

static void heard(uint32_t at, uint32_t number) {
  (void)at;
  hear(number);
}

static void told(uint32_t at, uint32_t number) {
  (void)at;
  hear_from(number % CONNECTED, number, false);
}

static void removed(uint32_t at, uint32_t number) {
  uint8_t id[ID_LEN];
  (void)at;
  handle(&(wpm_event){.type = WPM_EVENT_PERSON_REMOVE, .peer = id_of(number, id)});
  must(!is_held(number), "not removed", number);
}

/* As after manager_kit_make: nothing is known of it but its address. */
static void as_before(uint32_t at, uint32_t number) {
  removed(at, number);
  hear(number);
}

static void was_heard(uint32_t at, uint32_t number) {
  (void)at;
  wpm_peer_record record = record_of(number);
  must(record.address_count == 1 && held() == peers, "not held as it should be", number);
  /* Whole seconds are kept. */
  must(now.wall.ns - record.addresses[0].last_seen.ns < WPM_SECOND, "not heard of now", number);
}

static void was_told(uint32_t at, uint32_t number) {
  was_heard(at, number);
  as_before(at, number);
}

static uint32_t newcomers;

static void newcomer(uint32_t at, uint32_t number) {
  (void)number;
  hear(NEW + newcomers + at);
}

static void store_is_full(uint32_t at, uint32_t number) {
  must(held() == peers, "the store is not full", number);
  evicted = at == 0 ? evicted_so_far() : evicted;
}

/* Each took the place of another, of a newcomer maybe. */
static void one_had_gone(uint32_t at, uint32_t number) {
  must(held() == peers, "the store is not full", number);
  must(evicted_so_far() > evicted + at, "nobody was evicted", number);
}

static void pruned(uint32_t at, uint32_t number) {
  uint8_t id[ID_LEN];
  (void)at;
  wpm_event e = {.type = WPM_EVENT_PRUNED, .peer = id_of(number, id)};
  e.u.pruned.backoff_ns = WPM_MINUTE;
  handle(&e);
}

static void was_pruned(uint32_t at, uint32_t number) {
  must(held_by(number) == WPM_HELD_BY_PRUNE_BACKOFF, "no prune backoff", number);
  as_before(at, number);
}

static void comes(uint32_t at, uint32_t number) {
  (void)at;
  come_up(number, 0);
}

static void goes(uint32_t at, uint32_t number) {
  (void)at;
  go_down(number);
}

static void had_come(uint32_t at, uint32_t number) {
  must(is_connected(number), "did not come", number);
  goes(at, number);
  as_before(at, number);
}

static void had_gone(uint32_t at, uint32_t number) {
  must(!is_connected(number) && record_of(number).reason == WPM_REASON_EOF, "did not go", number);
  as_before(at, number);
}

static const wpm_text agent = {"nwaku-v0.36.0", 13};
static const wpm_text protocols[] = {{"/ipfs/id/1.0.0", 14},
                                     {"/ipfs/ping/1.0.0", 16},
                                     {"/vac/waku/filter-subscribe/2.0.0-beta1", 38},
                                     {"/vac/waku/metadata/1.0.0", 24},
                                     {"/vac/waku/peer-exchange/2.0.0-alpha1", 36},
                                     {"/vac/waku/relay/2.0.0", 21}};
#define PROTOCOLS (sizeof protocols / sizeof protocols[0])

static void identified(uint32_t at, uint32_t number) {
  uint8_t id[ID_LEN];
  uint8_t address[8];
  const wpm_bytes addresses[] = {address_of(number, address)};
  const wpm_identified said = {.agent = &agent,
                               .addresses = addresses,
                               .address_count = 1,
                               .protocols = protocols,
                               .protocol_count = PROTOCOLS};
  (void)at;
  wpm_event e = {.type = WPM_EVENT_IDENTIFIED, .peer = id_of(number, id)};
  e.u.identified.connection = number + 1;
  e.u.identified.identified = &said;
  handle(&e);
}

static void metadata_came(uint32_t at, uint32_t number) {
  static const uint16_t shards[] = {0, 1, 2, 3, 4, 5, 6, 7};
  uint8_t id[ID_LEN];
  (void)at;
  wpm_event e = {.type = WPM_EVENT_METADATA, .peer = id_of(number, id)};
  e.u.metadata.connection = number + 1;
  e.u.metadata.has_cluster_id = true;
  e.u.metadata.cluster_id = 1;
  e.u.metadata.shards = shards;
  e.u.metadata.shard_count = sizeof shards / sizeof shards[0];
  handle(&e);
}

static void was_identified(uint32_t at, uint32_t number) {
  must(record_of(number).protocol_count == PROTOCOLS, "not identified", number);
  had_come(at, number);
}

static void metadata_had_come(uint32_t at, uint32_t number) {
  must(record_of(number).shard_count == 8, "no metadata", number);
  had_come(at, number);
}

static void imported(uint32_t at, uint32_t number) {
  uint8_t id[ID_LEN];
  uint8_t bytes[8];
  wpm_address address = {.multiaddr = address_of(number, bytes),
                         .source = WPM_SOURCE_IDENTIFY,
                         .first_seen = now.wall,
                         .last_seen = now.wall,
                         .last_success = WPM_WALL_NONE,
                         .last_failure = WPM_WALL_NONE,
                         .expires = WPM_WALL_NONE};
  wpm_peer_record record = {.disconnect_time = WPM_WALL_NONE,
                            .connected_time = WPM_WALL_NONE,
                            .first_failure = WPM_WALL_NONE,
                            .last_failure = WPM_WALL_NONE,
                            .rtt_ns = WPM_SPAN_NONE};
  (void)at;
  record.id = id_of(number, id);
  record.addresses = &address;
  record.address_count = 1;
  record.protocols = protocols;
  record.protocol_count = PROTOCOLS;
  record.protocols_known = true;
  record.agent = agent;
  wpm_event e = {.type = WPM_EVENT_IMPORTED, .peer = record.id};
  e.u.imported.record = &record;
  handle(&e);
}

static void was_imported(uint32_t at, uint32_t number) {
  must(record_of(number).protocol_count == PROTOCOLS && held() == peers, "not imported", number);
  as_before(at, number);
}

/* ---- dials ------------------------------------------------------------------------------------- */

/* A person has it dialled. */
static void dialled(uint32_t at, uint32_t number) {
  uint8_t id[ID_LEN];
  (void)at;
  handle(&(wpm_event){.type = WPM_EVENT_PERSON_CONNECT, .peer = id_of(number, id)});
  must(is_dialled(number), "no dial began", number);
}

static void dial_failed(uint32_t at, uint32_t number) {
  uint8_t id[ID_LEN];
  uint8_t address[8];
  const wpm_failed_address failed[] = {{address_of(number, address), WPM_REASON_REFUSED}};
  (void)at;
  wpm_event e = {.type = WPM_EVENT_DIAL_FAILED, .peer = id_of(number, id)};
  e.u.dial_failed.dial = dials[number];
  e.u.dial_failed.reason = WPM_REASON_REFUSED;
  e.u.dial_failed.addresses = failed;
  e.u.dial_failed.address_count = 1;
  handle(&e);
}

static void dial_had_failed(uint32_t at, uint32_t number) {
  must(!is_dialled(number) && record_of(number).failures == 1, "the dial did not fail", number);
  as_before(at, number);
}

/* It is to be kept connected, and waits for its next attempt. */
static void waits(uint32_t at, uint32_t number) {
  hear_from(number, number, true);
  must(is_dialled(number), "no dial began", number);
  dial_failed(at, number);
  must(held_by(number) == WPM_HELD_BY_RETRY_DELAY, "it does not wait", number);
  dials[number] = 0;
}

/* On to the next dial: of whoever's wait is over first. Where two are due at once none is left for the second. */
static void one_is_due(uint32_t at, uint32_t number) {
  (void)number;
  begun = at == 0 ? 0 : begun;
  while (begun <= at) {
    wpm_mono due = wpm_manager_next_deadline(manager);
    must(due.ns - now.mono.ns < WPM_MINUTE, "nobody is dialled", number);
    pass(due.ns > now.mono.ns ? due.ns - now.mono.ns : 0);
    advance();
  }
}

static void one_was_due(uint32_t at, uint32_t number) {
  must(is_dialled(number) && dials[number] != 0, "no dial began", number);
  as_before(at, number);
}

/* ---- the manager ------------------------------------------------------------------------------- */

/* Nobody falls silent meanwhile. */
static void all_send(void) {
  for (uint32_t number = 0; number < CONNECTED; number++) {
    bytes_came(0, number);
  }
}

/* In steps, or it would take it for a sleep. Once a minute the manager looks through the ages of a sixtieth of
 * all, in small steps that are due at once; they are none of what is measured. */
static void minute_passes(void) {
  for (int64_t left = WPM_MINUTE; left > 0; left -= 10 * WPM_SECOND) {
    pass(10 * WPM_SECOND);
    all_send();
    advance();
  }
  hear(0);
  while (wpm_manager_next_deadline(manager).ns <= now.mono.ns) {
    advance();
  }
}

/* Those that it dials itself, being all that it knows. */
static void choose_outbound(void) {
  for (uint32_t number = 0; number < OUTBOUND; number++) {
    hear(number);
  }
  for (uint32_t left = OUTBOUND; left > 0; pass(WPM_SECOND)) {
    advance();
    for (uint32_t number = 0; number < OUTBOUND; number++) {
      if (dials[number]) {
        come_up(number, dials[number]);
        identified(0, number);
        dials[number] = 0;
        left--;
      }
    }
  }
}

void manager_kit_make(uint32_t count) {
  wpm_manager_config config;
  uint8_t local[ID_LEN];
  wpm_manager_config_default(&config);
  check(wpm_peer_id_from_bytes(id_of(UINT32_MAX, local), &config.local_peer), "id");
  config.store.max_peers = count;
  config.max_connections = 2 * CONNECTED + BATCH_LIVE;
  config.max_dials = BATCH_LIVE;
  config.rotate_ns = 0; /* Nothing begins but what is measured. */
  config.feeler_ns = 0;
  check(wpm_manager_new(&config, &manager), "manager");
  dials = calloc(count, sizeof *dials);
  must(dials != NULL, "no memory", 0);
  peers = count;
  now = (wpm_instant){{WPM_HOUR}, {INT64_C(1790000000) * WPM_SECOND}, 1};
  turn = 0;
  others_turn = 0;
  choose_outbound();
  for (uint32_t i = OUTBOUND; i < count; i++) {
    hear(i);
  }
  for (uint32_t i = OUTBOUND; i < CONNECTED; i++) {
    come_up(i, 0);
  }
  must(wpm_manager_connection_count(manager) == CONNECTED && held() == count, "not all came", 0);
}

void manager_kit_drop(void) {
  wpm_manager_free(manager);
  free(dials);
  manager = NULL;
  dials = NULL;
}

/* ---- batches ----------------------------------------------------------------------------------- */

const manager_kit_kind manager_kit_kinds[] = {
    {"advance, nothing due", "advance", NULL, nothing_is_due, nothing_was_due, BATCH},
    {"received", "received", NULL, bytes_came, bytes_had_come, BATCH},
    {"pong", "pong", NULL, pong_came, pong_had_come, BATCH},
    {"found again", "found_again", NULL, heard, was_heard, BATCH},
    {"pruned", "pruned", NULL, pruned, was_pruned, BATCH},
    {"connected", "connected", NULL, comes, had_come, BATCH_LIVE},
    {"identified", "identified", comes, identified, was_identified, BATCH_LIVE},
    {"metadata", "metadata", comes, metadata_came, metadata_had_come, BATCH_LIVE},
    {"disconnected", "disconnected", comes, goes, had_gone, BATCH_LIVE},
    {"dial failed", "dial_failed", dialled, dial_failed, dial_had_failed, BATCH_LIVE},
    {"advance, one dial begun", "dial", waits, one_is_due, one_was_due, BATCH_LIVE},
    {"found, with room", "found", removed, heard, was_heard, BATCH},
    {"found, told by a peer, with room", "told", removed, told, was_told, BATCH},
    {"imported, with room", "imported", removed, imported, was_imported, BATCH},
    {"found, one evicted for it", "evicted", store_is_full, newcomer, one_had_gone, BATCH},
};
const size_t manager_kit_kind_count = sizeof manager_kit_kinds / sizeof manager_kit_kinds[0];

/* Those that are not connected take turns. */
static uint32_t peer_of(uint64_t at) {
  return CONNECTED + (uint32_t)(at * FAR_APART % (peers - CONNECTED));
}

uint32_t manager_kit_batch(const manager_kit_kind *kind, uint32_t most) {
  uint32_t half = (peers - CONNECTED) / 2;
  uint32_t batch = kind->batch < half ? kind->batch : half;
  return batch < most ? batch : most;
}

static void step(void (*each)(uint32_t at, uint32_t number), uint32_t count) {
  for (uint32_t at = 0; each && at < count; at++) {
    each(at, peer_of(turn + at));
  }
}

void manager_kit_ready(const manager_kit_kind *kind, uint32_t count) {
  minute_passes();
  step(kind->ready, count);
}

void manager_kit_run(const manager_kit_kind *kind, uint32_t count) {
  step(kind->once, count);
}

void manager_kit_over(const manager_kit_kind *kind, uint32_t count) {
  step(kind->over, count);
  turn += count;
  newcomers += kind->once == newcomer ? count : 0;
}

void manager_kit_hear_others(uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    hear(peer_of(turn + peers / 2 + others_turn++ % (peers / 3)));
  }
}
