/* Changes of parts of a record, tombstones, bans of ranges, private keys, and where rows lie. */
#include "storage/one_database.h"
#include "support/seed.h"

#include <inttypes.h>

/* ---- parts of a record ----------------------------------------------------------------------- */

enum { PEERS = 40, ROUNDS = 30, CHANGES = 40 };

/* What is stored of each peer: two random records, of which the second gave the contact. */
typedef struct model {
  bool held[PEERS];
  uint64_t rest[PEERS];
  uint64_t contact[PEERS];
} model;

/* The record of a peer by the model. */
static wpm_peer_record record_of(const model *m, uint32_t number, wpm_test_record *rest,
                                 wpm_test_record *contact) {
  static const uint8_t ids[PEERS + 1];
  uint64_t rest_seed = m->rest[number];
  uint64_t contact_seed = m->contact[number];
  wpm_test_record_random(&rest_seed, rest);
  wpm_test_record_random(&contact_seed, contact);
  wpm_peer_record record = rest->record;
  const wpm_record_contact taken = wpm_contact_of(&contact->record);
  wpm_contact_apply(&taken, &record);
  record.id = (wpm_bytes){ids, number};
  return record;
}

/* Puts a part of a random record; what is not in that part must not be read, or stay. */
static void change_one(wpm_storage *storage, model *m, uint64_t *seed, wpm_test_record *rest,
                       wpm_test_record *contact) {
  uint32_t number = (uint32_t)wpm_test_random_below(seed, PEERS);
  switch (m->held[number] ? wpm_test_random_below(seed, 5) : 0) {
  case 0:
    m->held[number] = true;
    m->rest[number] = wpm_test_random(seed);
    m->contact[number] = wpm_test_random(seed);
    wpm_peer_record whole = record_of(m, number, rest, contact);
    assert_stored(wpm_storage_put(storage, &whole, WPM_FIELD_ALL, error));
    break;
  case 1:
    m->held[number] = false;
    wpm_peer_record gone = record_of(m, number, rest, contact);
    assert_stored(wpm_storage_remove(storage, gone.id, error));
    break;
  case 2:
    m->rest[number] = wpm_test_random(seed);
    wpm_peer_record other = record_of(m, number, rest, contact);
    other.rtt_ns = 12345;
    other.failures = 6789;
    assert_stored(wpm_storage_put(storage, &other, WPM_FIELD_ALL & ~WPM_FIELD_CONTACT, error));
    break;
  default:
    m->contact[number] = wpm_test_random(seed);
    wpm_peer_record met = record_of(m, number, rest, contact);
    met.addresses = NULL; /* Only the contact is read. */
    met.agent = (wpm_text){NULL, SIZE_MAX};
    assert_stored(wpm_storage_put(storage, &met, WPM_FIELD_CONTACT, error));
    break;
  }
}

static void assert_holds(wpm_storage *storage, const model *m, wpm_test_record *rest,
                         wpm_test_record *contact) {
  stored s = stored_load(storage);
  size_t held = 0;
  for (uint32_t i = 0; i < PEERS; i++) {
    wpm_peer_record expected = record_of(m, i, rest, contact);
    const wpm_peer_record *found = stored_find(&s, expected.id);
    assert_int_equal(found != NULL, m->held[i]);
    assert_true(!found || wpm_record_equal(found, &expected));
    held += m->held[i];
  }
  assert_int_equal(s.count, held);
  assert_int_equal(s.skipped, 0);
  stored_free(&s);
}

static void change_at_random(uint64_t seed) {
  model *m = calloc(1, sizeof(*m));
  wpm_test_record *rest = malloc(sizeof(*rest));
  wpm_test_record *contact = malloc(sizeof(*contact));
  assert_non_null(m);
  assert_non_null(rest);
  assert_non_null(contact);
  for (int round = 0; round < ROUNDS; round++) {
    wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
    model before = *m;
    assert_stored(wpm_storage_begin(storage, error));
    for (int i = 0; i < CHANGES; i++) {
      change_one(storage, m, &seed, rest, contact);
    }
    if (wpm_test_random_below(&seed, 4) == 0) {
      wpm_storage_rollback(storage);
      *m = before;
    } else {
      assert_stored(wpm_storage_commit(storage, error));
    }
    assert_holds(storage, m, rest, contact);
    wpm_storage_checked checked;
    assert_stored(wpm_storage_check(storage, NULL, NULL, &checked, error));
    assert_int_equal(checked.problems, 0);
    wpm_storage_close(storage);
  }
  free(contact);
  free(rest);
  free(m);
}

static void parts_change_and_the_rest_stays(void **state) {
  (void)state;
  change_at_random(wpm_test_seed());
}

