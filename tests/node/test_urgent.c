/* What a crash must not undo is committed at once, by itself: here commits are an hour apart, but for
 * what cannot wait. */
#include "kept.h"

#include "node/internal.h"

/* The linker puts these in place of the writer's own defaults (tests/CMakeLists.txt). */
void __real_wpm_writer_config_default(wpm_writer_config *config);
void __wrap_wpm_writer_config_default(wpm_writer_config *config);
void __wrap_wpm_writer_config_default(wpm_writer_config *config) {
  __real_wpm_writer_config_default(config);
  config->commit_interval_ns = WPM_HOUR;
  config->loss_bound_ns = 2 * WPM_HOUR;
}

#define WAIT (30 * WPM_MINUTE)

static wpm_writer_status written(const wpm_node *node) {
  wpm_writer_status status;
  wpm_writer_get_status(node->writer, &status);
  return status;
}

/* All that has changed so far becomes durable: nobody waits for it, so nothing hurries the writer but
 * the change itself. */
#define COMMITTED_AT_ONCE(k, node)                                                                 \
  do {                                                                                             \
    uint64_t sequence_ = written(node).sequence;                                                   \
    RUN_UNTIL(&(k)->l.loop, written(node).durable >= sequence_);                                   \
  } while (0)

/* Starts the second node, alone, behind its first commit: from now on changes wait. */
static wpm_node *start_waiting(kept *k) {
  lab_node *b = &k->l.nodes[1];
  b->config.listen_count = 0;
  lab_start(b);
  RUN_UNTIL(&k->l.loop, written(b->node).durable > 0);
  return b->node;
}

/* A peer that nobody can dial. */
static wpm_peer_record peer_of(const lab_node *n) {
  return (wpm_peer_record){.id = wpm_peer_id_view(&n->id),
                           .disconnect_time = WPM_WALL_NONE,
                           .connected_time = WPM_WALL_NONE,
                           .first_failure = WPM_WALL_NONE,
                           .last_failure = WPM_WALL_NONE,
                           .rtt_ns = WPM_SPAN_NONE};
}

static void take_in(wpm_node *node, const wpm_peer_record *record) {
  assert_int_equal(wpm_node_import(node, record, NULL, NULL), WPM_OK);
}

static wpm_wait from_now(const wpm_node *node) {
  return (wpm_wait){wpm_node_now(node), WAIT};
}

static void prune(wpm_node *node, wpm_bytes peer) {
  wpm_event pruned = {.type = WPM_EVENT_PRUNED, .peer = peer, .u.pruned = {.backoff_ns = WAIT}};
  assert_int_equal(wpm_node_fact(node, &pruned), WPM_OK);
}

/* The node's next run is on what a crash would have left now. */
static wpm_node *crash(kept *k, char **crashed) {
  lab_node *b = &k->l.nodes[1];
  keep_what_a_crash_would_leave(k, crashed);
  lab_stop(b);
  b->config.database = *crashed;
  lab_start(b);
  return b->node;
}

/* Ends the test. */
static void end_crashed(kept *k, char *crashed) {
  end(k);
  free(crashed);
}

static wpm_peer_record found(const wpm_node *node, const lab_node *n) {
  wpm_peer_record record;
  assert_int_equal(
      wpm_store_get(wpm_manager_store(wpm_node_manager(node)), wpm_peer_id_view(&n->id), &record),
      WPM_OK);
  return record;
}

static const wpm_tag guarded = {
    .name = {"guarded", 7}, .value = 1, .protects = true, .expires = {INT64_MIN}};

/* Of a peer that is new, and of one that is held already. */
static void bans_protections_and_backoffs_of_a(kept *k, bool held) {
  char *crashed = NULL;
  begin(k);
  wpm_node *node = start_waiting(k);
  const lab_node *banned = &k->l.nodes[0];
  const lab_node *protected = &k->l.nodes[2];
  const lab_node *pruned = &k->l.nodes[3];
  wpm_peer_record records[3] = {peer_of(banned), peer_of(protected), peer_of(pruned)};
  for (size_t i = 0; held && i < 3; i++) {
    take_in(node, &records[i]);
  }
  records[0].ban = from_now(node);
  take_in(node, &records[0]);
  COMMITTED_AT_ONCE(k, node);
  records[1].tags = &guarded;
  records[1].tag_count = 1;
  take_in(node, &records[1]);
  COMMITTED_AT_ONCE(k, node);
  if (held) {
    prune(node, records[2].id);
  } else {
    records[2].prune_backoff = from_now(node);
    take_in(node, &records[2]);
  }
  COMMITTED_AT_ONCE(k, node);
  node = crash(k, &crashed);
  assert_int_equal(found(node, banned).ban.length_ns, WAIT);
  assert_int_equal(found(node, protected).tag_count, 1);
  assert_true(found(node, protected).tags[0].protects);
  assert_true(found(node, pruned).prune_backoff.length_ns >= WAIT);
  end_crashed(k, crashed);
}

static void those_of_a_new_peer(void **state) {
  (void)state;
  kept k;
  bans_protections_and_backoffs_of_a(&k, false);
}

