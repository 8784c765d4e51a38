#include "core/inbound.h"

#include "core/range_bans.h"
#include "core/rules.h"
#include "core/wait.h"

#include "base/ip_range.h"
#include "base/ip_text.h"
#include "base/multiaddr.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ORIGINS 8192u
#define LOOKED_AT 16u /* For one to give way. */
#define FIRST_ORIGINS 16u
#define ACCEPT_BURST 16
#define ATTEMPT_COST WPM_SECOND /* What one attempt of an address takes. */
#define NETWORK_SHARE 4         /* A network may make as many times what an address may. */
#define NO_ORIGIN WPM_NO_ORIGIN

enum { OF_ADDRESS, OF_NETWORK, OF_PEER };

#define KEY_OF_PEER 255 /* In place of the length of a prefix. */
#define KEY_OF_NOBODY 254

static wpm_bytes key_of(const void *user, uint32_t index) {
  const wpm_inbound *inbound = user;
  return (wpm_bytes){inbound->origins[index].key, WPM_IP_RANGE_KEY};
}

void wpm_inbound_init(wpm_manager *m) {
  wpm_siphash_key key = {wpm_rng_next(&m->rng), wpm_rng_next(&m->rng)};
  wpm_map_init(&m->inbound.by_key, key, key_of, &m->inbound);
  m->inbound.next = NO_ORIGIN;
}

void wpm_inbound_fini(wpm_manager *m) {
  wpm_map_fini(&m->inbound.by_key);
  free(m->inbound.origins);
}

/* ---- addresses --------------------------------------------------------------------------------- */

/* A peer's key is a keyed hash already. */
static uint32_t hash_of(const wpm_inbound *inbound, const uint8_t key[WPM_IP_RANGE_KEY]) {
  if (key[WPM_IP_RANGE_KEY - 1] != KEY_OF_PEER) {
    return wpm_map_hash(&inbound->by_key, (wpm_bytes){key, WPM_IP_RANGE_KEY});
  }
  uint32_t upper;
  memcpy(&upper, key + sizeof(uint32_t), sizeof(upper));
  return upper;
}

static void hash_key(const wpm_inbound *inbound, wpm_inbound_key *out) {
  out->hash = hash_of(inbound, out->bytes);
  out->at = NO_ORIGIN;
  wpm_map_prefetch(&inbound->by_key, out->hash);
}

static bool is_allowed(const wpm_manager *m, const uint8_t ip[16]) {
  for (size_t i = 0; i < m->config.inbound_allow_count; i++) {
    if (wpm_ip_range_holds(&m->config.inbound_allow[i], ip)) {
      return wpm_rule_holds(WPM_RULE_INBOUND_ALLOW);
    }
  }
  return false;
}

static void make_keys(const wpm_inbound *inbound, const uint8_t ip[16], wpm_inbound_key keys[2]) {
  bool is_ip4 = wpm_ip6_is_mapped(ip);
  bool is_whole = is_ip4 || !wpm_rule_holds(WPM_RULE_ORIGIN_IP6);
  wpm_ip_range_key(ip, is_whole ? 128 : 64, keys[OF_ADDRESS].bytes);
  wpm_ip_range_key(ip, is_ip4 ? 96 + 24 : 48, keys[OF_NETWORK].bytes);
  hash_key(inbound, &keys[OF_ADDRESS]);
  hash_key(inbound, &keys[OF_NETWORK]);
}

static wpm_inbound_from *look_at(wpm_manager *m, const uint8_t ip[16]) {
  wpm_inbound_from *from = &m->inbound.from;
  if (!from->known || memcmp(from->ip, ip, sizeof(from->ip)) != 0) {
    memcpy(from->ip, ip, sizeof(from->ip));
    from->allowed = is_allowed(m, ip);
    make_keys(&m->inbound, ip, from->keys);
    from->known = true;
  }
  return from;
}

/* Of a peer: its id, hashed as nobody else can. */
static void make_peer_key(const wpm_inbound *inbound, wpm_bytes peer, wpm_inbound_key *out) {
  uint64_t hash = wpm_siphash13(&inbound->by_key.key, peer);
  memset(out->bytes, 0, WPM_IP_RANGE_KEY);
  memcpy(out->bytes, &hash, sizeof(hash));
  out->bytes[WPM_IP_RANGE_KEY - 1] = KEY_OF_PEER;
  hash_key(inbound, out);
}

