/* What a node keeps on disk, over restarts; and databases that cannot be used. */
#include "kept.h"

#include "node/internal.h"

#include <sqlite3.h>

static wpm_node_status status_of(const lab_node *n) {
  wpm_node_status status;
  wpm_node_get_status(n->node, &status);
  return status;
}

static void peers_come_back_after_a_restart(void **state) {
  (void)state;
  kept k;
  begin(&k);
  lab_node *a = &k.l.nodes[0];
  lab_node *b = &k.l.nodes[1];
  lab_start(a);
  lab_hold(b, a);
  lab_start(b);
  assert_true(status_of(b).persistent);
  assert_int_equal(status_of(b).storage_error, WPM_OK);
  assert_false(status_of(a).persistent);
  LAB_CONNECTED(a, b);
  lab_stop(b);
  RUN_UNTIL(&k.l.loop, a->downs == 1);
  /* Nobody names it any more, and it is dialled all the same. */
  b->config.static_node_count = 0;
  lab_start(b);
  wpm_peer_record record;
  assert_true(lab_record(b, a, &record));
  assert_true(record.held && record.protocols_known);
  assert_true(wpm_text_equal(record.agent, WPM_TEXT("lab/1")));
  assert_int_equal(record.reason, WPM_REASON_SHUTDOWN);
  assert_int_equal(record.connectivity, WPM_CAN_CONNECT);
  assert_true(record.disconnect_time.ns > 0);
  LAB_CONNECTED(a, b);
  RUN_UNTIL(&k.l.loop, lab_counters(b).storage_commits > 0);
  assert_int_equal(lab_counters(b).storage_errors, 0);
  end(&k);
}

static void a_persons_wishes_outlast_restarts(void **state) {
  (void)state;
  kept k;
  begin(&k);
  lab_node *a = &k.l.nodes[0];
  lab_node *b = &k.l.nodes[1];
  lab_node *c = &k.l.nodes[2];
  lab_start(a);
  lab_start(c);
  b->config.listen_count = 0;
  lab_hold(b, a);
  lab_hold(b, c);
  lab_start(b);
  LAB_CONNECTED(a, b);
  LAB_CONNECTED(c, b);
  assert_int_equal(wpm_node_disconnect(b->node, wpm_peer_id_view(&a->id)), WPM_OK);
  assert_int_equal(wpm_node_remove(b->node, wpm_peer_id_view(&c->id)), WPM_OK);
  lab_stop(b);
  b->config.static_node_count = 1; /* Configuration is no person: it connects nobody. */
  lab_start(b);
  assert_int_equal(lab_connectivity(b, c), -1);
  assert_int_equal(lab_connectivity(b, a), WPM_CAN_CONNECT);
  assert_int_equal(lab_plan(b, a).held_by, WPM_HELD_BY_PERSON);
  assert_int_equal(lab_counters(b).dials_started, 0);
  lab_outcome outcome;
  assert_int_equal(lab_connect(b, a, &outcome), WPM_OK);
  RUN_UNTIL(&k.l.loop, outcome.told == 1);
  assert_int_equal(outcome.err, WPM_OK);
  LAB_CONNECTED(a, b);
  end(&k);
}

static void on_durable(void *user, bool durable) {
  *(int *)user = durable ? 1 : 0;
}

static void what_is_durable_is_told(void **state) {
  (void)state;
  kept k;
  begin(&k);
  lab_node *a = &k.l.nodes[0];
  lab_node *b = &k.l.nodes[1];
  wpm_error error;
  int durable = -1;
  lab_start(a);
  assert_int_equal(wpm_node_when_durable(a->node, on_durable, &durable), WPM_OK);
  assert_int_equal(durable, 0); /* Memory only: at once. */
  lab_start(b);
  durable = -1;
  assert_int_equal(wpm_node_add(b->node, wpm_text_of(a->address), NULL, &error), WPM_OK);
  assert_int_equal(wpm_node_when_durable(b->node, on_durable, &durable), WPM_OK);
  RUN_UNTIL(&k.l.loop, durable != -1);
  assert_int_equal(durable, 1);
  RUN_UNTIL(&k.l.loop, status_of(b).queued_changes == 0);
  /* One who waits is told before the node has stopped. */
  durable = -1;
  assert_int_equal(wpm_node_disconnect(b->node, wpm_peer_id_view(&a->id)), WPM_OK);
  assert_int_equal(wpm_node_when_durable(b->node, on_durable, &durable), WPM_OK);
  lab_stop(b);
  assert_int_equal(durable, 1);
  end(&k);
}

