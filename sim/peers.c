#include "sim/peers.h"

#include "sim/fixed.h"
#include "sim/random.h"

/* What a hash is for. */
enum {
  OF_RELAY = 1,
  OF_REACH,
  OF_BOX,
  OF_LATENCY,
  OF_START,
  OF_STAY,
  OF_ADDRESS,
  OF_GROUP,
  OF_STALE,
  OF_DEAD,
  OF_DEAD_ADDRESS,
  OF_SHARD,
  OF_SERVICE
};

#define MEASURED_SCALE INT64_C(6976800000000)    /* 1.938 h in ns. */
#define MEASURED_MEAN INT64_C(13068000000000)    /* 3.63 h in ns. */
#define MEASURED_INVERSE_SHAPE INT64_C(32356000) /* 1 / 0.5185 in Q24. */

bool sim_peer_is_relay(const sim_scenario *scenario, uint64_t seed, uint32_t peer) {
  return sim_peer_is_attacker(scenario, peer) ||
         sim_happens(sim_hash(seed, OF_RELAY, peer, 0), scenario->relay);
}

uint8_t sim_peer_shard(const sim_scenario *scenario, uint64_t seed, uint32_t peer) {
  bool names = scenario->shards > 0 && sim_peer_is_relay(scenario, seed, peer);
  return names ? (uint8_t)(1 + sim_below(sim_hash(seed, OF_SHARD, peer, 0), SIM_SHARDS)) : 0;
}

bool sim_peer_serves(const sim_scenario *scenario, uint64_t seed, uint32_t peer) {
  return scenario->service_slots > 0 && sim_happens(sim_hash(seed, OF_SERVICE, peer, 0), 300);
}

/* Configured nodes can be dialled: nobody configures others. */
bool sim_peer_is_unreachable(const sim_scenario *scenario, uint64_t seed, uint32_t peer) {
  return peer >= scenario->static_peers && !sim_peer_is_attacker(scenario, peer) &&
         sim_happens(sim_hash(seed, OF_REACH, peer, 0), scenario->unreachable);
}

bool sim_peer_is_behind_box(const sim_scenario *scenario, uint64_t seed, uint32_t peer) {
  return scenario->idle_limit > 0 &&
         sim_happens(sim_hash(seed, OF_BOX, peer, 0), scenario->idle_share);
}

int64_t sim_peer_latency(const sim_scenario *scenario, uint64_t seed, uint32_t peer) {
  uint64_t range = (uint64_t)(scenario->latency_most - scenario->latency_least) / 1000 + 1;
  return scenario->latency_least +
         (int64_t)sim_below(sim_hash(seed, OF_LATENCY, peer, 0), range) * 1000;
}

static int64_t session_mean(const sim_scenario *scenario) {
  return scenario->sessions == SIM_SESSIONS_MEASURED ? MEASURED_MEAN : scenario->session_mean;
}

bool sim_peer_starts_up(const sim_scenario *scenario, uint64_t seed, uint32_t peer) {
  if (scenario->sessions == SIM_SESSIONS_ALWAYS || sim_peer_is_attacker(scenario, peer)) {
    return true;
  }
  uint64_t up = (uint64_t)(session_mean(scenario) / WPM_SECOND);
  uint64_t away = (uint64_t)(scenario->away_mean / WPM_SECOND) + 1;
  return sim_below(sim_hash(seed, OF_START, peer, 0), up + away) < up;
}

int64_t sim_peer_stays(const sim_scenario *scenario, uint64_t seed, uint32_t peer, uint16_t turn,
                       bool up) {
  if (scenario->sessions == SIM_SESSIONS_ALWAYS || sim_peer_is_attacker(scenario, peer)) {
    return INT64_MAX;
  }
  uint64_t draw = sim_hash(seed, OF_STAY, peer, turn);
  int64_t span = !up ? sim_exponential(draw, scenario->away_mean)
                 : scenario->sessions == SIM_SESSIONS_MEASURED
                     ? sim_weibull(draw, MEASURED_SCALE, MEASURED_INVERSE_SHAPE)
                     : sim_exponential(draw, scenario->session_mean);
  return span < WPM_SECOND ? WPM_SECOND : span;
}

/* Public addresses, from 11.0.0.0 to 99.255.255.255. */
static sim_address address_of(uint32_t group, uint64_t host) {
  return (sim_address){(11u * 256 + group) << 16 | (uint32_t)(host & 0xffff),
                       (uint16_t)(1024 + (host >> 16 & 0x7fff))};
}

static uint32_t any_group(uint64_t draw) {
  return (uint32_t)sim_below(draw, SIM_GROUPS_MAX);
}

#define SCATTER 7919 /* Has no factor in common with SIM_GROUPS_MAX. */

static uint32_t group_of(const sim_scenario *scenario, uint64_t seed, uint32_t peer,
                         uint8_t moves) {
  uint64_t draw = sim_hash(seed, OF_GROUP, peer, moves);
  if (scenario->groups == 0) {
    return any_group(draw);
  }
  uint64_t index = sim_peer_is_attacker(scenario, peer)
                       ? scenario->groups + peer % scenario->attacker_groups
                       : sim_below(draw, scenario->groups);
  return (uint32_t)(index * SCATTER % SIM_GROUPS_MAX);
}

sim_address sim_peer_address(const sim_scenario *scenario, uint64_t seed, uint32_t peer,
                             uint8_t moves) {
  uint32_t house = scenario->peers_per_ip > 0 && !sim_peer_is_attacker(scenario, peer)
                       ? peer - peer % scenario->peers_per_ip
                       : peer;
  sim_address address =
      address_of(group_of(scenario, seed, house, moves), sim_hash(seed, OF_ADDRESS, house, moves));
  address.port = (uint16_t)(1024 + (address.port - 1024 + (peer - house)) % 0x8000);
  return address;
}

void sim_peer_heard(const sim_scenario *scenario, uint64_t seed, uint8_t moves, uint64_t draw,
                    sim_fact *out) {
  uint32_t peer = out->peer;
  size_t count = 0;
  bool honest = !sim_peer_is_attacker(scenario, peer);
  if (honest && sim_happens(sim_hash(draw, OF_DEAD, peer, 0), scenario->dead)) {
    out->addresses[count++] = address_of(any_group(sim_hash(seed, OF_DEAD_ADDRESS, peer, draw % 4)),
                                         sim_hash(seed, OF_DEAD_ADDRESS, peer, draw % 4 + 4));
  }
  bool stale = honest && sim_happens(sim_hash(draw, OF_STALE, peer, 0), scenario->stale);
  out->addresses[count++] =
      sim_peer_address(scenario, seed, peer, (uint8_t)(stale ? moves - 1 : moves));
  out->address_count = count;
  out->relay = sim_peer_is_relay(scenario, seed, peer);
  out->shard = sim_peer_shard(scenario, seed, peer);
  out->sequence = (uint32_t)moves + !stale;
}