/* With hashes of six bits many peers lie where another belongs. The key is one by which no peer of these
 * lies further from its place than the storage looks. */
static void peers_whose_hashes_meet_are_kept_apart(void **state) {
  (void)state;
  wpm_storage_close(stored_open(path, WPM_STORAGE_CREATE));
  stored_sql(path, "UPDATE layout SET mask = 63, key = x'76767676767676767676767676767676'");
  change_at_random(wpm_test_seed());
  stored_assert_answer(path, "SELECT displaced FROM layout", "1");
}

static void a_change_of_contact_is_one_small_row(void **state) {
  (void)state;
  stored_make(path, 3);
  char *before = stored_ask(path, "SELECT group_concat(hex(data)) FROM peer");
  wpm_test_record *plain = malloc(sizeof(*plain));
  assert_non_null(plain);
  wpm_test_record_plain(1, plain);
  plain->record.rtt_ns = 1;
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put(storage, &plain->record, WPM_FIELD_RTT, error));
  assert_stored(wpm_storage_put(storage, &plain->record, 0, error));
  assert_stored(wpm_storage_commit(storage, error));
  wpm_storage_close(storage);
  stored_assert_answer(path, "SELECT group_concat(hex(data)) FROM peer", before);
  stored_assert_answer(path, "SELECT max(length(data)) < 64 FROM contact", "1");
  sqlite3_free(before);
  free(plain);
}

static void a_peer_without_a_contact_is_told_apart(void **state) {
  (void)state;
  wpm_peer_record record = {.id = WPM_BYTES("id"), .score = 7};
  const wpm_record_contact none = {.disconnect_time = WPM_WALL_NONE,
                                   .connected_time = WPM_WALL_NONE,
                                   .rtt_ns = WPM_SPAN_NONE,
                                   .first_failure = WPM_WALL_NONE,
                                   .last_failure = WPM_WALL_NONE};
  wpm_contact_apply(&none, &record);
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  for (int i = 0; i < 2; i++) {
    wpm_storage_info info;
    assert_stored(wpm_storage_begin(storage, error));
    assert_stored(wpm_storage_put(storage, &record, i ? WPM_FIELD_CONTACT : WPM_FIELD_ALL, error));
    assert_stored(wpm_storage_commit(storage, error));
    assert_stored(wpm_storage_get_info(storage, &info, error));
    assert_int_equal(info.peers, 1);
    assert_int_equal(info.contacts, 0);
    record.rtt_ns = 1;
    assert_stored(wpm_storage_begin(storage, error));
    assert_stored(wpm_storage_put(storage, &record, WPM_FIELD_RTT, error));
    assert_stored(wpm_storage_commit(storage, error));
    assert_stored(wpm_storage_get_info(storage, &info, error));
    assert_int_equal(info.contacts, 1);
    record.rtt_ns = WPM_SPAN_NONE;
  }
  wpm_storage_close(storage);
}

/* ---- words ----------------------------------------------------------------------------------- */

/* Peers that make up protocol ids fill the dictionary once; beyond it their records are larger, and
 * come back all the same. */
static void words_beyond_the_cap_stand_in_the_record(void **state) {
  (void)state;
  enum { MANY = 10000, EACH = 50, NAME = 40 };
  static char names[EACH][NAME];
  static char long_name[1000];
  wpm_text protocols[EACH];
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  assert_stored(wpm_storage_begin(storage, error));
  for (uint32_t peer = 0; peer < MANY / EACH; peer++) {
    for (size_t i = 0; i < EACH; i++) {
      int len = snprintf(names[i], NAME, "/made/up/%" PRIu32 "/%zu", peer, i);
      protocols[i] = (wpm_text){names[i], (size_t)len};
    }
    protocols[0] = (wpm_text){long_name, sizeof(long_name)};
    const wpm_peer_record record = {.id = {(const uint8_t *)&peer, sizeof(peer)},
                                    .protocols = protocols,
                                    .protocol_count = EACH};
    assert_stored(wpm_storage_put(storage, &record, WPM_FIELD_ALL, error));
    if (peer == 0 || peer == MANY / EACH - 1) {
      assert_stored(wpm_storage_commit(storage, error));
      stored s = stored_load(storage);
      const wpm_peer_record *found = stored_find(&s, record.id);
      assert_non_null(found);
      assert_true(wpm_record_equal(found, &record));
      stored_free(&s);
      assert_stored(wpm_storage_begin(storage, error));
    }
  }
  assert_stored(wpm_storage_commit(storage, error));
  wpm_storage_close(storage);
  stored_assert_answer(path, "SELECT count(*) FROM word", "8192");
}