/* ---- what outlives a record ------------------------------------------------------------------ */

/* A peer that pruned us is removed while it is connected. Returns when that is durable. */
static void prune_and_remove(kept *k, int64_t backoff_ns) {
  lab_node *a = &k->l.nodes[0];
  lab_node *b = &k->l.nodes[1];
  wpm_bytes peer = wpm_peer_id_view(&a->id);
  wpm_event pruned = {
      .type = WPM_EVENT_PRUNED, .peer = peer, .u.pruned = {.backoff_ns = backoff_ns}};
  int durable = -1;
  b->config.listen_count = 0; /* The other cannot come back by itself. */
  lab_start(a);
  lab_join(b, a);
  assert_int_equal(wpm_node_fact(b->node, &pruned), WPM_OK);
  assert_int_equal(wpm_node_remove(b->node, peer), WPM_OK);
  assert_int_equal(lab_connectivity(b, a), -1);
  assert_int_equal(wpm_store_tombstone_count(wpm_manager_store(wpm_node_manager(b->node))), 1);
  assert_int_equal(wpm_node_when_durable(b->node, on_durable, &durable), WPM_OK);
  RUN_UNTIL(&k->l.loop, durable != -1);
  assert_int_equal(durable, 1);
}

/* The node starts with the removed peer as a static node, and waits with the dial. */
static void expect_backoff(kept *k, int64_t backoff_ns) {
  lab_node *a = &k->l.nodes[0];
  lab_node *b = &k->l.nodes[1];
  lab_start(b);
  assert_int_equal(lab_connectivity(b, a), WPM_NOT_CONNECTED);
  wpm_plan plan = lab_plan(b, a);
  assert_int_equal(plan.held_by, WPM_HELD_BY_PRUNE_BACKOFF);
  int64_t left = plan.next_dial.ns - wpm_node_now(b->node).mono.ns;
  assert_true(left > backoff_ns - WPM_MINUTE && left < backoff_ns + WPM_MINUTE);
  assert_int_equal(lab_counters(b).dials_started, 0);
}

static void a_removed_peers_backoff_outlasts_a_restart(void **state) {
  (void)state;
  kept k;
  begin(&k);
  prune_and_remove(&k, WPM_HOUR);
  lab_stop(&k.l.nodes[1]);
  expect_backoff(&k, WPM_HOUR);
  /* In its new record too, beside which no tombstone is left. */
  lab_stop(&k.l.nodes[1]);
  expect_backoff(&k, WPM_HOUR);
  const wpm_store *store = wpm_manager_store(wpm_node_manager(k.l.nodes[1].node));
  assert_int_equal(wpm_store_tombstone_count(store), 0);
  end(&k);
}

static void a_removed_peers_backoff_outlasts_a_crash(void **state) {
  (void)state;
  kept k;
  char *crashed = NULL;
  begin(&k);
  prune_and_remove(&k, WPM_HOUR);
  keep_what_a_crash_would_leave(&k, &crashed);
  lab_stop(&k.l.nodes[1]);
  k.l.nodes[1].config.database = crashed;
  expect_backoff(&k, WPM_HOUR);
  end(&k);
  free(crashed);
}

static void a_backoff_that_is_over_leaves_nothing(void **state) {
  (void)state;
  kept k;
  begin(&k);
  prune_and_remove(&k, WPM_MILLISECOND);
  lab_node *a = &k.l.nodes[0];
  lab_node *b = &k.l.nodes[1];
  lab_stop(b);
  lab_start(b);
  LAB_CONNECTED(a, b); /* It is dialled once that is over. */
  assert_int_equal(wpm_store_tombstone_count(wpm_manager_store(wpm_node_manager(b->node))), 0);
  end(&k);
}

/* ---- capacity -------------------------------------------------------------------------------- */

