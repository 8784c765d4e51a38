#include "support/core/world.h"

#include "support/core/store_model.h"

#include "support/test.h"

#include "base/ip_text.h"
#include "base/multiaddr.h"
#include "base/record.h"

#include <string.h>

static uint8_t ids[WPM_WORLD_PEERS][39];

wpm_bytes wpm_world_id(int peer) {
  assert_in_range(peer, 0, WPM_WORLD_PEERS - 1);
  uint8_t *id = ids[peer];
  static const uint8_t head[] = {0x00, 0x25, 0x08, 0x02, 0x12, 0x21, 0x02};
  memcpy(id, head, sizeof(head));
  id[7] = (uint8_t)(peer >> 8);
  id[8] = (uint8_t)peer;
  return (wpm_bytes){id, sizeof(ids[0])};
}

static int number_of(wpm_bytes id) {
  assert_int_equal(id.len, sizeof(ids[0]));
  return id.data[7] << 8 | id.data[8];
}

enum { IP4_TCP = 8, IP6_TCP = 20 }; /* Bytes of such a multiaddr. */

static wpm_bytes keep_for_a_while(const uint8_t *bytes, size_t size) {
  static uint8_t ring[8][IP6_TCP];
  static unsigned next;
  uint8_t *a = ring[next++ % 8];
  memcpy(a, bytes, size);
  return (wpm_bytes){a, size};
}

static unsigned groups_of_all;

void wpm_world_scatter(unsigned groups) {
  groups_of_all = groups;
}

wpm_bytes wpm_world_address(int peer, uint16_t port) {
  uint8_t first = (uint8_t)(45 + (groups_of_all > 0 ? (unsigned)peer % groups_of_all : 0));
  const uint8_t bytes[8] = {4, first, (uint8_t)(peer >> 8), (uint8_t)peer,
                            1, 6,     (uint8_t)(port >> 8), (uint8_t)port};
  return keep_for_a_while(bytes, sizeof(bytes));
}

wpm_bytes wpm_world_address_in(unsigned group, int peer) {
  const uint8_t bytes[8] = {4,    46,  (uint8_t)group, (uint8_t)(peer >> 8), (uint8_t)peer, 6,
                            0xea, 0x60};
  return keep_for_a_while(bytes, sizeof(bytes));
}

wpm_bytes wpm_world_address_of(const uint8_t ip[16], uint16_t port) {
  uint8_t bytes[IP6_TCP] = {41};
  bool is_ip4 = wpm_ip6_is_mapped(ip);
  size_t size = is_ip4 ? IP4_TCP : IP6_TCP;
  const uint8_t tcp[] = {6, (uint8_t)(port >> 8), (uint8_t)port};
  bytes[0] = is_ip4 ? 4 : bytes[0];
  memcpy(bytes + 1, is_ip4 ? ip + 12 : ip, is_ip4 ? 4 : 16);
  memcpy(bytes + size - sizeof(tcp), tcp, sizeof(tcp));
  return keep_for_a_while(bytes, size);
}

wpm_event wpm_world_heard(int peer, const wpm_bytes *address, wpm_address_source source) {
  return (wpm_event){
      .type = WPM_EVENT_FOUND,
      .peer = wpm_world_id(peer),
      .u.found = {.addresses = address, .address_count = 1, .source = source},
  };
}

wpm_world *wpm_world_new(int local) {
  wpm_world *w = calloc(1, sizeof(*w));
  assert_non_null(w);
  wpm_manager_config_default(&w->config);
  w->config.relay_outbound = 0; /* Tests of that set it. */
  assert_int_equal(wpm_peer_id_from_bytes(wpm_world_id(local), &w->config.local_peer), WPM_OK);
  w->config.seed = 42;
  w->now = (wpm_instant){{1000 * WPM_SECOND}, {1735689600 * WPM_SECOND}, 1};
  w->next_connection = 1;
  return w;
}

void wpm_world_start(wpm_world *w) {
  assert_int_equal(wpm_manager_new(&w->config, &w->manager), WPM_OK);
  w->called.ns = INT64_MIN;
}

void wpm_world_free(wpm_world *w) {
  if (w->manager) {
    wpm_world_check(w);
  }
  wpm_manager_free(w->manager);
  for (int i = 0; i < WPM_WORLD_PEERS; i++) {
    free(w->disk[i]);
  }
  free(w);
}

