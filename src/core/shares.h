/* Relay peers and the others: how they share the places.
 *
 * - Of `max_connections`, `relay_percent` are meant for relay peers, the rest for others: peers whose
 *   services we use, and clients of ours (nwaku's relay-service ratio; ND#3841: pruning cut off service
 *   clients). Who has not said what it speaks is one of the others.
 * - Nobody is kept from a free place by that. Where a place must become free (core/crowd.h), it is one of
 *   those who have more than their share.
 * - Of inbound relay peers `relay_inbound` are wanted: those beyond go.
 */
#ifndef WPM_CORE_SHARES_H
#define WPM_CORE_SHARES_H

#include "core/manager.h"

typedef enum wpm_share { WPM_SHARE_ANY = 0, WPM_SHARE_RELAY, WPM_SHARE_OTHERS } wpm_share;

/* The peer's place or protocols may have changed. */
void wpm_shares_update(wpm_manager *m, uint32_t slot);

/* Who has more than its share of the places; ANY: neither. */
wpm_share wpm_shares_over(const wpm_manager *m);

/* The peer is one of these. */
bool wpm_shares_has(const wpm_manager *m, uint32_t slot, wpm_share share);

/* How many of `leavers` are to be relay peers, so that each keeps its share of the places left. */
size_t wpm_shares_relay_leavers(const wpm_manager *m, size_t leavers);

/* Inbound relay peers beyond those wanted. */
size_t wpm_shares_inbound_beyond(const wpm_manager *m);

#endif
