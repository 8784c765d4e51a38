/* The dialable addresses of one peer: a list in a single allocation, oldest first.
 *
 * - An address is there once; of two sources the more trusted is kept.
 * - Lists are never changed in place but for the times of an address: a change builds a new list,
 *   so a failing allocation leaves the old one as it was.
 * - Over the cap a newcomer takes the place of the least trusted one that is less trusted than
 *   itself, one that never worked before one that did; where there is none it is left out.
 */
#ifndef WPM_CORE_ADDRESSES_H
#define WPM_CORE_ADDRESSES_H

#include <wakupeers/types.h>

typedef struct wpm_address_list {
  wpm_address *items; /* One allocation, the bytes of the addresses behind the array; to be freed
                         by free(). NULL where there are none. */
  uint32_t count;     /* Their number. */
} wpm_address_list;

/* Builds `old` with `added` of `source` behind it; at most `cap` (0: no cap). Addresses that
 * wpm_multiaddr_check refuses are left out. *left_out (may be NULL) counts those that the cap left
 * out. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_addresses_with(const wpm_address_list *old, const wpm_bytes *added,
                                    size_t added_count, wpm_address_source source, size_t cap,
                                    wpm_address_list *out, size_t *left_out);

/* Builds `old` where `told` takes the place of all addresses of source identify; those named again
 * keep their times. Else as wpm_addresses_with. */
WPM_MUST_USE int wpm_addresses_identified(const wpm_address_list *old, const wpm_bytes *told,
                                          size_t told_count, size_t cap, wpm_address_list *out);

/* Builds a copy of `items` with their sources and times; else as wpm_addresses_with. */
WPM_MUST_USE int wpm_addresses_copy(const wpm_address *items, size_t count, size_t cap,
                                    wpm_address_list *out);

/* The entry of `multiaddr`, or NULL. */
wpm_address *wpm_addresses_find(const wpm_address_list *list, wpm_bytes multiaddr);

/* True where both hold the same addresses with the same sources and times, in the same order. */
bool wpm_addresses_equal(const wpm_address_list *a, const wpm_address_list *b);

/* Writes views of the addresses into `out` (room for list->count) in the order in which to dial
 * them: first those whose last attempt worked, the latest success first; then those never tried,
 * the more trusted first; then those whose last attempt failed, the longest ago first. */
void wpm_addresses_rank(const wpm_address_list *list, wpm_bytes *out);

#endif
