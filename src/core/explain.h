/* Why a peer is as it is and what comes next (<wakupeers/explain.h>; wakupeers' own).
 *
 * - Nothing is worked out here that decides anything: the dial and what holds it back come from
 *   core/schedule.h, pings and settling from core/keepalive.h.
 */
#ifndef WPM_CORE_EXPLAIN_H
#define WPM_CORE_EXPLAIN_H

#include "core/manager.h"

/* What is planned for the peer of a slot, places looked at too. */
wpm_plan wpm_explain_plan(const wpm_manager *m, uint32_t slot, wpm_instant now);

#endif
