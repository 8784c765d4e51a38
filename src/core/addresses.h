/* The dialable addresses of one peer, packed into one block, oldest first.
 *
 * - An address is there once. Of two sources the more trusted is kept; of two times to live the
 *   longer, of two ends the later, unless they are set.
 * - Over the cap a newcomer takes the place of the least worthy that is less worthy than itself, by:
 *   connected, certified, source, worked, oldest. Where there is none it is left out.
 * - What an address lacks (a success, a failure) takes no space, nor do times of being seen that are
 *   those of the address before it, nor an end that follows from them. Times of being seen are kept to
 *   the second; those of dials and ends to the nanosecond, as differences in as few bytes as they need.
 * - A change decodes the block into a draft, changes that, and encodes it anew; so a change that
 *   fails has changed nothing.
 * - Expiry. By the clock: the address goes when its time to live is over. By quality, where a good
 *   one is to be kept: one that once worked stays as long as none worked later. An address without
 *   a time to live goes when nobody has named it for WPM_ADDRESS_FORGOTTEN, or for
 *   WPM_ADDRESS_FORGOTTEN_FAILED where it failed and never worked; one of our configuration, or that a
 *   person or the peer itself named, does not go by its age at all.
 *
 * Where it is from: 27/WAKU2-PEERS asks for a peer's multiaddrs and leaves their age to the client. Times to
 * live, and that they only grow unless they are set, are those of go-libp2p's address book
 * (core/peerstore; the values in <wakupeers/types.h>); certified is what a signed peer record names
 * (libp2p/specs, RFC 0003). The 30 days are Bitcoin Core's (addrman, ADDRMAN_HORIZON), which also gives
 * up sooner on what failed and never worked, after three attempts; the day for these, the order of worth
 * and that what worked last stays are wakupeers' own.
 */
#ifndef WPM_CORE_ADDRESSES_H
#define WPM_CORE_ADDRESSES_H

#include <wakupeers/store.h>

#define WPM_ADDRESS_FORGOTTEN (30 * WPM_DAY)
#define WPM_ADDRESS_FORGOTTEN_FAILED WPM_DAY
#define WPM_ADDRESSES_MOST UINT16_MAX /* Most of one peer, where no cap is set. */

/* A list under construction; the bytes of its addresses belong to others. */
typedef struct wpm_address_draft {
  wpm_address *items; /* Room for old and new ones together. */
  size_t count;       /* Those in it. */
  size_t cap;         /* Most; 0: none. */
  size_t left_out;    /* Refused by the cap so far. */
} wpm_address_draft;

/* How an address is given. */
typedef enum wpm_offer_mode {
  WPM_OFFER_ADD, /* Times to live only grow. */
  WPM_OFFER_SET  /* They become what is given. */
} wpm_offer_mode;

/* ---- the packed form ------------------------------------------------------------------------- */

/* Bytes that `count` items take at most; SIZE_MAX where they are too many. */
size_t wpm_addresses_bound(const wpm_address *items, size_t count);
/* Packs them into `out`, which has room for the bound; returns the bytes it took. */
size_t wpm_addresses_encode(const wpm_address *items, size_t count, uint8_t *out);

/* Number of addresses, and bytes, of a packed list. */
uint32_t wpm_addresses_count(const uint8_t *packed);
size_t wpm_addresses_packed_size(const uint8_t *packed);

/* Decodes all of them; their bytes point into `packed`. */
void wpm_addresses_decode(const uint8_t *packed, wpm_address *out);

/* Whether `items` are those of the packed list, but for times of being seen and of dials. */
bool wpm_addresses_same_but_times(const uint8_t *packed, const wpm_address *items, size_t count);

/* Whether `items` would be packed to the very same list, which of a live connection stays apart. */
bool wpm_addresses_same(const uint8_t *packed, const wpm_address *items, size_t count);

/* No live connection is left: none is `connected` any more. In place. */
void wpm_addresses_end_connected(uint8_t *packed);

/* The latest time at which one was seen; WPM_WALL_NONE: not known. */
wpm_wall wpm_addresses_last_seen(const uint8_t *packed);

/* ---- drafts ---------------------------------------------------------------------------------- */

/* The entry of `multiaddr`, or NULL. */
wpm_address *wpm_draft_find(const wpm_address_draft *draft, wpm_bytes multiaddr);

/* Adds one, unless wpm_multiaddr_check refuses it. `item` carries source, marks, times, time to live
 * and its end. */
void wpm_draft_add(wpm_address_draft *draft, const wpm_address *item, wpm_offer_mode mode);

/* Adds one of a record; `known`: it is held, so its form needs no check. */
void wpm_draft_put(wpm_address_draft *draft, const wpm_address *item, bool known);

/* Removes number `at`. */
void wpm_draft_remove(wpm_address_draft *draft, size_t at);

/* An address as offered. */
wpm_address wpm_address_offered(wpm_bytes multiaddr, const wpm_offer *offer);

/* A new record (certified) or identify names `told`: others lose that mark, and go where they stood
 * on it alone. */
void wpm_draft_unmark(wpm_address_draft *draft, const wpm_bytes *told, size_t told_count,
                      bool certified);

/* Removes what is past its time (see the rules above). */
void wpm_draft_expire(wpm_address_draft *draft, bool keep_good, wpm_wall now);

/* Whether anything would go; without a draft. */
bool wpm_addresses_any_expired(const wpm_address *items, size_t count, bool keep_good,
                               wpm_wall now);

#endif
