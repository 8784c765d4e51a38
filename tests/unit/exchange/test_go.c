/* go-libp2p's datastore: what a go-waku node left is read, what we write is read again, and rows that
 * are not as they must be cost nobody else. */
#include "support/exchange/two_stores.h"

#include "exchange/gob.h"
#include "support/alloc_fail.h"
#include "support/vectors.h"

static bool has_protocol(const wpm_peer_record *peer, const char *name) {
  for (size_t i = 0; i < peer->protocol_count; i++) {
    if (text_is(peer->protocols[i], name)) {
      return true;
    }
  }
  return false;
}

/* ---- what go-waku left ----------------------------------------------------------------------- */

static void make_fixture(void) {
  database_run_file(path, WPM_TEST_DATA("go_waku_peerstore.sql"));
}

static const wpm_peer_record *find_agent(const collected *found, const char *agent) {
  for (size_t i = 0; i < found->count; i++) {
    if (text_is(found->records[i]->agent, agent)) {
      return found->records[i];
    }
  }
  return NULL;
}

static void test_a_store_of_go_waku(void **state) {
  (void)state;
  collected found;
  wpm_exchange_format format;
  char text[WPM_MULTIADDR_TEXT];
  make_fixture();
  assert_int_equal(wpm_exchange_guess(path, &format, NULL), WPM_OK);
  assert_int_equal(format, WPM_EXCHANGE_GO);
  assert_int_equal(read_store(WPM_EXCHANGE_GO, path, &found), WPM_OK);
  assert_int_equal(found.counts.records, 2);
  assert_int_equal(found.counts.own, 2); /* Its own node, and that one's private key. */
  assert_int_equal(found.counts.skipped, 1);
  assert_true(collected_skip(&found, "16Uiu2", "\"count\": a value of a Go type"));

  const wpm_peer_record *peer = find_agent(&found, "go-waku");
  assert_non_null(peer);
  assert_int_equal(peer->public_key.len, 37);
  assert_int_equal(peer->address_count, 1);
  assert_memory_equal(collected_address(peer, 0, text), "/ip4/127.0.0.1/tcp/", 19);
  assert_int_equal(peer->addresses[0].ttl_ns, WPM_TTL_QUALITY); /* It was connected then. */
  assert_true(peer->protocols_known);
  assert_true(has_protocol(peer, "/vac/waku/relay/2.0.0"));
  assert_int_equal(peer->score, 7);
  assert_int_equal(peer->cluster_id, 1);
  assert_int_equal(peer->shard_count, 2);
  assert_int_equal(peer->shards[0], 2);
  assert_int_equal(peer->shards[1], 5);
  assert_int_equal(peer->connectivity, WPM_NOT_CONNECTED);
  assert_int_equal(peer->app_count, 2);
  assert_true(text_is(peer->app[0].key, "comment"));
  assert_true(text_is(peer->app[1].key, "weight"));
  wpm_gob_value value;
  assert_int_equal(wpm_gob_read(peer->app[1].value, &value, NULL, NULL), WPM_OK);
  assert_true(value.number == 0.25);

  peer = find_agent(&found, "wakupeers/interop/libp2p@");
  assert_non_null(peer);
  assert_int_equal(peer->id.len, 34); /* RSA: the id holds a digest, the key lies beside. */
  assert_true(peer->public_key.len > 200);
  collected_free(&found);
}

static void test_round_trip(void **state) {
  (void)state;
  collected found;
  collected told;
  collected again;
  make_fixture();
  assert_int_equal(read_store(WPM_EXCHANGE_GO, path, &found), WPM_OK);
  write_store(WPM_EXCHANGE_GO, &found, &told);
  assert_int_equal(told.counts.records, 2);
  assert_int_equal(told.counts.skipped, 0);
  assert_int_equal(read_store(WPM_EXCHANGE_GO, out_path, &again), WPM_OK);
  assert_int_equal(again.counts.own, 0);
  assert_int_equal(again.counts.skipped, 0);
  assert_int_equal(again.count, found.count);
  for (size_t i = 0; i < found.count; i++) {
    wpm_address *address = (wpm_address *)(uintptr_t)again.records[i]->addresses;
    if (found.records[i]->addresses[0].ttl_ns == WPM_TTL_QUALITY) {
      assert_int_equal(address->ttl_ns, WPM_TTL_PERMANENT); /* So is it written. */
      address->ttl_ns = WPM_TTL_QUALITY;
    }
    assert_true(wpm_record_equal(found.records[i], again.records[i]));
  }
  collected_free(&found);
  collected_free(&again);
}

