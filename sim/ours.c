/* Our policy in the simulator: the manager, by its public calls alone, with a model of its host: the
 * facts of the world are its facts, its actions those of the world, but for PERSIST and FORGET, which
 * go to the disk (sim/disk.h). */
#include "sim/disk.h"
#include "sim/identify.h"
#include "sim/identity.h"
#include "sim/ours_config.h"

#include <stdlib.h>

#define SIM_BLAME (-200) /* Discouraged for hours: as it fades, half of it is left after ten. */

struct sim_policy {
  sim_setup setup;
  wpm_manager *manager;  /* NULL: it does not run. */
  sim_disk *disk;        /* NULL: it only sleeps, and keeps nothing. */
  wpm_instant heartbeat; /* Of the last run. */
  bool has_heartbeat;
  wpm_instant started; /* Of this run; the last heartbeat is a whole number of seconds after it. */
  uint64_t runs;
  int error; /* Of the disk; told by the next call. */
};

/* ---- beginning and end ----------------------------------------------------------------------- */

static void drop(sim_policy *policy) {
  if (policy) {
    wpm_manager_free(policy->manager);
    sim_disk_free(policy->disk);
    free(policy);
  }
}

static sim_policy *make(const sim_setup *setup) {
  sim_policy *policy = calloc(1, sizeof(*policy));
  if (!policy) {
    return NULL;
  }
  policy->setup = *setup;
  policy->disk = setup->only_sleeps ? NULL : sim_disk_new(setup->peers);
  if (!policy->disk && !setup->only_sleeps) {
    drop(policy);
    return NULL;
  }
  return policy;
}

static int start(sim_policy *policy, wpm_instant now) {
  wpm_manager_config config;
  wpm_service service;
  int err =
      sim_ours_configure(&policy->setup, policy->setup.seed + policy->runs, &service, &config);
  if (!err) {
    err = wpm_manager_new(&config, &policy->manager);
  }
  if (!err) {
    err = sim_disk_restore(policy->disk, policy->manager,
                           policy->has_heartbeat ? &policy->heartbeat : NULL, now);
  }
  policy->started = now;
  policy->runs++;
  return err;
}

static void end(sim_policy *policy) {
  wpm_manager_free(policy->manager);
  policy->manager = NULL;
  policy->has_heartbeat = true;
}

static int stop(sim_policy *policy, wpm_instant now) {
  sim_action action;
  wpm_manager_stop(policy->manager, now);
  while (sim_policy_ours.next_action(policy, now, &action)) {}
  int err = sim_disk_commit(policy->disk, policy->manager, now);
  policy->heartbeat = now;
  end(policy);
  return err ? err : policy->error;
}

static void crash(sim_policy *policy, wpm_instant now) {
  int64_t lived = now.mono.ns - policy->started.mono.ns;
  int64_t since = lived % WPM_SECOND;
  policy->heartbeat = now;
  policy->heartbeat.mono.ns -= since;
  policy->heartbeat.wall.ns -= since;
  sim_disk_lose(policy->disk);
  end(policy);
}

/* ---- facts ----------------------------------------------------------------------------------- */

/* The binary addresses of a fact, and views of them. */
typedef struct views {
  uint8_t bytes[SIM_ADDRESSES_MAX][SIM_MULTIADDR_SIZE];
  wpm_bytes list[SIM_ADDRESSES_MAX];
} views;

static void view_addresses(const sim_fact *fact, views *out) {
  for (size_t i = 0; i < fact->address_count; i++) {
    sim_multiaddr(fact->addresses[i], out->bytes[i]);
    out->list[i] = (wpm_bytes){out->bytes[i], SIM_MULTIADDR_SIZE};
  }
}

static int found(sim_policy *policy, const sim_fact *fact, wpm_bytes id, wpm_instant now) {
  views addresses;
  uint8_t teller[SIM_ID_SIZE];
  wpm_event event = {.type = WPM_EVENT_FOUND, .peer = id};
  view_addresses(fact, &addresses);
  event.u.found.addresses = addresses.list;
  event.u.found.address_count = fact->address_count;
  event.u.found.source = fact->flag ? WPM_SOURCE_CONFIG : WPM_SOURCE_PEER_EXCHANGE;
  event.u.found.origin = fact->flag ? WPM_ORIGIN_STATIC : WPM_ORIGIN_PEER_EXCHANGE;
  event.u.found.is_static = fact->flag;
  if (fact->told_by > 0) {
    sim_identity(fact->told_by - 1, teller);
    event.u.found.told_by = (wpm_bytes){teller, sizeof(teller)};
  }
  return wpm_manager_handle(policy->manager, &event, now);
}

