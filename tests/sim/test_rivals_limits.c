/* The rivals keep to the rules of their sources on peers of one address and on shards. */
#include "support/sim/rival_kit.h"

/* Whoever dialled, of six peers behind an address the first that joined goes, and out of the store; those that
 * are there while none joins are left alone, and so are others. Its storage has it still. */
static void nwaku_keeps_five_of_an_address(void **state) {
  (void)state;
  begin(&sim_policy_nwaku, 100);
  b.is_answered = true;
  run(WPM_SECOND);
  hear(HOUSE, 1, true);
  hear(HOUSE + 1, 1, false);
  assert_true(until_dial(5 * WPM_SECOND) >= 0);
  assert_int_equal(b.count, 2);
  for (size_t i = 0; i < 2; i++) {
    make_dial(i);
  }
  uint32_t first = b.dials[0].peer;
  for (uint32_t i = 2; i < 5; i++) {
    come(HOUSE + i);
    identify(HOUSE + i, 0);
  }
  come(1);
  identify(1, 0);
  identify(HOUSE + 2, 0); /* Once more: it joined but once. */
  come(HOUSE + 5);        /* It has not joined before it is identified. */
  assert_int_equal(b.closed, 0);
  assert_int_equal(known(), 7);
  identify(HOUSE + 5, 0);
  assert_int_equal(b.closed, 1);
  assert_int_equal(b.last_closed, 1000 + first);
  assert_int_equal(known(), 6);
  disconnect(first);
  assert_int_equal(until_dial(WPM_HOUR), -1); /* Nobody is known that is not connected. */
  disconnect(HOUSE + 2);
  come(HOUSE + 6);
  identify(HOUSE + 6, 0);
  assert_int_equal(b.closed, 1);
  come(HOUSE + 7);
  identify(HOUSE + 7, 0);
  assert_int_equal(b.closed, 2);
  assert_int_equal(b.last_closed, 1000 + b.dials[1].peer);
  hear(first, 1, false);
  size_t before = b.count;
  assert_true(until_dial(WPM_MINUTE) >= 0);
  assert_true(b.dials[before].peer == first || b.dials[before].peer == HOUSE + 2);
  assert_int_equal(b.type->stop(b.policy, clocks()), WPM_OK);
  b.count = 0;
  assert_int_equal(b.type->start(b.policy, clocks()), WPM_OK);
  assert_int_equal(known(), 9);
  end();
}

/* Peers that its storage alone has are dialled where it last knew them. */
static void nwaku_finds_in_its_storage_whom_it_deleted(void **state) {
  (void)state;
  begin(&sim_policy_nwaku, 100);
  for (uint32_t i = 0; i < 6; i++) {
    come(HOUSE + i);
  }
  assert_int_equal(b.closed, 6); /* It listens when it has started. */
  for (uint32_t i = 0; i < 6; i++) {
    disconnect(HOUSE + i);
  }
  run(WPM_SECOND);
  for (uint32_t i = 0; i < 6; i++) {
    come(HOUSE + i);
    identify(HOUSE + i, 0);
  }
  assert_int_equal(b.last_closed, 1000 + HOUSE);
  assert_int_equal(known(), 5);
  assert_int_equal(b.type->stop(b.policy, clocks()), WPM_OK);
  assert_int_equal(b.type->start(b.policy, clocks()), WPM_OK);
  assert_int_equal(known(), 6);
  for (size_t i = 0; i < 6; i++) {
    assert_true(until_dial(2 * WPM_MINUTE) >= 0);
    fail_dial(i);
  }
  run(WPM_SECOND);
  come(HOUSE + 6); /* Of this run it is the first. */
  identify(HOUSE + 6, 0);
  assert_int_equal(known(), 7);
  end();
}