/* As a program that imports into the database of a running one. */
static void another_writer_may_add_words_and_peers(void **state) {
  (void)state;
  wpm_text protocols[2][1] = {{WPM_TEXT("/of/one")}, {WPM_TEXT("/of/the/other")}};
  const wpm_peer_record records[2] = {
      {.id = WPM_BYTES("one"), .protocols = protocols[0], .protocol_count = 1},
      {.id = WPM_BYTES("other"), .protocols = protocols[1], .protocol_count = 1}};
  wpm_storage *writers[2] = {stored_open(path, WPM_STORAGE_CREATE),
                             stored_open(path, WPM_STORAGE_CREATE)};
  for (int turn = 0; turn < 4; turn++) {
    wpm_storage *writer = writers[turn % 2];
    assert_stored(wpm_storage_begin(writer, error));
    assert_stored(wpm_storage_put(writer, &records[(turn + turn / 2) % 2], WPM_FIELD_ALL, error));
    assert_stored(wpm_storage_commit(writer, error));
  }
  for (int i = 0; i < 2; i++) {
    stored s = stored_load(writers[i]);
    assert_int_equal(s.count, 2);
    assert_true(wpm_record_equal(stored_find(&s, records[0].id), &records[0]));
    assert_true(wpm_record_equal(stored_find(&s, records[1].id), &records[1]));
    stored_free(&s);
    wpm_storage_close(writers[i]);
  }
  stored_assert_answer(path, "SELECT count(*) FROM word", "2");
}

/* ---- tombstones, private keys ---------------------------------------------------------------- */

static int take_tombstone(void *user, const wpm_tombstone *tombstone) {
  wpm_tombstone *out = user;
  static uint8_t id[WPM_PEER_ID_MAX];
  assert_int_equal(out->id.len, 0); /* There is one. */
  *out = *tombstone;
  memcpy(id, tombstone->id.data, tombstone->id.len);
  out->id.data = id;
  return WPM_OK;
}

static void tombstones_are_kept_apart(void **state) {
  (void)state;
  stored_make(path, 2);
  wpm_test_record *random = malloc(sizeof(*random));
  assert_non_null(random);
  uint64_t seed = wpm_test_seed();
  wpm_test_record_random(&seed, random);
  const wpm_tombstone tombstone = {.id = random->record.id,
                                   .prune_backoff = random->record.prune_backoff,
                                   .ban = random->record.ban};
  wpm_tombstone found = {.id = {NULL, 0}};
  size_t skipped = 7;
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  assert_stored(wpm_storage_begin(storage, error));
  for (int i = 0; i < 2; i++) {
    assert_stored(wpm_storage_put_tombstone(storage, &tombstone, error));
  }
  assert_stored(wpm_storage_remove(storage, tombstone.id, error));
  assert_stored(wpm_storage_commit(storage, error));
  assert_stored(wpm_storage_load_tombstones(storage, take_tombstone, &found, &skipped, error));
  assert_int_equal(skipped, 0);
  assert_true(wpm_bytes_equal(found.id, tombstone.id));
  assert_memory_equal(&found.ban, &tombstone.ban, sizeof(found.ban));
  assert_memory_equal(&found.prune_backoff, &tombstone.prune_backoff, sizeof(found.prune_backoff));
  stored s = stored_load(storage);
  stored_assert_plain(&s, 2);
  stored_free(&s);
  stored_sql(path, "UPDATE tombstone SET data = substr(data, 2)");
  assert_stored(wpm_storage_load_tombstones(storage, take_tombstone, NULL, &skipped, error));
  assert_int_equal(skipped, 1);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_remove_tombstone(storage, tombstone.id, error));
  assert_stored(wpm_storage_remove_tombstone(storage, tombstone.id, error));
  assert_stored(wpm_storage_commit(storage, error));
  assert_stored(wpm_storage_load_tombstones(storage, take_tombstone, NULL, NULL, error));
  wpm_storage_close(storage);
  free(random);
}

static int take_range_ban(void *user, const wpm_range_ban *ban) {
  wpm_range_ban *out = user;
  assert_int_equal(out->ban.length_ns, 0); /* There is one. */
  *out = *ban;
  return WPM_OK;
}

