#include "core/inbound.h"

#include "core/rules.h"
#include "core/wait.h"

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

static wpm_bytes key_of(const void *user, uint32_t index) {
  const wpm_inbound *inbound = user;
  return (wpm_bytes){inbound->origins[index].key, WPM_ORIGIN_KEY};
}

void wpm_inbound_init(wpm_manager *m) {
  wpm_siphash_key key = {wpm_rng_next(&m->rng), wpm_rng_next(&m->rng)};
  wpm_map_init(&m->inbound.by_key, key, key_of, &m->inbound);
}

void wpm_inbound_fini(wpm_manager *m) {
  wpm_map_fini(&m->inbound.by_key);
  free(m->inbound.origins);
}

/* ---- addresses --------------------------------------------------------------------------------- */

/* The IP address of a multiaddr as 16 bytes, IPv4 mapped; false: it has none. */
static bool ip_of(wpm_bytes multiaddr, uint8_t out[16]) {
  wpm_multiaddr_part part;
  while (wpm_multiaddr_next(&multiaddr, &part)) {
    if (part.code == WPM_P_IP4) {
      memset(out, 0, 10);
      memset(out + 10, 0xff, 2);
      memcpy(out + 12, part.value.data, 4);
      return true;
    }
    if (part.code == WPM_P_IP6) {
      memcpy(out, part.value.data, 16);
      return true;
    }
    if (part.code != WPM_P_IP6ZONE) {
      return false;
    }
  }
  return false;
}

static void cut(uint8_t key[WPM_ORIGIN_KEY], const uint8_t ip[16], unsigned bits) {
  memset(key, 0, WPM_ORIGIN_KEY);
  memcpy(key, ip, bits / 8);
  if (bits % 8 > 0) {
    key[bits / 8] = (uint8_t)(ip[bits / 8] & 0xff << (8 - bits % 8));
  }
  key[16] = (uint8_t)bits;
}

static void make_keys(const uint8_t ip[16], uint8_t keys[2][WPM_ORIGIN_KEY]) {
  bool is_ip4 = wpm_ip6_is_mapped(ip);
  cut(keys[OF_ADDRESS], ip, is_ip4 ? 128 : 64);
  cut(keys[OF_NETWORK], ip, is_ip4 ? 96 + 24 : 48);
}

/* Of a peer: its id, hashed as nobody else can. */
static void make_peer_key(const wpm_inbound *inbound, wpm_bytes peer, uint8_t key[WPM_ORIGIN_KEY]) {
  uint64_t hash = wpm_siphash13(&inbound->by_key.key, peer);
  memset(key, 0, WPM_ORIGIN_KEY);
  memcpy(key, &hash, sizeof(hash));
  key[WPM_ORIGIN_KEY - 1] = KEY_OF_PEER;
}

static bool is_allowed(const wpm_manager *m, const uint8_t ip[16]) {
  for (size_t i = 0; i < m->config.inbound_allow_count; i++) {
    const wpm_ip_range *range = &m->config.inbound_allow[i];
    uint8_t a[WPM_ORIGIN_KEY];
    uint8_t b[WPM_ORIGIN_KEY];
    cut(a, ip, range->bits);
    cut(b, range->ip, range->bits);
    if (memcmp(a, b, sizeof(a)) == 0) {
      return true;
    }
  }
  return false;
}

/* ---- origins ----------------------------------------------------------------------------------- */

static uint32_t find(const wpm_inbound *inbound, const uint8_t key[WPM_ORIGIN_KEY]) {
  return wpm_map_find(&inbound->by_key, (wpm_bytes){key, WPM_ORIGIN_KEY});
}

