/* Many managers that form one network: every peer of the world runs our policy.
 *
 * - Whom a member is connected with is what both ends have decided: the dialler may be refused, either may
 *   let the other go, and each counts its own backoffs.
 * - A member first hears of a few others, and again of one where it is connected with nobody; then, now and then, one that it is connected with tells it of
 *   some that it knows (peer exchange).
 * - While it is away a member is as a machine that sleeps: nothing reaches it, and when it is back its
 *   connections turn out to be dead. The others are told of the end, or, where it vanishes, find out.
 * - The right of the other side is looked at where the dial arrives: a relay peer that dials again before
 *   the listener's prune backoff is over, by the listener's own record, counts as `dials_early`.
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "sim/scenario.h"

#include <wakupeers/types.h>

/* Runs a scenario that has managers; 0 or a negative wpm_err. */
WPM_MUST_USE int sim_network_run(const sim_scenario *scenario, uint64_t seed, sim_results *out);

#endif