static void bans_of_ranges_are_kept(void **state) {
  (void)state;
  stored_make(path, 2);
  const wpm_range_ban ban = {.range = {.ip = {[10] = 0xff, 0xff, 10, 1, 2, 3}, .bits = 112},
                             .ban = {{{-7}, {8}, UINT64_MAX}, INT64_MAX}};
  wpm_range_ban shorter = ban;
  shorter.ban.length_ns = WPM_HOUR;
  wpm_range_ban found = {.range.bits = 1};
  size_t skipped = 7;
  wpm_storage *storage = stored_open(path, WPM_STORAGE_EXISTING);
  assert_int_equal(wpm_storage_put_range_ban(storage, &ban, NULL), WPM_ERR_STATE);
  assert_int_equal(wpm_storage_remove_range_ban(storage, &ban.range, NULL), WPM_ERR_STATE);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put_range_ban(storage, &shorter, error));
  assert_stored(wpm_storage_put_range_ban(storage, &ban, error));
  assert_stored(wpm_storage_commit(storage, error));
  assert_stored(wpm_storage_load_range_bans(storage, take_range_ban, &found, &skipped, error));
  assert_int_equal(skipped, 0);
  assert_memory_equal(&found.ban, &ban.ban, sizeof(found.ban));
  wpm_range_ban cut = ban;
  cut.range.ip[14] = cut.range.ip[15] = 0; /* Behind its bits nothing is kept. */
  assert_memory_equal(&found.range, &cut.range, sizeof(cut.range));
  stored s = stored_load(storage);
  stored_assert_plain(&s, 2);
  stored_free(&s);
  stored_sql(path, "UPDATE range_ban SET range = x'0000000000000000000000000000000001'");
  assert_stored(wpm_storage_load_range_bans(storage, take_range_ban, NULL, &skipped, error));
  assert_int_equal(skipped, 1); /* Its row is another range's. */
  stored_sql(path, "DELETE FROM range_ban; INSERT INTO range_ban VALUES (x'00', x'00')");
  assert_stored(wpm_storage_load_range_bans(storage, take_range_ban, NULL, &skipped, error));
  assert_int_equal(skipped, 1);
  stored_sql(path, "DELETE FROM range_ban");
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put_range_ban(storage, &ban, error));
  assert_stored(wpm_storage_remove_range_ban(storage, &cut.range, error));
  assert_stored(wpm_storage_remove_range_ban(storage, &cut.range, error));
  assert_stored(wpm_storage_commit(storage, error));
  assert_stored(wpm_storage_load_range_bans(storage, take_range_ban, NULL, NULL, error));
  wpm_storage_close(storage);
}

static int take_key(void *user, wpm_bytes id, wpm_bytes key) {
  assert_true(wpm_bytes_equal(id, WPM_BYTES("mine")));
  assert_true(wpm_bytes_equal(key, WPM_BYTES("the-secret-of-mine")));
  ++*(int *)user;
  return WPM_OK;
}

static bool file_holds(const char *secret) {
  stored_file file = stored_file_read(path);
  bool holds = memmem(file.data, file.len, secret, strlen(secret)) != NULL;
  free(file.data);
  return holds;
}

static void private_keys_come_back_and_leave_no_trace(void **state) {
  (void)state;
  static const char secret[] = "the-secret-of-mine";
  int keys = 0;
  wpm_storage *storage = stored_open(path, WPM_STORAGE_CREATE);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_put_private_key(storage, WPM_BYTES("mine"), WPM_BYTES("old"), error));
  assert_stored(wpm_storage_put_private_key(storage, WPM_BYTES("mine"),
                                            WPM_BYTES("the-secret-of-mine"), error));
  assert_stored(wpm_storage_remove(storage, WPM_BYTES("mine"), error));
  assert_stored(wpm_storage_commit(storage, error));
  assert_stored(wpm_storage_load_private_keys(storage, take_key, &keys, error));
  assert_int_equal(keys, 1);
  wpm_storage_close(storage);
  assert_true(file_holds(secret));
  storage = stored_open(path, WPM_STORAGE_EXISTING);
  assert_stored(wpm_storage_begin(storage, error));
  assert_stored(wpm_storage_remove_private_key(storage, WPM_BYTES("mine"), error));
  assert_stored(wpm_storage_remove_private_key(storage, WPM_BYTES("mine"), error));
  assert_stored(wpm_storage_commit(storage, error));
  assert_stored(wpm_storage_load_private_keys(storage, take_key, &keys, error));
  assert_int_equal(keys, 1);
  wpm_storage_close(storage);
  assert_false(file_holds(secret));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(parts_change_and_the_rest_stays),
      TEST(peers_whose_hashes_meet_are_kept_apart),
      TEST(a_change_of_contact_is_one_small_row),
      TEST(a_peer_without_a_contact_is_told_apart),
      TEST(words_beyond_the_cap_stand_in_the_record),
      TEST(another_writer_may_add_words_and_peers),
      TEST(tombstones_are_kept_apart),
      TEST(bans_of_ranges_are_kept),
      TEST(private_keys_come_back_and_leave_no_trace),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
