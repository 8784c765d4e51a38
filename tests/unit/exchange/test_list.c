/* Lists of multiaddrs and node records. */
#include "support/exchange/collected.h"

#include "support/alloc_fail.h"
#include "support/temp_dir.h"
#include "support/vectors.h"

#define ID "16Uiu2HAkykgaECHswi3YKJ5dMLbq2kPVCo89fcyTd38UcQD6ej5W"
#define OTHER "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"

static int read_text(const char *text, collected *into) {
  wpm_exchange_sink sink = collect_into(into);
  return wpm_exchange_read_list(wpm_text_of(text), &sink, &into->counts);
}

static void test_multiaddrs(void **state) {
  (void)state;
  collected found;
  char text[WPM_MULTIADDR_TEXT];
  assert_int_equal(read_text("# a list\r\n"
                             "\n"
                             "/ip4/192.168.1.7/tcp/60000/p2p/" ID "\r\n"
                             "  /dns4/node.example/tcp/443/wss/p2p/" ID "  \n"
                             "/ip4/192.168.1.7/tcp/60000/p2p/" ID "\n"
                             "/ip4/127.0.0.1/tcp/1/p2p/" OTHER "\n"
                             "/dns4/relay.example/tcp/1/p2p/" OTHER "/p2p-circuit/p2p/" ID,
                             &found),
                   WPM_OK);
  assert_int_equal(found.counts.records, 3);
  assert_int_equal(found.counts.skipped, 0);
  assert_int_equal(found.records[0]->address_count, 2);
  assert_int_equal(found.records[0]->public_key.len, 37);
  assert_string_equal(collected_address(found.records[0], 1, text),
                      "/dns4/node.example/tcp/443/wss");
  assert_int_equal(found.records[0]->addresses[0].source, WPM_SOURCE_IMPORT);
  assert_string_equal(collected_address(found.records[2], 0, text),
                      "/dns4/relay.example/tcp/1/p2p/" OTHER "/p2p-circuit");
  collected_free(&found);
}

static void test_bad_lines(void **state) {
  (void)state;
  collected found;
  assert_int_equal(read_text("/ip4/300.0.0.1/tcp/1/p2p/" ID "\n"
                             "/ip4/192.0.2.1/tcp/1\n"
                             "/p2p/" ID "\n"
                             "hello\n"
                             "enr:-abc\n"
                             "/ip4/192.0.2.1/tcp/1/p2p/" OTHER "\n"
                             "/nonsense/192.0.2.1\n",
                             &found),
                   WPM_OK);
  assert_int_equal(found.counts.records, 1);
  assert_int_equal(found.counts.skipped, 6);
  assert_true(collected_skip(&found, "line 1", ""));
  assert_true(collected_skip(&found, "line 2", "/p2p/PEER-ID"));
  assert_true(collected_skip(&found, "line 3", "no place"));
  assert_true(collected_skip(&found, "line 4", "neither"));
  assert_true(collected_skip(&found, "line 5", "no valid node record"));
  assert_true(collected_skip(&found, "line 7", ""));
  collected_free(&found);
  assert_int_equal(read_text("", &found), WPM_OK);
  assert_int_equal(found.counts.records, 0);
}

/* Those of tests/data/enr.txt: their addresses, capabilities and shards; and one whose signature is
 * another's. */
static void test_node_records(void **state) {
  (void)state;
  char *line = NULL;
  char *fields[8];
  FILE *file = wpm_test_open(WPM_TEST_DATA("enr.txt"));
  size_t count = 0;
  while (wpm_test_fields(file, &line, fields, 8) > 0) {
    collected found;
    char text[WPM_MULTIADDR_TEXT];
    assert_int_equal(read_text(fields[0], &found), WPM_OK);
    assert_int_equal(found.counts.records, 1);
    const wpm_peer_record *peer = collected_peer(&found, fields[3]);
    assert_non_null(peer);
    assert_true(peer->enr.len > 0);
    assert_int_equal(peer->enr_sequence, strtoull(fields[1], NULL, 10));
    assert_int_equal(peer->capabilities_known, strcmp(fields[4], "-") != 0);
    assert_int_equal(peer->capabilities, strtoul(fields[4], NULL, 10));
    assert_int_equal(peer->cluster_id, strtoul(fields[5], NULL, 10));
    assert_int_equal(peer->address_count > 0, strcmp(fields[6], "-") != 0);
    if (peer->address_count > 0) {
      collected_address(peer, 0, text);
      assert_memory_equal(text, fields[6], strlen(text));
    }
    collected_free(&found);
    fields[0][20] = fields[0][20] == 'A' ? 'B' : 'A';
    assert_int_equal(read_text(fields[0], &found), WPM_OK);
    assert_int_equal(found.counts.skipped, 1);
    assert_true(collected_skip(&found, "line 1", "signature does not verify"));
    count++;
  }
  assert_true(count > 5);
  free(line);
  assert_int_equal(fclose(file), 0);
}

