/* Every released schema is opened and brought up to date; a newer one and that of another program
 * are refused and left alone. */
#include "storage/one_database.h"

/* ---- schema 1 -------------------------------------------------------------------------------- */

#define SCHEMA_1 WPM_TESTS_DIR "/storage/schema-1.sql"

static wpm_wall wall(int64_t ns) {
  return (wpm_wall){INT64_C(1700000000000000000) + ns};
}

/* The first peer of the fixture, field by field. */
static void assert_first(const wpm_peer_record *found) {
  const wpm_address addresses[] = {{.multiaddr = WPM_BYTES("\x04\x7f\x00\x00\x01\x06\x0f\xa1"),
                                    .source = WPM_SOURCE_CONFIG,
                                    .confidence = WPM_CONFIDENCE_DIALLED,
                                    .first_seen = WPM_WALL_NONE,
                                    .last_seen = WPM_WALL_NONE,
                                    .last_success = wall(5),
                                    .last_failure = WPM_WALL_NONE,
                                    .ttl_ns = WPM_TTL_QUALITY,
                                    .expires = WPM_WALL_NONE},
                                   {.multiaddr = WPM_BYTES("\xff\xff\x7f"),
                                    .source = WPM_SOURCE_IDENTIFY,
                                    .identified = true,
                                    .confidence = WPM_CONFIDENCE_IDENTIFIED,
                                    .first_seen = WPM_WALL_NONE,
                                    .last_seen = WPM_WALL_NONE,
                                    .last_success = WPM_WALL_NONE,
                                    .last_failure = wall(6),
                                    .ttl_ns = WPM_TTL_QUALITY,
                                    .expires = WPM_WALL_NONE}};
  const wpm_text protocols[] = {WPM_TEXT("/vac/waku/relay/2.0.0"), WPM_TEXT("/a\"b\\c\a\xff")};
  const uint16_t shards[] = {0, 5, 65535};
  const wpm_peer_record expected = {
      .id = WPM_BYTES("\x00\x01\xaa"),
      .public_key = WPM_BYTES("\x08\x01"),
      .addresses = addresses,
      .address_count = 2,
      .observed_address = addresses[0].multiaddr,
      .protocols = protocols,
      .protocol_count = 2,
      .protocols_known = true,
      .agent = WPM_TEXT("nwaku-v0.36.0"),
      .protocol_version = WPM_TEXT("\x1b\0"),
      .metadata_known = true,
      .cluster_id = UINT32_MAX,
      .shards = shards,
      .shard_count = 3,
      .connectivity = WPM_CANNOT_CONNECT,
      .reason = WPM_REASON_PING_TIMEOUT,
      .disconnect_time = wall(1),
      .connected_time = wall(2),
      .origin = WPM_ORIGIN_STATIC,
      .direction = WPM_OUTBOUND,
      .failures = 3,
      .first_failure = wall(3),
      .last_failure = wall(4),
      .rtt_ns = 12345678,
      .is_static = true,
      .held = true,
      .prune_backoff = {{{11}, wall(12), UINT64_MAX - 1}, WPM_MINUTE},
      .retry_delay = {{{21}, WPM_WALL_NONE, 22}, WPM_SECOND},
      .mismatch_delay = {{{31}, wall(32), 33}, 6 * WPM_HOUR},
  };
  assert_non_null(found);
  assert_true(wpm_record_equal(found, &expected));
}

static void assert_second(const wpm_peer_record *found) {
  const wpm_peer_record expected = {.id = WPM_BYTES("\x00\x01\xbb"),
                                    .disconnect_time = WPM_WALL_NONE,
                                    .connected_time = WPM_WALL_NONE,
                                    .first_failure = WPM_WALL_NONE,
                                    .last_failure = WPM_WALL_NONE,
                                    .rtt_ns = WPM_SPAN_NONE,
                                    .held_off = true};
  assert_non_null(found);
  assert_true(wpm_record_equal(found, &expected));
}

static void schema_1_is_opened_and_brought_up_to_date(void **state) {
  (void)state;
  stored_from(path, SCHEMA_1);
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  assert_int_equal(wpm_storage_schema(storage), wpm_storage_schema_latest());
  stored s = stored_load(storage);
  assert_int_equal(s.count, 2);
  assert_int_equal(s.skipped, 1);
  assert_first(stored_find(&s, WPM_BYTES("\x00\x01\xaa")));
  assert_second(stored_find(&s, WPM_BYTES("\x00\x01\xbb")));
  stored_free(&s);
  wpm_instant heartbeat = {{0}, {0}, 0};
  assert_stored(wpm_storage_heartbeat(storage, &heartbeat, error));
  assert_int_equal(heartbeat.mono.ns, 41);
  assert_int_equal(heartbeat.wall.ns, wall(42).ns);
  assert_int_equal(heartbeat.boot_id, UINT64_MAX);
  stored_put_plain(storage, 0, 2);
  wpm_storage_close(storage);
  stored_assert_answer(path, "SELECT count(*) FROM peer", "5");
}

