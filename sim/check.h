/* What must hold after every step, whatever the seed and the faults.
 *
 * - No automatic dial inside the prune backoff of the other side; one that a connection of the last
 *   second before a crash would have begun is not counted.
 * - No more peers connected or being dialled than max_connections, and no more dials in flight than
 *   max_dials, but for those that a person asked for and that are under way or up.
 * - A ping goes at most half of the idle limit that we are configured for after the last byte, and no
 *   idle connection is lost to a middle box while nothing disturbs us, unless their limit is shorter.
 * - At most two connections a peer; one of them 40 s after the second came up.
 * - Nobody whom a person banned is dialled, but for a person, or connected before the ban is over; a
 *   crash, a restart and eviction change nothing of that.
 * - Nobody comes in, or is dialled, from or at an address of a range that he banned, and what was connected
 *   there ends, but for his own dials.
 * - Whom our host blames for breaking a protocol is dialled by a person alone, as long as the score lasts, unless
 *   it is static. The last second before a crash is not counted.
 * - A relay peer that named shards of which none is ours is not chosen, but as a trial or for a service.
 * - Whom a person protects, and a static node, is let go by no rule of ours, be it that there are too many
 *   or that places rotate; neither they nor connected peers go from the store.
 * - Of its own choice the policy dials no relay peer beside more than relay_outbound that it has outbound,
 *   but for one at a time, a trial; and while fewer places than that are outbound, none of the group (IPv4 /16) of
 *   another. Static nodes, those of a restart and those a person asked for are not chosen, but count. One of a
 *   shard with too few relay peers may be chosen beyond relay_outbound, and one that offers a service with too
 *   few peers beyond that and of any group.
 * - No more inbound relay peers than relay_inbound stay for long, but for those of the shards that need them
 *   (seen at each sample, where no service is wanted).
 * - As our machine runs short there are fewer places for a minute, and no more are given out.
 * - Of one address, and of one IPv4 /24, no more come in than the limits say.
 * - Of the attempts to come in of an address, a /24 or a peer no more pass than a burst and so many a second, in
 *   any span; static nodes aside.
 * - No more peers are known than max_peers (seen at each sample).
 * - What we are told of a link or a dial that is over changes nothing.
 * - A change of connectivity that the policy tells is a change, begins where the last one ended, and
 *   agrees with the links; nobody becomes NotConnected again.
 * - A deadline moves on when it was served.
 *
 * A breach is kept with time and seed, so that it can be replayed. Rivals are measured by the same
 * rules, but for those on what is configured for ours alone (choice, shards, inbound, ranges, scores, shortage,
 * max_peers); for them a breach is no failure, since these are not their rules.
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "sim/world.h"

/* Something that must hold does not. */
void sim_breach(sim_world *world, const char *format, ...) WPM_PRINTF(2, 3);

/* A person protects it. */
bool sim_is_protected(const sim_world *world, uint32_t number);

/* A dial has begun. */
void sim_check_dial(sim_world *world, const sim_action *action);
/* A ping goes. */
void sim_check_ping(sim_world *world, const sim_link *link);
/* A middle box drops an open link. */
void sim_check_idle_drop(sim_world *world, const sim_link *link);
/* The policy closes a link. */
void sim_check_close(sim_world *world, const sim_link *link, wpm_reason reason);
/* It was told of a new link, and has answered. */
void sim_check_come(sim_world *world, const sim_link *link);
/* The same of an inbound one: it may be refused for the pace of such attempts. */
void sim_check_pace(sim_world *world, const sim_link *link);
/* It was told of a range that was not banned until now, and has answered. */
void sim_check_range(sim_world *world, const sim_banned_range *range);
/* How many inbound relay peers there are, at a moment like any other. */
void sim_check_relay_inbound(sim_world *world);
/* So many peers it knows. */
void sim_check_known(sim_world *world, uint64_t known);
/* It forgets a peer. */
void sim_check_forget(sim_world *world, uint32_t number);
/* It was told of something of the peer that is long over, and has `acted` on it. */
void sim_check_late(sim_world *world, uint32_t number, bool acted);
/* It is time that two links are settled. */
void sim_check_two(sim_world *world, const sim_link *link);
/* The policy says that a peer's connectivity changed. */
void sim_check_state(sim_world *world, const sim_action *action);
/* It was dialled of the policy's own choice, in a step whose actions are all carried out. */
void sim_check_choice(sim_world *world, uint32_t number);
/* How many relay peers are held by choice. */
void sim_check_outbound(sim_world *world);
/* All actions of a step are carried out. */
void sim_check_step(sim_world *world);
/* The deadline does not move on. */
void sim_check_stuck(sim_world *world);

#endif
