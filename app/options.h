/* The program's options: option_table.h says name, kind, default, range and help of each; all else
 * (reading the command line, the environment and the ini file, --help, completion) follows from it.
 *
 * - The command line goes before the environment (WAKUPEERS_TCP_PORT for --tcp-port), which goes
 *   before the ini file (--config-file). A list given in one place replaces the whole list of the
 *   places behind it.
 * - Booleans are `--x`, `--x=true` or `--x=false`; durations `500ms`, `5s`, `10m`, a bare number is
 *   seconds. Lists repeat on the command line and in the file, and are comma-separated in the
 *   environment, where an empty variable counts as none.
 * - Names are typed whole: a beginning that is unique today may not be tomorrow.
 * - A value that is wrong is named, with what the option takes.
 */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "complain.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct text_list {
  char **items;
  size_t count;
} text_list;

#define OPTIONS_MOST 128 /* Most options in all. */

/* A bit for each option of the table. */
typedef struct option_set {
  uint64_t bits[OPTIONS_MOST / 64];
} option_set;

/* Every option of every command, with its value. Texts are owned; NULL: not given. */
typedef struct app_options {
  /* All commands. */
  bool help;
  bool json;
  /* Where things are. */
  char *data_dir;
  char *config_file;
  /* The node. */
  char *nodekey;
  text_list static_nodes;
  char *listen_address;
  uint64_t tcp_port;
  uint64_t max_connections;
  uint64_t max_dials;
  uint64_t peer_store_capacity;
  uint64_t max_history;
  uint64_t cluster_id;
  text_list shards;
  /* Policy. */
  bool keep_alive;
  int64_t idle_timeout_ns;
  int64_t ping_interval_ns;
  int64_t ping_interval_min_ns;
  int64_t ping_timeout_ns;
  int64_t sleep_gap_ns;
  int64_t probe_timeout_ns;
  int64_t prune_backoff_ns;
  int64_t backoff_slack_ns;
  int64_t reconnect_min_ns;
  int64_t reconnect_max_ns;
  int64_t stable_after_ns;
  int64_t mismatch_delay_ns;
  int64_t for_ns; /* 0: not given. */
  char *tag;      /* NULL: not given. */
  char *source;   /* NULL: not given. */
  char *told_by;  /* NULL: not given. */
  uint64_t relay_inbound;
  const char *relay_service_ratio; /* "60:40" or "none", not checked. */
  uint64_t high_water;
  uint64_t low_water; /* 0 where not given. */
  int64_t grace_ns;
  int64_t score_half_life_ns;
  int64_t discouraged_at;
  uint64_t relay_outbound;
  int64_t rotate_ns;
  int64_t feeler_ns;
  uint64_t relay_per_shard;
  uint64_t inbound_per_ip;
  uint64_t inbound_per_network;
  bool inbound_pace;
  text_list inbound_allow; /* Ranges, not checked. */
  text_list service_slots; /* Services and numbers, not checked. */
  bool dial_private_addresses;
  int64_t dial_timeout_ns;
  /* REST and metrics. */
  bool rest;
  bool rest_admin;
  char *rest_address;
  uint64_t rest_port;
  bool metrics_server;
  char *metrics_server_address;
  uint64_t metrics_server_port;
  /* Log. */
  char *log_level;
  char *log_format;
  /* ping. */
  uint64_t count;
  int64_t interval_ns;
  /* key. */
  char *key_type;
  bool force;
  /* db. */
  char *format;
  /* sim. */
  uint64_t seed;
  bool csv;
  bool list;
  char *report;
  char *policy;
  text_list expectations;
  option_set given;   /* Those of the table that were given. */
  option_set on_line; /* Those of them that the command line gave. */
} app_options;

/* The commands that an option belongs to. */
enum {
  FOR_RUN = 1,
  FOR_PING = 2,
  FOR_PEERS = 4,
  FOR_KEY = 8,
  FOR_DB = 16,
  FOR_EXPLAIN = 32,
  FOR_PLAN = 64,
  FOR_HISTORY = 128,
  /* Those that ask a running daemon. */
  FOR_CLIENTS = FOR_PEERS | FOR_EXPLAIN | FOR_PLAN | FOR_HISTORY,
  FOR_SIM = 256,
  FOR_ALL = FOR_RUN | FOR_PING | FOR_KEY | FOR_DB | FOR_SIM | FOR_CLIENTS
};

/* Reads all three sources for one command. argv[0] is the command's name. Words that are no options
 * are moved to the end of argv; *words gets the index of the first. Returns EXIT_DONE, or EXIT_USAGE
 * after saying on stderr what is wrong. *out must be freed by options_free in either case. */
int options_read(unsigned command, int argc, char **argv, app_options *out, int *words);

void options_free(app_options *options);

/* True where the option of that name was given in any of the three places. */
bool options_given(const app_options *options, const char *name);

/* True where the command line gave it: it is meant for this call. The environment may hold it for other
 * commands. */
bool options_on_line(const app_options *options, const char *name);

/* Prints the command's options in groups, with default and help, at most 80 columns wide. */
void options_print(unsigned command, FILE *out);

/* Prints a completion script for bash. */
void options_print_completion(FILE *out);

#endif