static void view_failed(const sim_fact *fact, const views *addresses, wpm_failed_address *out) {
  for (size_t i = 0; i < fact->address_count; i++) {
    out[i] = (wpm_failed_address){addresses->list[i], fact->reasons[i]};
  }
}

static int connected(sim_policy *policy, const sim_fact *fact, wpm_bytes id, wpm_instant now) {
  views addresses;
  wpm_failed_address failed[SIM_ADDRESSES_MAX];
  uint8_t remote[SIM_MULTIADDR_SIZE];
  wpm_event event = {.type = WPM_EVENT_CONNECTED, .peer = id};
  sim_multiaddr(fact->remote, remote);
  event.u.connected.connection = fact->link;
  event.u.connected.dial = fact->dial;
  event.u.connected.direction = fact->direction;
  event.u.connected.remote = (wpm_bytes){remote, sizeof(remote)};
  event.u.connected.public_key = (wpm_bytes){id.data + 2, id.len - 2};
  view_addresses(fact, &addresses);
  view_failed(fact, &addresses, failed);
  event.u.connected.failed = failed;
  event.u.connected.failed_count = fact->address_count;
  return wpm_manager_handle(policy->manager, &event, now);
}

static int dial_failed(sim_policy *policy, const sim_fact *fact, wpm_bytes id, wpm_instant now) {
  views addresses;
  wpm_failed_address failed[SIM_ADDRESSES_MAX];
  wpm_event event = {.type = WPM_EVENT_DIAL_FAILED, .peer = id};
  view_addresses(fact, &addresses);
  view_failed(fact, &addresses, failed);
  event.u.dial_failed.dial = fact->dial;
  event.u.dial_failed.reason = fact->reason;
  event.u.dial_failed.addresses = failed;
  event.u.dial_failed.address_count = fact->address_count;
  return wpm_manager_handle(policy->manager, &event, now);
}

static int identified(sim_policy *policy, const sim_fact *fact, wpm_bytes id, wpm_instant now) {
  views addresses;
  view_addresses(fact, &addresses);
  return sim_identify(policy->manager, id, fact, addresses.list, now);
}

static int handle(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  uint8_t bytes[SIM_ID_SIZE];
  sim_identity(fact->peer, bytes);
  wpm_bytes id = {bytes, sizeof(bytes)};
  wpm_event event = {.peer = id};
  switch (fact->type) {
  case SIM_FACT_FOUND:
    return found(policy, fact, id, now);
  case SIM_FACT_CONNECTED:
    return connected(policy, fact, id, now);
  case SIM_FACT_DIAL_FAILED:
    return dial_failed(policy, fact, id, now);
  case SIM_FACT_IDENTIFIED:
    return identified(policy, fact, id, now);
  case SIM_FACT_PERSON_WANTS:
    event.type = WPM_EVENT_PERSON_CONNECT;
    break;
  case SIM_FACT_PROTECTED:
    event.type = WPM_EVENT_TAG;
    event.u.tag.tag = (wpm_tag){.name = {"kept", 4}, .protects = true, .expires = WPM_WALL_NONE};
    break;
  case SIM_FACT_BANNED:
    event.type = WPM_EVENT_BAN;
    event.u.ban.length_ns = fact->span_ns;
    break;
  case SIM_FACT_RANGE_BANNED:
    event = (wpm_event){.type = WPM_EVENT_BAN_RANGE};
    event.u.ban_range.range = sim_range(fact->addresses[0].ip, fact->bits);
    event.u.ban_range.length_ns = fact->span_ns;
    break;
  case SIM_FACT_MISBEHAVED:
    event.type = WPM_EVENT_SCORE;
    event.u.score.score = SIM_BLAME;
    event.u.score.add = true;
    break;
  case SIM_FACT_SHORTAGE:
    event = (wpm_event){.type = WPM_EVENT_SHORTAGE};
    event.u.shortage.of = WPM_SHORTAGE_DESCRIPTORS;
    break;
  case SIM_FACT_DISCONNECTED:
    event.type = WPM_EVENT_DISCONNECTED;
    event.u.disconnected.connection = fact->link;
    event.u.disconnected.reason = fact->reason;
    break;
  case SIM_FACT_RECEIVED:
    event.type = WPM_EVENT_RECEIVED;
    event.u.received.connection = fact->link;
    break;
  case SIM_FACT_PONG:
    event.type = WPM_EVENT_PONG;
    event.u.pong.connection = fact->link;
    event.u.pong.rtt_ns = fact->span_ns;
    break;
  case SIM_FACT_PRUNED:
    event.type = WPM_EVENT_PRUNED;
    event.u.pruned.backoff_ns = fact->span_ns;
    break;
  case SIM_FACT_ONLINE:
    event = (wpm_event){.type = WPM_EVENT_NETWORK};
    event.u.network.state = fact->flag ? WPM_NETWORK_ONLINE : WPM_NETWORK_OFFLINE;
    break;
  case SIM_FACT_MOVED:
    event = (wpm_event){.type = WPM_EVENT_NETWORK, .u.network.state = WPM_NETWORK_CHANGED};
    break;
  case SIM_FACT_WOKE:
    return WPM_OK; /* The manager sees it by the clock. */
  }
  return wpm_manager_handle(policy->manager, &event, now);
}

