/* How often others may try to come in: the rule on that in sim/check.h. */
#include "sim/check.h"

#include <inttypes.h>

#define BURST 16           /* Attempts in a row, and one a second from then on. */
#define TIMES_OF_NETWORK 4 /* So many times that, of a /24. */

typedef enum origin { OF_ADDRESS, OF_NETWORK, OF_PEER } origin;

static bool is_of(const sim_passed *one, const sim_passed *latest, origin which) {
  switch (which) {
  case OF_ADDRESS:
    return one->ip == latest->ip;
  case OF_NETWORK:
    return one->ip >> 8 == latest->ip >> 8;
  case OF_PEER:
    return one->counts && one->peer == latest->peer;
  }
  return false;
}

static const sim_passed *passed_before(const sim_world *world, uint64_t back) {
  return &world->passed[(world->passed_count - 1 - back) % SIM_PASSED_MAX];
}

/* In some span that ends with the latest one too many of its origin passed, of those that we remember. A few
 * nanoseconds are allowed: a bucket is full when so much is missing that it would be. */
static bool are_too_many(const sim_world *world, origin which) {
  int64_t times = which == OF_NETWORK ? TIMES_OF_NETWORK : 1;
  const sim_passed *latest = passed_before(world, 0);
  int64_t count = 0;
  for (uint64_t i = 0; i < world->passed_count && i < SIM_PASSED_MAX; i++) {
    const sim_passed *one = passed_before(world, i);
    count += is_of(one, latest, which);
    if (count * WPM_SECOND > times * (BURST * WPM_SECOND + latest->at - one->at) + 100) {
      return true;
    }
  }
  return false;
}

/* A static node's attempts are not counted, nor are those from a banned range. */
void sim_check_pace(sim_world *world, const sim_link *link) {
  wpm_reason refused = link->closed ? link->reason : WPM_REASON_NONE;
  bool is_static = link->peer < world->scenario->static_peers;
  if (world->type != &sim_policy_ours || is_static || refused == WPM_REASON_INBOUND_PACE ||
      refused == WPM_REASON_RANGE_BANNED) {
    return;
  }
  bool in_limits =
      refused != WPM_REASON_INBOUND_PER_IP && refused != WPM_REASON_INBOUND_PER_NETWORK;
  world->passed[world->passed_count++ % SIM_PASSED_MAX] =
      (sim_passed){world->now, link->ip, link->peer, in_limits};
  if (are_too_many(world, OF_ADDRESS) || are_too_many(world, OF_NETWORK) ||
      (in_limits && are_too_many(world, OF_PEER))) {
    sim_breach(world, "peer %" PRIu32 " comes in beyond the pace of attempts", link->peer);
  }
}
