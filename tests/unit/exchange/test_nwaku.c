/* nwaku's peers.db: rows of its layout are read, what we write is what it decodes, bad rows cost
 * nobody else. */
#include "support/exchange/two_stores.h"

#include "base/buffer.h"
#include "support/alloc_fail.h"
#include "support/vectors.h"

static void make_fixture(void) {
  database_run_file(path, WPM_TEST_DATA("nwaku_peers.sql"));
}

#define CONNECTED "16Uiu2HAkykgaECHswi3YKJ5dMLbq2kPVCo89fcyTd38UcQD6ej5W"
#define PARTED "16Uiu2HAmLhLvBoYaoZfaMUKuibM6ac163GwKY74c5kiSLg5KvLpY"
#define FOREIGN_RECORD "16Uiu2HAm88tibZeYNH9XqvtiYrNnF2xtAfkFWRZXzr36sP1Jv6zE"
#define FOREIGN_KEY "16Uiu2HAmMiP5oLt2XLSAzJW21g5KKQBibmNqVacvnuJv96FN9XrJ"

static void test_rows(void **state) {
  (void)state;
  collected found;
  char text[WPM_MULTIADDR_TEXT];
  make_fixture();
  assert_int_equal(read_store(WPM_EXCHANGE_NWAKU, path, &found), WPM_OK);
  assert_int_equal(found.counts.records, 6);
  assert_int_equal(found.count, 6);
  assert_int_equal(found.counts.skipped, 5);

  const wpm_peer_record *peer = collected_peer(&found, CONNECTED);
  assert_non_null(peer);
  assert_int_equal(peer->connectivity, WPM_CANNOT_CONNECT);
  assert_int_equal(peer->reason, WPM_REASON_IMPORTED);
  assert_int_equal(peer->disconnect_time.ns, INT64_C(1700000000) * WPM_SECOND);
  assert_true(peer->held);
  assert_int_equal(peer->public_key.len, 37);
  assert_int_equal(peer->protocol_count, 3);
  assert_true(text_is(peer->protocols[0], "/vac/waku/metadata/1.0.0")); /* Sorted. */
  assert_true(peer->protocols_known);
  assert_string_equal(collected_address(peer, 0, text), "/ip4/192.0.2.9/tcp/30303");
  assert_string_equal(collected_address(peer, 1, text),
                      "/dns4/node-01.waku.example.example.example.x/tcp/8000/wss");
  assert_int_equal(peer->addresses[0].source, WPM_SOURCE_IMPORT);
  assert_int_equal(peer->addresses[0].ttl_ns, WPM_TTL_QUALITY);
  assert_int_equal(peer->addresses[0].first_seen.ns, COLLECTED_NOW.ns);
  assert_true(peer->enr.len > 0 && peer->capabilities_known);
  assert_int_equal(peer->capabilities, 15);
  assert_int_equal(peer->cluster_id, 1);
  assert_int_equal(peer->shard_count, 8);
  collected_free(&found);
}

static void test_states(void **state) {
  (void)state;
  collected found;
  char text[WPM_MULTIADDR_TEXT];
  size_t untried = 0;
  size_t failed = 0;
  make_fixture();
  assert_int_equal(read_store(WPM_EXCHANGE_NWAKU, path, &found), WPM_OK);
  const wpm_peer_record *peer = collected_peer(&found, PARTED);
  assert_non_null(peer);
  assert_int_equal(peer->connectivity, WPM_CAN_CONNECT);
  assert_int_equal(peer->reason, WPM_REASON_LOCAL_CLOSE);
  assert_true(peer->held);
  assert_string_equal(collected_address(peer, 0, text), "/ip4/192.168.1.7/tcp/60000");
  for (size_t i = 0; i < found.count; i++) {
    peer = found.records[i];
    assert_int_equal(peer->connectivity, wpm_reason_leaves(peer->reason));
    untried += peer->connectivity == WPM_NOT_CONNECTED;
    failed += peer->connectivity == WPM_CANNOT_CONNECT && !peer->held;
    assert_true(peer->held || !wpm_wall_known(peer->disconnect_time));
  }
  assert_int_equal(untried, 3);
  assert_int_equal(failed, 1);
  collected_free(&found);
}