static void those_of_a_peer_that_is_held(void **state) {
  (void)state;
  kept k;
  bans_protections_and_backoffs_of_a(&k, true);
}

/* Each part of a record that cannot wait, changed alone; and one that can. */
static void a_part_that_cannot_wait(void **state) {
  (void)state;
  static const uint32_t urgent[] = {WPM_FIELD_BAN, WPM_FIELD_PRUNE_BACKOFF, WPM_FIELD_TAGS,
                                    WPM_FIELD_RTT | WPM_FIELD_BAN};
  kept k;
  begin(&k);
  wpm_node *node = start_waiting(&k);
  wpm_peer_record record = peer_of(&k.l.nodes[0]);
  record.tags = &guarded;
  record.tag_count = 1;
  take_in(node, &record);
  COMMITTED_AT_ONCE(&k, node);
  for (size_t i = 0; i < sizeof urgent / sizeof *urgent; i++) {
    assert_true(wpm_node_store_record(node, record.id, WPM_FIELD_RTT, false) > 0);
    assert_true(written(node).durable < written(node).sequence);
    assert_true(wpm_node_store_record(node, record.id, urgent[i], false) > 0);
    COMMITTED_AT_ONCE(&k, node);
  }
  uint64_t waits = wpm_node_store_record(node, record.id, WPM_FIELD_RTT | WPM_FIELD_AGENT, false);
  record = peer_of(&k.l.nodes[2]); /* New, but nothing in it is urgent. */
  take_in(node, &record);
  assert_int_equal(uv_run(&k.l.loop, UV_RUN_NOWAIT), 1);
  assert_true(written(node).durable < waits);
  end(&k);
}

/* A ban or backoff outlives its record: the tombstone is committed at once. */
static void those_of_a_peer_that_is_removed(void **state) {
  (void)state;
  for (int by_prune = 0; by_prune < 2; by_prune++) {
    kept k;
    char *crashed = NULL;
    begin(&k);
    wpm_node *node = start_waiting(&k);
    const lab_node *peer = &k.l.nodes[0];
    wpm_peer_record record = peer_of(peer);
    if (!by_prune) {
      record.ban = from_now(node);
    }
    take_in(node, &record);
    if (by_prune) {
      prune(node, record.id);
    }
    COMMITTED_AT_ONCE(&k, node);
    assert_int_equal(wpm_node_remove(node, record.id), WPM_OK);
    COMMITTED_AT_ONCE(&k, node);
    node = crash(&k, &crashed);
    const wpm_store *store = wpm_manager_store(wpm_node_manager(node));
    wpm_tombstone left;
    uint64_t cursor = 0;
    assert_int_equal(wpm_store_count(store), 0);
    assert_true(wpm_store_next_tombstone(store, &cursor, &left));
    assert_true(wpm_bytes_equal(left.id, wpm_peer_id_view(&peer->id)));
    assert_true((by_prune ? left.prune_backoff : left.ban).length_ns >= WAIT);
    end_crashed(&k, crashed);
  }
}

/* A ban of a range is in force before anybody comes, and its lifting is as durable. */
static void bans_of_ranges(void **state) {
  (void)state;
  kept k;
  char *crashed = NULL;
  begin(&k);
  wpm_node *node = start_waiting(&k);
  wpm_ip_range range;
  assert_int_equal(wpm_ip_range_parse(WPM_TEXT("127.0.0.0/8"), &range), WPM_OK);
  const wpm_ip_range other = {.ip = {0x20}, .bits = 8};
  assert_int_equal(wpm_node_ban_range(node, &range, WAIT), WPM_OK);
  assert_int_equal(wpm_node_ban_range(node, &other, INT64_MAX), WPM_OK);
  COMMITTED_AT_ONCE(&k, node);
  assert_int_equal(wpm_node_ban_range(node, &other, 0), WPM_OK);
  COMMITTED_AT_ONCE(&k, node);
  k.l.nodes[1].config.listen_count = 1;
  node = crash(&k, &crashed);
  assert_int_equal(wpm_manager_range_ban_count(wpm_node_manager(node)), 1);
  lab_node *a = &k.l.nodes[0];
  lab_hold(a, &k.l.nodes[1]);
  lab_start(a);
  RUN_UNTIL(&k.l.loop, lab_counters(a).dials_started > 1);
  assert_int_equal(wpm_manager_connection_count(wpm_node_manager(node)), 0);
  wpm_inbound_counters refused = wpm_manager_inbound_refused(wpm_node_manager(node));
  assert_true(refused.by_rule[WPM_INBOUND_BAN] > 0);
  uint64_t cursor = 0;
  wpm_range_ban left;
  assert_true(wpm_manager_next_range_ban(wpm_node_manager(node), &cursor, &left));
  assert_int_equal(left.ban.length_ns, WAIT);
  end_crashed(&k, crashed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(those_of_a_new_peer),     cmocka_unit_test(those_of_a_peer_that_is_held),
      cmocka_unit_test(a_part_that_cannot_wait), cmocka_unit_test(those_of_a_peer_that_is_removed),
      cmocka_unit_test(bans_of_ranges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