void wpm_inbound_ask_for(wpm_manager *m, wpm_bytes peer, wpm_bytes remote) {
  uint8_t ip[16];
  wpm_inbound_key of_peer;
  if (wpm_multiaddr_ip(remote, ip)) {
    (void)look_at(m, ip);
  }
  if (m->config.inbound_paced) {
    make_peer_key(&m->inbound, peer, &of_peer);
  }
}

/* ---- origins ----------------------------------------------------------------------------------- */

static uint32_t find(const wpm_inbound *inbound, wpm_inbound_key *of) {
  if (of->at >= inbound->count ||
      memcmp(inbound->origins[of->at].key, of->bytes, sizeof(of->bytes)) != 0) {
    const wpm_bytes key = {of->bytes, sizeof(of->bytes)};
    of->at = wpm_map_find_hashed(&inbound->by_key, key, of->hash);
  }
  return of->at;
}

static bool may_give_way(const wpm_inbound_origin *origin) {
  return origin->live == 0 || !wpm_rule_holds(WPM_RULE_ORIGINS_LIVE);
}

/* Of some, the one whose last attempt was the longest ago; NO_ORIGIN: all that were looked at are in use. */
static uint32_t longest_ago(wpm_inbound *inbound) {
  uint32_t best = NO_ORIGIN;
  for (uint32_t i = 0, at = inbound->hand; i < LOOKED_AT; i++, at++) {
    at = at < inbound->count ? at : 0;
    const wpm_inbound_origin *origin = &inbound->origins[at];
    bool older = best == NO_ORIGIN || origin->attempt.ns < inbound->origins[best].attempt.ns;
    if (may_give_way(origin) && older) {
      best = at;
    }
  }
  inbound->hand = (inbound->hand + LOOKED_AT) % inbound->count;
  return best;
}

/* Chooses who gives way next, so that what that will look at is on its way from memory by then. */
static void choose_next(wpm_inbound *inbound) {
  inbound->next = longest_ago(inbound);
  if (inbound->next != NO_ORIGIN) {
    inbound->next_attempt = inbound->origins[inbound->next].attempt;
    inbound->next_hash = hash_of(inbound, inbound->origins[inbound->next].key);
    wpm_map_prefetch(&inbound->by_key, inbound->next_hash);
  }
}

/* It neither connected since, nor tried to. */
static bool stands(const wpm_inbound *inbound) {
  const wpm_inbound_origin *next = &inbound->origins[inbound->next];
  bool as_chosen = may_give_way(next) && next->attempt.ns == inbound->next_attempt.ns;
  return as_chosen || !wpm_rule_holds(WPM_RULE_ORIGINS_NEXT);
}

/* The index of one that gave way; NO_ORIGIN: all that were looked at are in use. */
static uint32_t give_way(wpm_inbound *inbound) {
  if (inbound->next == NO_ORIGIN || !stands(inbound)) {
    choose_next(inbound);
  }
  uint32_t index = inbound->next;
  if (index != NO_ORIGIN) {
    (void)wpm_map_remove_hashed(&inbound->by_key, key_of(inbound, index), inbound->next_hash);
  }
  choose_next(inbound);
  return index;
}

static bool grow(wpm_inbound *inbound) {
  uint32_t capacity = inbound->capacity ? inbound->capacity * 2 : FIRST_ORIGINS;
  wpm_inbound_origin *origins = realloc(inbound->origins, capacity * sizeof(*origins));
  if (origins) {
    inbound->origins = origins;
    inbound->capacity = capacity;
  }
  return origins != NULL;
}

/* The index of the origin, a new one where it is not known; NO_ORIGIN: there is no room for it. */
static uint32_t enter(wpm_inbound *inbound, wpm_inbound_key *of, int64_t full) {
  uint32_t index = find(inbound, of);
  if (index != WPM_MAP_NONE) {
    return index;
  }
  if (inbound->count == MOST_ORIGINS) {
    index = give_way(inbound);
  } else if (inbound->count < inbound->capacity || grow(inbound)) {
    index = inbound->count++;
  }
  if (index == NO_ORIGIN) {
    return NO_ORIGIN;
  }
  inbound->origins[index] = (wpm_inbound_origin){.tokens = full, .attempt = {INT64_MIN}};
  memcpy(inbound->origins[index].key, of->bytes, sizeof(of->bytes));
  if (wpm_map_add_hashed(&inbound->by_key, of->hash, index) != WPM_OK) {
    inbound->origins[index].key[WPM_IP_RANGE_KEY - 1] = KEY_OF_NOBODY;
    return NO_ORIGIN; /* The entry is nobody's; it gives way as others do. */
  }
  of->at = index;
  return index;
}

