/* What a host, or a person, holds of a peer: bans, tags, a score, and notes of the application.
 *
 * - A ban ends the peer's connections and its dial, and refuses it when it comes, until it is over; a
 *   connect that a person asks for goes all the same. A peer that is not held is entered, to be banned.
 * - A tag says why a peer matters, and may protect it from eviction; several owners, each with a tag of
 *   its own, protect it until the last takes its own away.
 * - Bans and protections are what a crash must not undo: the node brings them to disk at once.
 */
#ifndef WPM_CORE_JUDGE_H
#define WPM_CORE_JUDGE_H

#include "core/manager.h"

WPM_MUST_USE int wpm_on_ban(wpm_manager *m, const wpm_event *event, wpm_instant now);
WPM_MUST_USE int wpm_on_tag(wpm_manager *m, const wpm_event *event, wpm_instant now);
WPM_MUST_USE int wpm_on_score(wpm_manager *m, const wpm_event *event, wpm_instant now);
WPM_MUST_USE int wpm_on_note(wpm_manager *m, const wpm_event *event, wpm_instant now);

#endif
