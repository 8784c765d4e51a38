/* Round trips of a connection, and how long an answer is waited for (RFC 6298).
 *
 * - The average gains an eighth of what a new round trip differs by, the variation a quarter; the first
 *   sets the average to itself, and the variation to half of that. Whole nanoseconds alone.
 * - A round trip is that of one echo, told by its bytes: so one that follows a ping sent again counts as
 *   any other (Karn's rule is for answers that cannot be told apart).
 * - An answer is waited for four times the average and four variations: a laptop's radio that sleeps, or
 *   a busy peer, takes that long now and then; three seconds at least, in which TCP repeats what was
 *   lost some times. With each ping that met with silence it doubles. `ping_timeout` is the most, and
 *   what holds before a round trip is known.
 */
#ifndef WPM_CORE_ROUND_TRIP_H
#define WPM_CORE_ROUND_TRIP_H

#include <wakupeers/types.h>

typedef struct wpm_round_trip {
  int64_t last_ns;      /* The last one; WPM_SPAN_NONE: none was measured. */
  int64_t average_ns;   /* The rest is of no meaning then. */
  int64_t variation_ns; /* Mean distance from the average. */
  int64_t minimum_ns;
} wpm_round_trip;

/* None measured yet. */
void wpm_round_trip_init(wpm_round_trip *trip);

/* One more, at least 0; what is above an hour counts as an hour. */
void wpm_round_trip_add(wpm_round_trip *trip, int64_t rtt_ns);

/* How long the answer to a ping is waited for, after `misses` pings in a row that met with silence. */
int64_t wpm_round_trip_timeout(const wpm_round_trip *trip, unsigned misses, int64_t most_ns);

#endif