static void the_least_useful_goes_for_a_newcomer(void **state) {
  (void)state;
  kept k;
  wpm_error error;
  begin(&k);
  lab_node *a = &k.l.nodes[0];
  lab_node *b = &k.l.nodes[1];
  lab_node *c = &k.l.nodes[2];
  lab_node *d = &k.l.nodes[3];
  b->config.manager.store.max_peers = 2;
  lab_start(b);
  lab_hold(a, b); /* a dials b: for b it is nobody's static node. */
  lab_start(a);
  LAB_CONNECTED(a, b);
  lab_start(c);
  lab_start(d);
  assert_int_equal(wpm_node_add(b->node, wpm_text_of(c->address), NULL, &error), WPM_OK);
  /* Connected and static peers stay. */
  assert_int_equal(wpm_node_add(b->node, wpm_text_of(d->address), NULL, &error), WPM_ERR_NO_VICTIM);
  assert_non_null(strstr(error.text, "cannot be kept"));
  lab_stop(a);
  RUN_UNTIL(&k.l.loop, lab_connectivity(b, a) != WPM_CONNECTED);
  const wpm_store *store = wpm_manager_store(wpm_node_manager(b->node));
  uint64_t cursor = wpm_store_feed_end(store);
  assert_int_equal(wpm_node_add(b->node, wpm_text_of(d->address), NULL, &error), WPM_OK);
  assert_int_equal(lab_connectivity(b, a), -1);
  wpm_store_counters counters = wpm_store_get_counters(store);
  assert_int_equal(counters.evicted[WPM_CAUSE_LOST] + counters.evicted[WPM_CAUSE_PARTED], 1);
  assert_int_equal(counters.refused, 1);
  wpm_store_change change;
  assert_int_equal(wpm_store_feed_next(store, &cursor, &change), WPM_OK);
  assert_int_equal(change.kind, WPM_CHANGE_REMOVED);
  assert_true(wpm_bytes_equal(change.id, wpm_peer_id_view(&a->id)));
  assert_true(change.cause == WPM_CAUSE_LOST || change.cause == WPM_CAUSE_PARTED);
  /* Its row is gone too. */
  lab_stop(b);
  b->config.manager.store.max_peers = 0;
  lab_start(b);
  assert_int_equal(lab_connectivity(b, a), -1);
  assert_int_equal(wpm_store_count(wpm_manager_store(wpm_node_manager(b->node))), 2);
  end(&k);
}

/* ---- databases that cannot be used ----------------------------------------------------------- */

/* The node runs from memory, says so, and keeps its hands off the file. */
static void runs_from_memory(kept *k, int err) {
  lab_node *a = &k->l.nodes[0];
  lab_node *b = &k->l.nodes[1];
  lab_start(a);
  lab_hold(b, a);
  lab_start(b);
  wpm_node_status status = status_of(b);
  assert_true(status.persistent);
  assert_int_equal(status.storage_error, err);
  assert_non_null(strstr(status.storage_text, b->config.database));
  assert_int_equal(b->error_count, 1);
  assert_non_null(strstr(b->errors, b->config.database));
  assert_non_null(strstr(b->errors, "from memory"));
  LAB_CONNECTED(a, b); /* No dial waits for a storage that does not work. */
  int durable = -1;
  assert_int_equal(wpm_node_when_durable(b->node, on_durable, &durable), WPM_OK);
  assert_int_equal(durable, 0);
  lab_stop(b);
}

static void a_newer_database_stays_as_it_is(void **state) {
  (void)state;
  enum { USER_VERSION = 60 }; /* Where SQLite's file format has it. */
  kept k;
  size_t len = 0;
  size_t after_len = 0;
  begin(&k);
  lab_node *b = &k.l.nodes[1];
  lab_start(b);
  lab_stop(b);
  char *bytes = read_whole(k.database, &len);
  assert_true(len > 4096);
  bytes[USER_VERSION] = 1;
  write_whole(k.database, bytes, len);
  runs_from_memory(&k, WPM_ERR_NEWER_SCHEMA);
  char *after = read_whole(k.database, &after_len);
  assert_int_equal(after_len, len);
  assert_memory_equal(after, bytes, len);
  free(after);
  free(bytes);
  end(&k);
}

static void a_file_that_is_no_database_stays_as_it_is(void **state) {
  (void)state;
  static const char garbage[] = "This is somebody's letter, and by no means a database.\n"
                                "It is long enough to be taken for one at first sight, though.\n";
  kept k;
  size_t len = 0;
  begin(&k);
  write_whole(k.database, garbage, sizeof garbage);
  runs_from_memory(&k, WPM_ERR_CORRUPT);
  char *after = read_whole(k.database, &len);
  assert_int_equal(len, sizeof garbage);
  assert_memory_equal(after, garbage, sizeof garbage);
  free(after);
  end(&k);
}

