/* What only node may touch: the system's clocks and its random source. */
#ifndef WPM_NODE_SYSTEM_H
#define WPM_NODE_SYSTEM_H

#include <wakupeers/types.h>

/* Names this boot of the machine: a hash of the kernel's boot id; where the kernel does not tell
 * it, a random number, so that no other run is taken for one of the same boot. */
uint64_t wpm_system_boot_id(void);

/* Both clocks, now. The monotonic one goes on while the machine sleeps. */
wpm_instant wpm_system_now(uint64_t boot_id);

/* Fills `out` from the system's random source. WPM_ERR_IO where it has none. */
WPM_MUST_USE int wpm_system_random(uint8_t *out, size_t len);

#endif