int wpm_world_setup(void **state) {
  wpm_world *w = wpm_world_new(100);
  wpm_world_start(w);
  *state = w;
  return 0;
}

int wpm_world_teardown(void **state) {
  wpm_world_free(*state);
  return 0;
}

/* ---- actions --------------------------------------------------------------------------------- */

/* Stores a record, of which only `fields` may differ from what is stored; round trips wait a while. */
static void store(wpm_world *w, int peer, uint32_t fields) {
  wpm_peer_record record = wpm_world_record(w, peer);
  uint32_t differ = w->disk[peer] ? wpm_model_difference(w->disk[peer], &record) : WPM_FIELD_ALL;
  fields |=
      fields & WPM_FIELD_ADDRESSES ? WPM_FIELD_ADDRESS_TIMES : 0; /* They are stored with them. */
  uint32_t silent = differ & ~fields & ~(uint32_t)WPM_FIELD_RTT;
  if (silent) {
    fail_msg("peer %d differs in fields %x, of which %x are not to be stored", peer, differ,
             silent);
  }
  free(w->disk[peer]);
  w->disk[peer] = wpm_record_clone(&record);
  assert_non_null(w->disk[peer]);
}

static void store_range(wpm_world *w, const wpm_range_ban *ban) {
  size_t i = 0;
  while (i < w->range_count && memcmp(&w->ranges[i].range, &ban->range, sizeof(ban->range)) != 0) {
    i++;
  }
  if (ban->ban.length_ns > 0) {
    assert_true(i < WPM_WORLD_RANGES);
    w->ranges[i] = *ban;
    w->range_count += i == w->range_count;
  } else {
    assert_true(i < w->range_count);
    w->ranges[i] = w->ranges[--w->range_count];
  }
}

/* Of its TCP or UDP. */
static uint16_t port_of(wpm_bytes multiaddr) {
  wpm_multiaddr_part part;
  uint16_t port = 0;
  while (wpm_multiaddr_next(&multiaddr, &part)) {
    if (part.code == WPM_P_TCP || part.code == WPM_P_UDP) {
      port = (uint16_t)(part.value.data[0] << 8 | part.value.data[1]);
    }
  }
  return port;
}

static void note(wpm_world *w, const wpm_action *action) {
  assert_true(w->count < WPM_WORLD_ACTIONS);
  wpm_world_action *a = &w->log[w->count++];
  int peer = action->type == WPM_ACTION_PERSIST_RANGE_BAN ? -1 : number_of(action->peer);
  *a = (wpm_world_action){.type = action->type, .peer = peer, .at = w->now.mono};
  switch (action->type) {
  case WPM_ACTION_DIAL:
    a->dial = action->u.dial.dial;
    a->address_count = action->u.dial.address_count;
    assert_true(a->address_count > 0);
    assert_true(a->address_count <= WPM_DIAL_ADDRESSES_MAX);
    for (size_t i = 0; i < a->address_count; i++) {
      a->ports[i] = port_of(action->u.dial.addresses[i]);
      (void)wpm_multiaddr_ip(action->u.dial.addresses[i], a->ips[i]);
    }
    a->first_port = a->ports[0];
    break;
  case WPM_ACTION_CANCEL_DIAL:
    a->dial = action->u.cancel_dial.dial;
    break;
  case WPM_ACTION_DISCONNECT:
    a->connection = action->u.disconnect.connection;
    a->reason = action->u.disconnect.reason;
    a->go_away_code = action->u.disconnect.go_away_code;
    break;
  case WPM_ACTION_PING:
  case WPM_ACTION_IDENTIFY:
  case WPM_ACTION_REQUEST_METADATA:
    a->connection = action->u.ping.connection;
    break;
  case WPM_ACTION_PERSIST:
    store(w, a->peer, action->u.persist.fields);
    break;
  case WPM_ACTION_FORGET:
    free(w->disk[a->peer]);
    w->disk[a->peer] = NULL;
    w->buried[a->peer] = action->u.forget.tombstone;
    w->buried[a->peer].id = wpm_world_id(a->peer);
    break;
  case WPM_ACTION_PERSIST_RANGE_BAN:
    assert_int_equal(action->peer.len, 0);
    store_range(w, &action->u.persist_range_ban.ban);
    break;
  case WPM_ACTION_NOTIFY:
    a->from = action->u.notify.from;
    a->to = action->u.notify.to;
    a->reason = action->u.notify.reason;
    break;
  }
}

