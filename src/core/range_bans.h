/* Bans of ranges of IP addresses (Bitcoin Core, banman; wakupeers' own rules about dials and durability).
 *
 * - From a banned range nobody comes in: refused before the handshake where the host asks, and as it is
 *   up. Live connections from or to an address in it end as the ban begins.
 * - Addresses in it are not dialled: a dial takes the peer's others. A peer that has no other is held
 *   back until one of its bans ends. A dial that was under way to such an address as the ban began is
 *   cancelled, and what comes of it refused.
 * - A person's own dial goes all the same, as past a peer's own ban: where none of the peer's addresses
 *   is free of bans, to all of them.
 * - As with a peer's own ban nobody is exempt: neither static nodes, nor those that a tag protects, nor
 *   ranges of `inbound_allow`. Tags stay, and still keep the record from being evicted.
 * - It runs by both clocks (core/wait.h), over restarts, and ends by itself. The same range banned anew
 *   has the new length; ranges within each other are bans of their own, and an address is free when all
 *   that hold it are over.
 * - At most WPM_RANGE_BANS_MAX. Looking an address up takes one probe of a map for each length of
 *   prefixes in force.
 * - Only addresses are judged: a name is not looked up here, so one that leads there is dialled.
 * - Ready and waiting peers are planned anew SCREENED_AT_ONCE at a time, so that a large store does not
 *   stop us; nobody is dialled in the meantime for it.
 */
#ifndef WPM_CORE_RANGE_BANS_H
#define WPM_CORE_RANGE_BANS_H

#include "core/manager.h"

void wpm_range_bans_init(wpm_manager *m);
void wpm_range_bans_fini(wpm_manager *m);

/* The event BAN_RANGE. */
WPM_MUST_USE int wpm_on_ban_range(wpm_manager *m, const wpm_event *event, wpm_instant now);

static inline bool wpm_range_bans_any(const wpm_manager *m) {
  return m->range_bans.count > 0;
}

/* A ban has ended, or peers are to be planned anew. */
static inline bool wpm_range_bans_are_due(const wpm_manager *m, wpm_mono now) {
  return m->range_bans.due.ns <= now.ns;
}

/* Ends the bans whose time has come. */
void wpm_range_bans_advance(wpm_manager *m, wpm_instant now);

/* Plans the next peers anew, where bans came or were lifted. */
void wpm_range_bans_run(wpm_manager *m, wpm_instant now);

/* Whether an address is in a banned range; with a `dial`, in one banned since that began. */
bool wpm_range_bans_hold(const wpm_manager *m, wpm_bytes multiaddr, wpm_dial_id dial, wpm_mono now);

/* Moves those of `items` that may be dialled at that time, by their scope and by bans, to the front, in their
 * order; returns how many. */
size_t wpm_range_bans_admit(const wpm_manager *m, uint32_t slot, wpm_address *items, size_t count,
                            wpm_mono now);

/* Where there are bans: when the first of the peer's addresses, of those in scope, is free of bans: long ago where one is, or
 * where none is in scope; WPM_NEVER: not by time. */
wpm_mono wpm_range_bans_free_at(const wpm_manager *m, uint32_t slot);

/* Takes the next ban that is to be stored; false where there is none. */
bool wpm_range_bans_next_action(wpm_manager *m, wpm_action *out);

#endif
