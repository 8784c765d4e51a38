/* What a peer of the simulator tells of itself. */
#ifndef SIM_IDENTIFY_H
#define SIM_IDENTIFY_H

#include "sim/policy.h"

#include <wakupeers/manager.h>

#define SIM_SERVICE "/vac/waku/store-query/3.0.0"

/* Tells a manager identify, and with it Waku metadata, cluster 1, as the fact has them; `addresses` are its
 * addresses. Errors as wpm_manager_handle. */
WPM_MUST_USE int sim_identify(wpm_manager *manager, wpm_bytes peer, const sim_fact *fact,
                              const wpm_bytes *addresses, wpm_instant now);

#endif
