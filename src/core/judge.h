/* What a host, or a person, holds of a peer: bans (those of ranges are in core/range_bans.h), tags, a
 * score, and notes of the application.
 *
 * - A ban ends the peer's connections and its dial, and refuses it when it comes, until it is over; a
 *   connect that a person asks for goes all the same. A peer that is not held is entered, to be banned.
 * - A tag says why a peer matters, and may protect it from eviction; several owners, each with a tag of
 *   its own, protect it until the last takes its own away. One may end by itself (core/tags.h).
 * - A score is the host's judgement, and ours: `VIOLATION` is taken off where a peer, whose identity is
 *   proven, breaks a protocol, `SILENCE` where it left our pings unanswered while others were there, and
 *   `BLAME` where hardly any address that it told us of is good (core/tellers.h). It fades with a half-life,
 *   so that neither merit nor guilt lasts for ever.
 * - Somebody is *discouraged* rather than banned: dialled by a person alone, the first to lose a place, and
 *   no reason for another to lose one; but welcome where there is room (Bitcoin Core, banman).
 * - Bans and protections are what a crash must not undo: the node brings them to disk at once.
 *
 * Tags and protection by owners are go-libp2p's connection manager's; who is discouraged is Bitcoin Core's
 * (banman); what is held against a peer by itself, and how much, is wakupeers' own.
 */
#ifndef WPM_CORE_JUDGE_H
#define WPM_CORE_JUDGE_H

#include "core/manager.h"

WPM_MUST_USE int wpm_on_ban(wpm_manager *m, const wpm_event *event, wpm_instant now);
WPM_MUST_USE int wpm_on_tag(wpm_manager *m, const wpm_event *event, wpm_instant now);
WPM_MUST_USE int wpm_on_score(wpm_manager *m, const wpm_event *event, wpm_instant now);
WPM_MUST_USE int wpm_on_note(wpm_manager *m, const wpm_event *event, wpm_instant now);

/* Its score is too low; never of a static node. */
bool wpm_judge_discourages(const wpm_manager *m, uint32_t slot);

/* A connection of the peer, which is not live any more, ended; `in_gap`: in a gap (core/epoch.h). It has a
 * contact. */
void wpm_judge_ended(wpm_manager *m, uint32_t slot, wpm_reason reason, bool in_gap);

/* What the peer told of others was hardly ever true (core/tellers.h); it may be gone by now. Without memory
 * for its score it keeps the one it has. */
void wpm_judge_blamed(wpm_manager *m, wpm_peer_ref ref, wpm_instant now);

/* It was restored or taken in, perhaps with a score. */
void wpm_judge_restored(wpm_manager *m, uint32_t slot);

/* So much time has passed since its score faded last. */
void wpm_judge_fade(wpm_manager *m, uint32_t slot, int64_t elapsed_ns);

#endif