/* ---- rules ------------------------------------------------------------------------------------- */

static int64_t full_bucket(unsigned which) {
  return ACCEPT_BURST * ATTEMPT_COST * (which == OF_NETWORK ? NETWORK_SHARE : 1);
}

/* Takes one attempt off; false: there is none to take. */
static bool take_attempt(wpm_inbound_origin *origin, unsigned which, wpm_mono now) {
  int64_t full = full_bucket(which);
  int64_t rate = which == OF_NETWORK ? NETWORK_SHARE : 1;
  if (origin->attempt.ns != INT64_MIN) {
    int64_t passed = now.ns - origin->attempt.ns;
    int64_t missing = full - origin->tokens;
    origin->tokens = passed >= missing / rate ? full : origin->tokens + passed * rate;
  }
  origin->attempt = now;
  if (origin->tokens < ATTEMPT_COST) {
    return false;
  }
  origin->tokens -= ATTEMPT_COST;
  return true;
}

/* One that is not known, for want of memory, is not paced. */
static bool may_attempt(wpm_inbound *inbound, wpm_inbound_key *of, unsigned which, wpm_mono now) {
  uint32_t index = enter(inbound, of, full_bucket(which));
  return index == NO_ORIGIN || take_attempt(&inbound->origins[index], which, now);
}

static bool may_both_attempt(wpm_inbound *inbound, wpm_inbound_key keys[2], wpm_mono now) {
  bool may = may_attempt(inbound, &keys[OF_ADDRESS], OF_ADDRESS, now);
  bool network_may = may_attempt(inbound, &keys[OF_NETWORK], OF_NETWORK, now);
  return (network_may || !wpm_rule_holds(WPM_RULE_PACE_OF_NETWORK)) && may;
}

/* The peer, whose id is proven by now, makes no more attempts than one address may, from wherever. */
static bool may_peer_attempt(wpm_manager *m, wpm_bytes peer, wpm_mono now) {
  wpm_inbound_key of;
  if (!m->config.inbound_paced || !wpm_rule_holds(WPM_RULE_PACE_OF_PEER)) {
    return true;
  }
  make_peer_key(&m->inbound, peer, &of);
  return may_attempt(&m->inbound, &of, OF_PEER, now);
}

static bool is_over(const wpm_inbound *inbound, wpm_inbound_key *of, size_t most) {
  uint32_t index = most > 0 ? find(inbound, of) : WPM_MAP_NONE;
  return index != WPM_MAP_NONE && inbound->origins[index].live >= most;
}

static wpm_inbound_rule rule_of(wpm_manager *m, wpm_inbound_key keys[2], bool attempts,
                                wpm_mono now) {
  wpm_inbound *inbound = &m->inbound;
  if (attempts && m->config.inbound_paced && !may_both_attempt(inbound, keys, now) &&
      wpm_rule_holds(WPM_RULE_PACE)) {
    return WPM_INBOUND_PACE;
  }
  if (is_over(inbound, &keys[OF_ADDRESS], m->config.inbound_per_ip) &&
      wpm_rule_holds(WPM_RULE_PER_IP)) {
    return WPM_INBOUND_PER_IP;
  }
  if (is_over(inbound, &keys[OF_NETWORK], m->config.inbound_per_network) &&
      wpm_rule_holds(WPM_RULE_PER_NETWORK)) {
    return WPM_INBOUND_PER_NETWORK;
  }
  return WPM_INBOUND_ADMITTED;
}

/* Why one from there is refused. */
static wpm_inbound_rule rule_from(wpm_manager *m, wpm_bytes remote, bool connected, wpm_mono now) {
  uint8_t ip[16];
  wpm_inbound_from *from = wpm_multiaddr_ip(remote, ip) ? look_at(m, ip) : NULL;
  if (!from || from->allowed) {
    return WPM_INBOUND_ADMITTED;
  }
  m->inbound.asked = m->inbound.asked || !connected;
  bool attempts = !connected || !m->inbound.asked || !wpm_rule_holds(WPM_RULE_PACE_ONCE);
  return rule_of(m, from->keys, attempts, now);
}