static void pull(wpm_world *w) {
  wpm_action action;
  while (wpm_manager_next_action(w->manager, &action)) {
    note(w, &action);
  }
}

wpm_world_action *wpm_world_take(wpm_world *w, wpm_action_type type, int peer) {
  for (size_t i = 0; i < w->count; i++) {
    wpm_world_action *a = &w->log[i];
    if (!a->taken && a->type == type && (peer < 0 || a->peer == peer)) {
      a->taken = true;
      return a;
    }
  }
  return NULL;
}

wpm_world_action *wpm_world_expect(wpm_world *w, wpm_action_type type, int peer) {
  wpm_world_action *a = wpm_world_take(w, type, peer);
  if (!a) {
    fail_msg("no action of type %d for peer %d", (int)type, peer);
  }
  return a;
}

void wpm_world_expect_none(wpm_world *w, wpm_action_type type, int peer) {
  const wpm_world_action *a = wpm_world_take(w, type, peer);
  if (a) {
    fail_msg("unexpected action of type %d for peer %d, pulled at %lld ns", (int)type, a->peer,
             (long long)a->at.ns);
  }
}

void wpm_world_forget_log(wpm_world *w) {
  w->count = 0;
}

size_t wpm_world_count(const wpm_world *w, wpm_action_type type) {
  size_t count = 0;
  for (size_t i = 0; i < w->count; i++) {
    count += !w->log[i].taken && w->log[i].type == type;
  }
  return count;
}

/* ---- time ------------------------------------------------------------------------------------ */

void wpm_world_pass(wpm_world *w, int64_t ns) {
  w->now.mono.ns += ns;
  w->now.wall.ns += ns;
}

void wpm_world_run(wpm_world *w, int64_t ns) {
  int64_t end = w->now.mono.ns + ns;
  int at_once = 0;
  for (;;) {
    int64_t next = wpm_manager_next_deadline(w->manager).ns;
    if (next > end) {
      next = end;
    }
    if (next > w->now.mono.ns) {
      wpm_world_pass(w, next - w->now.mono.ns);
    }
    w->called = w->now.mono;
    assert_int_equal(wpm_manager_advance(w->manager, w->now), WPM_OK);
    pull(w);
    bool again = wpm_manager_next_deadline(w->manager).ns <= w->now.mono.ns;
    at_once = again ? at_once + 1 : 0; /* What was done freed a place, say, for the next to take. */
    assert_true(at_once < 3);
    if (w->now.mono.ns >= end && !again) {
      return;
    }
  }
}

/* ---- facts ----------------------------------------------------------------------------------- */

int wpm_world_handle(wpm_world *w, const wpm_event *event) {
  w->called = w->now.mono;
  int err = wpm_manager_handle(w->manager, event, w->now);
  pull(w);
  return err;
}

int wpm_world_found(wpm_world *w, int peer, uint16_t port, bool is_static) {
  wpm_bytes address = wpm_world_address(peer, port);
  return wpm_world_found_at(w, peer, port > 0 ? address : (wpm_bytes){NULL, 0}, is_static);
}

int wpm_world_found_at(wpm_world *w, int peer, wpm_bytes address, bool is_static) {
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(peer)};
  e.u.found.addresses = &address;
  e.u.found.address_count = address.len > 0;
  e.u.found.source = WPM_SOURCE_CONFIG;
  e.u.found.origin = WPM_ORIGIN_STATIC;
  e.u.found.is_static = is_static;
  return wpm_world_handle(w, &e);
}

void wpm_world_hear_in(wpm_world *w, int peer, unsigned group) {
  wpm_bytes address = wpm_world_address_in(group, peer);
  wpm_event e = wpm_world_heard(peer, &address, WPM_SOURCE_PEER_EXCHANGE);
  e.u.found.origin = WPM_ORIGIN_PEER_EXCHANGE;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

int wpm_world_person(wpm_world *w, int peer, wpm_event_type type) {
  wpm_event e = {.type = type, .peer = wpm_world_id(peer)};
  return wpm_world_handle(w, &e);
}

int wpm_world_connected(wpm_world *w, int peer, wpm_direction direction, wpm_dial_id dial,
                        wpm_connection_id *connection) {
  wpm_bytes remote = wpm_world_address(peer, direction == WPM_INBOUND ? 50000 : 60000);
  return wpm_world_connected_from(w, peer, direction, dial, remote, connection);
}

int wpm_world_connected_from(wpm_world *w, int peer, wpm_direction direction, wpm_dial_id dial,
                             wpm_bytes remote, wpm_connection_id *connection) {
  wpm_bytes id = wpm_world_id(peer);
  wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = id};
  e.u.connected.connection = *connection = w->next_connection++;
  e.u.connected.dial = dial;
  e.u.connected.direction = direction;
  e.u.connected.remote = remote;
  e.u.connected.public_key = (wpm_bytes){id.data + 2, id.len - 2};
  return wpm_world_handle(w, &e);
}

