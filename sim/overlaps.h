/* Faults on the time line that the world cannot play together. They are refused as the scenario is read.
 *
 * - The process ends once: no shutdown, crash or reboot while another one's is on.
 * - The machine sleeps, or has no network, once: no sleep and no offline while another of them is on. The
 *   same goes for two partitions, and for two quakes: there is one of them at a time.
 * - The process does not start while the machine sleeps or has no network: it would not be told.
 * - Its very end belongs to a fault: what begins or starts at that moment is on with it.
 */
#ifndef SIM_OVERLAPS_H
#define SIM_OVERLAPS_H

#include "sim/scenario.h"

/* True: two of them cannot be played together, and `error` (of `cap` bytes) names both. */
bool sim_faults_overlap(const sim_scenario *scenario, char *error, size_t cap);

#endif
