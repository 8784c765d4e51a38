#include "db.h"

#include "db_sink.h"
#include "db_source.h"

#include <inttypes.h>
#include <string.h>

/* What was read at all, before it was known whether it could be kept. */
typedef struct import {
  db_sink *sink;
  db_account account;
} import;

static int take(void *user, const wpm_peer_record *record) {
  import *of = user;
  return db_sink_take(of->sink, record);
}

static void skip(void *user, const char *what, const char *why) {
  db_skip(&((import *)user)->account, what, why);
}

/* The last line, also of an import that ended early. 0: all was taken over; 1: some was skipped, or is not on
 * disk; 2: nothing could be read. */
static int sum_up(const app_options *options, const db_account *account) {
  if (account->own > 0) {
    (void)complain(EXIT_DONE, "left out: the store's own node and its private key");
  }
  if (account->skipped > account->told) {
    (void)complain(EXIT_FAILED, "… and %" PRIu64 " more", account->skipped - account->told);
  }
  if (account->undurable > 0) {
    (void)complain(
        EXIT_FAILED, "%" PRIu64 " of them are in the daemon's memory only, %s; see its /health",
        account->undurable,
        account->memory_only ? "and lost when it stops: it stores nothing until its next start"
                             : "which stores them as soon as it can");
  }
  if (options->json) {
    (void)printf("{\"imported\": %" PRIu64 ", \"skipped\": %" PRIu64 "}\n", account->taken,
                 account->skipped);
  } else {
    (void)printf("imported %" PRIu64 ", skipped %" PRIu64 "\n", account->taken, account->skipped);
  }
  if (account->skipped == 0 && account->undurable == 0) {
    return EXIT_DONE;
  }
  return account->taken > 0 ? EXIT_FAILED : EXIT_USAGE;
}

int db_import(const app_options *options, datadir *dir, const char *file) {
import of = {.sink = NULL };
  db_source source;
  /* What is to be read is looked at first: a wrong name makes no data directory. */
  int result = db_source_open(&source, file, db_format_of(options->format));
  if (result == EXIT_DONE) {
    result = db_sink_open(options, dir, source.format == DB_JSONL, &of.account, &of.sink);
  }
  if (result == EXIT_DONE) {
    const wpm_exchange_sink into = {.now = db_now(), .record = take, .skipped = skip, .user = &of};
    result = db_source_read(&source, &into, &of.account);
    int ended = db_sink_end(of.sink);
    result = result == EXIT_DONE ? ended : result;
  }
  db_sink_free(of.sink);
  db_source_close(&source);
  int sum = sum_up(options, &of.account);
  if (result != EXIT_DONE) {
    return of.account.taken > 0 ? EXIT_FAILED : result == EXIT_FAILED ? EXIT_USAGE : result;
  }
  return sum;
}
