#include "core/round_trip.h"

#include "core/rules.h"

#define AVERAGE_SHARE 8
#define VARIATION_SHARE 4
#define VARIATIONS 4
#define PATIENCE 4
#define TIMEOUT_LEAST (3 * WPM_SECOND)
#define LONGEST WPM_HOUR

void wpm_round_trip_init(wpm_round_trip *trip) {
  *trip = (wpm_round_trip){.last_ns = WPM_SPAN_NONE};
}

void wpm_round_trip_add(wpm_round_trip *trip, int64_t rtt_ns) {
  int64_t rtt = rtt_ns < LONGEST ? rtt_ns : LONGEST;
  bool is_first = trip->last_ns == WPM_SPAN_NONE;
  trip->last_ns = rtt;
  if (is_first) {
    trip->average_ns = rtt;
    trip->variation_ns = rtt / 2;
    trip->minimum_ns = rtt;
    return;
  }
  int64_t more = rtt - trip->average_ns;
  int64_t distance = more < 0 ? -more : more;
  trip->variation_ns += (distance - trip->variation_ns) / VARIATION_SHARE;
  trip->average_ns += more / AVERAGE_SHARE;
  if (rtt < trip->minimum_ns) {
    trip->minimum_ns = rtt;
  }
}

int64_t wpm_round_trip_timeout(const wpm_round_trip *trip, unsigned misses, int64_t most_ns) {
  if (trip->last_ns == WPM_SPAN_NONE || !wpm_rule_holds(WPM_RULE_PING_TIMEOUT_ADAPTS)) {
    return most_ns;
  }
  int64_t timeout = PATIENCE * (trip->average_ns + VARIATIONS * trip->variation_ns);
  timeout = timeout < TIMEOUT_LEAST ? TIMEOUT_LEAST : timeout;
  misses = wpm_rule_holds(WPM_RULE_PING_TIMEOUT_DOUBLES) ? misses : 0;
  for (; misses > 0 && timeout < most_ns; misses--) {
    timeout = timeout < most_ns / 2 ? 2 * timeout : most_ns;
  }
  return timeout < most_ns ? timeout : most_ns;
}
