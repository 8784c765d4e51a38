/* Network groups: who is likely to be in one hand. Bitcoin Core's addrman has the idea.
 *
 * - A group is an IPv4 /16, an IPv6 /32, or the last two labels of a name. What has none of these, or
 *   is no public address (core/scope.h), is of no group, and of no limit.
 * - A peer is of the group of its address that worked last, or else of its first one. So the peers of a
 *   group are counted, and whoever draws one of many can make each group as likely as any other, however
 *   many addresses somebody has in a few.
 * - Nothing is kept where no outbound relay peers are wanted.
 * - How many of them we are connected to outbound is counted too (core/targets.h).
 */
#ifndef WPM_CORE_GROUPS_H
#define WPM_CORE_GROUPS_H

#include "core/manager.h"

/* The group of a multiaddr; 0: none. */
uint64_t wpm_group_of(wpm_bytes multiaddr);

void wpm_groups_init(wpm_manager *m);
void wpm_groups_fini(wpm_manager *m);

/* The peer's addresses may have changed. Without memory for a new group it is of none. */
void wpm_groups_update(wpm_manager *m, uint32_t slot);

/* The peer goes. */
void wpm_groups_leave(wpm_manager *m, uint32_t slot);

/* A peer of the group has (has no longer) an outbound place; `number`: of the policy. */
void wpm_groups_count_outbound(wpm_manager *m, uint32_t number, bool more);

/* How many peers are of the group; how many of them have an outbound place. Of none: 1 and 0. */
uint32_t wpm_groups_peers(const wpm_manager *m, uint32_t number);
uint32_t wpm_groups_outbound(const wpm_manager *m, uint32_t number);

#endif
