/* Network groups: who is likely to be in one hand. Bitcoin Core's addrman has the idea.
 *
 * - A group is an IPv4 /16, an IPv6 /32, or the last two labels of a name. What has none of these, or
 *   is no public address (core/scope.h), is of no group, and of no limit.
 * - A peer is of the group of its address that worked last, or else of its first one. So the peers of a
 *   group are counted, and whoever draws one of many can make each group as likely as any other, however
 *   many addresses somebody has in a few.
 * - Nothing is kept where no outbound relay peers are wanted.
 * - How many of them we are connected to outbound is counted too (core/targets.h), and how many are
 *   untried and told of by others, and how many others they told of (core/sources.h).
 *
 * The groups of IP addresses are those of Bitcoin Core (netgroup) and of the limit of one outbound peer each;
 * those of names are wakupeers' own: who has a domain names all nodes under it.
 */
#ifndef WPM_CORE_GROUPS_H
#define WPM_CORE_GROUPS_H

#include "core/manager.h"

#define WPM_GROUP_NONE 0u /* No group. */

/* The group of a multiaddr, or of an IP address (16 bytes, IPv4 mapped); WPM_GROUP_NONE: of none. */
uint64_t wpm_group_of(wpm_bytes multiaddr);
uint64_t wpm_group_of_ip(const uint8_t ip[16]);

/* The one source that all tellers of no group are (core/sources.h); no address is of it. */
uint64_t wpm_group_of_others(void);

/* The group of the first address that has one. */
uint64_t wpm_group_of_any(const wpm_bytes *multiaddrs, size_t count);

void wpm_groups_init(wpm_manager *m);
void wpm_groups_fini(wpm_manager *m);

/* The peer's addresses may have changed. Without memory for a new group it is of none. */
void wpm_groups_update(wpm_manager *m, uint32_t slot);

/* The peer goes. */
void wpm_groups_leave(wpm_manager *m, uint32_t slot);

/* A peer of the group has (has no longer) an outbound place; `number`: of the policy. */
void wpm_groups_count_outbound(wpm_manager *m, uint32_t number, bool more);

/* The number of a group; wpm_groups_enter makes one where there is none, and something is to be counted
 * for it at once. 0: there is none; without memory. */
uint32_t wpm_groups_find(const wpm_manager *m, uint64_t key);
uint32_t wpm_groups_enter(wpm_manager *m, uint64_t key);

/* A peer's source is this group (is it no longer); a peer of the group is untried (no longer). */
void wpm_groups_count_told(wpm_manager *m, uint32_t number, bool more);
void wpm_groups_count_untried(wpm_manager *m, uint32_t number, bool more);

/* How many peers the group is the source of, how many of its own are untried; and its key. Of none: 0. */
uint32_t wpm_groups_told(const wpm_manager *m, uint32_t number);
uint32_t wpm_groups_untried(const wpm_manager *m, uint32_t number);
uint64_t wpm_groups_key(const wpm_manager *m, uint32_t number);

/* How many peers are of the group; how many of them have an outbound place. Of none: 1 and 0. */
uint32_t wpm_groups_peers(const wpm_manager *m, uint32_t number);
uint32_t wpm_groups_outbound(const wpm_manager *m, uint32_t number);

#endif
