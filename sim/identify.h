/* What a peer of the simulator tells of itself. */
#ifndef SIM_IDENTIFY_H
#define SIM_IDENTIFY_H

#include <wakupeers/manager.h>

/* Tells a manager identify, and with it Waku metadata: cluster 1, no shards. `relay`: it speaks relay. Errors as wpm_manager_handle. */
WPM_MUST_USE int sim_identify(wpm_manager *manager, wpm_bytes peer, wpm_connection_id connection,
                              const wpm_bytes *addresses, size_t count, bool relay,
                              wpm_instant now);

#endif
