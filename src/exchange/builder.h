/* A peer record under construction: what a reader found of one peer.
 *
 * - Everything that is added is copied, so that rows of a database may go in between.
 * - Addresses are checked, freed of the peer's own `/p2p/`, and each kept once; protocols become
 *   sorted, each once. At most WPM_BUILDER_LIST_MAX of each; more are skipped, and that is told.
 * - One builder serves all peers of a reader, one after the other.
 */
#ifndef WPM_EXCHANGE_BUILDER_H
#define WPM_EXCHANGE_BUILDER_H

#include "exchange/report.h"

#define WPM_BUILDER_LIST_MAX 1024 /* Most addresses, protocols or application entries of a peer. */

typedef struct wpm_builder_block wpm_builder_block;

typedef struct wpm_builder {
  wpm_peer_record record;    /* So far. */
  wpm_wall now;              /* When it is all given. */
  wpm_address *addresses;    /* Its addresses. */
  size_t address_room;       /* Allocated, in addresses. */
  wpm_text *protocols;       /* Its protocols. */
  size_t protocol_room;      /* Allocated. */
  wpm_app_entry *app;        /* Its application map. */
  size_t app_room;           /* Allocated. */
  uint16_t *shards;          /* Its shards. */
  size_t shard_room;         /* Allocated. */
  wpm_builder_block *blocks; /* The bytes of all its values. */
} wpm_builder;

void wpm_builder_init(wpm_builder *builder, wpm_wall now);
void wpm_builder_fini(wpm_builder *builder);

/* Begins the record of `id` (copied), of which nothing is known yet. WPM_ERR_NO_MEMORY,
 * WPM_ERR_TOO_LARGE (above WPM_PEER_ID_MAX). */
WPM_MUST_USE int wpm_builder_begin(wpm_builder *builder, wpm_bytes id);

/* A copy of `bytes` that lasts as long as the record. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_builder_keep(wpm_builder *builder, wpm_bytes bytes, wpm_bytes *out);

/* Adds an address, given now. *out (may be NULL) gets its place, for what else is known of it, until
 * the next is added; NULL: it was skipped, or is held already. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_builder_address(wpm_builder *builder, wpm_bytes multiaddr, wpm_report *report,
                                     wpm_address **out);

/* Adds a protocol id. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_builder_protocol(wpm_builder *builder, wpm_text protocol, wpm_report *report);

/* Adds an entry of the application map; the key is not held yet. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_builder_app(wpm_builder *builder, wpm_text key, wpm_bytes value,
                                 wpm_report *report);

/* Sets cluster and shards (ascending, each once). WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_builder_shards(wpm_builder *builder, uint32_t cluster_id,
                                    const uint16_t *shards, size_t count);

/* The record, finished: its lists sorted. Lasts until the next begin. */
const wpm_peer_record *wpm_builder_end(wpm_builder *builder);

#endif
