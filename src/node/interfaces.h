/* The interfaces of this machine, for what they tell of the network.
 *
 * - Only addresses other than loopback count. A machine that never had one is not offline: nothing is
 *   known of its network (nwaku's issue 3435).
 * - They are looked at every few seconds; nothing is asked of anybody outside.
 */
#ifndef WPM_NODE_INTERFACES_H
#define WPM_NODE_INTERFACES_H

#include <wakupeers/manager.h>

typedef struct wpm_interfaces {
  uint64_t hash; /* Of their addresses, in any order; 0: there are none. */
  bool known;    /* There were some once. */
} wpm_interfaces;

/* Looks at them as they are now. */
void wpm_interfaces_init(wpm_interfaces *interfaces);

/* Looks again; true where something came of it, which *out says. */
bool wpm_interfaces_changed(wpm_interfaces *interfaces, wpm_network_state *out);

/* The same, where the hash of the addresses is now `hash`. */
bool wpm_interfaces_become(wpm_interfaces *interfaces, uint64_t hash, wpm_network_state *out);

#endif