/* Who was deleted and comes by itself has no node record and no address, before it names one. */
static void nwaku_deletes_the_record_too(void **state) {
  (void)state;
  enum { MOST = 100 };
  static uint32_t picked[SIM_PICKED_MAX];
  begin_sharded(&sim_policy_nwaku, 20, 2); /* At most 100 in its store. */
  lose_network();
  run(WPM_MINUTE);
  for (uint32_t i = 0; i < 6; i++) {
    hear_of_shard(HOUSE + i, 2);
    come(HOUSE + i);
    identify(HOUSE + i, 2);
  }
  assert_int_equal(b.last_closed, 1000 + HOUSE);
  disconnect(HOUSE);
  come(HOUSE);
  assert_int_equal(known(), 6);
  assert_int_equal(b.type->pick(b.policy, 1, picked, SIM_PICKED_MAX), 5);
  identify(HOUSE, 2);
  assert_int_equal(b.last_closed, 1000 + HOUSE + 1);
  for (uint32_t i = 0; i < 6; i++) {
    disconnect(HOUSE + i);
  }
  assert_int_equal(known(), 5);
  for (uint32_t i = 0; i < MOST - 4; i++) {
    hear_of_shard(i, 1);
  }
  run(10 * WPM_MINUTE); /* One goes: it alone has no record. */
  assert_int_equal(known(), MOST);
  hear_of_shard(HOUSE, 2);
  assert_int_equal(known(), MOST + 1);
  end();
}

/* Of whatever shard they are, peers are dialled and stay. The mesh that it pings is of our shards: six of each. */
static void nwaku_dials_any_shard(void **state) {
  (void)state;
  begin_sharded(&sim_policy_nwaku, 100, 2); /* 20 outbound ones are wanted. */
  b.is_answered = true;
  for (uint32_t i = 0; i < 20; i++) {
    hear_of_shard(i, 7);
  }
  run(2 * WPM_SECOND);
  assert_int_equal(b.count, 10);
  for (size_t i = 0; i < 20; i++) {
    make_dial_to(i, 7);
  }
  assert_int_equal(b.count, 20);
  assert_int_equal(b.closed, 0);
  b.pings = 0;
  run(12 * WPM_SECOND);
  assert_int_equal(b.pings, 10); /* At random. */
  for (uint32_t i = 0; i < 24; i++) {
    come(100 + i);
    identify(100 + i, (uint8_t)(1 + i % 3));
  }
  b.pings = 0;
  run(15 * WPM_SECOND);
  assert_int_equal(b.pings, 12);
  end();
}

/* Those go first whose node record names no shard, and who have none. */
static void nwaku_prunes_the_shardless_first(void **state) {
  (void)state;
  enum { MOST = 50, STAY = 2 };
  begin_sharded(&sim_policy_nwaku, 10, 1); /* At most 50 in its store. */
  lose_network();
  run(WPM_MINUTE);
  for (uint32_t i = 0; i < 30; i++) {
    hear_of_shard(i, (uint8_t)(1 + i % 3)); /* Ten each of shards 0, 1 and 2. */
  }
  for (uint32_t i = 30; i < 60; i++) {
    hear_of_shard(i, 0);
  }
  for (uint32_t i = 60; i < 65; i++) {
    come(i); /* Of these there is no record. */
    identify(i, 1);
    disconnect(i);
  }
  assert_int_equal(known(), 65);
  run(9 * WPM_MINUTE + 30 * WPM_SECOND);
  assert_int_equal(known(), MOST);
  static uint32_t picked[SIM_PICKED_MAX];
  assert_int_equal(b.type->pick(b.policy, 1, picked, SIM_PICKED_MAX), MOST);
  size_t of_shards = 0;
  for (size_t i = 0; i < MOST; i++) {
    of_shards += picked[i] < 30;
  }
  assert_int_equal(of_shards, 30);
  for (uint32_t i = 100; i < 130; i++) {
    hear_of_shard(i, 1);
  }
  run(10 * WPM_MINUTE); /* Of 20 without, 40 of shard 0 and ten each of 1 and 2, 30 go. */
  assert_int_equal(b.type->pick(b.policy, 1, picked, SIM_PICKED_MAX), MOST);
  size_t of_zero = 0;
  for (size_t i = 0; i < MOST; i++) {
    of_zero += (picked[i] < 30 && picked[i] % 3 == 0) || picked[i] >= 100;
    assert_false(picked[i] < 30 &&
                 picked[i] % 3 == STAY); /* Shard 2 is the first of them in its table. */
  }
  assert_int_equal(of_zero, 40);
  end();
}

