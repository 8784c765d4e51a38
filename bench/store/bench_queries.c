/* The store benchmark's queries: counts, lists, pages, and picks at random, asked again and again,
 * asked anew, and with changes in between. */
#include "bench/store/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 100000    /* Most single times kept. */
#define LEAST_ROUNDS 20   /* Fewest picks of one kind. */
#define OTHER_QUERIES 600 /* Asked in between, so that an answer that was kept is forgotten. */
#define MANY_CHANGES 1000

static wpm_term protocol_term(const bench *b, size_t which) {
  return (wpm_term){.kind = WPM_TERM_PROTOCOL, .text = b->file.protocols[which]};
}

static wpm_term state_term(wpm_connectivity state) {
  return (wpm_term){.kind = WPM_TERM_CONNECTIVITY, .number = (uint32_t)state};
}

static size_t count_of(bench *b, const wpm_term *terms, size_t count) {
  wpm_query query = {terms, count};
  size_t found = 0;
  check(wpm_store_query_count(b->store, &query, &found), "count");
  return found;
}

/* ---- changes in between ---------------------------------------------------------------------- */

/* A peer at random comes and goes: its connectivity changes twice. */
static void change_some(bench *b, size_t *at, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    wpm_bytes id = next_id(b, at);
    check(wpm_store_connected(b->store, id, WPM_INBOUND, (wpm_bytes){NULL, 0}, (wpm_wall){NOW}),
          "connected");
    check(wpm_store_disconnected(b->store, id, WPM_REASON_LOCAL_CLOSE, (wpm_wall){NOW}),
          "disconnected");
  }
}

/* Asks for what nobody has, in other words each time. */
static void ask_others(bench *b, uint64_t round) {
  for (uint64_t i = 0; i < OTHER_QUERIES; i++) {
    wpm_term other = {.kind = WPM_TERM_SHARD,
                      .number = (uint32_t)(1000 + (round * OTHER_QUERIES + i) % 60000)};
    (void)count_of(b, &other, 1);
  }
}

/* What happens before each of the times that are taken. */
typedef struct between {
  unsigned changes; /* Peers that come and go. */
  bool others;      /* Other queries are asked. */
} between;

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a;
  uint64_t y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Does `once` again and again and times each, without what happens in between. What is told is the
 * median, as if all had taken as long: a process that others push aside for a while is not slower. */
static void measure(bench *b, between what, uint64_t (*once)(bench *, uint64_t)) {
  static uint64_t took[SAMPLES];
  size_t at = 0;
  uint64_t rounds = 0;
  prepare_ids(b);
  uint64_t answer = once(b, 0);
  uint64_t begin = uv_hrtime();
  while (rounds < SAMPLES &&
         (wpm_bench_seconds_since(begin) < LEAST_SECONDS || rounds < LEAST_ROUNDS)) {
    change_some(b, &at, what.changes);
    if (what.others) {
      ask_others(b, rounds);
    }
    uint64_t start = uv_hrtime();
    (void)once(b, rounds);
    took[rounds++] = uv_hrtime() - start;
  }
  qsort(took, rounds, sizeof *took, ascending);
  size_t median = rounds / 2;
  size_t p99 = rounds * 99 / 100;
  say_spread(rounds, (double)took[median] * (double)rounds / 1e9, answer, (double)took[p99] / 1e3,
             (double)took[rounds - 1] / 1e3);
  forget_ids(b);
}

/* ---- counts ---------------------------------------------------------------------------------- */

static uint64_t of_protocol(bench *b, uint64_t round) {
  (void)round;
  wpm_term term = protocol_term(b, b->file.asked);
  return count_of(b, &term, 1);
}

static uint64_t of_pair(bench *b, uint64_t round) {
  (void)round;
  wpm_term terms[] = {protocol_term(b, b->file.asked), state_term(WPM_CAN_CONNECT)};
  return count_of(b, terms, 2);
}

/* Every protocol with every state. */
static uint64_t of_table(bench *b, uint64_t round) {
  (void)round;
  uint64_t sum = 0;
  for (size_t i = 0; i < b->file.protocol_count; i++) {
    for (int state = 0; state < WPM_CONNECTIVITY_COUNT; state++) {
      wpm_term terms[] = {protocol_term(b, i), state_term((wpm_connectivity)state)};
      sum += count_of(b, terms, 2);
    }
  }
  return sum;
}

static const between nothing = {0, false};
static const between a_change = {1, false};
static const between changes = {MANY_CHANGES, false};
static const between others = {0, true};

static void count_protocol(bench *b) {
  measure(b, nothing, of_protocol);
}
static void count_pair(bench *b) {
  measure(b, nothing, of_pair);
}
static void count_pair_changed(bench *b) {
  measure(b, changes, of_pair);
}
static void count_pair_anew(bench *b) {
  measure(b, others, of_pair);
}
static void count_table(bench *b) {
  measure(b, nothing, of_table);
}
static void count_table_changed(bench *b) {
  measure(b, changes, of_table);
}

/* ---- lists and pages ------------------------------------------------------------------------- */