/* ---- addresses ------------------------------------------------------------------------------- */

#define ID_HEX                                                                                     \
  "00240801122"                                                                                    \
  "01ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
#define ID_BASE32 "AASAQAISEAPND2H24LCKCRFYX2H5JND36PJ3GS4HDQ6KZ5QBB4HEFVDU7TRH4"

/* Expiry is in seconds; 1767225600 is COLLECTED_NOW. */
static void test_times(void **state) {
  (void)state;
  collected told;
  collected again;
  collected one = {.count = 1};
  wpm_multiaddr at[5];
  wpm_address list[5];
  const int64_t ttls[5] = {WPM_TTL_ADDRESS, WPM_TTL_PERMANENT, WPM_TTL_CONNECTED, 12345,
                           WPM_TTL_RECENT};
  wpm_test_bytes id = wpm_test_hex(ID_HEX);
  for (int i = 0; i < 5; i++) {
    char text[64];
    snprintf(text, sizeof text, "/ip4/192.0.2.%d/tcp/1", i + 1);
    assert_int_equal(wpm_multiaddr_parse(wpm_text_of(text), &at[i], NULL), WPM_OK);
    list[i] = (wpm_address){
        .multiaddr = wpm_multiaddr_view(&at[i]), .ttl_ns = ttls[i], .expires = WPM_WALL_NONE};
  }
  list[0].expires.ns = COLLECTED_NOW.ns + 600 * WPM_SECOND;
  list[3].expires.ns = COLLECTED_NOW.ns - WPM_HOUR; /* Kept beyond its time. */
  wpm_peer_record record = {.id = wpm_test_view(id), .addresses = list, .address_count = 5};
  one.records[0] = &record;
  write_store(WPM_EXCHANGE_GO, &one, &told);
  assert_int_equal(told.counts.records, 1);
  assert_int_equal(database_number(out_path, "SELECT count(*) FROM peerstore WHERE key IN "
                                             "('/peers/addrs/" ID_BASE32 "', "
                                             "'/peers/keys/" ID_BASE32 "/pub')"),
                   2);
  assert_int_equal(read_store(WPM_EXCHANGE_GO, out_path, &again), WPM_OK);
  const wpm_address *found = again.records[0]->addresses;
  assert_int_equal(again.records[0]->address_count, 5);
  /* In the order in which they end. */
  assert_int_equal(found[0].ttl_ns, WPM_TTL_ADDRESS);
  assert_int_equal(found[0].expires.ns, list[0].expires.ns);
  assert_int_equal(found[0].last_seen.ns, list[0].expires.ns - WPM_TTL_ADDRESS);
  assert_int_equal(found[1].ttl_ns, WPM_TTL_RECENT);
  assert_int_equal(found[1].expires.ns, COLLECTED_NOW.ns + WPM_TTL_RECENT);
  size_t permanent = 0;
  for (size_t i = 2; i < 5; i++) {
    permanent += found[i].ttl_ns == WPM_TTL_PERMANENT;
    assert_false(wpm_wall_known(found[i].expires));
  }
  assert_int_equal(permanent, 2); /* The third was a live connection's. */
  collected_free(&again);
  free(id.data);
}

static void test_past_its_time(void **state) {
  (void)state;
  collected found;
  /* 192.0.2.1, ended an hour ago after an hour; no time to live; an end beyond all time. */
  database_run(path, "CREATE TABLE peerstore (key TEXT NOT NULL UNIQUE, data BLOB);"
                     "INSERT INTO peerstore VALUES ('/peers/addrs/" ID_BASE32 "', x'0A26" ID_HEX
                     "12170a0804c000020106000110f0d5d6ca061880c0e285e368"
                     "120a0a0804c0000202060001"
                     "121b0a0804c000020306000110ffffffffffffffff7f1880c0e285e368')");
  assert_int_equal(read_store(WPM_EXCHANGE_GO, path, &found), WPM_OK);
  assert_int_equal(found.count, 1);
  assert_int_equal(found.counts.skipped, 0);
  const wpm_peer_record *peer = found.records[0];
  assert_int_equal(peer->address_count, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(peer->addresses[i].ttl_ns, WPM_TTL_QUALITY);
    assert_false(wpm_wall_known(peer->addresses[i].expires));
  }
  assert_int_equal(peer->addresses[0].last_seen.ns, COLLECTED_NOW.ns - 2 * WPM_HOUR);
  assert_int_equal(peer->addresses[1].last_seen.ns, COLLECTED_NOW.ns);
  collected_free(&found);
}

