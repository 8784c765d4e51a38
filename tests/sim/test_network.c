/* The network of many members (sim/network.h): what its own books say of dials inside a backoff, by a
 * policy made for it; what a member learns that was away; and the real policies, a network of each. */
#include "support/test.h"

#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a policy by the book ---------------------------------------------------------------------- */

#define NO_TIMER INT64_MAX
#define DIALS_FOR (5 * WPM_SECOND)

/* What its members do. A dialler dials whom it hears of, and once more a while after each end
 * and failure. */
typedef struct habits {
  int64_t closes_after; /* The dialler; NO_TIMER: never. */
  int64_t dials_after;
  bool listener_closes; /* In its place, */
  bool both_close;      /* or as well. */
  bool twice;           /* It dials a second time once it is connected. */
  wpm_reason reason;
  bool cancels; /* Each dial at once. */
} habits;

/* What its members were told, all together. */
typedef struct seen {
  unsigned found, told_by_a_neighbour, connected, inbound, identified, pongs, disconnected, failed,
      woke;
  unsigned of_another; /* Of a link that it does not have. */
} seen;

static habits habit;
static seen saw;

struct sim_policy {
  uint32_t self, other;
  bool has_other;
  uint64_t links[2], dial; /* 0: none. */
  int64_t close_at, dial_at;
  sim_address address;
  size_t count;
  sim_action actions[8];
};

static sim_policy *make(const sim_setup *setup) {
  sim_policy *policy = calloc(1, sizeof(*policy));
  assert_non_null(policy);
  assert_true(setup->only_sleeps);
  policy->self = setup->self;
  policy->close_at = policy->dial_at = NO_TIMER;
  return policy;
}

static void drop(sim_policy *policy) {
  free(policy);
}

static int start(sim_policy *policy, wpm_instant now) {
  (void)policy;
  (void)now;
  return WPM_OK;
}

static void ask(sim_policy *policy, sim_action action) {
  assert_true(policy->count < sizeof(policy->actions) / sizeof(*policy->actions));
  policy->actions[policy->count++] = action;
}

static void dial(sim_policy *policy) {
  ask(policy, (sim_action){.type = SIM_ACTION_DIAL,
                           .peer = policy->other,
                           .dial = ++policy->dial,
                           .timeout_ns = DIALS_FOR,
                           .addresses = {policy->address},
                           .address_count = 1});
  if (habit.cancels) {
    ask(policy, (sim_action){.type = SIM_ACTION_CANCEL, .dial = policy->dial});
  }
}

static void connected(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  bool inbound = fact->direction == WPM_INBOUND;
  bool closes = habit.both_close || inbound == habit.listener_closes;
  bool is_second = policy->links[0] != 0;
  saw.connected++;
  saw.inbound += inbound;
  policy->links[is_second] = fact->link;
  if (habit.twice && !inbound && !is_second) {
    dial(policy);
  }
  ask(policy, (sim_action){.type = SIM_ACTION_IDENTIFY, .link = fact->link});
  ask(policy, (sim_action){.type = SIM_ACTION_PING, .link = fact->link});
  if (closes && habit.closes_after == 0) {
    ask(policy, (sim_action){.type = SIM_ACTION_CLOSE, .link = fact->link, .reason = habit.reason});
  } else if (closes && habit.closes_after != NO_TIMER) {
    policy->close_at = now.mono.ns + habit.closes_after;
  }
}

static void disconnected(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  policy->links[fact->link == policy->links[1]] = 0;
  if (policy->links[0] == 0 && policy->links[1] == 0) {
    policy->close_at = NO_TIMER;
    policy->dial_at = policy->self == 0 ? now.mono.ns + habit.dials_after : NO_TIMER;
  }
}

