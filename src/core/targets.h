/* How many relay peers we hold connections to of our own choice, and who they are.
 *
 * - Outbound connections are those that nobody else can choose for us, so what an attacker sends or
 *   claims must not decide them. `relay_outbound` of them are wanted (10 as nwaku has by default, and go-waku at least);
 *   0 switches all of this off, and every relay peer that we held is dialled again.
 * - A *candidate* is a relay-capable peer, or one whose protocols are not known, that nothing holds back:
 *   one that we held outbound before (tried), or one that we never held, or only inbound (new). Either is
 *   drawn first, by a coin; each network group is as likely as any other (core/groups.h), so that 50 000
 *   addresses in 32 groups count as 32; of those told of by others no source counts for many, nor does a
 *   network whose peers only dialled us (core/sources.h); and each failed attempt halves the chance, as does
 *   each week, up to four, since the last sign of it.
 * - No two outbound relay peers are of one group, static peers, those of a restart and those chosen for a
 *   service aside (Bitcoin Core: one outbound peer per group). While a place is kept for one of a restart,
 *   its group counts as taken. Who dialled us when we last held it is no exception for a service either:
 *   past the limit of its group nothing dials it but a person, and our configuration.
 * - While one of our shards has too few relay peers, candidates of it come first (core/shards.h).
 * - While a service has too few peers, peers of it come next (core/services.h).
 * - Candidates are dialled `PACE` apart, half of that in the haste of a new epoch (core/doubt.h), so that
 *   a network that comes back is not met by all at once.
 *   Where there is none, it is looked again when one comes, or a wait is over, or after `LOOK_AGAIN`.
 * - Places rotate: an attacker that is always there would gather them one after another, as honest peers
 *   leave. Once every `rotate_ns`, half to one and a half of that, one outbound relay peer at random is
 *   let go, if it is stable, has answered since the last gap (core/epoch.h), is neither static nor
 *   protected, and neither its shards nor its services need it; no more than one at a time.
 * - Places are kept for those that are missing, those of services and static peers that are wanted too, up to half of max_connections: what comes in, but for
 *   static and protected peers, finds the others. Else whoever fills all places from outside would leave
 *   none to choose. Those for services and static peers are kept from what is dialled for having been held,
 *   too.
 * - Static peers, and those of a restart, are dialled ahead of this, and count. So do those that a person
 *   connects.
 */
#ifndef WPM_CORE_TARGETS_H
#define WPM_CORE_TARGETS_H

#include "core/manager.h"

/* The rules are in force. */
static inline bool wpm_targets_are_set(const wpm_manager *m) {
  return m->config.relay_outbound > 0;
}

/* A relay peer whose dials are chosen here. */
bool wpm_targets_choose(const wpm_manager *m, uint32_t slot);

/* A relay peer that had dialled us when we last held it, of a group that has its outbound peer. */
bool wpm_targets_is_past_limit(const wpm_manager *m, uint32_t slot);

/* The peer is forgotten, and waits for no place. */
void wpm_targets_leave(wpm_manager *m, uint32_t slot);

/* A person named it, or its shards or its services need it: it is not for us to let go. */
bool wpm_targets_spare(const wpm_manager *m, uint32_t slot);

/* Places kept from what comes in. */
size_t wpm_targets_kept(const wpm_manager *m);

/* Those of them that are for services and static peers: kept also from who was held and is dialled for that. */
size_t wpm_targets_kept_for_others(const wpm_manager *m);

/* The peer's place, connections or protocols may have changed. */
void wpm_targets_update(wpm_manager *m, uint32_t slot);

/* The peer has got, or lost, an outbound place, or one that is kept for it: its group is taken, or free. */
void wpm_targets_take_group(wpm_manager *m, uint32_t slot);

/* It is time to look for candidates again. */
void wpm_targets_look_soon(wpm_manager *m);

/* There is a candidate that there may not have been. */
void wpm_targets_candidate(wpm_manager *m, uint32_t slot);

/* A candidate that nobody ever reached, drawn as they are, of any network group; WPM_SLOT_NONE: there is
 * none. */
uint32_t wpm_targets_draw_untried(wpm_manager *m);

/* When a candidate is chosen next, and when one is let go, as things are; WPM_NEVER: not by time. */
wpm_mono wpm_targets_choice_at(const wpm_manager *m);
wpm_mono wpm_targets_rotation_at(const wpm_manager *m);

/* When one is chosen because the peer has become a candidate at that time; WPM_NEVER: its coming does not
 * hasten the choice. */
wpm_mono wpm_targets_choice_by(const wpm_manager *m, uint32_t slot, wpm_mono at);

/* Dials candidates, and lets one go, as far as it is time: while we run and have a network; when that is
 * next. */
void wpm_targets_run(wpm_manager *m, wpm_instant now);
wpm_mono wpm_targets_deadline(const wpm_manager *m);

#endif