static void a_directory_that_is_missing_is_named(void **state) {
  (void)state;
  kept k;
  begin(&k);
  char *path = wpm_test_dir_file(k.dir, "nowhere/peers.db");
  k.l.nodes[1].config.database = path;
  lab_node *b = &k.l.nodes[1];
  lab_start(b);
  assert_int_not_equal(status_of(b).storage_error, WPM_OK);
  assert_non_null(strstr(status_of(b).storage_text, path));
  lab_stop(b);
  free(path);
  end(&k);
}

static void run_sql(sqlite3 *db, const char *sql) {
  char *error = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) {
    fail_msg("%s: %s", sql, error);
  }
}

/* Somebody else writes to the database for a while. */
static void a_locked_database_is_written_later(void **state) {
  (void)state;
  kept k;
  sqlite3 *other = NULL;
  begin(&k);
  lab_node *a = &k.l.nodes[0];
  lab_node *b = &k.l.nodes[1];
  lab_start(a);
  lab_start(b);
  RUN_UNTIL(&k.l.loop, lab_counters(b).storage_commits > 0);
  assert_int_equal(sqlite3_open(k.database, &other), SQLITE_OK);
  run_sql(other, "BEGIN IMMEDIATE");
  wpm_error error;
  int durable = -1;
  assert_int_equal(wpm_node_add(b->node, wpm_text_of(a->address), NULL, &error), WPM_OK);
  assert_int_equal(wpm_node_when_durable(b->node, on_durable, &durable), WPM_OK);
  RUN_UNTIL(&k.l.loop, durable != -1);
  assert_int_equal(durable, 0);
  assert_int_equal(status_of(b).storage_error, WPM_ERR_LOCKED);
  assert_non_null(strstr(b->errors, k.database));
  lab_outcome outcome; /* The network goes on. */
  assert_int_equal(lab_connect(b, a, &outcome), WPM_OK);
  LAB_CONNECTED(a, b);
  assert_true(status_of(b).queued_changes > 0);
  run_sql(other, "ROLLBACK");
  RUN_UNTIL(&k.l.loop, status_of(b).storage_error == WPM_OK && status_of(b).queued_changes == 0);
  assert_true(lab_counters(b).storage_errors > 0);
  assert_int_equal(sqlite3_close(other), SQLITE_OK);
  lab_stop(b);
  lab_start(b);
  assert_int_equal(lab_connectivity(b, a), WPM_CAN_CONNECT); /* Nothing was lost. */
  end(&k);
}

/* What can still be read of it is saved; it stays beside the fresh one under a new name. */
static void a_damaged_database_is_set_aside(void **state) {
  (void)state;
  kept k;
  size_t len = 0;
  size_t aside_len = 0;
  begin(&k);
  lab_node *a = &k.l.nodes[0];
  lab_node *b = &k.l.nodes[1];
  lab_start(a);
  lab_join(b, a);
  lab_stop(b);
  char *bytes = read_whole(k.database, &len);
  assert_true(len > 4096);
  memset(bytes + 1000, 0x5a, len - 1000);
  write_whole(k.database, bytes, len);
  lab_start(b);
  char *aside = wpm_test_dir_file(k.dir, "peers.db.damaged-1");
  assert_int_equal(status_of(b).storage_error, WPM_OK);
  assert_int_equal(b->error_count, 1);
  assert_non_null(strstr(b->errors, "was damaged"));
  assert_non_null(strstr(b->errors, aside));
  char *bytes_aside = read_whole(aside, &aside_len);
  assert_int_equal(aside_len, len);
  assert_memory_equal(bytes_aside, bytes, len);
  /* From here on it is kept as ever. */
  LAB_CONNECTED(a, b);
  lab_stop(b);
  b->config.static_node_count = 0;
  lab_start(b);
  assert_int_equal(b->error_count, 1);
  LAB_CONNECTED(a, b);
  free(bytes_aside);
  free(aside);
  free(bytes);
  end(&k);
}

/* A peer that nobody can dial, of a key of its own. */
static void take_in_somebody(wpm_node *node) {
  wpm_node_key key;
  wpm_peer_id id;
  assert_int_equal(wpm_node_key_new(WPM_NODE_KEY_ED25519, &key), WPM_OK);
  assert_int_equal(wpm_node_key_peer_id(&key, &id, NULL), WPM_OK);
  wpm_peer_record record = {.id = wpm_peer_id_view(&id),
                            .agent = WPM_TEXT("somebody"),
                            .disconnect_time = WPM_WALL_NONE,
                            .connected_time = WPM_WALL_NONE,
                            .first_failure = WPM_WALL_NONE,
                            .last_failure = WPM_WALL_NONE,
                            .rtt_ns = WPM_SPAN_NONE};
  assert_int_equal(wpm_node_import(node, &record, NULL, NULL), WPM_OK);
}

