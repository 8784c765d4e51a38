/* What is left of a number that halves over and over: integers alone, the same on every machine.
 *
 * - After `elapsed` a share of 2^-(elapsed / half_life) is left, exact to 2^-15 of it.
 * - A fraction is rounded up with its own chance, by `draw`: so small numbers do not stay for ever, nor go
 *   too soon, however often they are looked at.
 *
 * That the past counts less and less is as with the counters of GossipSub's peer scores (libp2p/specs,
 * gossipsub v1.1) and go-libp2p's decaying tags; half-lives, integers and the drawn rounding are wakupeers' own.
 */
#ifndef WPM_CORE_DECAY_H
#define WPM_CORE_DECAY_H

#include <stdint.h>

/* `elapsed_ns` and `half_life_ns` at least 0 and 1; `draw`: uniform below 2^31. */
int32_t wpm_decay(int32_t value, int64_t elapsed_ns, int64_t half_life_ns, uint32_t draw);

#endif
