/* Places reserved for peers of a service: store, filter, lightpush, peer exchange, …
 *
 * - Of each configured service so many peers are wanted, connected or being dialled, whoever dialled;
 *   relay peers do not push them out, since the places that are missing are kept from what comes in
 *   (nwaku's service slots; ND#3841: pruning cut off service clients).
 * - A peer is of a service if it announces the protocol. Before its protocols are known, an ENR that
 *   promises the capability (31/WAKU2-ENR, `waku2`) is enough to try it.
 * - While there are fewer, the one with the lowest round trip of those that nothing holds back is dialled
 *   (of more than 64, of so many drawn); where none was ever measured, any. A failed attempt holds a peer back, so that the next one has its
 *   turn. A relay peer that had dialled us is not dialled past the limit of its group (core/targets.h).
 * - They are kept while they work: a peer without which a service would have too few keeps its place when
 *   places rotate.
 * - At most WPM_SERVICES_MAX services.
 */
#ifndef WPM_CORE_SERVICES_H
#define WPM_CORE_SERVICES_H

#include "core/manager.h"

/* The peer's place, protocols or capabilities may have changed. True where a service has fewer. */
bool wpm_services_update(wpm_manager *m, uint32_t slot);

/* It offers a service of which more peers are wanted, as far as is known. */
bool wpm_services_want(const wpm_manager *m, uint32_t slot);

/* Without it a service would have too few. */
bool wpm_services_need(const wpm_manager *m, uint32_t slot);

/* Places that are missing; 0: all services have enough. */
size_t wpm_services_missing(const wpm_manager *m);

/* Who is to be dialled for the service that misses most; WPM_SLOT_NONE: nobody is known. */
uint32_t wpm_services_choose(wpm_manager *m);

/* Whether services are valid as configured. */
bool wpm_services_are_valid(const wpm_service *services, size_t count);

/* A copy of them, with their texts, in one block; *out is NULL for none. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_services_copy(const wpm_service *services, size_t count, wpm_service **out);

#endif