/* Five come in from an address. The end of one that it dialled counts as one of theirs, which makes room for a sixth. */
static void go_waku_lets_five_in_from_an_address(void **state) {
  (void)state;
  begin(&sim_policy_go_waku, 100);
  b.is_answered = true;
  hear(HOUSE + 50, 1, false);
  make_dial(0);
  for (uint32_t i = 0; i < 5; i++) {
    come(HOUSE + i);
    identify(HOUSE + i, 0);
  }
  come(1);
  assert_int_equal(b.closed, 0);
  hear(HOUSE + 5, 1, false);
  assert_int_equal(b.count, 2);
  fail_dial(1);
  come(HOUSE + 5);
  assert_int_equal(b.closed, 1);
  assert_int_equal(b.last_closed, 1000 + HOUSE + 5);
  disconnect(HOUSE + 5);
  come(HOUSE + 5);
  assert_int_equal(b.closed, 2);
  assert_true(until_dial(2 * WPM_MINUTE) >= 0); /* It keeps its topic, and its backoff is over. */
  assert_int_equal(b.dials[2].peer, HOUSE + 5);
  fail_dial(2);
  disconnect(HOUSE + 50);
  come(HOUSE + 6);
  assert_int_equal(b.closed, 2);
  come(HOUSE + 7);
  assert_int_equal(b.closed, 3);
  disconnect(HOUSE + 7); /* It was never let in. */
  come(HOUSE + 8);
  assert_int_equal(b.closed, 4);
  end();
}

/* Eight connections to an address, dials in flight among them. Who comes beyond that passes the first gate, at which he
 * is counted for ever. */
static void go_waku_opens_eight_to_an_address(void **state) {
  (void)state;
  begin(&sim_policy_go_waku, 100);
  for (uint32_t i = 0; i < 10; i++) {
    hear(HOUSE + i, 1, true);
  }
  assert_int_equal(b.count, 8);
  for (uint32_t i = 20; i < 25; i++) {
    come(HOUSE + i);
    assert_int_equal(b.last_closed, 1000 + HOUSE + i);
  }
  for (size_t i = 0; i < 8; i++) {
    fail_dial(i);
  }
  come(HOUSE + 30);
  assert_int_equal(b.last_closed, 1000 + HOUSE + 30);
  assert_int_equal(b.closed, 6);
  come(1);
  assert_int_equal(b.closed, 6);
  assert_int_equal(b.type->stop(b.policy, clocks()), WPM_OK);
  assert_int_equal(b.type->start(b.policy, clocks()), WPM_OK);
  come(HOUSE + 30);
  assert_int_equal(b.closed, 6); /* It begins at nought. */
  end();
}

/* A ninth dial fails without being one, and makes a backoff. */
static void go_wakus_ninth_dial_to_an_address_fails(void **state) {
  (void)state;
  begin(&sim_policy_go_waku, 100);
  b.is_answered = true;
  for (uint32_t i = 0; i < 8; i++) {
    hear(HOUSE + i, 1, true);
    make_dial(i);
  }
  hear(HOUSE + 41, 1, false);
  hear(1, 1, false);
  assert_int_equal(b.count, 9);
  assert_int_equal(b.dials[8].peer, 1);
  sim_counts counts;
  b.type->count(b.policy, clocks(), &counts);
  assert_int_equal(counts.state[WPM_CANNOT_CONNECT], 1);
  disconnect(HOUSE);
  int64_t took = until_dial(WPM_HOUR);
  assert_in_range(took, WPM_MINUTE, WPM_MINUTE + 16 * WPM_SECOND);
  assert_int_equal(b.dials[9].peer, HOUSE + 41);
  end();
}

/* How many of the dials were of peers of those numbers. */
static size_t dialled_among(uint32_t from, uint32_t to) {
  size_t count = 0;
  for (size_t i = 0; i < b.count; i++) {
    count += b.dials[i].peer >= from && b.dials[i].peer < to;
  }
  return count;
}

/* Its loop wants as many of each shard of ours, and does not see other peers; these are dialled as they are discovered,
 * and stay, and none of them is pinged. */
