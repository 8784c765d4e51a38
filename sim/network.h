/* Many nodes that form one network: every peer of the world runs the policy.
 *
 * - Whom a member is connected with is what both ends have decided: the dialler may be refused, either may
 *   let the other go, and each counts its own backoffs.
 * - A member first hears of a few others, and again of one where it is connected with nobody; then, now and then, one that it is connected with tells it of
 *   some that it knows (peer exchange): whom and when is drawn the same for every policy.
 * - While it is away a member is as a machine that sleeps: nothing reaches it, and when it is back its
 *   connections turn out to be dead. The others are told of the end, or, where it vanishes, find out.
 * - The right of the other side is looked at where the dial arrives: a relay peer that dials again before
 *   the listener's prune backoff is over counts as `dials_early`. When they parted is in the network's own
 *   books (sim/network_pairs.c), the same for every policy: a connection that was refused at once never was
 *   in a mesh, and of one that the listener found dead the dialler cannot know when.
 * - No TCP gives up by itself: that takes longer (924.6 s) than such a scenario.
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "sim/policy.h"
#include "sim/scenario.h"

#include <wakupeers/types.h>

/* Runs a scenario that has managers; 0 or a negative wpm_err. */
WPM_MUST_USE int sim_network_run(const sim_scenario *scenario, uint64_t seed,
                                 const sim_policy_type *type, sim_results *out);

#endif