int wpm_world_dial_failed(wpm_world *w, int peer, wpm_dial_id dial, wpm_reason reason) {
  wpm_failed_address failed = {wpm_world_address(peer, 60000), reason};
  wpm_event e = {.type = WPM_EVENT_DIAL_FAILED, .peer = wpm_world_id(peer)};
  e.u.dial_failed.dial = dial;
  e.u.dial_failed.reason = reason;
  e.u.dial_failed.addresses = &failed;
  e.u.dial_failed.address_count = 1;
  return wpm_world_handle(w, &e);
}

int wpm_world_disconnected(wpm_world *w, int peer, wpm_connection_id connection,
                           wpm_reason reason) {
  wpm_event e = {.type = WPM_EVENT_DISCONNECTED, .peer = wpm_world_id(peer)};
  e.u.disconnected.connection = connection;
  e.u.disconnected.reason = reason;
  return wpm_world_handle(w, &e);
}

int wpm_world_received(wpm_world *w, int peer, wpm_connection_id connection) {
  wpm_event e = {.type = WPM_EVENT_RECEIVED, .peer = wpm_world_id(peer)};
  e.u.received.connection = connection;
  return wpm_world_handle(w, &e);
}

int wpm_world_pong(wpm_world *w, int peer, wpm_connection_id connection, int64_t rtt_ns) {
  wpm_event e = {.type = WPM_EVENT_PONG, .peer = wpm_world_id(peer)};
  e.u.pong.connection = connection;
  e.u.pong.rtt_ns = rtt_ns;
  return wpm_world_handle(w, &e);
}

#define TEXT(literal) ((wpm_text){(literal), sizeof(literal) - 1})

int wpm_world_identified_at(wpm_world *w, int peer, wpm_connection_id connection, bool relay,
                            bool serves, wpm_bytes address) {
  wpm_text protocols[4] = {TEXT("/ipfs/ping/1.0.0"), TEXT("/ipfs/id/1.0.0")};
  size_t count = 2;
  if (relay) {
    protocols[count++] = TEXT("/vac/waku/relay/2.0.0");
  }
  if (serves) {
    protocols[count++] = TEXT(WPM_WORLD_SERVICE);
  }
  wpm_text agent = TEXT("peer/1.0");
  wpm_identified fact = {.agent = &agent,
                         .protocols = protocols,
                         .protocol_count = count,
                         .addresses = address.len > 0 ? &address : NULL,
                         .address_count = address.len > 0};
  wpm_event e = {.type = WPM_EVENT_IDENTIFIED, .peer = wpm_world_id(peer)};
  e.u.identified.connection = connection;
  e.u.identified.identified = &fact;
  return wpm_world_handle(w, &e);
}

static int identified(wpm_world *w, int peer, wpm_connection_id connection, bool relay, bool serves,
                      uint16_t port) {
  wpm_bytes address = wpm_world_address(peer, port);
  return wpm_world_identified_at(w, peer, connection, relay, serves,
                                 port > 0 ? address : (wpm_bytes){NULL, 0});
}

int wpm_world_identified(wpm_world *w, int peer, wpm_connection_id connection, bool relay,
                         uint16_t port) {
  return identified(w, peer, connection, relay, false, port);
}

int wpm_world_identified_serving(wpm_world *w, int peer, wpm_connection_id connection, bool relay,
                                 uint16_t port) {
  return identified(w, peer, connection, relay, true, port);
}

int wpm_world_metadata(wpm_world *w, int peer, wpm_connection_id connection, int64_t cluster_id,
                       int shard) {
  uint16_t shards[1] = {(uint16_t)shard};
  wpm_event e = {.type = WPM_EVENT_METADATA, .peer = wpm_world_id(peer)};
  e.u.metadata.connection = connection;
  e.u.metadata.has_cluster_id = cluster_id >= 0;
  e.u.metadata.cluster_id = cluster_id >= 0 ? (uint32_t)cluster_id : 0;
  e.u.metadata.shards = shards;
  e.u.metadata.shard_count = shard >= 0;
  return wpm_world_handle(w, &e);
}