/* A record that the peer signed, of tests/data/signed_records.txt. */
static void test_signed_record(void **state) {
  (void)state;
  collected told;
  collected again;
  collected one = {.count = 1};
  char *line = NULL;
  char *fields[8];
  FILE *file = wpm_test_open(WPM_TEST_DATA("signed_records.txt"));
  wpm_test_bytes id = wpm_test_hex(ID_HEX);
  wpm_test_bytes envelope = {0};
  wpm_multiaddr certified;
  wpm_multiaddr other;
  while (!envelope.data && wpm_test_fields(file, &line, fields, 8) > 0) {
    if (strcmp(fields[0], "ed25519") == 0) {
      envelope = wpm_test_hex(fields[3]);
      assert_int_equal(wpm_multiaddr_parse(wpm_text_of(fields[4]), &certified, NULL), WPM_OK);
    }
  }
  assert_non_null(envelope.data);
  assert_int_equal(wpm_multiaddr_parse(wpm_text_of("/ip4/192.0.2.77/tcp/1"), &other, NULL), WPM_OK);
  wpm_address list[] = {{.multiaddr = wpm_multiaddr_view(&certified), .expires = WPM_WALL_NONE},
                        {.multiaddr = wpm_multiaddr_view(&other), .expires = WPM_WALL_NONE}};
  wpm_peer_record record = {.id = wpm_test_view(id),
                            .addresses = list,
                            .address_count = 2,
                            .signed_record = wpm_test_view(envelope),
                            .signed_sequence = 5};
  one.records[0] = &record;
  write_store(WPM_EXCHANGE_GO, &one, &told);
  assert_int_equal(read_store(WPM_EXCHANGE_GO, out_path, &again), WPM_OK);
  assert_int_equal(again.counts.skipped, 0);
  assert_int_equal(again.records[0]->signed_record.len, envelope.len);
  assert_true(again.records[0]->signed_sequence > 5); /* The one that is signed. */
  assert_int_equal(again.records[0]->address_count, 2);
  for (size_t i = 0; i < 2; i++) {
    const wpm_address *address = &again.records[0]->addresses[i];
    assert_int_equal(address->certified,
                     wpm_bytes_equal(address->multiaddr, wpm_multiaddr_view(&certified)));
  }
  collected_free(&again);

  envelope.data[envelope.len - 1] ^= 1; /* One that does not verify. */
  assert_int_equal(remove(out_path), 0);
  write_store(WPM_EXCHANGE_GO, &one, &told);
  assert_int_equal(read_store(WPM_EXCHANGE_GO, out_path, &again), WPM_OK);
  assert_int_equal(again.counts.skipped, 1);
  assert_true(collected_skip(&again, "12D3", "a signed peer record that does not verify"));
  assert_int_equal(again.records[0]->signed_record.len, 0);
  assert_int_equal(again.records[0]->address_count, 2);
  collected_free(&again);
  free(envelope.data);
  free(id.data);
  free(line);
  assert_int_equal(fclose(file), 0);
}

/* ---- metadata -------------------------------------------------------------------------------- */

/* Gob of one string, or a number. */
static void put_metadata(const char *name, wpm_gob_type type, const wpm_text *strings, size_t count,
                         double number) {
  wpm_buffer value;
  char key[200];
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  wpm_buffer_init(&value, WPM_GOB_MAX);
  assert_int_equal(type == WPM_GOB_FLOAT ? wpm_gob_write_number(number, &value)
                                         : wpm_gob_write_strings(type, strings, count, &value),
                   WPM_OK);
  snprintf(key, sizeof key, "/peers/metadata/%s/%s", ID_BASE32, name);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db,
                                "CREATE TABLE IF NOT EXISTS peerstore (key TEXT NOT NULL "
                                "UNIQUE, data BLOB)",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  assert_int_equal(
      sqlite3_prepare_v2(db, "REPLACE INTO peerstore VALUES (?1, ?2)", -1, &statement, NULL),
      SQLITE_OK);
  wpm_bytes view = wpm_buffer_view(&value);
  sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_blob64(statement, 2, view.data, view.len, SQLITE_STATIC);
  assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  wpm_buffer_fini(&value);
}

