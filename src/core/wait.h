/* Spans of waiting (wpm_wait): which of two ends later, and bringing one from an earlier boot into
 * this one. The rule of wpm_wait_end is in <wakupeers/store.h>.
 *
 * What outlives a restart is from 27/WAKU2-PEERS (Persistence, Reconnecting peers; core/restart.h); that it runs
 * on boot time, and by the wall clock only across a boot, is wakupeers' own: a wall clock can be set.
 */
#ifndef WPM_CORE_WAIT_H
#define WPM_CORE_WAIT_H

#include <wakupeers/store.h>

#define WPM_WAIT_LONGEST (365 * WPM_DAY) /* Longer stored lengths are cut to this. */

/* a + b, b ≥ 0, without overflow; never WPM_NEVER. */
wpm_mono wpm_mono_after(wpm_mono a, int64_t b);

static inline wpm_mono wpm_mono_earlier(wpm_mono a, wpm_mono b) {
  return a.ns < b.ns ? a : b;
}

/* A wait that begins now. */
static inline wpm_wait wpm_wait_from(wpm_instant now, int64_t length_ns) {
  return (wpm_wait){now, length_ns};
}

/* True while it is not over, as one of length INT64_MAX never is. */
bool wpm_wait_runs(const wpm_wait *wait, wpm_instant now);

/* `old` or `fresh`, whichever ends later. */
wpm_wait wpm_wait_later(const wpm_wait *old, const wpm_wait *fresh, wpm_instant now);

/* A stored wait, brought into this boot: one of this boot stays; of another, what is left begins now,
 * and one that is over is none. So a change of the wall clock from here on has no say in it, and a
 * span that begins anew, the wall clock standing before its start, begins once and not at each look.
 * Lengths outside 0 … `longest` are cut. */
wpm_wait wpm_wait_resume(const wpm_wait *wait, int64_t longest, wpm_instant now);

/* The same of a wait that the other side has a right to, so that it never ends too early: of one of
 * another boot no more has passed than `seen`, a later instant of that boot (NULL: none), and the time
 * since this boot show. The wall clock can only make it longer, as wpm_wait_as_seen and
 * wpm_wait_resume have it, and where it begins anew. */
wpm_wait wpm_wait_resume_owed(const wpm_wait *wait, int64_t longest, const wpm_instant *seen,
                              wpm_instant now);

/* A stored wait of the boot that `seen`, a later instant, is of: the start is put where it stands on
 * the wall clock that `seen` shows. So a clock that was set in between has no say in what is left after
 * a reboot. Where it is of another boot, or `seen` is NULL: as it is. */
wpm_wait wpm_wait_as_seen(const wpm_wait *wait, const wpm_instant *seen);

#endif
