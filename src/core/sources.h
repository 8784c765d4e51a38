/* Who told us of whom, and how much of it we take in: an influence that is bounded by source and by group
 * (Bitcoin Core's addrman).
 *
 * - A peer that another one told of (`told_by`) has a *source*: the network group of the teller
 *   (core/groups.h), by the address from which it is connected inbound, which it cannot make up, or else by
 *   the address of its that worked last. All tellers of no group, or whom we do not hold, are one source.
 * - It has one while it is *untried*: until a connection with it comes up. Whoever is known from
 *   somewhere else (configuration, a person, DNS, discv5, another store) has none, and no limit.
 * - Of one source at most a share of max_peers is untried: 1/SHARE, or LEAST where that is more; and as
 *   many of those that have a source are of one network group. A newcomer beyond that is left out. That is
 *   counted, and no error.
 * - Who is told of again, by a peer of another source, counts for the one of which fewer are untried; told of
 *   by nobody in particular, for none. So the first to tell of a peer does not bind it to its own fate.
 * - In the choice of candidates (core/targets.h) all that are of one source count for no more than FULL of
 *   them: each is the less likely the more there are. Few say nothing against a source, and if one alone had
 *   the weight of hundreds that another tells of, we would dial the few again and again.
 * - That somebody connected to us proves nothing (in Bitcoin Core only who was reached outbound is tried). Whom
 *   we held inbound last told us of itself, and its source is its own network, by the address that we would
 *   dial: in the choice a network counts for one while FULL peers of it at most are known, and for the less
 *   the more there are. Else whoever dials us often would be rid of the rule before. It limits nothing that
 *   is taken in, and changes nothing where there is nobody else to choose. What it costs: of a large hosting
 *   provider's network, honest peers that we know from their own dials alone are chosen seldom.
 * - What a discouraged peer tells (core/judge.h) is left out.
 * - Nothing is kept where no outbound relay peers are wanted, and nothing on disk. Those restored that came by
 *   peer exchange and were never held have their own network as source, until another tells of them: else a
 *   flood that was told before a restart would be rid of its sources by it.
 */
#ifndef WPM_CORE_SOURCES_H
#define WPM_CORE_SOURCES_H

#include "core/manager.h"

/* Who told of a peer. */
typedef struct wpm_told {
  uint32_t slot;   /* The peer's; WPM_SLOT_NONE: it is not held, or that was not looked up. */
  uint32_t teller; /* The teller's; WPM_SLOT_NONE: nobody whom we hold. */
  uint64_t source; /* The source's key; WPM_GROUP_NONE: nobody told. */
} wpm_told;

/* Whether a FOUND that somebody told is to be taken in, and who did; one that is left out is counted. */
wpm_intake_rule wpm_sources_admit(wpm_manager *m, const wpm_event *event, wpm_told *told);

/* It was taken in; `added`: its peer is new. Without memory for a new source it has none. */
void wpm_sources_found(wpm_manager *m, uint32_t slot, const wpm_told *told, bool added);

/* Its record was restored, and its group is known. */
void wpm_sources_restored(wpm_manager *m, uint32_t slot);

/* The peer has no source any more: it was tried, or somebody else knows of it, or it goes. */
void wpm_sources_leave(wpm_manager *m, uint32_t slot);

/* By what the chance of the peer is to be divided, because of its source; at least 1. */
uint32_t wpm_sources_divisor(const wpm_manager *m, uint32_t slot);

#endif