static const wpm_peer_record *read_one(collected *found) {
  assert_int_equal(read_store(WPM_EXCHANGE_GO, path, found), WPM_OK);
  assert_int_equal(found->count, 1);
  return found->records[0];
}

/* What has no field, or does not fit it, stays as it is in the application map. */
static void test_metadata_without_a_field(void **state) {
  (void)state;
  collected found;
  const wpm_text named[] = {WPM_TEXT("/waku/2/rs/1/2"), WPM_TEXT("/waku/2/my-topic/proto")};
  const wpm_text clusters[] = {WPM_TEXT("/waku/2/rs/1/2"), WPM_TEXT("/waku/2/rs/2/2")};
  const wpm_text odd[] = {WPM_TEXT("/waku/2/rs/01/2")};
  const wpm_text *const topics[] = {named, clusters, odd};
  const size_t counts[] = {2, 2, 1};
  for (size_t i = 0; i < 3; i++) {
    put_metadata("pubSubTopics", WPM_GOB_STRINGS, topics[i], counts[i], 0);
    const wpm_peer_record *peer = read_one(&found);
    assert_int_equal(peer->shard_count, 0);
    assert_int_equal(peer->cluster_id, 0);
    assert_int_equal(peer->app_count, 1);
    assert_true(text_is(peer->app[0].key, "pubSubTopics"));
    collected_free(&found);
  }
  const double scores[] = {0.5, 1e12, -1e12};
  for (size_t i = 0; i < 3; i++) {
    put_metadata("score", WPM_GOB_FLOAT, NULL, 0, scores[i]);
    const wpm_peer_record *peer = read_one(&found);
    assert_int_equal(peer->score, 0);
    assert_int_equal(peer->app_count, 2);
    collected_free(&found);
  }
  put_metadata("score", WPM_GOB_FLOAT, NULL, 0, -41);
  put_metadata("AgentVersion", WPM_GOB_FLOAT, NULL, 0, 1);
  put_metadata("protocols", WPM_GOB_STRINGS, named, 2, 0);
  const wpm_peer_record *peer = read_one(&found);
  assert_int_equal(peer->score, -41);
  assert_int_equal(peer->agent.len, 0);
  assert_false(peer->protocols_known);
  assert_int_equal(peer->app_count, 3);
  collected_free(&found);
}

/* Names that go-datastore would change, and values that are no gob, are not written. */
static void test_application_map_out(void **state) {
  (void)state;
  collected told;
  collected one = {.count = 1};
  wpm_buffer gob;
  wpm_test_bytes id = wpm_test_hex(ID_HEX);
  wpm_buffer_init(&gob, WPM_GOB_MAX);
  assert_int_equal(wpm_gob_write_number(1, &gob), WPM_OK);
  wpm_bytes number = wpm_buffer_view(&gob);
  wpm_app_entry app[] = {
      {WPM_TEXT("a//b"), number},         {WPM_TEXT(".."), number},
      {WPM_TEXT("a\0b"), number},         {WPM_TEXT("plain"), WPM_BYTES("no gob")},
      {WPM_TEXT("AgentVersion"), number}, {WPM_TEXT("a/b"), number},
      {WPM_TEXT("score"), number}};
  wpm_peer_record record = {.id = wpm_test_view(id),
                            .agent = WPM_TEXT("x"),
                            .score = 9,
                            .app = app,
                            .app_count = sizeof app / sizeof *app};
  one.records[0] = &record;
  write_store(WPM_EXCHANGE_GO, &one, &told);
  assert_int_equal(told.counts.skipped, 5);
  assert_int_equal(
      database_number(out_path,
                      "SELECT count(*) FROM peerstore WHERE key GLOB '/peers/metadata/*'"),
      3);
  wpm_buffer_fini(&gob);
  free(id.data);
}

