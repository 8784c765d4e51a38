/* Worlds drawn at random, with faults at random times: nothing that must always hold is broken. A
 * failure prints the world, and the seed that makes it again. */
#include "support/sanitized.h"
#include "support/seed.h"
#include "support/test.h"

#include "sim/world.h"

#include <stdio.h>
#include <string.h>

enum { WORLDS = WPM_SANITIZED ? 1000 : 10000 };

static sim_scenario scenario;
static sim_results results;

static unsigned long long below(sim_random *random, uint64_t bound) {
  return (unsigned long long)sim_random_below(random, bound);
}

/* The peers, and what they do. */
static size_t draw_peers(sim_random *random, char *out, size_t cap) {
  static const char *const sessions[] = {"always", "exponential", "measured"};
  return (size_t)snprintf(
      out, cap,
      "about random\nduration 1h\nsessions %s\n"
      "session_mean %llum\naway_mean %llum\nvanish %llu%%\nmoving %llu%%\nstale %llu%%\ndead "
      "%llu%%\n"
      "full 5%%\nunreachable 20%%\nrelay %llu%%\nidle_limit %llum\nprune_every 20m\n"
      "prune_for %llus\npeers_per_ip %llu\n"
      "inbound_every %llus\ndiscover_every 1m\nlate 25%%\n",
      sessions[below(random, 3)], below(random, 60) + 1, below(random, 20) + 1, below(random, 100),
      below(random, 2) * 10, below(random, 2) * 20, below(random, 2) * 20, below(random, 101),
      below(random, 15) + 1, below(random, 2000) + 60, below(random, 2) * (below(random, 16) + 1),
      below(random, 90) + 10);
}

/* In one of three an attacker has some of the peers, and all are of few networks. */
static size_t draw_attacker(sim_random *random, char *out, size_t cap) {
  if (below(random, 3) > 0) {
    return (size_t)snprintf(out, cap, "peers 40\ngroups %llu\n",
                            below(random, 2) * (below(random, 60) + 1));
  }
  return (size_t)snprintf(
      out, cap,
      "peers 60\nattackers 20\ngroups %llu\nattacker_groups %llu\nattack_from %llum\n"
      "attack_to %llum\nattack_every 1m\nattack_count %llu\nattack_inbound_every %llus\n",
      below(random, 40) + 1, below(random, 5) + 1, below(random, 30), below(random, 60),
      below(random, 10) + 1, below(random, 60) + 10);
}

/* Our node. In two of three its store holds fewer than there are, so that some go for others. */
static size_t draw_node(sim_random *random, char *out, size_t cap) {
  unsigned long long statics = below(random, 30);
  unsigned long long known = below(random, 3) > 0 ? statics + 1 + below(random, 12) : 0;
  return (size_t)snprintf(out, cap,
                          "static %llu\nmax_peers %llu\nmax_connections %llu\nmax_dials %llu\n"
                          "high_water %llu\nrelay_outbound %llu\nrelay_inbound %llu\nshards %llu\n"
                          "service_slots %llu\n",
                          statics, known, below(random, 40) + 3, below(random, 30) + 1,
                          below(random, 2) * (below(random, 30) + 1), below(random, 13),
                          below(random, 2) * (below(random, 6) + 1),
                          below(random, 2) * below(random, 9), below(random, 2) * below(random, 5));
}

/* A fault: its name with what parts it from the next word, whether it takes so many peers (or commits), and
 * lasts, or only for some seconds; and how long after its TIME it may be over. */
typedef struct fault {
  const char *name;
  bool counts, lasts, goes_on, is_quick;
  unsigned long long later;
} fault;

static size_t draw_fault(sim_random *random, const fault *one, unsigned long long at,
                         unsigned long long span, char *out, size_t cap) {
  size_t length = (size_t)snprintf(out, cap, "at %llums %s", at, one->name);
  if (one->counts) {
    length += (size_t)snprintf(out + length, cap - length, "%llu ", below(random, 10) + 1);
  }
  if (one->lasts) {
    length += (size_t)snprintf(out + length, cap - length, "%llums", span);
  }
  return length + (size_t)snprintf(out + length, cap - length, "\n");
}