int wpm_world_pruned(wpm_world *w, int peer, int64_t backoff_ns) {
  wpm_event e = {.type = WPM_EVENT_PRUNED, .peer = wpm_world_id(peer)};
  e.u.pruned.backoff_ns = backoff_ns;
  return wpm_world_handle(w, &e);
}

int wpm_world_named(wpm_world *w, int peer, wpm_address_source source, const char *const *texts,
                    size_t count) {
  wpm_multiaddr parsed[WPM_WORLD_ADDRESSES];
  wpm_bytes addresses[WPM_WORLD_ADDRESSES];
  assert_true(count <= WPM_WORLD_ADDRESSES);
  for (size_t i = 0; i < count; i++) {
    addresses[i] = wpm_world_parse(texts[i], &parsed[i]);
  }
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(peer)};
  e.u.found.addresses = addresses;
  e.u.found.address_count = count;
  e.u.found.source = source;
  e.u.found.origin = WPM_ORIGIN_STATIC;
  e.u.found.is_static = true;
  return wpm_world_handle(w, &e);
}

wpm_bytes wpm_world_parse(const char *text, wpm_multiaddr *out) {
  assert_int_equal(wpm_multiaddr_parse((wpm_text){text, strlen(text)}, out, NULL), WPM_OK);
  return wpm_multiaddr_view(out);
}

wpm_connection_id wpm_world_dial_ended(wpm_world *w, int peer, wpm_dial_id dial, const char *won,
                                       const char *const *failed, size_t count, wpm_reason reason) {
  wpm_multiaddr parsed[WPM_WORLD_ADDRESSES + 1];
  wpm_failed_address list[WPM_WORLD_ADDRESSES];
  wpm_event e = {.type = WPM_EVENT_DIAL_FAILED, .peer = wpm_world_id(peer)};
  assert_true(count <= WPM_WORLD_ADDRESSES);
  for (size_t i = 0; i < count; i++) {
    list[i] = (wpm_failed_address){wpm_world_parse(failed[i], &parsed[i]), reason};
  }
  e.u.dial_failed.dial = dial;
  e.u.dial_failed.reason = reason;
  e.u.dial_failed.addresses = list;
  e.u.dial_failed.address_count = count;
  if (won) {
    e.type = WPM_EVENT_CONNECTED;
    e.u.connected.connection = w->next_connection++;
    e.u.connected.dial = dial;
    e.u.connected.direction = WPM_OUTBOUND;
    e.u.connected.remote = wpm_world_parse(won, &parsed[WPM_WORLD_ADDRESSES]);
    e.u.connected.public_key = (wpm_bytes){e.peer.data + 2, e.peer.len - 2};
    e.u.connected.failed = list;
    e.u.connected.failed_count = count;
  }
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  return won ? w->next_connection - 1 : 0;
}

static void identify(wpm_world *w, int peer, wpm_connection_id connection, int relay) {
  if (relay >= 0) {
    assert_int_equal(wpm_world_identified(w, peer, connection, relay == 1, 0), WPM_OK);
  }
}

wpm_connection_id wpm_world_come_up(wpm_world *w, int peer, int relay) {
  wpm_connection_id connection;
  wpm_dial_id dial = wpm_world_expect(w, WPM_ACTION_DIAL, peer)->dial;
  assert_int_equal(wpm_world_connected(w, peer, WPM_OUTBOUND, dial, &connection), WPM_OK);
  identify(w, peer, connection, relay);
  return connection;
}

wpm_peer_record wpm_world_imported(int peer, wpm_bytes multiaddr, wpm_address *address) {
  *address = (wpm_address){.multiaddr = multiaddr,
                           .source = WPM_SOURCE_IMPORT,
                           .first_seen = WPM_WALL_NONE,
                           .last_seen = WPM_WALL_NONE,
                           .last_success = WPM_WALL_NONE,
                           .last_failure = WPM_WALL_NONE,
                           .expires = WPM_WALL_NONE};
  return (wpm_peer_record){.id = wpm_world_id(peer),
                           .addresses = address,
                           .address_count = 1,
                           .disconnect_time = WPM_WALL_NONE,
                           .connected_time = WPM_WALL_NONE,
                           .first_failure = WPM_WALL_NONE,
                           .last_failure = WPM_WALL_NONE,
                           .rtt_ns = WPM_SPAN_NONE};
}