/* Takes up to `most` matching peers, on from *cursor; returns the bytes of all their addresses. */
static uint64_t take(bench *b, const wpm_query *query, uint64_t *cursor, size_t most) {
  wpm_peer_ref refs[256];
  uint64_t bytes = 0;
  for (size_t taken = 0; taken < most;) {
    size_t asked = most - taken < 256 ? most - taken : 256;
    size_t found = 0;
    check(wpm_store_query_page(b->store, query, cursor, refs, asked, &found), "page");
    for (size_t i = 0; i < found; i++) {
      wpm_peer_record record;
      check(wpm_store_at(b->store, refs[i], &record), "reference");
      for (size_t j = 0; j < record.address_count; j++) {
        bytes += record.addresses[j].multiaddr.len;
      }
    }
    taken += found;
    if (found < asked) {
      *cursor = 0;
      break;
    }
  }
  return bytes;
}

static void list_protocol(bench *b) {
  wpm_term term = protocol_term(b, b->file.asked);
  wpm_query query = {&term, 1};
  uint64_t rounds = 0;
  uint64_t answer = 0;
  uint64_t begin = uv_hrtime();
  do {
    uint64_t cursor = 0;
    answer = take(b, &query, &cursor, SIZE_MAX);
    rounds++;
  } while (wpm_bench_seconds_since(begin) < LEAST_SECONDS);
  say_timed(rounds, wpm_bench_seconds_since(begin), answer);
}

/* Page after page, through the store and again from its front. */
static void pages(bench *b, const wpm_query *query) {
  uint64_t cursor = 0;
  uint64_t rounds = 0;
  uint64_t answer = 0;
  uint64_t begin = uv_hrtime();
  do {
    answer += take(b, query, &cursor, PAGE);
    rounds++;
  } while (wpm_bench_seconds_since(begin) < LEAST_SECONDS);
  say_timed(rounds, wpm_bench_seconds_since(begin), answer);
}

static void page_protocol(bench *b) {
  wpm_term term = protocol_term(b, b->file.asked);
  pages(b, &(wpm_query){&term, 1});
}

static void page_pair(bench *b) {
  wpm_term terms[] = {protocol_term(b, b->file.asked), state_term(WPM_CAN_CONNECT)};
  pages(b, &(wpm_query){terms, 2});
}

static void page_rare(bench *b) {
  wpm_term terms[] = {protocol_term(b, b->file.asked), state_term(WPM_CONNECTED)};
  pages(b, &(wpm_query){terms, 2});
}

/* ---- picks ----------------------------------------------------------------------------------- */

/* Ten at random of those that can be dialled, relay, and are of the shard; returns how many match. */
static uint64_t pick_of(bench *b, uint32_t shard, uint64_t seed) {
  const wpm_term terms[] = {{.kind = WPM_TERM_DIALABLE},
                            {.kind = WPM_TERM_RELAY},
                            {.kind = WPM_TERM_SHARD, .number = shard}};
  wpm_query query = {terms, 3};
  wpm_peer_ref refs[PAGE];
  size_t found = 0;
  check(wpm_store_query_pick(b->store, &query, seed, refs, PAGE, &found), "pick");
  return found;
}

static uint64_t of_shard(bench *b, uint64_t round) {
  return pick_of(b, 3, round);
}
static uint64_t of_rare(bench *b, uint64_t round) {
  return pick_of(b, WPM_FILE_SHARD_RARE, round);
}
static uint64_t of_few(bench *b, uint64_t round) {
  return pick_of(b, WPM_FILE_SHARD_FEW, round);
}
static uint64_t of_apart(bench *b, uint64_t round) {
  return pick_of(b, WPM_FILE_SHARD_APART, round);
}
static uint64_t of_never(bench *b, uint64_t round) {
  return pick_of(b, WPM_FILE_SHARD_NEVER, round);
}

#define PICK(name, of)                                                                             \
  static void name(bench *b) {                                                                     \
    measure(b, nothing, of);                                                                       \
  }                                                                                                \
  static void name##_anew(bench *b) {                                                              \
    measure(b, others, of);                                                                        \
  }                                                                                                \
  static void name##_change(bench *b) {                                                            \
    measure(b, a_change, of);                                                                      \
  }                                                                                                \
  static void name##_changes(bench *b) {                                                           \
    measure(b, changes, of);                                                                       \
  }

PICK(pick, of_shard)
PICK(pick_rare, of_rare)
PICK(pick_few, of_few)
PICK(pick_apart, of_apart)
PICK(pick_never, of_never)

#define PICK_COMMANDS(name)                                                                        \
  {#name, name}, {#name "_anew", name##_anew}, {#name "_change", name##_change}, {                 \
#name "_changes", name##_changes                                                               \
  }

const command query_commands[] = {
    {"count", count_protocol},
    {"count_pair", count_pair},
    {"count_pair_changed", count_pair_changed},
    {"count_pair_anew", count_pair_anew},
    {"count_table", count_table},
    {"count_table_changed", count_table_changed},
    {"list", list_protocol},
    {"page", page_protocol},
    {"page_pair", page_pair},
    {"page_rare", page_rare},
    PICK_COMMANDS(pick),
    PICK_COMMANDS(pick_rare),
    PICK_COMMANDS(pick_few),
    PICK_COMMANDS(pick_apart),
    PICK_COMMANDS(pick_never),
    {NULL, NULL},
};