/* The index of one that gives way; NO_ORIGIN: all that were looked at are in use. */
static uint32_t give_way(wpm_inbound *inbound) {
  uint32_t best = NO_ORIGIN;
  for (uint32_t i = 0; i < LOOKED_AT; i++) {
    uint32_t at = (inbound->hand + i) % inbound->count;
    const wpm_inbound_origin *origin = &inbound->origins[at];
    bool older = best == NO_ORIGIN || origin->attempt.ns < inbound->origins[best].attempt.ns;
    if (origin->live == 0 && older) {
      best = at;
    }
  }
  inbound->hand = (inbound->hand + LOOKED_AT) % inbound->count;
  if (best != NO_ORIGIN) {
    (void)wpm_map_remove(&inbound->by_key, key_of(inbound, best));
  }
  return best;
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
static uint32_t enter(wpm_inbound *inbound, const uint8_t key[WPM_ORIGIN_KEY], int64_t full) {
  uint32_t index = find(inbound, key);
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
  memcpy(inbound->origins[index].key, key, WPM_ORIGIN_KEY);
  if (wpm_map_add(&inbound->by_key, key_of(inbound, index), index) != WPM_OK) {
    return NO_ORIGIN; /* The entry is not to be found; it gives way as others do. */
  }
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
static bool may_attempt(wpm_inbound *inbound, const uint8_t key[WPM_ORIGIN_KEY], unsigned which,
                        wpm_mono now) {
  uint32_t index = enter(inbound, key, full_bucket(which));
  return index == NO_ORIGIN || take_attempt(&inbound->origins[index], which, now);
}

static bool may_both_attempt(wpm_inbound *inbound, uint8_t keys[2][WPM_ORIGIN_KEY], wpm_mono now) {
  bool may = may_attempt(inbound, keys[OF_ADDRESS], OF_ADDRESS, now);
  return may_attempt(inbound, keys[OF_NETWORK], OF_NETWORK, now) && may;
}

/* The peer, whose id is proven by now, makes no more attempts than one address may, from wherever. */
static bool may_peer_attempt(wpm_manager *m, wpm_bytes peer, wpm_mono now) {
  uint8_t key[WPM_ORIGIN_KEY];
  make_peer_key(&m->inbound, peer, key);
  return !m->config.inbound_paced || !wpm_rule_holds(WPM_RULE_PACE_OF_PEER) ||
         may_attempt(&m->inbound, key, OF_PEER, now);
}

static bool is_over(const wpm_inbound *inbound, const uint8_t key[WPM_ORIGIN_KEY], size_t most) {
  uint32_t index = most > 0 ? find(inbound, key) : WPM_MAP_NONE;
  return index != WPM_MAP_NONE && inbound->origins[index].live >= most;
}

static wpm_inbound_rule rule_of(wpm_manager *m, uint8_t keys[2][WPM_ORIGIN_KEY], bool attempts,
                                wpm_mono now) {
  wpm_inbound *inbound = &m->inbound;
  if (attempts && m->config.inbound_paced && !may_both_attempt(inbound, keys, now) &&
      wpm_rule_holds(WPM_RULE_PACE)) {
    return WPM_INBOUND_PACE;
  }
  if (is_over(inbound, keys[OF_ADDRESS], m->config.inbound_per_ip) &&
      wpm_rule_holds(WPM_RULE_PER_IP)) {
    return WPM_INBOUND_PER_IP;
  }
  if (is_over(inbound, keys[OF_NETWORK], m->config.inbound_per_network) &&
      wpm_rule_holds(WPM_RULE_PER_NETWORK)) {
    return WPM_INBOUND_PER_NETWORK;
  }
  return WPM_INBOUND_ADMITTED;
}

/* Why one from there is refused. */
static wpm_inbound_rule rule_from(wpm_manager *m, wpm_bytes remote, bool connected, wpm_mono now) {
  uint8_t ip[16];
  uint8_t keys[2][WPM_ORIGIN_KEY];
  if (!ip_of(remote, ip) || is_allowed(m, ip)) {
    return WPM_INBOUND_ADMITTED;
  }
  make_keys(ip, keys);
  m->inbound.asked = m->inbound.asked || !connected;
  return rule_of(m, keys, !connected || !m->inbound.asked, now);
}

wpm_inbound_rule wpm_inbound_refusal(wpm_manager *m, uint32_t slot, wpm_bytes peer,
                                     wpm_bytes remote, wpm_mono now) {
  bool connected = peer.len > 0;
  if (slot != WPM_SLOT_NONE && wpm_peer_has(wpm_manager_peer(m, slot), WPM_HAS_STATIC)) {
    return WPM_INBOUND_ADMITTED;
  }
  wpm_inbound_rule rule = rule_from(m, remote, connected, now);
  if (rule == WPM_INBOUND_ADMITTED && connected && !may_peer_attempt(m, peer, now)) {
    rule = WPM_INBOUND_PACE;
  }
  m->inbound.refused.by_rule[rule] += rule != WPM_INBOUND_ADMITTED;
  return rule;
}

void wpm_inbound_began(wpm_manager *m, wpm_connection *connection, wpm_bytes remote) {
  uint8_t ip[16];
  uint8_t keys[2][WPM_ORIGIN_KEY];
  if (connection->direction != WPM_INBOUND || !ip_of(remote, ip) || is_allowed(m, ip)) {
    return;
  }
  make_keys(ip, keys);
  for (unsigned which = OF_ADDRESS; which <= OF_NETWORK; which++) {
    uint32_t index = enter(&m->inbound, keys[which], full_bucket(which));
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
  }
  return "?";
}

static int take_bits(wpm_text text, unsigned most, uint8_t *out) {
  unsigned bits = 0;
  if (text.len == 0 || text.len > 3) {
    return WPM_ERR_INVALID;
  }
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') {
      return WPM_ERR_INVALID;
    }
    bits = bits * 10 + (unsigned)(text.data[i] - '0');
  }
  if (bits > most) {
    return WPM_ERR_INVALID;
  }
  *out = (uint8_t)(bits + 128 - most);
  return WPM_OK;
}

int wpm_ip_range_parse(wpm_text text, wpm_ip_range *out) {
  size_t ip_len = 0;
  uint8_t ip[16];
  size_t len;
  while (ip_len < text.len && text.data[ip_len] != '/') {
    ip_len++;
  }
  int err = wpm_ip_parse((wpm_text){text.data, ip_len}, ip, &len);
  if (err) {
    return err;
  }
  *out = (wpm_ip_range){.bits = 128};
  memset(out->ip + 10, len == 4 ? 0xff : 0, 2);
  memcpy(out->ip + 16 - len, ip, len);
  if (ip_len == text.len) {
    return WPM_OK;
  }
  const wpm_text bits = {text.data + ip_len + 1, text.len - ip_len - 1};
  return take_bits(bits, (unsigned)len * 8, &out->bits);
}
