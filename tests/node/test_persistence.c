/* What a node keeps on disk, over restarts; and databases that cannot be used. */
#include "lab.h"

#include "support/temp_dir.h"

#include <sqlite3.h>

typedef struct kept {
  lab l;
  char *dir, *database;
} kept;

static void begin(kept *k) {
  lab_init(&k->l);
  k->dir = wpm_test_dir_new();
  k->database = wpm_test_dir_file(k->dir, "peers.db");
  k->l.nodes[1].config.database = k->database;
}

static void end(kept *k) {
  lab_fini(&k->l);
  free(k->database);
  wpm_test_dir_remove(k->dir);
}

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

/* ---- databases that cannot be used ----------------------------------------------------------- */

static char *read_whole(const char *path, size_t *len) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  char *bytes = malloc(65536);
  assert_non_null(bytes);
  *len = fread(bytes, 1, 65536, file);
  (void)fclose(file);
  return bytes;
}

static void write_whole(const char *path, const char *bytes, size_t len) {
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, len, file), len);
  assert_int_equal(fclose(file), 0);
}

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

/* A database whose middle was overwritten loses nothing that can still be read from it elsewhere. */
static void a_damaged_database_stays_as_it_is(void **state) {
  (void)state;
  kept k;
  size_t len = 0;
  size_t after_len = 0;
  begin(&k);
  lab_node *a = &k.l.nodes[0];
  lab_node *b = &k.l.nodes[1];
  lab_start(a);
  lab_hold(b, a);
  lab_start(b);
  LAB_CONNECTED(a, b);
  lab_stop(b);
  lab_stop(a);
  b->config.static_node_count = 0;
  char *bytes = read_whole(k.database, &len);
  assert_true(len > 4096);
  memset(bytes + 1000, 0x5a, len - 1000);
  write_whole(k.database, bytes, len);
  runs_from_memory(&k, WPM_ERR_CORRUPT);
  char *after = read_whole(k.database, &after_len);
  assert_int_equal(after_len, len);
  assert_memory_equal(after, bytes, len);
  free(after);
  free(bytes);
  end(&k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(peers_come_back_after_a_restart),
      cmocka_unit_test(a_persons_wishes_outlast_restarts),
      cmocka_unit_test(what_is_durable_is_told),
      cmocka_unit_test(a_file_that_is_no_database_stays_as_it_is),
      cmocka_unit_test(a_directory_that_is_missing_is_named),
      cmocka_unit_test(a_locked_database_is_written_later),
      cmocka_unit_test(a_damaged_database_stays_as_it_is),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