static void test_what_does_not_verify(void **state) {
  (void)state;
  collected found;
  make_fixture();
  assert_int_equal(read_store(WPM_EXCHANGE_NWAKU, path, &found), WPM_OK);
  const wpm_peer_record *peer = collected_peer(&found, FOREIGN_RECORD);
  assert_non_null(peer);
  assert_int_equal(peer->enr.len, 0);
  assert_int_equal(peer->public_key.len, 37);
  assert_true(collected_skip(&found, FOREIGN_RECORD, "a node record that is another peer's"));
  peer = collected_peer(&found, FOREIGN_KEY);
  assert_non_null(peer);
  assert_true(collected_skip(&found, FOREIGN_KEY, "a public key that is another peer's"));
  assert_true(collected_skip(&found, "Qm", "its connectedness is none of 0 to 3"));
  assert_true(collected_skip(&found, "16Uiu2HAmHnSFhnutZ6xBmbFMC5BJ4EtSrz2mNzKotSwk37CzmEyY",
                             "no protobuf"));
  assert_true(collected_skip(&found, "16Uiu2HAmGRJBCkBQwD9TKozv5caXT9pFVz5iXN4WoXU9s6mAkMhP",
                             "names another peer"));
  collected_free(&found);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void test_round_trip(void **state) {
  (void)state;
  collected found;
  collected told;
  collected again;
  make_fixture();
  assert_int_equal(read_store(WPM_EXCHANGE_NWAKU, path, &found), WPM_OK);
  write_store(WPM_EXCHANGE_NWAKU, &found, &told);
  assert_int_equal(told.counts.records, 6);
  assert_int_equal(told.counts.skipped, 0);
  assert_int_equal(database_number(out_path, "PRAGMA user_version"), 1);
  assert_int_equal(database_number(out_path,
                                   "SELECT count(*) FROM sqlite_schema WHERE name = 'Peer' AND sql "
                                   "LIKE '%WITHOUT ROWID%'"),
                   1);
  assert_int_equal(read_store(WPM_EXCHANGE_NWAKU, out_path, &again), WPM_OK);
  assert_int_equal(again.counts.skipped, 0);
  assert_int_equal(again.count, found.count);
  for (size_t i = 0; i < found.count; i++) { /* Both in the order of the key. */
    assert_true(wpm_record_equal(found.records[i], again.records[i]));
  }
  collected_free(&found);
  collected_free(&again);
}

/* The bytes of a row, as nwaku's encoder would lay them out. */
static void test_row_bytes(void **state) {
  (void)state;
  wpm_multiaddr address;
  collected told;
  collected one = {.count = 1};
  wpm_test_bytes id =
      wpm_test_hex("002408011220"
                   "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e");
  assert_int_equal(wpm_multiaddr_parse(wpm_text_of("/ip4/127.0.0.1/tcp/4001"), &address, NULL),
                   WPM_OK);
  wpm_address list[] = {{.multiaddr = wpm_multiaddr_view(&address)}};
  wpm_text protocol = WPM_TEXT("/a");
  wpm_peer_record record = {.id = wpm_test_view(id),
                            .addresses = list,
                            .address_count = 1,
                            .protocols = &protocol,
                            .protocol_count = 1,
                            .connectivity = WPM_CONNECTED,
                            .disconnect_time = {5 * WPM_SECOND + 7}};
  one.records[0] = &record;
  write_store(WPM_EXCHANGE_NWAKU, &one, &told);
  assert_int_equal(told.counts.records, 1);
  assert_int_equal(
      database_number(
          out_path,
          "SELECT hex(storedInfo) = '0A26002408011220"
          "1ED1E8FAE2C4A144B8BE8FD4B47BF3D3B34B871C3CACF6010F0E42D474FCE27E"
          "1208047F000001060FA11A022F61222408011220"
          "1ED1E8FAE2C4A144B8BE8FD4B47BF3D3B34B871C3CACF6010F0E42D474FCE27E28033005' FROM Peer"),
      1);
  free(id.data);
}

/* A row that nwaku could not load would cost it all the others. */
static void test_what_nwaku_cannot_decode_is_not_written(void **state) {
  (void)state;
  wpm_multiaddr address;
  collected told;
  collected all = {.count = 4};
  wpm_test_bytes id =
      wpm_test_hex("002408011220"
                   "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e");
  wpm_test_bytes digest =
      wpm_test_hex("1220000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f");
  assert_int_equal(
      wpm_multiaddr_parse(wpm_text_of("/ip4/192.0.2.1/udp/1/quic-v1/webtransport"), &address, NULL),
      WPM_OK);
  wpm_address list[] = {{.multiaddr = wpm_multiaddr_view(&address)}, {.multiaddr = {0}}};
  wpm_peer_record records[] = {{.id = WPM_BYTES("foo"), .disconnect_time = WPM_WALL_NONE},
                               {.id = {0}, .disconnect_time = WPM_WALL_NONE},
                               {.id = wpm_test_view(digest), .disconnect_time = WPM_WALL_NONE},
                               {.id = wpm_test_view(id),
                                .addresses = list,
                                .address_count = 2,
                                .disconnect_time = {-5 * WPM_SECOND}}};
  for (size_t i = 0; i < 4; i++) {
    all.records[i] = &records[i];
  }
  write_store(WPM_EXCHANGE_NWAKU, &all, &told);
  assert_int_equal(told.counts.records, 1);
  assert_int_equal(told.counts.skipped, 5);
  assert_true(collected_skip(&told, "0x", "no such peer id"));
  assert_true(collected_skip(&told, "Qm", "public key is not known"));
  assert_true(collected_skip(&told, "12D3", "a protocol that nwaku does not have"));
  assert_int_equal(database_number(out_path, "SELECT length(storedInfo) FROM Peer"),
                   2 + 38 + 2 + 36 + 2 + 2);
  free(id.data);
  free(digest.data);
}

/* ---- files that are not what they should be -------------------------------------------------- */

static void test_odd_rows(void **state) {
  (void)state;
  collected found;
  database_run(path, "CREATE TABLE Peer (peerId BLOB PRIMARY KEY, storedInfo BLOB) WITHOUT ROWID;"
                     "INSERT INTO Peer VALUES ('text', x'00'), (x'', x''), (7, NULL),"
                     "(zeroblob(256), x'0a00'), (zeroblob(200), zeroblob(2000000)),"
                     "(x'0000', zeroblob(1000000)), (x'1220', x'0a0212205001')");
  assert_int_equal(read_store(WPM_EXCHANGE_NWAKU, path, &found), WPM_OK);
  assert_int_equal(found.counts.records, 0);
  assert_int_equal(found.counts.skipped, 7);
  collected_free(&found);
}

static void test_bad_files(void **state) {
  (void)state;
  collected found;
  wpm_exchange_format format;
  wpm_error error = {.text = ""};
  assert_int_equal(read_store(WPM_EXCHANGE_NWAKU, path, &found), WPM_ERR_NOT_FOUND);
  assert_int_equal(wpm_exchange_guess(path, &format, &error), WPM_ERR_NOT_FOUND);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_true(fputs("this is no database, and long enough to look at: ..........", file) >= 0);
  assert_int_equal(fclose(file), 0);
  assert_int_equal(read_store(WPM_EXCHANGE_NWAKU, path, &found), WPM_ERR_CORRUPT);
  assert_int_equal(wpm_exchange_guess(path, &format, &error), WPM_ERR_UNSUPPORTED);
  assert_non_null(strstr(error.text, "--format"));
  assert_int_equal(remove(path), 0);
  database_run(path, "CREATE TABLE other (x)");
  assert_int_equal(read_store(WPM_EXCHANGE_NWAKU, path, &found), WPM_ERR_INVALID);
  assert_int_equal(wpm_exchange_guess(path, &format, &error), WPM_ERR_UNSUPPORTED);
  make_fixture();
  assert_int_equal(wpm_exchange_guess(path, &format, &error), WPM_OK);
  assert_int_equal(format, WPM_EXCHANGE_NWAKU);
  wpm_exchange_sink sink = collect_into(&found);
  assert_int_equal(wpm_exchange_read_database(path, WPM_EXCHANGE_TEXT, &sink, &found.counts, NULL),
                   WPM_ERR_UNSUPPORTED);
}

static void test_existing_file_is_kept(void **state) {
  (void)state;
  wpm_exchange_writer *writer = NULL;
  wpm_error error = {.text = ""};
  wpm_exchange_target target = {.format = WPM_EXCHANGE_NWAKU, .path = path};
  make_fixture();
  assert_int_equal(wpm_exchange_writer_new(&target, &writer, &error), WPM_ERR_EXISTS);
  assert_null(writer);
  assert_int_equal(database_number(path, "SELECT count(*) FROM Peer"), 9);
  target.path = out_path; /* One that is not finished is removed. */
  assert_int_equal(wpm_exchange_writer_new(&target, &writer, &error), WPM_OK);
  wpm_exchange_writer_free(writer);
  assert_int_equal(remove(out_path), -1);
}

static int refuse(void *user, const wpm_peer_record *record) {
  (void)user;
  (void)record;
  return WPM_ERR_FULL;
}

static void test_a_sink_that_refuses(void **state) {
  (void)state;
  wpm_exchange_counts counts;
  wpm_exchange_sink sink = {.now = COLLECTED_NOW, .record = refuse};
  make_fixture();
  assert_int_equal(wpm_exchange_read_database(path, WPM_EXCHANGE_NWAKU, &sink, &counts, NULL),
                   WPM_ERR_FULL);
}

static void test_no_memory(void **state) {
  (void)state;
  make_fixture();
  for (size_t n = 1;; n++) {
    collected found;
    collected told = {0};
    wpm_exchange_writer *writer = NULL;
    wpm_exchange_target target = {.format = WPM_EXCHANGE_NWAKU, .path = out_path};
    wpm_alloc_fail_at(n);
    int err = read_store(WPM_EXCHANGE_NWAKU, path, &found);
    if (err == WPM_OK) {
      err = wpm_exchange_writer_new(&target, &writer, NULL);
    }
    for (size_t i = 0; err == WPM_OK && i < found.count; i++) {
      err = wpm_exchange_put(writer, found.records[i], NULL);
    }
    if (err == WPM_OK) {
      err = wpm_exchange_finish(writer, &told.counts, NULL);
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
      TEST(test_rows),
      TEST(test_states),
      TEST(test_what_does_not_verify),
      TEST(test_round_trip),
      TEST(test_row_bytes),
      TEST(test_what_nwaku_cannot_decode_is_not_written),
      TEST(test_odd_rows),
      TEST(test_bad_files),
      TEST(test_existing_file_is_kept),
      TEST(test_a_sink_that_refuses),
      TEST(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