/* A full store and a person's word about a stranger are answers, not failures of the run. */
static int take(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  int err = handle(policy, fact, now);
  if (err == WPM_ERR_FULL || err == WPM_ERR_NO_VICTIM || err == WPM_ERR_NOT_FOUND) {
    err = WPM_OK;
  }
  return err ? err : policy->error;
}

/* Fetches what the store has of them, as a host may that is told of many at once. */
static void expect(sim_policy *policy, const uint32_t *peers, size_t count) {
  uint8_t bytes[SIM_EXPECTED_MAX][SIM_ID_SIZE];
  wpm_bytes ids[SIM_EXPECTED_MAX];
  wpm_peer_ref refs[SIM_EXPECTED_MAX];
  for (size_t i = 0; i < count; i++) {
    sim_identity(peers[i], bytes[i]);
    ids[i] = (wpm_bytes){bytes[i], SIM_ID_SIZE};
  }
  (void)wpm_store_find_many(wpm_manager_store(policy->manager), ids, count, refs);
}

/* ---- deadlines and actions ------------------------------------------------------------------- */

static wpm_mono deadline(const sim_policy *policy) {
  wpm_mono commit = {sim_disk_deadline(policy->disk)};
  wpm_mono due = wpm_manager_next_deadline(policy->manager);
  return commit.ns < due.ns ? commit : due;
}

static int advance(sim_policy *policy, wpm_instant now) {
  int err = wpm_manager_advance(policy->manager, now);
  if (!err && sim_disk_deadline(policy->disk) <= now.mono.ns) {
    err = sim_disk_commit(policy->disk, policy->manager, now);
  }
  return err ? err : policy->error;
}

static void take_addresses(const wpm_action *from, sim_action *out) {
  for (size_t i = 0; i < from->u.dial.address_count; i++) {
    sim_address address;
    if (out->address_count < SIM_ADDRESSES_MAX &&
        sim_multiaddr_read(from->u.dial.addresses[i], &address)) {
      out->addresses[out->address_count++] = address;
    }
  }
}

static void keep_error(sim_policy *policy, int err) {
  if (err && !policy->error) {
    policy->error = err;
  }
}