wpm_inbound_rule wpm_inbound_refusal(wpm_manager *m, uint32_t slot, wpm_bytes peer,
                                     wpm_bytes remote, wpm_mono now) {
  bool connected = peer.len > 0;
  bool is_static = slot != WPM_SLOT_NONE && wpm_peer_has(wpm_manager_peer(m, slot), WPM_HAS_STATIC);
  bool exempt = is_static && !wpm_rule_holds(WPM_RULE_BAN_EXEMPTS_NONE);
  if (!exempt && wpm_range_bans_any(m) &&
      wpm_range_bans_hold(m, remote, 0, now)) { /* Before what exempts. */
    m->inbound.refused.by_rule[WPM_INBOUND_BAN]++;
    return WPM_INBOUND_BAN;
  }
  if (is_static && wpm_rule_holds(WPM_RULE_INBOUND_STATIC)) {
    return WPM_INBOUND_ADMITTED;
  }
  wpm_inbound_rule rule = rule_from(m, remote, connected, now);
  if (rule == WPM_INBOUND_ADMITTED && connected && !may_peer_attempt(m, peer, now)) {
    rule = WPM_INBOUND_PACE;
  }
  m->inbound.refused.by_rule[rule] += rule != WPM_INBOUND_ADMITTED;
  return rule;
}

wpm_reason wpm_inbound_reason(wpm_inbound_rule rule) {
  switch (rule) {
  case WPM_INBOUND_ADMITTED:
    return WPM_REASON_NONE;
  case WPM_INBOUND_PER_IP:
    return WPM_REASON_INBOUND_PER_IP;
  case WPM_INBOUND_PER_NETWORK:
    return WPM_REASON_INBOUND_PER_NETWORK;
  case WPM_INBOUND_PACE:
    return WPM_REASON_INBOUND_PACE;
  case WPM_INBOUND_BAN:
    return WPM_REASON_RANGE_BANNED;
  }
  return WPM_REASON_LOCAL_CLOSE; /* None of the rules. */
}

void wpm_inbound_began(wpm_manager *m, wpm_connection *connection) {
  if (connection->direction != WPM_INBOUND || !connection->has_remote) {
    return;
  }
  wpm_inbound_from *from = look_at(m, connection->remote);
  if (from->allowed) {
    return;
  }
  for (unsigned which = OF_ADDRESS; which <= OF_NETWORK; which++) {
    uint32_t index = enter(&m->inbound, &from->keys[which], full_bucket(which));
    connection->origins[which] = index;
    if (index != NO_ORIGIN) {
      m->inbound.origins[index].live++;
    }
  }
}

const uint8_t *wpm_inbound_ip(const wpm_manager *m, const wpm_connection *connection) {
  uint32_t origin = connection->origins[OF_ADDRESS];
  return origin == NO_ORIGIN ? NULL : m->inbound.origins[origin].key;
}

void wpm_inbound_ended(wpm_manager *m, wpm_connection *connection) {
  for (unsigned which = OF_ADDRESS; which <= OF_NETWORK; which++) {
    if (connection->origins[which] != NO_ORIGIN) {
      m->inbound.origins[connection->origins[which]].live--;
      connection->origins[which] = NO_ORIGIN;
    }
  }
}

/* ---- what the host asks ------------------------------------------------------------------------ */

wpm_inbound_rule wpm_manager_admit(wpm_manager *m, wpm_bytes remote, wpm_instant now) {
  return wpm_inbound_refusal(m, WPM_SLOT_NONE, (wpm_bytes){NULL, 0}, remote, now.mono);
}

wpm_inbound_counters wpm_manager_inbound_refused(const wpm_manager *m) {
  return m->inbound.refused;
}

const char *wpm_inbound_rule_name(wpm_inbound_rule rule) {
  switch (rule) {
  case WPM_INBOUND_ADMITTED:
    return "admitted";
  case WPM_INBOUND_PER_IP:
    return "per_ip";
  case WPM_INBOUND_PER_NETWORK:
    return "per_network";
  case WPM_INBOUND_PACE:
    return "pace";
  case WPM_INBOUND_BAN:
    return "ban";
  }
  return "?";
}
