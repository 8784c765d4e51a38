/* The lists of a node's configuration, as `run` takes them from its options. */
#pragma once

#include "options.h"

#include <wakupeers/node.h>

typedef struct run_lists {
  uint16_t *shards;
  size_t shard_count;
  wpm_text *static_nodes;
  size_t static_node_count;
  wpm_ip_range *allow;
  size_t allow_count;
  wpm_service *services;
  size_t service_count;
} run_lists;

/* Reads them; an exit code. What is wrong is said on stderr. To be freed in either case; texts are those
 * of the options. */
int run_lists_make(const app_options *options, run_lists *out);
void run_lists_free(run_lists *lists);

/* The configuration points into the lists from now on. */
void run_lists_use(const run_lists *lists, wpm_node_config *config);