/* Translates; false: it was the disk's business. */
static bool translate(sim_policy *policy, const wpm_action *from, wpm_instant now,
                      sim_action *out) {
  *out = (sim_action){.peer = sim_identity_number(from->peer)};
  switch (from->type) {
  case WPM_ACTION_DIAL:
    out->type = SIM_ACTION_DIAL;
    out->dial = from->u.dial.dial;
    out->timeout_ns = 10 * WPM_SECOND;
    take_addresses(from, out);
    keep_error(policy, sim_disk_dialling(policy->disk, policy->manager, out->peer, now));
    return true;
  case WPM_ACTION_CANCEL_DIAL:
    out->type = SIM_ACTION_CANCEL;
    out->dial = from->u.cancel_dial.dial;
    return true;
  case WPM_ACTION_DISCONNECT:
    out->type = SIM_ACTION_CLOSE;
    out->link = from->u.disconnect.connection;
    out->reason = from->u.disconnect.reason;
    return true;
  case WPM_ACTION_PING:
    out->type = SIM_ACTION_PING;
    out->link = from->u.ping.connection;
    return true;
  case WPM_ACTION_IDENTIFY:
    out->type = SIM_ACTION_IDENTIFY;
    out->link = from->u.ping.connection;
    return true;
  case WPM_ACTION_REQUEST_METADATA:
    return false; /* Comes with identify. */
  case WPM_ACTION_PERSIST:
    keep_error(policy, sim_disk_persist(policy->disk, policy->manager, out->peer,
                                        from->u.persist.fields, now));
    return false;
  case WPM_ACTION_FORGET:
    out->type = SIM_ACTION_FORGET;
    keep_error(policy, sim_disk_forget(policy->disk, policy->manager, out->peer,
                                       &from->u.forget.tombstone, now));
    return true;
  case WPM_ACTION_PERSIST_RANGE_BAN:
    keep_error(policy, sim_disk_persist_range(policy->disk, policy->manager,
                                              &from->u.persist_range_ban.ban, now));
    return false;
  case WPM_ACTION_NOTIFY:
    out->type = SIM_ACTION_STATE;
    out->from = from->u.notify.from;
    out->to = from->u.notify.to;
    out->reason = from->u.notify.reason;
    return true;
  }
  return false;
}

static bool next_action(sim_policy *policy, wpm_instant now, sim_action *out) {
  wpm_action action;
  while (!sim_disk_has_died(policy->disk) && wpm_manager_next_action(policy->manager, &action)) {
    bool is_of_the_world = translate(policy, &action, now, out);
    bool is_done = action.type == WPM_ACTION_FORGET; /* By the very commit. */
    if (is_of_the_world && (is_done || !sim_disk_has_died(policy->disk))) {
      return true;
    }
  }
  return false;
}

static void die_after(sim_policy *policy, uint32_t commits) {
  sim_disk_die_after(policy->disk, commits);
}

static bool has_died(const sim_policy *policy) {
  return sim_disk_has_died(policy->disk);
}

/* ---- counts ---------------------------------------------------------------------------------- */

static uint64_t counted(const wpm_store *store, wpm_term_kind kind, uint32_t number) {
  const wpm_term term = {.kind = kind, .number = number};
  const wpm_query query = {&term, 1};
  size_t found_count = 0;
  return wpm_store_query_count(store, &query, &found_count) == WPM_OK ? found_count : 0;
}

static void count(sim_policy *policy, wpm_instant now, sim_counts *out) {
  *out = (sim_counts){0};
  (void)now;
  if (!policy->manager) {
    return;
  }
  const wpm_store *store = wpm_manager_store(policy->manager);
  out->known = wpm_store_count(store);
  out->bytes = wpm_store_bytes(store);
  for (uint32_t state = 0; state < WPM_CONNECTIVITY_COUNT; state++) {
    out->state[state] = counted(store, WPM_TERM_CONNECTIVITY, state);
  }
  uint64_t free_to_dial = counted(store, WPM_TERM_DIALABLE, 0) + out->state[WPM_CONNECTED];
  out->waiting = out->known > free_to_dial ? out->known - free_to_dial : 0;
}

static size_t pick(const sim_policy *policy, uint64_t draw, uint32_t *out, size_t most) {
  const wpm_term with_address = {.kind = WPM_TERM_ADDRESS};
  const wpm_query query = {&with_address, 1};
  const wpm_store *store = wpm_manager_store(policy->manager);
  wpm_peer_ref refs[SIM_PICKED_MAX];
  size_t found_count = 0;
  size_t count = 0;
  most = most < SIM_PICKED_MAX ? most : SIM_PICKED_MAX;
  if (wpm_store_query_pick(store, &query, draw, refs, most, &found_count) != WPM_OK) {
    return 0;
  }
  for (size_t i = 0; i < found_count; i++) {
    wpm_peer_record record;
    if (wpm_store_at(store, refs[i], &record) == WPM_OK) {
      out[count++] = sim_identity_number(record.id);
    }
  }
  return count;
}

const sim_policy_type sim_policy_ours = {
    .name = "ours",
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
    .die_after = die_after,
    .has_died = has_died,
    .count = count,
    .pick = pick,
};
