/* A network of peers under virtual time: managers, and plain relay peers that only accept, answer
 * and remember when they were dialled. Links have latency; processes are stopped, killed and frozen.
 *
 * - One virtual true time; every node's clocks follow it.
 * - A dial takes two round trips; the listener has the connection before the dialler.
 * - A plain peer checks the right it has: nobody dials it again before its prune backoff is over,
 *   counted from when *it* saw the connection end. A breach fails the test. */
#pragma once

#include <wakupeers/manager.h>

typedef struct wpm_network wpm_network;

wpm_network *wpm_network_new(uint64_t seed);
void wpm_network_free(wpm_network *net);

/* The configuration of managers made from here on. */
wpm_manager_config *wpm_network_config(wpm_network *net);
/* One-way latency in ns: from … to, drawn for each dial. */
void wpm_network_latency(wpm_network *net, int64_t from, int64_t to);

/* Adds a node and starts it; returns its number. Ids are ordered as the numbers. */
int wpm_network_add(wpm_network *net, bool managed);
/* The cluster that a node's metadata names; 1 unless set. */
void wpm_network_set_cluster(wpm_network *net, int node, uint32_t cluster_id);

/* A manager learns of a node: as a static one or not. */
void wpm_network_tell(wpm_network *net, int manager, int node, bool is_static);
/* A person's wish. */
void wpm_network_person(wpm_network *net, int manager, int node, wpm_event_type type);

/* Ends the process: cleanly (managers), or at once; `silent`: the others see nothing of it. */
void wpm_network_stop(wpm_network *net, int node);
void wpm_network_kill(wpm_network *net, int node, bool silent);
/* Starts it again, from its disk. */
void wpm_network_start(wpm_network *net, int node);
/* Stops it from answering, and lets it answer again. */
void wpm_network_freeze(wpm_network *net, int node, bool frozen);
/* Ends one end of every link between two nodes without either noticing: a middle box forgot them. */
void wpm_network_cut(wpm_network *net, int a, int b);

void wpm_network_run(wpm_network *net, int64_t ns);
int64_t wpm_network_now(const wpm_network *net);

const wpm_manager *wpm_network_manager(const wpm_network *net, int node);
wpm_peer_record wpm_network_record(const wpm_network *net, int manager, int node);
/* Links that both ends believe in; and those that either does. */
int wpm_network_links(const wpm_network *net, int a, int b);
int wpm_network_half_links(const wpm_network *net, int a, int b);
/* When the node was last dialled by `from`; -1: never. */
int64_t wpm_network_last_dialled(const wpm_network *net, int node, int from);
/* Dials that a plain peer has seen. */
size_t wpm_network_dials_seen(const wpm_network *net, int node);
