/* What the verbs of `wakupeers db` share: the database they work on, the formats, and the account of
 * what was taken over. */
#ifndef APP_DB_H
#define APP_DB_H

#include "datadir.h"
#include "options.h"

#include <wakupeers/exchange.h>
#include <wakupeers/storage.h>

/* The formats of --format. */
typedef enum db_format { DB_UNKNOWN, DB_JSONL, DB_NWAKU, DB_GO, DB_JS, DB_TEXT, DB_ENR } db_format;

/* The format of that word; DB_UNKNOWN for NULL. */
db_format db_format_of(const char *word);

/* The library's name for it; WPM_EXCHANGE_UNKNOWN for those that are JSON. */
wpm_exchange_format db_exchange_format(db_format format);

/* What was skipped, and the first reasons. */
typedef struct db_account {
  uint64_t taken;     /* Peers taken over. */
  uint64_t skipped;   /* Items that were not. */
  uint64_t own;       /* Of a store that was read: its own node and private keys. */
  uint64_t told;      /* Reasons printed so far. */
  uint64_t undurable; /* Of the peers taken, those that a daemon has in memory and not on disk. */
  bool memory_only;   /* Where they stay: it will not store them. */
} db_account;

#define DB_REASONS_TOLD 10 /* The first so many reasons are printed. */

/* Counts an item that is skipped, and prints the first reasons to stderr. A wpm_exchange_skip_fn whose
 * user is a db_account. */
void db_skip(void *account, const char *what, const char *why);

/* The time, for what has none of its own. */
wpm_wall db_now(void);

/* True where the command line names a daemon that is to take the peers in. */
bool db_names_daemon(const app_options *options);

/* Opens the database of `dir`; says what is wrong. EXIT_DONE, EXIT_FAILED. */
int db_open(const datadir *dir, wpm_storage_mode mode, wpm_storage **out);

/* db_export.c, db_import.c: the two verbs with a file (NULL: none is given). Exit codes. */
int db_export(const app_options *options, const datadir *dir, const char *file);
int db_import(const app_options *options, datadir *dir, const char *file);

#endif