/* Up to 7 faults, one behind the other; but a ban goes on through those that follow, and the clock may be
 * set while the machine is off: not after a ban, of which the clock then decides. */
static void draw_faults(sim_random *random, char *out, size_t cap) {
  enum { WITHIN = SIM_STRIKES_WITHIN / WPM_MILLISECOND };
  static const fault faults[] = {
      {"clock ", .lasts = true},
      {"clock -", .lasts = true},
      {"reboot ", .lasts = true},
      {"offline ", .lasts = true},
      {"sleep ", .lasts = true},
      {"partition 40% ", .lasts = true},
      {"quake 50% ", .lasts = true},
      {"shutdown ", .lasts = true},
      {"crash ", .lasts = true},
      {"crash ", .lasts = true},
      {"crash_at_commit ", .counts = true, .lasts = true, .later = WITHIN},
      {"crash_at_commit ", .counts = true, .lasts = true, .later = WITHIN},
      {"crash_at_commit ", .counts = true, .lasts = true, .later = WITHIN},
      {"burst 30 ", .lasts = true},
      {"burst 400 ", .lasts = true, .is_quick = true},
      {.name = "address"},
      {"connect ", .counts = true, .goes_on = true},
      {"protect ", .counts = true, .goes_on = true},
      {"protect ", .counts = true, .goes_on = true},
      {"ban ", .counts = true, .lasts = true, .goes_on = true},
      {"ban ", .counts = true, .lasts = true, .goes_on = true},
      {"ban_range ", .counts = true, .lasts = true, .goes_on = true},
      {"ban_range ", .counts = true, .lasts = true, .goes_on = true},
      {"misbehave ", .counts = true, .goes_on = true},
      {"misbehave ", .counts = true, .goes_on = true},
      {"shortage", .goes_on = true},
      {"shortage", .goes_on = true}};
  enum { CLOCKS = 2 }; /* The first of them. */
  unsigned long long at = 0;
  size_t length = 0;
  bool banned = false;
  out[0] = '\0';
  for (uint64_t left = below(random, 8); left > 0; left--) {
    const fault *one = &faults[below(random, sizeof(faults) / sizeof(*faults))];
    unsigned long long span = below(random, one->goes_on    ? 2000000
                                            : one->is_quick ? 20000
                                                            : 400000);
    at += below(random, 500000) + 1;
    length += draw_fault(random, one, at, span, out + length, cap - length);
    banned = banned || strncmp(one->name, "ban", 3) == 0;
    if (strncmp(one->name, "reboot", 6) == 0 && span > 1 && !banned) {
      const fault *clock = &faults[below(random, CLOCKS)];
      length += draw_fault(random, clock, at + span / 2, below(random, 400000), out + length,
                           cap - length);
    }
    at += one->goes_on ? 0 : span + one->later;
  }
}

static void random_worlds_break_nothing(void **state) {
  (void)state;
  uint64_t seed = wpm_test_seed() >> 1;
  for (uint64_t world = 0; world < WORLDS; world++) {
    sim_random random;
    char text[2000];
    char error[300];
    sim_random_init(&random, seed + world);
    size_t length = draw_peers(&random, text, sizeof(text));
    length += draw_attacker(&random, text + length, sizeof(text) - length);
    length += draw_node(&random, text + length, sizeof(text) - length);
    draw_faults(&random, text + length, sizeof(text) - length);
    if (!sim_scenario_read(text, &scenario, error, sizeof(error))) {
      fail_msg("%s\n%s", error, text);
    }
    int err = sim_world_run(&scenario, seed + world, &sim_policy_ours, &results);
    if (err != WPM_OK || results.value[SIM_METRIC_BROKEN] > 0) {
      fail_msg("%s: %s\n%s", wpm_strerror(err), results.breach[0], text);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_worlds_break_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