/* What the rescue could not save was in memory, and is in the fresh database soon after: of more peers,
 * tombstones and bans of ranges than are stored at a time. */
static void damage_met_while_running_loses_nothing(void **state) {
  (void)state;
  enum { PEERS = 1300, BANNED = 600, RANGES = 700 };
  kept k;
  sqlite3 *other = NULL;
  begin(&k);
  lab_node *b = &k.l.nodes[1];
  b->config.listen_count = 0;
  lab_start(b);
  const wpm_store *store = wpm_manager_store(wpm_node_manager(b->node));
  for (int i = 0; i < PEERS; i++) {
    take_in_somebody(b->node);
  }
  wpm_event pruned = {.type = WPM_EVENT_PRUNED, .u.pruned = {.backoff_ns = WPM_HOUR}};
  uint64_t cursor = 0;
  wpm_peer_record record;
  for (int i = 0; i < BANNED && wpm_store_next(store, &cursor, &record); i++) {
    wpm_peer_id id;
    assert_int_equal(wpm_peer_id_from_bytes(record.id, &id), WPM_OK);
    pruned.peer = wpm_peer_id_view(&id);
    assert_int_equal(wpm_node_fact(b->node, &pruned), WPM_OK);
    assert_int_equal(wpm_node_remove(b->node, pruned.peer), WPM_OK);
  }
  assert_int_equal(wpm_store_count(store), PEERS - BANNED);
  assert_int_equal(wpm_store_tombstone_count(store), BANNED);
  for (int i = 0; i < RANGES; i++) {
    const wpm_ip_range range = {.ip = {0x20, (uint8_t)(i >> 8), (uint8_t)i}, .bits = 24};
    assert_int_equal(wpm_node_ban_range(b->node, &range, WPM_HOUR), WPM_OK);
  }
  RUN_UNTIL(&k.l.loop, status_of(b).queued_changes == 0);
  assert_int_equal(sqlite3_open(k.database, &other), SQLITE_OK);
  run_sql(other,
          "DELETE FROM peer; DELETE FROM tombstone; DELETE FROM range_ban; DROP TABLE contact");
  assert_int_equal(sqlite3_close(other), SQLITE_OK);
  take_in_somebody(b->node); /* Its commit meets the damage. */
  RUN_UNTIL(&k.l.loop, b->node->storage.rescues == 1 && !b->node->storing_anew &&
                           status_of(b).queued_changes == 0);
  assert_int_equal(status_of(b).storage_error, WPM_OK);
  assert_non_null(strstr(b->errors, "was damaged"));
  lab_stop(b);
  lab_start(b);
  store = wpm_manager_store(wpm_node_manager(b->node));
  assert_int_equal(wpm_store_count(store), PEERS - BANNED + 1);
  assert_int_equal(wpm_store_tombstone_count(store), BANNED);
  assert_int_equal(wpm_manager_range_ban_count(wpm_node_manager(b->node)), RANGES);
  for (cursor = 0; wpm_store_next(store, &cursor, &record);) {
    assert_true(wpm_text_equal(record.agent, WPM_TEXT("somebody")));
  }
  end(&k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(peers_come_back_after_a_restart),
      cmocka_unit_test(a_persons_wishes_outlast_restarts),
      cmocka_unit_test(what_is_durable_is_told),
      cmocka_unit_test(a_removed_peers_backoff_outlasts_a_restart),
      cmocka_unit_test(a_removed_peers_backoff_outlasts_a_crash),
      cmocka_unit_test(a_backoff_that_is_over_leaves_nothing),
      cmocka_unit_test(the_least_useful_goes_for_a_newcomer),
      cmocka_unit_test(a_file_that_is_no_database_stays_as_it_is),
      cmocka_unit_test(a_directory_that_is_missing_is_named),
      cmocka_unit_test(a_locked_database_is_written_later),
      cmocka_unit_test(a_newer_database_stays_as_it_is),
      cmocka_unit_test(a_damaged_database_is_set_aside),
      cmocka_unit_test(damage_met_while_running_loses_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
