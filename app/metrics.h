/* Prometheus metrics, under nwaku's names (and wakupeers_… for what nwaku has none). Label values
 * come from closed sets, but for protocol ids, agents and peer ids, of which at most
 * METRICS_LABELS_MAX are listed a metric. */
#ifndef APP_METRICS_H
#define APP_METRICS_H

#include "http_server.h"

#include <wakupeers/node.h>

#define METRICS_LABELS_MAX 64

/* An http_handler whose user is a `wpm_node`; serves /metrics. */
void metrics_handle(void *user, http_request *request);

#endif
