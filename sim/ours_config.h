/* How our policy is configured in a scenario. */
#ifndef SIM_OURS_CONFIG_H
#define SIM_OURS_CONFIG_H

#include "sim/policy.h"

#include <wakupeers/manager.h>

/* `seed`: of this run. What *config points to lasts as long as *service. WPM_ERR_INVALID. */
WPM_MUST_USE int sim_ours_configure(const sim_setup *setup, uint64_t seed, wpm_service *service,
                                    wpm_manager_config *config);

#endif
