/* What the parts of the store's benchmark share. */
#ifndef WPM_BENCH_STORE_BENCH_H
#define WPM_BENCH_STORE_BENCH_H

#include "bench/measure.h"
#include "bench/store/peer_file.h"

#include <wakupeers/storage.h>
#include <wakupeers/store.h>

#define LEAST_SECONDS 0.5 /* How long repeated operations go on. */
#define PAGE 10

#define NOW (INT64_C(1790000000) * WPM_SECOND) /* Any moment. */

typedef struct bench {
  wpm_peer_file file;   /* The peers. */
  wpm_store *store;     /* The store under test. */
  wpm_storage *storage; /* The database; NULL where none was named. */
  uint8_t *ids;         /* Ids in the order of random access, each behind its length. */
  size_t ids_size;      /* Bytes of them. */
} bench;

void check(int rc, const char *what);
void check_storage(int rc, const wpm_error *error);

/* Prints what took `seconds`, as every implementation does. */
void say_timed(uint64_t count, double seconds, uint64_t answer);

/* The same, with the longest and the 99th percentile in microseconds. */
void say_spread(uint64_t count, double seconds, uint64_t answer, double p99_us, double most_us);

wpm_store *new_store(void);

/* Fills in b->ids; and forgets them. */
void prepare_ids(bench *b);
void forget_ids(bench *b);
/* The id at *at, which moves on; at the end to the front. */
wpm_bytes next_id(const bench *b, size_t *at);

/* A peer of the file as a record, which points into *addresses; `full`: with every fact that is not a
 * document of any length (see bench/README.md). `seen`: when we last had a connection. */
void make_record(const wpm_file_peer *peer, bool full, wpm_wall seen,
                 wpm_address addresses[WPM_PEER_FILE_LIST], wpm_peer_record *out);

/* CPU time of this thread, in nanoseconds. */
uint64_t own_cpu(void);

/* One peer of the file into the store. */
void put_peer(bench *b, uint32_t index, bool full, int64_t seen);

/* All peers of the file into the store; the same, timed and told; the connections that live. */
void fill_store(bench *b);
void put_all(bench *b, bool full, int64_t seen);
void connect_some(bench *b);

/* One command of standard input. */
typedef struct command {
  const char *name;
  void (*run)(bench *);
} command;

/* Ends with a NULL name. */
extern const command query_commands[];

#endif