/* Both kinds of line of one peer make one record. */
static void test_mixed(void **state) {
  (void)state;
  collected found;
  char *line = NULL;
  char *fields[8];
  char text[2000];
  FILE *file = wpm_test_open(WPM_TEST_DATA("enr.txt"));
  while (wpm_test_fields(file, &line, fields, 8) > 0 && strcmp(fields[3], ID) != 0) {}
  snprintf(text, sizeof text, "/ip4/10.1.2.3/tcp/5/p2p/" ID "\n%s\n%s", fields[0], fields[0]);
  assert_int_equal(read_text(text, &found), WPM_OK);
  assert_int_equal(found.counts.records, 1);
  assert_int_equal(found.records[0]->address_count, 4);
  assert_true(found.records[0]->enr.len > 0);
  collected_free(&found);
  free(line);
  assert_int_equal(fclose(file), 0);
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct written {
  char text[8192];
  size_t len;
  collected told;
} written;

static int take_text(void *user, wpm_text text) {
  written *into = user;
  assert_true(into->len + text.len < sizeof into->text);
  memcpy(into->text + into->len, text.data, text.len);
  into->len += text.len;
  return WPM_OK;
}

static void tell_skip(void *user, const char *what, const char *why) {
  collect_skip(&((written *)user)->told, what, why);
}

static void write_all(wpm_exchange_format format, const collected *from, written *into) {
  wpm_exchange_writer *writer = NULL;
  *into = (written){.len = 0};
  wpm_exchange_target target = {
      .format = format, .write = take_text, .skipped = tell_skip, .user = into};
  assert_int_equal(wpm_exchange_writer_new(&target, &writer, NULL), WPM_OK);
  for (size_t i = 0; i < from->count; i++) {
    assert_int_equal(wpm_exchange_put(writer, from->records[i], NULL), WPM_OK);
  }
  assert_int_equal(wpm_exchange_finish(writer, &into->told.counts, NULL), WPM_OK);
  wpm_exchange_writer_free(writer);
  into->text[into->len] = '\0';
}

static void test_writing(void **state) {
  (void)state;
  static const char list[] = "/ip4/192.168.1.7/tcp/60000/p2p/" ID "\n"
                             "/dns4/node.example/tcp/443/wss/p2p/" ID "\n"
                             "/ip4/127.0.0.1/tcp/1/p2p/" OTHER "\n";
  collected found;
  written out;
  assert_int_equal(read_text(list, &found), WPM_OK);
  write_all(WPM_EXCHANGE_TEXT, &found, &out);
  assert_string_equal(out.text, list);
  assert_int_equal(out.told.counts.records, 2);
  write_all(WPM_EXCHANGE_ENR, &found, &out);
  assert_string_equal(out.text, "");
  assert_int_equal(out.told.counts.skipped, 2);
  assert_true(collected_skip(&out.told, ID, "no node record"));
  collected_free(&found);
}

static void test_node_record_round_trip(void **state) {
  (void)state;
  char *line = NULL;
  char *fields[8];
  char text[500];
  collected found;
  written out;
  FILE *file = wpm_test_open(WPM_TEST_DATA("enr.txt"));
  assert_true(wpm_test_fields(file, &line, fields, 8) > 0);
  snprintf(text, sizeof text, "%s\n", fields[0]);
  assert_int_equal(read_text(text, &found), WPM_OK);
  write_all(WPM_EXCHANGE_ENR, &found, &out);
  assert_string_equal(out.text, text);
  assert_int_equal(found.records[0]->address_count, 0); /* It has no TCP port. */
  write_all(WPM_EXCHANGE_TEXT, &found, &out);
  assert_int_equal(out.told.counts.skipped, 1);
  collected_free(&found);
  free(line);
  assert_int_equal(fclose(file), 0);
}

static void test_guess(void **state) {
  (void)state;
  const struct {
    const char *text;
    wpm_exchange_format format;
  } all[] = {{"/ip4/1.2.3.4", WPM_EXCHANGE_TEXT},
             {"# x\n\n  enr:-abc", WPM_EXCHANGE_ENR},
             {"#/ip4\n#enr:\n /ip4", WPM_EXCHANGE_TEXT},
             {"[{}]", WPM_EXCHANGE_UNKNOWN},
             {"", WPM_EXCHANGE_UNKNOWN}};
  char *dir = wpm_test_dir_new();
  char *path = wpm_test_dir_file(dir, "list");
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    wpm_exchange_format format;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(all[i].text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    int err = wpm_exchange_guess(path, &format, NULL);
    assert_int_equal(format, all[i].format);
    assert_int_equal(err, format == WPM_EXCHANGE_UNKNOWN ? WPM_ERR_UNSUPPORTED : WPM_OK);
  }
  wpm_exchange_format format;
  assert_int_equal(wpm_exchange_guess(dir, &format, NULL), WPM_ERR_IO);
  free(path);
  wpm_test_dir_remove(dir);
}

static void test_no_memory(void **state) {
  (void)state;
  for (size_t n = 1;; n++) {
    collected found;
    wpm_alloc_fail_at(n);
    int err = read_text("/ip4/127.0.0.1/tcp/1/p2p/" OTHER "\n/ip4/127.0.0.2/tcp/1/p2p/" ID, &found);
    wpm_alloc_fail_off();
    collected_free(&found);
    if (wpm_alloc_failed() == 0) {
      assert_int_equal(err, WPM_OK);
      return;
    }
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_multiaddrs),   cmocka_unit_test(test_bad_lines),
      cmocka_unit_test(test_node_records), cmocka_unit_test(test_mixed),
      cmocka_unit_test(test_writing),      cmocka_unit_test(test_node_record_round_trip),
      cmocka_unit_test(test_guess),        cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
