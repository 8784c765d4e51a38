#include "node/interfaces.h"

#include "base/siphash.h"

#include <uv.h>

static wpm_bytes address_of(const uv_interface_address_t *interface) {
  if (interface->address.address4.sin_family == AF_INET6) {
    const struct in6_addr *ip6 = &interface->address.address6.sin6_addr;
    return (wpm_bytes){(const uint8_t *)ip6, sizeof *ip6};
  }
  const struct in_addr *ip4 = &interface->address.address4.sin_addr;
  return (wpm_bytes){(const uint8_t *)ip4, sizeof *ip4};
}

/* Sums of hashes, so that their order says nothing. Where they cannot be told, `before`. */
static uint64_t hash_now(uint64_t before) {
  static const wpm_siphash_key key = {0x77616b7570656572, 0x696e746572666163};
  uv_interface_address_t *interfaces = NULL;
  int count = 0;
  uint64_t hash = 0;
  if (uv_interface_addresses(&interfaces, &count) != 0) {
    return before;
  }
  for (int i = 0; i < count; i++) {
    if (!interfaces[i].is_internal) {
      hash += wpm_siphash13(&key, address_of(&interfaces[i])) | 1;
    }
  }
  uv_free_interface_addresses(interfaces, count);
  return hash;
}

void wpm_interfaces_init(wpm_interfaces *interfaces) {
  *interfaces = (wpm_interfaces){.hash = hash_now(0)};
  interfaces->known = interfaces->hash != 0;
}

bool wpm_interfaces_become(wpm_interfaces *interfaces, uint64_t hash, wpm_network_state *out) {
  uint64_t before = interfaces->hash;
  bool known = interfaces->known;
  interfaces->hash = hash;
  interfaces->known = known || hash != 0;
  if (hash == before) {
    return false;
  }
  *out = hash == 0              ? WPM_NETWORK_OFFLINE
         : before == 0 && known ? WPM_NETWORK_ONLINE
                                : WPM_NETWORK_CHANGED;
  return true;
}

bool wpm_interfaces_changed(wpm_interfaces *interfaces, wpm_network_state *out) {
  return wpm_interfaces_become(interfaces, hash_now(interfaces->hash), out);
}