wpm_connection_id wpm_world_come_in(wpm_world *w, int peer, int relay) {
  wpm_connection_id connection;
  assert_int_equal(wpm_world_connected(w, peer, WPM_INBOUND, 0, &connection), WPM_OK);
  identify(w, peer, connection, relay);
  return connection;
}

/* ---- looking --------------------------------------------------------------------------------- */

wpm_peer_record wpm_world_record(const wpm_world *w, int peer) {
  wpm_peer_record record;
  assert_int_equal(wpm_store_get(wpm_manager_store(w->manager), wpm_world_id(peer), &record),
                   WPM_OK);
  return record;
}

wpm_connectivity wpm_world_state(const wpm_world *w, int peer) {
  return wpm_world_record(w, peer).connectivity;
}

wpm_plan wpm_world_plan(const wpm_world *w, int peer) {
  wpm_plan plan;
  assert_int_equal(wpm_manager_plan(w->manager, wpm_world_id(peer), w->now, &plan), WPM_OK);
  return plan;
}

static void expect_wait(const wpm_world *w, int peer, wpm_mono end, int64_t from, int64_t to) {
  int64_t wait = end.ns - w->now.mono.ns;
  if (wait < from || wait > to) {
    fail_msg("peer %d waits for %lld ns, not %lld … %lld", peer, (long long)wait, (long long)from,
             (long long)to);
  }
}

void wpm_world_expect_plan(const wpm_world *w, int peer, wpm_held_by held_by, int64_t from,
                           int64_t to) {
  wpm_plan plan = wpm_world_plan(w, peer);
  assert_string_equal(wpm_held_by_name(plan.held_by), wpm_held_by_name(held_by));
  if (from == WPM_SPAN_NONE) {
    assert_true(plan.next_dial.ns == WPM_NEVER.ns);
    return;
  }
  expect_wait(w, peer, plan.next_dial, from, to);
  assert_int_equal(plan.until.ns,
                   held_by == WPM_HELD_BY_NOTHING ? WPM_NEVER.ns : plan.next_dial.ns);
}

void wpm_world_expect_candidate(const wpm_world *w, int peer, wpm_held_by held_by, int64_t from,
                                int64_t to) {
  wpm_plan plan = wpm_world_plan(w, peer);
  assert_string_equal(wpm_held_by_name(plan.held_by), wpm_held_by_name(held_by));
  assert_true(plan.next_dial.ns == WPM_NEVER.ns);
  expect_wait(w, peer, plan.until, from, to);
}

void wpm_world_check(const wpm_world *w) {
  wpm_error error;
  if (wpm_store_check(wpm_manager_store(w->manager), &error) != WPM_OK) {
    fail_msg("%s", error.text);
  }
}

/* ---- restart --------------------------------------------------------------------------------- */

void wpm_world_end(wpm_world *w, bool clean) {
  if (clean) {
    wpm_manager_stop(w->manager, w->now);
    pull(w);
  }
  wpm_world_check(w);
  wpm_manager_free(w->manager);
  w->manager = NULL;
}

void wpm_world_restart(wpm_world *w, const wpm_instant *heartbeat) {
  wpm_world_start(w);
  for (size_t i = 0; i < w->range_count;) {
    int err = wpm_manager_restore_range_ban(w->manager, &w->ranges[i], heartbeat, w->now);
    assert_true(err == WPM_OK || err == WPM_ERR_STALE);
    if (err) { /* It need not be stored any longer. */
      w->ranges[i] = w->ranges[--w->range_count];
    } else {
      i++;
    }
  }
  for (int i = 0; i < WPM_WORLD_PEERS; i++) {
    if (w->disk[i]) {
      assert_int_equal(wpm_manager_restore(w->manager, w->disk[i], heartbeat, w->now), WPM_OK);
    }
  }
  for (int i = 0; i < WPM_WORLD_PEERS; i++) {
    const wpm_tombstone *left = &w->buried[i];
    if (!w->disk[i] && (left->ban.length_ns > 0 || left->prune_backoff.length_ns > 0)) {
      wpm_tombstone copy = *left;
      int err = wpm_manager_restore_tombstone(w->manager, &copy, heartbeat, w->now);
      assert_true(err == WPM_OK || err == WPM_ERR_STALE);
      w->buried[i] = copy;
    }
  }
  pull(w);
}