/* ---- what is not as it must be --------------------------------------------------------------- */

static void test_odd_rows(void **state) {
  (void)state;
  collected found;
  database_run(path,
               "CREATE TABLE peerstore (key TEXT NOT NULL UNIQUE, data BLOB);"
               "INSERT INTO peerstore VALUES ('/peers/addrs/', x''), ('/peers/addrs/0189', x''),"
               "('/peers/addrs/MZXW6', x''), ('/peers/keys/" ID_BASE32 "/other', x'00'),"
               "('/peers/keys/" ID_BASE32 "/pub', x'00'), ('/peers/addrs/" ID_BASE32 "', 'text'),"
               "('/peers/metadata/" ID_BASE32 "/big', zeroblob(2000000)),"
               "('/peers/metadata/" ID_BASE32 "/zero', zeroblob(1000)),"
               "('/peers/metadata/" ID_BASE32 "/empty', x''), ('/peers/gc/addrs/1/x', x''),"
               "('/unrelated', x'')");
  assert_int_equal(read_store(WPM_EXCHANGE_GO, path, &found), WPM_OK);
  assert_int_equal(found.counts.records, 1);
  assert_int_equal(found.counts.skipped, 9);
  assert_int_equal(found.records[0]->public_key.len, 36); /* The one in its id. */
  collected_free(&found);
}

static void test_a_key_that_is_too_long_is_not_written(void **state) {
  (void)state;
  collected told;
  char name[1000];
  wpm_buffer gob;
  wpm_buffer_init(&gob, WPM_GOB_MAX);
  assert_int_equal(wpm_gob_write_number(1, &gob), WPM_OK);
  const wpm_bytes number = wpm_buffer_view(&gob);
  memset(name, 'n', sizeof name);
  wpm_app_entry app[] = {{{name, 255}, number}, {{name, 1000}, number}};
  wpm_peer_record record = {.id = WPM_BYTES("\x00\x01\x01"), .app = app, .app_count = 2};
  collected one = {.records = {&record}, .count = 1};
  write_store(WPM_EXCHANGE_GO, &one, &told);
  assert_int_equal(told.counts.records, 1);
  assert_int_equal(told.counts.skipped, 1);
  wpm_buffer_fini(&gob);
}

static void test_odd_ids_are_not_written(void **state) {
  (void)state;
  collected told;
  wpm_peer_record records[] = {{.id = WPM_BYTES("foo")}, {.id = {0}}};
  collected two = {.records = {&records[0], &records[1]}, .count = 2};
  write_store(WPM_EXCHANGE_GO, &two, &told);
  assert_int_equal(told.counts.records, 0);
  assert_int_equal(told.counts.skipped, 2);
}

static void test_no_memory(void **state) {
  (void)state;
  make_fixture();
  for (size_t n = 1;; n++) {
    collected found;
    wpm_exchange_counts counts;
    wpm_exchange_writer *writer = NULL;
    wpm_exchange_target target = {.format = WPM_EXCHANGE_GO, .path = out_path};
    wpm_alloc_fail_at(n);
    int err = read_store(WPM_EXCHANGE_GO, path, &found);
    if (err == WPM_OK) {
      err = wpm_exchange_writer_new(&target, &writer, NULL);
    }
    for (size_t i = 0; err == WPM_OK && i < found.count; i++) {
      err = wpm_exchange_put(writer, found.records[i], NULL);
    }
    if (err == WPM_OK) {
      err = wpm_exchange_finish(writer, &counts, NULL);
    }
    wpm_alloc_fail_off();
    wpm_exchange_writer_free(writer);
    collected_free(&found);
    if (wpm_alloc_failed() == 0) {
      assert_int_equal(err, WPM_OK);
      return;
    }
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
    (void)remove(out_path);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_a_store_of_go_waku),
      TEST(test_round_trip),
      TEST(test_times),
      TEST(test_past_its_time),
      TEST(test_signed_record),
      TEST(test_metadata_without_a_field),
      TEST(test_application_map_out),
      TEST(test_odd_rows),
      TEST(test_a_key_that_is_too_long_is_not_written),
      TEST(test_odd_ids_are_not_written),
      TEST(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
