#include "core/scope.h"

#include "core/rules.h"

#include "base/bytes.h"
#include "base/multiaddr.h"

#include <string.h>

/* A range of addresses: those whose first `bits` bits are those of `prefix`. */
typedef struct range {
  uint32_t prefix;
  uint8_t bits;
  wpm_scope scope;
} range;

/* IANA's special-purpose address registries. */
static const range ranges4[] = {
    {UINT32_C(127) << 24, 8, WPM_SCOPE_LOOPBACK},
    {UINT32_C(10) << 24, 8, WPM_SCOPE_PRIVATE},
    {UINT32_C(172) << 24 | 16 << 16, 12, WPM_SCOPE_PRIVATE},
    {UINT32_C(192) << 24 | 168 << 16, 16, WPM_SCOPE_PRIVATE},
    {UINT32_C(100) << 24 | 64 << 16, 10, WPM_SCOPE_PRIVATE},
    {UINT32_C(169) << 24 | 254 << 16, 16, WPM_SCOPE_PRIVATE},
    {UINT32_C(0) << 24, 8, WPM_SCOPE_NOWHERE},
    {UINT32_C(224) << 24, 3, WPM_SCOPE_NOWHERE},
};
static const range ranges6[] = {
    {UINT32_C(0xfc) << 24, 7, WPM_SCOPE_PRIVATE},
    {UINT32_C(0xfe) << 24 | 0x80 << 16, 10, WPM_SCOPE_PRIVATE},
    {UINT32_C(0xff) << 24, 8, WPM_SCOPE_NOWHERE},
};

static wpm_scope look_up(const uint8_t *ip, const range *ranges, size_t count) {
  uint32_t first =
      (uint32_t)ip[0] << 24 | (uint32_t)ip[1] << 16 | (uint32_t)ip[2] << 8 | (uint32_t)ip[3];
  for (size_t i = 0; i < count; i++) {
    if ((first ^ ranges[i].prefix) >> (32 - ranges[i].bits) == 0) {
      return ranges[i].scope;
    }
  }
  return WPM_SCOPE_PUBLIC;
}

static wpm_scope scope_of_ip4(const uint8_t *ip) {
  return look_up(ip, ranges4, sizeof(ranges4) / sizeof(ranges4[0]));
}

static wpm_scope scope_of_ip6(const uint8_t *ip) {
  static const uint8_t zero[15];
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (memcmp(ip, mapped, sizeof(mapped)) == 0) {
    return scope_of_ip4(ip + sizeof(mapped));
  }
  if (memcmp(ip, zero, sizeof(zero)) == 0 && ip[15] <= 1) {
    return ip[15] == 1 ? WPM_SCOPE_LOOPBACK : WPM_SCOPE_NOWHERE;
  }
  return look_up(ip, ranges6, sizeof(ranges6) / sizeof(ranges6[0]));
}

static bool same_letter(uint8_t a, char b) {
  return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == (uint8_t)b;
}

/* The name is `suffix`, or ends with it behind a dot. */
static bool is_under(wpm_bytes name, wpm_text domain) {
  const char *suffix = domain.data;
  size_t len = domain.len;
  if (name.len > 0 && name.data[name.len - 1] == '.') {
    name.len--;
  }
  if (name.len < len || (name.len > len && name.data[name.len - len - 1] != '.')) {
    return false;
  }
  for (size_t i = 0; i < len; i++) {
    if (!same_letter(name.data[name.len - len + i], suffix[i])) {
      return false;
    }
  }
  return true;
}

static wpm_scope scope_of_name(wpm_bytes name) {
  static const wpm_text near[] = {{"local", 5}, {"lan", 3}, {"internal", 8}, {"home.arpa", 9}};
  if (is_under(name, (wpm_text){"localhost", 9})) {
    return WPM_SCOPE_LOOPBACK;
  }
  for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
    if (is_under(name, near[i])) {
      return WPM_SCOPE_PRIVATE;
    }
  }
  return WPM_SCOPE_PUBLIC;
}

static bool is_name(uint32_t code) {
  return code == WPM_P_DNS || code == WPM_P_DNS4 || code == WPM_P_DNS6 || code == WPM_P_DNSADDR;
}

wpm_scope wpm_scope_of(wpm_bytes multiaddr) {
  wpm_multiaddr_part part;
  while (wpm_multiaddr_next(&multiaddr, &part)) {
    if (part.code == WPM_P_IP4) {
      return scope_of_ip4(part.value.data);
    }
    if (part.code == WPM_P_IP6) {
      return scope_of_ip6(part.value.data);
    }
    if (is_name(part.code)) {
      return scope_of_name(part.value);
    }
    if (part.code != WPM_P_IP6ZONE) { /* A zone is in front of its address. */
      break;
    }
  }
  return WPM_SCOPE_PUBLIC;
}

/* Where a connection with the peer ran before: bits by wpm_scope. */
static unsigned met_in(const wpm_manager *m, const wpm_peer *peer, const wpm_address *items,
                       size_t count) {
  unsigned met = 1u << WPM_SCOPE_PUBLIC;
  wpm_bytes observed = wpm_facts_get(wpm_peer_facts(m->store, peer), WPM_FACT_OBSERVED);
  if (observed.data && wpm_rule_holds(WPM_RULE_SCOPE_MET)) {
    met |= 1u << wpm_scope_of(observed);
  }
  for (size_t i = 0; i < count; i++) {
    if (wpm_wall_known(items[i].last_success)) {
      met |= 1u << wpm_scope_of(items[i].multiaddr);
    }
  }
  met &= wpm_rule_holds(WPM_RULE_SCOPE_NOWHERE) ? ~(1u << WPM_SCOPE_NOWHERE) : UINT32_MAX;
  return met & 1u << WPM_SCOPE_LOOPBACK && wpm_rule_holds(WPM_RULE_SCOPE_LOOPBACK)
             ? met | 1u << WPM_SCOPE_PRIVATE
             : met;
}

static bool is_trusted(const wpm_address *item) {
  return (item->source == WPM_SOURCE_CONFIG || item->source == WPM_SOURCE_PERSON) &&
         wpm_rule_holds(WPM_RULE_SCOPE_GIVEN);
}

size_t wpm_scope_admit(const wpm_manager *m, uint32_t slot, wpm_address *items, size_t count) {
  const unsigned near = 1u << WPM_SCOPE_PRIVATE | 1u << WPM_SCOPE_LOOPBACK;
  unsigned met = met_in(m, wpm_manager_peer(m, slot), items, count);
  met |= m->config.dial_private || !wpm_rule_holds(WPM_RULE_SCOPE) ? near : 0;
  size_t admitted = 0;
  for (size_t i = 0; i < count; i++) {
    unsigned scope = 1u << wpm_scope_of(items[i].multiaddr);
    if (scope & met || (scope & near && is_trusted(&items[i]))) {
      items[admitted++] = items[i];
    }
  }
  return admitted;
}
