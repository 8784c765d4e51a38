/* The peer store as its header describes it, done the naive way: arrays and linear scans.
 *
 * - Peers are numbered; ids, addresses, names and values come from small constant pools, so that
 *   random operations meet each other often. Views point into the pools and last for ever.
 * - Each function does what the store's call of that name does and returns what that returns.
 * - What the store may choose (who is evicted, which of two tombstones that end together goes) the
 *   model is told, and fails the test where the choice was not the store's to make. */
#pragma once

#include "support/test.h"

#include <wakupeers/store.h>

enum {
  WPM_MODEL_IDS = 32,       /* Different ids, of 0 … 255 bytes. */
  WPM_MODEL_ADDRESSES = 20, /* Different addresses. */
  WPM_MODEL_NAMES = 16,     /* Different protocols; agents, tags and keys are of the same pool. */
  WPM_MODEL_SHARDS = 10     /* Different shards. */
};

typedef struct wpm_model_peer {
  bool held;                 /* The store has it. */
  uint64_t life;             /* Which of the peers of this id, in time. */
  uint64_t born;             /* When it came, as a number of a newcomer. */
  unsigned live;             /* Live connections. */
  bool runs[WPM_WAIT_COUNT]; /* Which waits are not over, as of the last advance. */
  wpm_peer_record r;         /* Its arrays are those below. */
  wpm_address addresses[WPM_MODEL_ADDRESSES];
  wpm_text protocols[WPM_MODEL_NAMES];
  uint16_t shards[WPM_MODEL_SHARDS];
  wpm_tag tags[WPM_MODEL_NAMES];
  wpm_app_entry app[WPM_MODEL_NAMES];
  bool buried;             /* There is a tombstone. */
  wpm_tombstone tombstone; /* That one. */
  wpm_bytes private_key;   /* Empty: none. */
} wpm_model_peer;

typedef struct wpm_model {
  wpm_store_config config;
  wpm_model_peer peers[WPM_MODEL_IDS];
  uint64_t newcomers;          /* Peers that ever came. */
  wpm_instant last;            /* The last advance. */
  uint64_t dropped;            /* Tombstones that went before their end. */
  wpm_store_counters counters; /* As the store's. */
} wpm_model;

/* ---- the pools ------------------------------------------------------------------------------- */

wpm_bytes wpm_model_id(unsigned number);
/* The number of an id; fails the test where it is none of them. */
unsigned wpm_model_number(wpm_bytes id);
wpm_bytes wpm_model_address(unsigned number);
/* Protocols, agents, tags, keys. Number 0 is empty. */
wpm_text wpm_model_name(unsigned number);

/* ---- asking ---------------------------------------------------------------------------------- */

void wpm_model_init(wpm_model *model, const wpm_store_config *config);
size_t wpm_model_count(const wpm_model *model);
size_t wpm_model_tombstones(const wpm_model *model);
/* The peer's record, with what is derived. */
wpm_peer_record wpm_model_record(const wpm_model_peer *peer);
/* WPM_ERR_NOT_FOUND where it is not held. */
int wpm_model_expected(const wpm_model *model, unsigned id);
/* Whether the peer matches; the query is well formed. */
bool wpm_model_matches(const wpm_model_peer *peer, const wpm_query *query);
/* By how much a peer is worth by that order: the higher is the better. */
int64_t wpm_model_worth(const wpm_model_peer *peer, wpm_order order);
/* Why it would be evicted; WPM_CAUSE_FACT: it may not be. */
wpm_cause wpm_model_eviction(const wpm_model_peer *peer);
/* Fails the test unless the peer might be the next to go. */
void wpm_model_expect_victim(const wpm_model *model, unsigned id, wpm_cause cause);
/* Which fields differ, WPM_FIELD_…: of two records of the model. How sure an address is follows from
 * the rest, and does not count. */
uint32_t wpm_model_difference(const wpm_peer_record *a, const wpm_peer_record *b);
/* The same, of a record of the store and one of the model: all counts, but a span of waiting of an
 * earlier boot may have been brought into this one, where it ends at the same moment, and of two
 * that are over either will do. */
uint32_t wpm_model_deviation(const wpm_model *model, const wpm_peer_record *store,
                             const wpm_peer_record *own);
bool wpm_model_same_wait(const wpm_model *model, const wpm_wait *store, const wpm_wait *own);

/* ---- doing ----------------------------------------------------------------------------------- */

/* What happens where the store is full: `gone` tells whether it has let a peer go. */
typedef struct wpm_model_choice {
  bool (*has_gone)(void *user, unsigned id);  /* Of the peers, who is held no more. */
  bool (*is_buried)(void *user, unsigned id); /* Of the tombstones, who is still one. */
  void *user;                                 /* Passed to both. */
} wpm_model_choice;

int wpm_model_add(wpm_model *model, unsigned id, wpm_origin origin, const wpm_model_choice *choice);
int wpm_model_put(wpm_model *model, unsigned id, const wpm_peer_record *record,
                  const wpm_model_choice *choice);
int wpm_model_remove(wpm_model *model, unsigned id, const wpm_model_choice *choice);
int wpm_model_put_tombstone(wpm_model *model, unsigned id, const wpm_tombstone *tombstone,
                            const wpm_model_choice *choice);
int wpm_model_set_wait(wpm_model *model, unsigned id, wpm_wait_kind kind, wpm_wait wait,
                       const wpm_model_choice *choice);
void wpm_model_advance(wpm_model *model, wpm_instant now);

int wpm_model_offer(wpm_model *model, unsigned id, const wpm_bytes *addresses, size_t count,
                    const wpm_offer *offer, bool set, size_t *left_out);
int wpm_model_update_ttl(wpm_model *model, unsigned id, int64_t old_ttl, int64_t new_ttl,
                         wpm_wall now);
int wpm_model_clear_addresses(wpm_model *model, unsigned id);
int wpm_model_expire(wpm_model *model, unsigned id, wpm_wall now);
int wpm_model_certified(wpm_model *model, unsigned id, const wpm_certified *record, wpm_wall now);
int wpm_model_identified(wpm_model *model, unsigned id, const wpm_identified *fact);
int wpm_model_set_protocols(wpm_model *model, unsigned id, const wpm_text *protocols, size_t count);
int wpm_model_set_public_key(wpm_model *model, unsigned id, wpm_bytes key);
int wpm_model_metadata(wpm_model *model, unsigned id, uint32_t cluster_id, const uint16_t *shards,
                       size_t count);
int wpm_model_discovered(wpm_model *model, unsigned id, const wpm_discovered *fact);
int wpm_model_connected(wpm_model *model, unsigned id, wpm_direction direction, wpm_bytes remote,
                        wpm_wall now);
int wpm_model_disconnected(wpm_model *model, unsigned id, wpm_reason reason, wpm_wall now);
int wpm_model_dial_failed(wpm_model *model, unsigned id, wpm_reason reason, wpm_wall now);
int wpm_model_address_failed(wpm_model *model, unsigned id, wpm_bytes multiaddr, wpm_wall now);
int wpm_model_address_moved(wpm_model *model, unsigned id, wpm_bytes multiaddr, unsigned answered,
                            wpm_wall now);
int wpm_model_stable(wpm_model *model, unsigned id);
int wpm_model_set_tag(wpm_model *model, unsigned id, const wpm_tag *tag);
int wpm_model_remove_tag(wpm_model *model, unsigned id, wpm_text name);
int wpm_model_set_app(wpm_model *model, unsigned id, wpm_text key, wpm_bytes value);