static void go_waku_looks_for_each_shard(void **state) {
  (void)state;
  enum { TARGET = 10, EACH = 20 };
  begin_sharded(&sim_policy_go_waku, 30, 2); /* 24 for relay, 10 of them outbound. */
  b.is_answered = true;
  run(WPM_SECOND);
  for (uint32_t i = 0; i < TARGET; i++) {
    hear_of_shard(1000 + i, 5);
    make_dial_to(b.count - 1, 5);
  }
  assert_int_equal(b.count, TARGET);
  for (uint8_t shard = 0; shard < 4; shard++) { /* The last ones name none. */
    for (uint32_t i = 0; i < EACH; i++) {
      hear_of_shard(shard * 100 + i, (uint8_t)((shard + 1) % 4));
    }
  }
  assert_int_equal(b.count, TARGET);
  b.pings = 0;
  for (size_t i = TARGET; i < TARGET + 2 * TARGET; i++) {
    assert_true(b.count > i || until_dial(30 * WPM_SECOND) >= 0);
    make_dial_to(i, (uint8_t)(1 + b.dials[i].peer / 100));
  }
  assert_int_equal(b.pings, 0);
  run(WPM_MINUTE);
  assert_int_equal(b.count, 3 * TARGET);
  assert_int_equal(dialled_among(0, 100), TARGET);
  assert_int_equal(dialled_among(100, 200), TARGET);
  assert_int_equal(b.closed, 0);
  b.pings = 0;
  run(10 * WPM_SECOND);
  assert_int_equal(b.pings, 12); /* Six of each mesh. */
  disconnect(1000);
  disconnect(b.dials[TARGET].peer);
  assert_true(until_dial(WPM_MINUTE) >= 0); /* Who left our topic is not seen any more. */
  assert_true(b.dials[3 * TARGET].peer != b.dials[TARGET].peer);
  assert_true(b.dials[3 * TARGET].peer < 200);
  end();
}

/* Those without a topic go first, then one topic after the other, be it ours or not. */
static void go_waku_prunes_topic_after_topic(void **state) {
  (void)state;
  enum { EACH = 8, CAPACITY = 30 };
  begin_sharded(&sim_policy_go_waku, 10, 2);
  run(WPM_SECOND);
  for (uint8_t topic = 0; topic < 4; topic++) { /* The first ones name no shard. */
    for (uint32_t i = 0; i < EACH; i++) {
      hear_of_shard(topic * 100 + i, topic);
    }
  }
  for (uint32_t i = 0; i < EACH; i++) { /* They leave our topic. */
    come(500 + i);
    identify(500 + i, 1);
    disconnect(500 + i);
  }
  come(300); /* It joined no topic of ours, so it leaves none. */
  identify(300, 3);
  disconnect(300);
  assert_int_equal(known(), 5 * EACH);
  run(10 * WPM_MINUTE);
  static uint32_t picked[SIM_PICKED_MAX];
  size_t count = b.type->pick(b.policy, 1, picked, SIM_PICKED_MAX);
  assert_int_equal(count, CAPACITY - 1);
  size_t of_topic[6] = {0};
  for (size_t i = 0; i < count; i++) {
    of_topic[picked[i] / 100]++;
  }
  assert_int_equal(of_topic[5], 0);
  size_t touched = 0;
  for (size_t i = 0; i < 4; i++) {
    touched += of_topic[i] < EACH;
  }
  assert_int_equal(touched, 1);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nwaku_keeps_five_of_an_address),
      cmocka_unit_test(nwaku_finds_in_its_storage_whom_it_deleted),
      cmocka_unit_test(nwaku_deletes_the_record_too),
      cmocka_unit_test(nwaku_dials_any_shard),
      cmocka_unit_test(nwaku_prunes_the_shardless_first),
      cmocka_unit_test(go_waku_lets_five_in_from_an_address),
      cmocka_unit_test(go_waku_opens_eight_to_an_address),
      cmocka_unit_test(go_wakus_ninth_dial_to_an_address_fails),
      cmocka_unit_test(go_waku_looks_for_each_shard),
      cmocka_unit_test(go_waku_prunes_topic_after_topic),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
