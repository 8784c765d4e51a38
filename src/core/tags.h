/* Tags that end by themselves (go-libp2p's decaying tags, js-libp2p's expiring ones).
 *
 * - One with an end goes at its time, by the wall clock, within a minute: it is somebody's word about a
 *   date, as an address's. Its protection goes with it; the peer stays protected while another tag of its
 *   does. One whose end came while we did not run goes as its record is restored.
 * - The value of one with a half-life fades as scores do (core/decay.h), in the same rounds, some peers a
 *   minute. One that has faded to 0 goes, unless it protects.
 * - Only peers with such a tag are looked at, some at a time, so that many do not stop us.
 */
#ifndef WPM_CORE_TAGS_H
#define WPM_CORE_TAGS_H

#include "core/manager.h"

/* A minute has passed: all are to be looked at. */
void wpm_tags_minute(wpm_manager *m);

/* Somebody has, or had, such a tag. */
static inline bool wpm_tags_may_end(const wpm_manager *m) {
  return m->store->aging > 0;
}

/* Looks at the next `some`. */
void wpm_tags_run(wpm_manager *m, uint32_t some, wpm_instant now);

/* When that is due, where anybody has such a tag; `minute`: when the next minute is over. */
wpm_mono wpm_tags_deadline(const wpm_manager *m, wpm_mono minute);

/* Takes what has ended off the peer. To be within a change of it. */
void wpm_tags_expire(wpm_manager *m, uint32_t slot, wpm_wall now);

/* So much time has passed since its tags faded last. To be within a change of it. */
void wpm_tags_fade(wpm_manager *m, uint32_t slot, int64_t elapsed_ns);

#endif