static int take(sim_policy *policy, const sim_fact *fact, wpm_instant now) {
  bool is_of_link = fact->type == SIM_FACT_PONG || fact->type == SIM_FACT_IDENTIFIED ||
                    fact->type == SIM_FACT_DISCONNECTED;
  saw.of_another += is_of_link && fact->link != policy->links[0] && fact->link != policy->links[1];
  saw.found += fact->type == SIM_FACT_FOUND;
  saw.told_by_a_neighbour += fact->type == SIM_FACT_FOUND && fact->told_by > 0;
  saw.identified += fact->type == SIM_FACT_IDENTIFIED;
  saw.pongs += fact->type == SIM_FACT_PONG;
  saw.disconnected += fact->type == SIM_FACT_DISCONNECTED;
  saw.failed += fact->type == SIM_FACT_DIAL_FAILED;
  saw.woke += fact->type == SIM_FACT_WOKE;
  if (fact->type == SIM_FACT_FOUND && policy->self == 0 && !policy->has_other) {
    policy->has_other = true;
    policy->other = fact->peer;
    policy->address = fact->addresses[0];
    dial(policy);
  } else if (fact->type == SIM_FACT_CONNECTED) {
    connected(policy, fact, now);
  } else if (fact->type == SIM_FACT_DISCONNECTED) {
    disconnected(policy, fact, now);
  } else if (fact->type == SIM_FACT_DIAL_FAILED) {
    policy->dial_at = now.mono.ns + habit.dials_after;
  }
  return WPM_OK;
}

static wpm_mono deadline(const sim_policy *policy) {
  return (wpm_mono){policy->close_at < policy->dial_at ? policy->close_at : policy->dial_at};
}

static int advance(sim_policy *policy, wpm_instant now) {
  if (policy->close_at <= now.mono.ns) {
    policy->close_at = NO_TIMER;
    for (int i = 0; i < 2; i++) {
      if (policy->links[i] != 0) {
        ask(policy, (sim_action){.type = SIM_ACTION_CLOSE,
                                 .link = policy->links[i],
                                 .reason = habit.reason});
      }
    }
  }
  if (policy->dial_at <= now.mono.ns) {
    policy->dial_at = NO_TIMER;
    dial(policy);
  }
  return WPM_OK;
}

static bool next_action(sim_policy *policy, wpm_instant now, sim_action *out) {
  (void)now;
  if (policy->count == 0) {
    return false;
  }
  *out = policy->actions[0];
  memmove(policy->actions, policy->actions + 1, --policy->count * sizeof(*out));
  return true;
}

static void count(sim_policy *policy, wpm_instant now, sim_counts *out) {
  (void)now;
  *out = (sim_counts){.known = policy->has_other, .bytes = 7};
}

static size_t pick(const sim_policy *policy, uint64_t draw, uint32_t *out, size_t most) {
  (void)draw;
  if (most > 0) {
    *out = policy->self;
  }
  return most > 0;
}

static const sim_policy_type by_the_book = {.name = "by the book",
                                            .make = make,
                                            .drop = drop,
                                            .start = start,
                                            .take = take,
                                            .deadline = deadline,
                                            .advance = advance,
                                            .next_action = next_action,
                                            .count = count,
                                            .pick = pick};

/* ---- runs -------------------------------------------------------------------------------------- */

static sim_scenario scenario;
static sim_results results;

static void run_policy(const char *text, uint64_t seed, const sim_policy_type *type) {
  char error[300];
  if (!sim_scenario_read(text, &scenario, error, sizeof(error))) {
    fail_msg("%s", error);
  }
  assert_int_equal(sim_world_run(&scenario, seed, type, &results), WPM_OK);
}

static void run(const char *text, habits how) {
  habit = how;
  saw = (seen){0};
  run_policy(text, 1, &by_the_book);
}

static int64_t value(sim_metric metric) {
  return results.value[metric];
}

static const char pair[] =
    "about x\nduration 5m\nmanagers 2\npeers 2\nheard 2\ndiscover_every 30s\n";