/* A reader leaves it: a daemon of its version may be at work on it. The remedy is one that works. */
static void schema_1_is_not_read_without_being_brought_up_to_date(void **state) {
  (void)state;
  stored_from(path, SCHEMA_1);
  stored_file before = stored_file_read(path);
  wpm_storage *storage = NULL;
  wpm_error error = {0, ""};
  assert_int_equal(wpm_storage_open(path, WPM_STORAGE_READ_ONLY, &storage, &error),
                   WPM_ERR_READ_ONLY);
  assert_non_null(strstr(error.text, "has schema 1"));
  assert_non_null(strstr(error.text, "start the daemon on it, or run: wakupeers db compact"));
  assert_null(strstr(error.text, "writable"));
  stored_assert_unchanged(path, before);
}

/* ---- schema 2 -------------------------------------------------------------------------------- */

#define SCHEMA_2 WPM_TESTS_DIR "/storage/schema-2.sql"

/* What schema 1 did not know. */
static void assert_third(const wpm_peer_record *found) {
  const wpm_address address = {.multiaddr = WPM_BYTES("\x04\x7f\x00\x00\x01\x06\x0f\xa1"),
                               .source = WPM_SOURCE_DNS,
                               .certified = true,
                               .confidence = WPM_CONFIDENCE_CERTIFIED,
                               .first_seen = wall(0),
                               .last_seen = wall(WPM_SECOND),
                               .last_success = WPM_WALL_NONE,
                               .last_failure = wall(7),
                               .ttl_ns = WPM_TTL_ADDRESS,
                               .expires = wall(WPM_SECOND + WPM_HOUR)};
  const uint16_t shard = 7;
  const wpm_tag tag = {
      .name = WPM_TEXT("relay-mesh"), .value = -5, .protects = true, .expires = WPM_WALL_NONE};
  const wpm_app_entry entry = {.key = WPM_TEXT("key"), .value = WPM_BYTES("\x00\x01")};
  const wpm_peer_record expected = {.id = WPM_BYTES("\x00\x01\xee"),
                                    .addresses = &address,
                                    .address_count = 1,
                                    .cluster_id = 16,
                                    .shards = &shard,
                                    .shard_count = 1,
                                    .capabilities_known = true,
                                    .capabilities = 5,
                                    .enr = WPM_BYTES("\xc0"),
                                    .enr_sequence = 9,
                                    .signed_record = WPM_BYTES("\x0a"),
                                    .signed_sequence = UINT64_MAX,
                                    .connectivity = WPM_CAN_CONNECT,
                                    .reason = WPM_REASON_EOF,
                                    .disconnect_time = wall(21),
                                    .connected_time = wall(20),
                                    .direction = WPM_INBOUND,
                                    .held = true,
                                    .rtt_ns = 1000,
                                    .first_failure = WPM_WALL_NONE,
                                    .last_failure = WPM_WALL_NONE,
                                    .ban = {{{7}, {8}, 9}, WPM_HOUR},
                                    .score = -3,
                                    .tags = &tag,
                                    .tag_count = 1,
                                    .app = &entry,
                                    .app_count = 1};
  assert_non_null(found);
  assert_true(wpm_record_equal(found, &expected));
}

static int assert_tombstone(void *user, const wpm_tombstone *tombstone) {
  assert_true(wpm_bytes_equal(tombstone->id, WPM_BYTES("\x00\x01\xdd")));
  assert_int_equal(tombstone->prune_backoff.length_ns, WPM_MINUTE);
  assert_int_equal(tombstone->ban.start.boot_id, 6);
  assert_int_equal(tombstone->ban.length_ns, INT64_MAX);
  ++*(int *)user;
  return WPM_OK;
}

static int assert_key(void *user, wpm_bytes id, wpm_bytes key) {
  assert_true(wpm_bytes_equal(id, WPM_BYTES("\x00\x01\xaa")));
  assert_true(wpm_bytes_equal(key, WPM_BYTES("\x08\x01\x12")));
  ++*(int *)user;
  return WPM_OK;
}

/* What the fixture of schema 2 holds, and with it those of later ones, which have more peers. */
static void assert_holds_2(wpm_storage *storage, size_t peers) {
  stored s = stored_load(storage);
  assert_int_equal(s.count, peers);
  assert_int_equal(s.skipped, 1);
  assert_first(stored_find(&s, WPM_BYTES("\x00\x01\xaa")));
  assert_second(stored_find(&s, WPM_BYTES("\x00\x01\xbb")));
  assert_third(stored_find(&s, WPM_BYTES("\x00\x01\xee")));
  stored_free(&s);
  int others = 0;
  assert_stored(wpm_storage_load_tombstones(storage, assert_tombstone, &others, NULL, error));
  assert_stored(wpm_storage_load_private_keys(storage, assert_key, &others, error));
  assert_int_equal(others, 2);
}

