/* The remote peers: each with its own life, latency and addresses.
 *
 * - What is lasting of a peer is a hash of (seed, what, peer): it takes no memory, and is the same
 *   for every policy. What changes takes 24 bytes a peer, so that there can be millions.
 * - Sessions: always up; exponential; or as measured. "Measured" is a Weibull distribution, which
 *   fits sessions best in Stutzbach and Rejaie, "Understanding Churn in Peer-to-Peer Networks"
 *   (IMC 2006; shapes of 0.34 to 0.59 for BitTorrent), laid through two figures of IPFS, a libp2p
 *   network: 87.6 % of sessions under 8 h and 2.5 % above 24 h (Trautwein et al., "Design and
 *   Evaluation of IPFS", SIGCOMM 2022). That gives shape 0.518 and scale 1.94 h: half of all
 *   sessions end within an hour, the mean is 3.6 h. The same paper finds 45.5 % of peers never
 *   reachable, hence `unreachable 45%` in the scenarios of a whole network.
 * - Absences are exponential with the scenario's mean.
 * - Addresses: a peer has one address that works at a time, and another one after it moved. Of what
 *   others tell of it some is of the address before (stale), some has a dead address ahead.
 * - Where they share IP addresses, those with consecutive numbers do, each at a port of its own, as long as
 *   they have moved as often.
 * - Network groups: honest peers are of any /16, or spread evenly at random over as many as the scenario
 *   says; the attacker has others. Its peers are always up, never move, can all be dialled, speak
 *   relay, and do nothing wrong that could be seen.
 * - Unreachable peers (behind NAT) can dial us, but nobody gets through to them.
 */
#ifndef SIM_PEERS_H
#define SIM_PEERS_H

#include "sim/policy.h"
#include "sim/scenario.h"

/* Flags of a peer. */
enum {
  SIM_PEER_UP = 1u << 0,        /* Its process runs. */
  SIM_PEER_WANTED = 1u << 1,    /* We asked for it: a static node, or a person's wish. */
  SIM_PEER_ASKED = 1u << 2,     /* A person's wish that has not been dialled yet. */
  SIM_PEER_BEFORE = 1u << 3,    /* It was connected at the restart, and not tried since. */
  SIM_PEER_CONNECTED = 1u << 4, /* A link that the policy knows is live. */
  SIM_PEER_QUAKE = 1u << 5,     /* Held down by a fault. */
  SIM_PEER_PLACE = 1u << 6,     /* Connected, or being dialled. */
  SIM_PEER_WANTED_UP = 1u << 7  /* Wanted, up, and can be dialled. */
};

/* Chosen beside so many outbound places that it may be, or beside so many outbound relay peers that it must
 * be, one that is only tried. */
enum sim_trial { SIM_TRIAL_NONE = 0, SIM_TRIAL_MAY_BE, SIM_TRIAL_IS };

typedef struct sim_peer {
  int64_t
      allowed_from; /* No automatic dial before: the end of the prune backoff that it, or the end
                           of our last link, asked for. */
  uint32_t link;    /* Slot of its latest link, from 1; 0: none. */
  uint16_t turn;    /* Comings and goings so far. */
  uint8_t moves;    /* Moves so far. */
  uint8_t flags;
  uint8_t dials; /* In flight to it. */
  uint8_t state; /* Its connectivity as the policy last told, from 1; 0: it has not. */
  bool outbound; /* A link that we dialled is live, as the policy knows. */
  bool asked;    /* It has its place since a person asked for it. */
  bool met;      /* We dialled it and were connected, in this life of our process or one before. */
  bool returns;  /* That was before the restart, and it was not tried since. */
  uint8_t trial; /* It has its place though there were outbound relay peers enough (a sim_trial). */
  bool chosen : 1; /* It is a relay peer and has its place by our policy's choice alone. */
  bool
      elsewhere : 1; /* It told the policy, in this life of our process, that it is of no shard of ours. */
} sim_peer;

/* The attacker's are the last; those before are honest. */
static inline uint32_t sim_peers_honest(const sim_scenario *scenario) {
  return scenario->peers - scenario->attackers;
}
static inline bool sim_peer_is_attacker(const sim_scenario *scenario, uint32_t peer) {
  return peer >= sim_peers_honest(scenario);
}

/* Lasting traits. */
bool sim_peer_is_relay(const sim_scenario *scenario, uint64_t seed, uint32_t peer);
/* 1 + the shard that it is of; 0: it is of none, or nobody names any. */
uint8_t sim_peer_shard(const sim_scenario *scenario, uint64_t seed, uint32_t peer);
/* It offers the service: three in ten do. */
bool sim_peer_serves(const sim_scenario *scenario, uint64_t seed, uint32_t peer);
bool sim_peer_is_unreachable(const sim_scenario *scenario, uint64_t seed, uint32_t peer);
bool sim_peer_is_behind_box(const sim_scenario *scenario, uint64_t seed, uint32_t peer);
int64_t sim_peer_latency(const sim_scenario *scenario, uint64_t seed, uint32_t peer);

/* Whether it is up at the beginning. */
bool sim_peer_starts_up(const sim_scenario *scenario, uint64_t seed, uint32_t peer);

/* How long its `turn`-th stay or absence lasts; INT64_MAX: for ever. */
int64_t sim_peer_stays(const sim_scenario *scenario, uint64_t seed, uint32_t peer, uint16_t turn,
                       bool up);

/* Its address after so many moves. */
sim_address sim_peer_address(const sim_scenario *scenario, uint64_t seed, uint32_t peer,
                             uint8_t moves);

/* What others tell of it: fills in the addresses, and of its node record whether it speaks relay, its shard
 * and the sequence, which goes up with each move. `draw`: a number of the telling. */
void sim_peer_heard(const sim_scenario *scenario, uint64_t seed, uint8_t moves, uint64_t draw,
                    sim_fact *out);

#endif