/* A dial in the backoff counts, whoever let go; one behind it does not. */
static void early_dials_are_counted(void **state) {
  (void)state;
  for (int listener = 0; listener < 2; listener++) {
    habits how = {.closes_after = 10 * WPM_SECOND,
                  .dials_after = 20 * WPM_SECOND,
                  .listener_closes = listener,
                  .reason = WPM_REASON_LOCAL_CLOSE};
    run(pair, how);
    assert_true(value(SIM_METRIC_DIALS) > 5);
    assert_int_equal(value(SIM_METRIC_DIALS_EARLY), value(SIM_METRIC_DIALS) - 1);
    assert_int_equal(value(SIM_METRIC_INBOUND), saw.inbound);
    assert_int_equal(value(SIM_METRIC_INBOUND_REFUSED), 0);
    assert_int_equal(saw.of_another, 0);
    how.dials_after = 61 * WPM_SECOND;
    run(pair, how);
    assert_true(value(SIM_METRIC_DIALS) > 3);
    assert_int_equal(value(SIM_METRIC_DIALS_EARLY), 0);
  }
}

/* While the listener is connected with the dialler there is no backoff: of each two dials only the first. */
static void a_second_connection_is_not_early(void **state) {
  (void)state;
  run(pair, (habits){.closes_after = 10 * WPM_SECOND,
                     .dials_after = 20 * WPM_SECOND,
                     .twice = true,
                     .reason = WPM_REASON_LOCAL_CLOSE});
  assert_true(value(SIM_METRIC_DIALS) > 10);
  assert_in_range(value(SIM_METRIC_DIALS_EARLY), value(SIM_METRIC_DIALS) / 2 - 1,
                  value(SIM_METRIC_DIALS) / 2);
  assert_int_equal(value(SIM_METRIC_CONNECTED_MOST), 1);
}

/* Of an end that the listener finds out, the dialler cannot know when it was. */
static void an_end_found_late_is_no_backoff(void **state) {
  (void)state;
  habits how = {.closes_after = 10 * WPM_SECOND,
                .dials_after = 20 * WPM_SECOND,
                .listener_closes = true,
                .reason = WPM_REASON_PING_TIMEOUT};
  run(pair, how);
  assert_true(value(SIM_METRIC_DIALS) > 5);
  assert_int_equal(value(SIM_METRIC_DIALS_EARLY), 0);
  how.listener_closes = false; /* It is told, and knows. */
  run(pair, how);
  assert_int_equal(value(SIM_METRIC_DIALS_EARLY), value(SIM_METRIC_DIALS) - 1);
}

/* Who is refused at once never was in a mesh; a while later is no refusal. */
static void a_refusal_is_no_backoff(void **state) {
  (void)state;
  habits how = {
      .dials_after = 20 * WPM_SECOND, .listener_closes = true, .reason = WPM_REASON_LOCAL_CLOSE};
  run(pair, how);
  assert_true(value(SIM_METRIC_INBOUND) > 5);
  assert_int_equal(value(SIM_METRIC_INBOUND_REFUSED), value(SIM_METRIC_INBOUND));
  assert_int_equal(value(SIM_METRIC_DIALS_EARLY), 0);
  assert_int_equal(value(SIM_METRIC_CONNECTED_END), 0);
  assert_int_equal(saw.connected, saw.disconnected);
  assert_int_equal(saw.identified + saw.pongs, 0);
  how.closes_after = 500 * WPM_MILLISECOND;
  run(pair, how);
  assert_int_equal(value(SIM_METRIC_INBOUND_REFUSED), value(SIM_METRIC_INBOUND));
  assert_int_equal(value(SIM_METRIC_DIALS_EARLY), value(SIM_METRIC_DIALS) - 1);
}

/* Whoever does not speak relay has no mesh, and no backoff. */
static void only_relay_peers_back_off(void **state) {
  (void)state;
  char text[200];
  (void)snprintf(text, sizeof(text), "%srelay 0%%\n", pair);
  run(text, (habits){.closes_after = 10 * WPM_SECOND,
                     .dials_after = 20 * WPM_SECOND,
                     .reason = WPM_REASON_LOCAL_CLOSE});
  assert_true(value(SIM_METRIC_DIALS) > 5);
  assert_int_equal(value(SIM_METRIC_DIALS_EARLY), 0);
}