static int count_range_ban(void *user, const wpm_range_ban *ban) {
  (void)ban;
  ++*(int *)user;
  return WPM_OK;
}

static void schema_2_is_opened_and_brought_up_to_date(void **state) {
  (void)state;
  stored_from(path, SCHEMA_2);
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  assert_int_equal(wpm_storage_schema(storage), wpm_storage_schema_latest());
  assert_holds_2(storage, 3);
  int bans = 0;
  assert_stored(wpm_storage_load_range_bans(storage, count_range_ban, &bans, NULL, error));
  assert_int_equal(bans, 0);
  stored_put_plain(storage, 0, 2);
  wpm_storage_close(storage);
}

/* ---- schema 3 -------------------------------------------------------------------------------- */

#define SCHEMA_3 WPM_TESTS_DIR "/storage/schema-3.sql"

static void assert_fourth(const wpm_peer_record *found) {
  const wpm_tag tags[] = {
      {.name = WPM_TEXT("aging"),
       .value = 7,
       .protects = true,
       .expires = wall(9),
       .half_life_ns = WPM_HOUR},
      {.name = WPM_TEXT("ends"), .value = -1, .expires = wall(10)},
      {.name = WPM_TEXT("fades"), .value = 300, .expires = WPM_WALL_NONE, .half_life_ns = 1}};
  const wpm_peer_record expected = {.id = WPM_BYTES("\x00\x01\xff"),
                                    .disconnect_time = WPM_WALL_NONE,
                                    .connected_time = WPM_WALL_NONE,
                                    .first_failure = WPM_WALL_NONE,
                                    .last_failure = WPM_WALL_NONE,
                                    .rtt_ns = WPM_SPAN_NONE,
                                    .tags = tags,
                                    .tag_count = 3};
  assert_non_null(found);
  assert_true(wpm_record_equal(found, &expected));
}

static int assert_range_ban(void *user, const wpm_range_ban *ban) {
  char text[WPM_IP_RANGE_TEXT];
  bool is_ip4 = ban->range.bits == 120;
  assert_int_equal(wpm_ip_range_format(&ban->range, text, sizeof(text)), WPM_OK);
  assert_string_equal(text, is_ip4 ? "192.0.2.0/24" : "2001:db8::/32");
  assert_int_equal(ban->ban.start.mono.ns, is_ip4 ? 51 : 61);
  assert_int_equal(ban->ban.start.wall.ns, wall(is_ip4 ? 52 : 62).ns);
  assert_int_equal(ban->ban.start.boot_id, is_ip4 ? 53 : 63);
  assert_int_equal(ban->ban.length_ns, is_ip4 ? WPM_HOUR : INT64_MAX);
  ++*(int *)user;
  return WPM_OK;
}

static void schema_3_is_opened(void **state) {
  (void)state;
  stored_from(path, SCHEMA_3);
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  assert_holds_2(storage, 4);
  stored s = stored_load(storage);
  assert_fourth(stored_find(&s, WPM_BYTES("\x00\x01\xff")));
  stored_free(&s);
  int bans = 0;
  size_t skipped = 7;
  assert_stored(wpm_storage_load_range_bans(storage, assert_range_ban, &bans, &skipped, error));
  assert_int_equal(bans, 2);
  assert_int_equal(skipped, 0);
  stored_put_plain(storage, 0, 2);
  wpm_storage_close(storage);
}

#define ALL_OBJECTS                                                                                \
  "SELECT group_concat(sql, char(10)) FROM (SELECT sql FROM sqlite_schema ORDER BY name)"

/* However old the database was: afterwards it is as a new one. Of the latest schema this also holds
 * the released migration against the fixture. */
static void a_migrated_database_is_like_a_new_one(void **state) {
  (void)state;
  wpm_storage_close(stored_open(path, WPM_STORAGE_CREATE));
  char *of_new = stored_ask(path, ALL_OBJECTS);
  assert_int_equal(unlink(path), 0);
  stored_from(path, SCHEMA_3);
  wpm_storage_close(stored_open(path, WPM_STORAGE_CREATE));
  stored_assert_answer(path, ALL_OBJECTS, of_new);
  assert_int_equal(unlink(path), 0);
  stored_from(path, SCHEMA_2);
  wpm_storage_close(stored_open(path, WPM_STORAGE_CREATE));
  stored_assert_answer(path, ALL_OBJECTS, of_new);
  assert_int_equal(unlink(path), 0);
  stored_from(path, SCHEMA_1);
  wpm_storage_close(stored_open(path, WPM_STORAGE_CREATE));
  stored_assert_answer(path, ALL_OBJECTS, of_new);
  sqlite3_free(of_new);
  char latest[16];
  snprintf(latest, sizeof(latest), "%d", wpm_storage_schema_latest());
  stored_assert_answer(path, "PRAGMA user_version", latest);
  stored_assert_answer(path, "PRAGMA application_id", "1464880464");
  stored_assert_answer(path, "PRAGMA journal_mode", "wal");
}

