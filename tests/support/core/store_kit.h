/* What the tests of the store share: peers and addresses by number, and calls that must succeed.
 *
 * - Views of ids and addresses last for ever.
 * - A call that fails where it must not fails the test. */
#pragma once

#include "support/test.h"

#include <wakupeers/store.h>

enum {
  WPM_KIT_IDS = 65536,      /* Peers are numbered 0 … 65535. */
  WPM_KIT_ADDRESSES = 65536 /* And so are addresses. */
};

/* 2025-01-01 00:00:00 UTC. */
#define WPM_KIT_NOW ((wpm_wall){INT64_C(1735689600) * WPM_SECOND})

/* `seconds` behind WPM_KIT_NOW. */
wpm_wall wpm_kit_at(int64_t seconds);

/* An identity multihash of a secp256k1 key, as a real one is formed. */
wpm_bytes wpm_kit_id(unsigned number);
/* The number of such an id. */
unsigned wpm_kit_number(wpm_bytes id);
/* /ip4/10.0.x.y/tcp/60000. */
wpm_bytes wpm_kit_address(unsigned number);
/* The number of such an address. */
unsigned wpm_kit_address_number(wpm_bytes address);

/* A store of that configuration; NULL: the default one. wpm_kit_free runs wpm_store_check first. */
wpm_store *wpm_kit_new(const wpm_store_config *config);
void wpm_kit_free(wpm_store *store);
/* Fails the test, with the store's own words, where an invariant is broken. */
void wpm_kit_check(const wpm_store *store);

/* For cmocka: a store of the default configuration, and its end. */
int wpm_kit_setup(void **state);
int wpm_kit_teardown(void **state);

/* Calls on a peer by its number. */
wpm_peer_record wpm_kit_get(const wpm_store *store, unsigned number);
bool wpm_kit_holds(const wpm_store *store, unsigned number);
void wpm_kit_add(wpm_store *store, unsigned number);
/* Adds a peer with one address, from its configuration. */
void wpm_kit_add_dialable(wpm_store *store, unsigned number);
/* Offers one address. */
void wpm_kit_offer(wpm_store *store, unsigned number, unsigned address, wpm_address_source source,
                   int64_t ttl_ns, wpm_wall now);
void wpm_kit_connect(wpm_store *store, unsigned number, wpm_direction direction, unsigned address,
                     wpm_wall now);
void wpm_kit_end(wpm_store *store, unsigned number, wpm_reason reason, wpm_wall now);
void wpm_kit_protect(wpm_store *store, unsigned number, bool protects);
/* A wait of that length from wpm_kit_instant(0). */
wpm_wait wpm_kit_wait(int64_t length_ns);
void wpm_kit_set_wait(wpm_store *store, unsigned number, wpm_wait_kind kind, int64_t length_ns);
/* Both clocks, that long behind a moment 1 000 s since boot. */
wpm_instant wpm_kit_instant(int64_t ns);

/* The address of that number in a record; NULL where it has none. */
const wpm_address *wpm_kit_find(const wpm_peer_record *record, unsigned address);

/* A record of which nothing is known but the id. */
wpm_peer_record wpm_kit_record(unsigned number);

/* How many match. */
size_t wpm_kit_count(wpm_store *store, const wpm_term *terms, size_t count);
/* How many match a single term. */
size_t wpm_kit_count_of(wpm_store *store, wpm_term_kind kind, uint32_t number);