/* Two that stay connected: they hear of each other by each other, and hang together. */
static void a_tie_is_counted_at_both_ends(void **state) {
  (void)state;
  run(pair, (habits){.closes_after = NO_TIMER});
  assert_int_equal(value(SIM_METRIC_DIALS), 1);
  assert_int_equal(value(SIM_METRIC_CONNECTED_END), 1);
  assert_int_equal(value(SIM_METRIC_CONNECTED_LEAST), 1);
  assert_int_equal(value(SIM_METRIC_CONNECTED_MOST), 1);
  assert_int_equal(value(SIM_METRIC_WHOLE), 1000);
  assert_int_equal(value(SIM_METRIC_STORE_BYTES), 7);
  assert_int_equal(saw.connected, 2);
  assert_int_equal(saw.identified, 2);
  assert_int_equal(saw.pongs, 2);
  assert_true(saw.told_by_a_neighbour > 0 && saw.told_by_a_neighbour < saw.found);
}

static void a_dial_can_be_cancelled(void **state) {
  (void)state;
  run(pair, (habits){.closes_after = NO_TIMER, .cancels = true});
  assert_int_equal(value(SIM_METRIC_DIALS), 1);
  assert_int_equal(saw.connected + saw.failed, 0);
}

/* The dialler goes away and comes back, while dials and connections are under way: of each of its dials it
 * learns what became of it, and of each connection that it closed that it is over. */
static void nothing_is_lost_by_an_absence(void **state) {
  (void)state;
  static const char text[] =
      "about x\nduration 6h\nmanagers 2\npeers 2\nheard 2\ndiscover_every 30s\n"
      "sessions exponential\nsession_mean 40s\naway_mean 20s\nvanish 50%\n"
      "latency_least 2s\nlatency_most 2s\n";
  run(text, (habits){.closes_after = WPM_SECOND,
                     .dials_after = WPM_SECOND,
                     .both_close = true,
                     .reason = WPM_REASON_LOCAL_CLOSE});
  assert_true(saw.woke > 100);
  assert_true(saw.failed > 100 && saw.inbound > 100); /* It would stop if it missed one. */
  assert_int_equal(value(SIM_METRIC_DIALS_FAILED), saw.failed);
  assert_in_range(saw.disconnected, saw.connected - 2, saw.connected);
  assert_int_equal(saw.of_another, 0);
  assert_in_range(value(SIM_METRIC_DIALS) - saw.failed, saw.inbound, saw.inbound + 1);
}

/* ---- the real ones ----------------------------------------------------------------------------- */

static const char hundred[] =
    "about x\nduration 10m\nmanagers 100\npeers 100\nheard 8\nsessions exponential\n"
    "session_mean 2h\naway_mean 30m\nunreachable 40%\nvanish 20%\ndiscover_every 1m\n"
    "max_connections 30\n";

static void each_forms_its_network(void **state) {
  (void)state;
  static const sim_policy_type *const types[] = {&sim_policy_ours, &sim_policy_nwaku,
                                                 &sim_policy_go_waku};
  for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
    run_policy(hundred, 1, types[i]);
    assert_true(value(SIM_METRIC_WHOLE) >= 950);
    assert_true(value(SIM_METRIC_CONNECTED_END) >= 5);
    assert_int_equal(value(SIM_METRIC_STORE_BYTES) > 0, i == 0);
  }
}

/* It listens on nothing. */
static void nobody_gets_through_to_js_waku(void **state) {
  (void)state;
  run_policy(hundred, 1, &sim_policy_js_waku);
  assert_true(value(SIM_METRIC_INBOUND) > 100);
  assert_int_equal(value(SIM_METRIC_INBOUND_REFUSED), value(SIM_METRIC_INBOUND));
  assert_int_equal(value(SIM_METRIC_DIALS_EARLY), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(early_dials_are_counted),
      cmocka_unit_test(a_second_connection_is_not_early),
      cmocka_unit_test(an_end_found_late_is_no_backoff),
      cmocka_unit_test(a_refusal_is_no_backoff),
      cmocka_unit_test(only_relay_peers_back_off),
      cmocka_unit_test(a_tie_is_counted_at_both_ends),
      cmocka_unit_test(a_dial_can_be_cancelled),
      cmocka_unit_test(nothing_is_lost_by_an_absence),
      cmocka_unit_test(each_forms_its_network),
      cmocka_unit_test(nobody_gets_through_to_js_waku),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