/* ---- what is not for us ---------------------------------------------------------------------- */

/* Expects that opening fails in every mode, and changes neither the file nor its log. */
static void assert_left_alone(int expected, const char *word) {
  char *log = wpm_test_dir_file(dir, "peers.db-wal");
  for (int mode = WPM_STORAGE_CREATE; mode <= WPM_STORAGE_READ_ONLY; mode++) {
    stored_file file_before = stored_file_read(path);
    stored_file log_before = stored_file_read(log);
    wpm_storage *storage = NULL;
    wpm_error error = {0, ""};
    assert_int_equal(wpm_storage_open(path, (wpm_storage_mode)mode, &storage, &error), expected);
    assert_null(storage);
    assert_int_equal(error.code, expected);
    assert_non_null(strstr(error.text, "peers.db"));
    assert_non_null(strstr(error.text, word));
    stored_assert_unchanged(path, file_before);
    stored_assert_unchanged(log, log_before);
  }
  free(log);
}

static void a_newer_schema_is_refused(void **state) {
  (void)state;
  stored_make(path, 3);
  stored_sql(path, "PRAGMA user_version = 1000000");
  assert_left_alone(WPM_ERR_NEWER_SCHEMA, "upgrade the program");
}

/* Its writer died: the newer version stands in the log alone. */
static void a_newer_schema_in_the_log_is_refused(void **state) {
  (void)state;
  stored_make(path, 3);
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL), SQLITE_OK);
  assert_int_equal(
      sqlite3_exec(db, "PRAGMA user_version = 1000000; DELETE FROM peer", NULL, NULL, NULL),
      SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  char *log = wpm_test_dir_file(dir, "peers.db-wal");
  assert_int_equal(access(log, F_OK), 0);
  free(log);
  assert_left_alone(WPM_ERR_NEWER_SCHEMA, "upgrade the program");
}

static void the_database_of_another_program_is_refused(void **state) {
  (void)state;
  stored_sql(path, "CREATE TABLE peer (x); PRAGMA user_version = 1");
  assert_left_alone(WPM_ERR_INVALID, "another program");
  stored_sql(path, "PRAGMA application_id = 42; PRAGMA user_version = 0");
  assert_left_alone(WPM_ERR_INVALID, "0x0000002a");
}

static void ours_without_a_version_or_its_tables_is_damaged(void **state) {
  (void)state;
  stored_make(path, 3);
  stored_sql(path, "PRAGMA user_version = 0");
  assert_left_alone(WPM_ERR_CORRUPT, "damaged");
  stored_sql(path, "PRAGMA user_version = 3; ALTER TABLE peer RENAME COLUMN data TO row");
  wpm_storage *storage = NULL;
  wpm_error error = {0, ""};
  assert_int_equal(wpm_storage_open(path, WPM_STORAGE_CREATE, &storage, &error), WPM_ERR_CORRUPT);
  assert_non_null(strstr(error.text, "data"));
  stored_assert_answer(path, "SELECT count(row) FROM peer", "3");
}

static void an_empty_file_is_a_new_database(void **state) {
  (void)state;
  stored_file_write(path, "", 0);
  wpm_storage *storage = NULL;
  assert_int_equal(wpm_storage_open(path, WPM_STORAGE_EXISTING, &storage, NULL), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_storage_open(path, WPM_STORAGE_READ_ONLY, &storage, NULL),
                   WPM_ERR_NOT_FOUND);
  stored_make(path, 2);
  stored s = stored_read(path, WPM_STORAGE_EXISTING);
  stored_assert_plain(&s, 2);
  stored_free(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(schema_1_is_opened_and_brought_up_to_date),
      TEST(schema_1_is_not_read_without_being_brought_up_to_date),
      TEST(schema_2_is_opened_and_brought_up_to_date),
      TEST(schema_3_is_opened),
      TEST(a_migrated_database_is_like_a_new_one),
      TEST(a_newer_schema_is_refused),
      TEST(a_newer_schema_in_the_log_is_refused),
      TEST(the_database_of_another_program_is_refused),
      TEST(ours_without_a_version_or_its_tables_is_damaged),
      TEST(an_empty_file_is_a_new_database),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
