#include "core/groups.h"

#include "core/rules.h"
#include "core/scope.h"
#include "core/targets.h"

#include "base/ip_text.h"
#include "base/multiaddr.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_GROUPS 16u

enum { OF_IP4 = 1, OF_IP6, OF_NAME, OF_OTHERS };

static uint64_t make_key(unsigned kind, uint64_t value) {
  return (uint64_t)kind << 56 | (value & ((UINT64_C(1) << 56) - 1));
}

/* The last two labels of a name, hashed without a key: it is no table's hash. */
static uint64_t hash_domain(wpm_bytes name) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  unsigned dots = 0;
  for (size_t i = name.len; i-- > 0;) {
    dots += name.data[i] == '.';
    if (dots == 2 && wpm_rule_holds(WPM_RULE_GROUP_DOMAIN)) {
      break;
    }
    uint8_t byte = name.data[i];
    byte = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
    hash = (hash ^ byte) * UINT64_C(0x100000001b3);
  }
  return hash;
}

static uint64_t of_ip4(const uint8_t ip[4]) {
  return make_key(OF_IP4, (uint64_t)ip[0] << 8 | ip[1]);
}

static uint64_t of_ip6(const uint8_t ip[16]) {
  return make_key(OF_IP6,
                  (uint64_t)ip[0] << 24 | (uint64_t)ip[1] << 16 | (uint64_t)ip[2] << 8 | ip[3]);
}

uint64_t wpm_group_of_ip(const uint8_t ip[16]) {
  return wpm_ip6_is_mapped(ip) ? of_ip4(ip + 12) : of_ip6(ip);
}

uint64_t wpm_group_of_others(void) {
  return make_key(OF_OTHERS, 0);
}

uint64_t wpm_group_of_any(const wpm_bytes *multiaddrs, size_t count) {
  uint64_t group = WPM_GROUP_NONE;
  for (size_t i = 0; group == WPM_GROUP_NONE && i < count; i++) {
    group = wpm_group_of(multiaddrs[i]);
  }
  return group;
}

uint64_t wpm_group_of(wpm_bytes multiaddr) {
  wpm_multiaddr_part part;
  if (wpm_scope_of(multiaddr) != WPM_SCOPE_PUBLIC && wpm_rule_holds(WPM_RULE_GROUP_PUBLIC)) {
    return 0;
  }
  while (wpm_multiaddr_next(&multiaddr, &part)) {
    const uint8_t *v = part.value.data;
    if (part.code == WPM_P_IP4) {
      return of_ip4(v);
    }
    if (part.code == WPM_P_IP6) {
      return of_ip6(v);
    }
    if (part.code == WPM_P_DNS || part.code == WPM_P_DNS4 || part.code == WPM_P_DNS6 ||
        part.code == WPM_P_DNSADDR) {
      return make_key(OF_NAME, hash_domain(part.value));
    }
    if (part.code != WPM_P_IP6ZONE) {
      break;
    }
  }
  return 0;
}

/* ---- the table --------------------------------------------------------------------------------- */

static wpm_bytes key_of(const void *user, uint32_t index) {
  const wpm_groups *groups = user;
  return (wpm_bytes){(const uint8_t *)&groups->list[index].key, sizeof(uint64_t)};
}

void wpm_groups_init(wpm_manager *m) {
  wpm_siphash_key key = {wpm_rng_next(&m->rng), wpm_rng_next(&m->rng)};
  wpm_map_init(&m->groups.by_key, key, key_of, &m->groups);
  m->groups.unused = WPM_MAP_NONE;
}

void wpm_groups_fini(wpm_manager *m) {
  wpm_map_fini(&m->groups.by_key);
  free(m->groups.list);
}

static wpm_group *at(const wpm_manager *m, uint32_t number) {
  return &m->groups.list[number - 1];
}

/* The index of a free entry; WPM_MAP_NONE: there is no memory. */
static uint32_t take_entry(wpm_groups *groups) {
  uint32_t index = groups->unused;
  if (index != WPM_MAP_NONE) {
    groups->unused = groups->list[index].outbound;
    return index;
  }
  if (groups->count == groups->capacity) {
    uint32_t capacity = groups->capacity ? groups->capacity * 2 : FIRST_GROUPS;
    wpm_group *list = realloc(groups->list, capacity * sizeof(*list));
    if (!list) {
      return WPM_MAP_NONE;
    }
    groups->list = list;
    groups->capacity = capacity;
  }
  return groups->count++;
}

static void give_entry(wpm_groups *groups, uint32_t index) {
  groups->list[index] = (wpm_group){.outbound = groups->unused};
  groups->unused = index;
}

/* The number of the group; 0: of none, or without memory. */
static uint32_t enter(wpm_groups *groups, uint64_t key) {
  wpm_bytes bytes = {(const uint8_t *)&key, sizeof(key)};
  uint32_t index = key ? wpm_map_find(&groups->by_key, bytes) : WPM_MAP_NONE;
  if (key == 0 || index != WPM_MAP_NONE) {
    return key == 0 ? 0 : index + 1;
  }
  index = take_entry(groups);
  if (index == WPM_MAP_NONE) {
    return 0;
  }
  groups->list[index] = (wpm_group){.key = key};
  if (wpm_map_add(&groups->by_key, bytes, index) != WPM_OK) {
    give_entry(groups, index);
    return 0;
  }
  return index + 1;
}

static void drop_if_empty(wpm_groups *groups, uint32_t number) {
  const wpm_group *group = &groups->list[number - 1];
  if (group->peers == 0 && group->outbound == 0 && group->told == 0) {
    (void)wpm_map_remove(&groups->by_key, key_of(groups, number - 1));
    give_entry(groups, number - 1);
  }
}

/* ---- peers ------------------------------------------------------------------------------------- */

static uint64_t group_of_peer(const wpm_manager *m, uint32_t slot) {
  size_t count;
  const wpm_address *items = wpm_peer_decode_addresses(m->store, wpm_manager_peer(m, slot), &count);
  uint64_t first = 0;
  uint64_t best = 0;
  wpm_wall latest = WPM_WALL_NONE;
  for (size_t i = 0; i < count; i++) {
    uint64_t group = wpm_group_of(items[i].multiaddr);
    first = first ? first : group;
    if (group && items[i].last_success.ns > latest.ns && wpm_rule_holds(WPM_RULE_GROUP_WORKED)) {
      latest = items[i].last_success;
      best = group;
    }
  }
  return best ? best : first;
}

void wpm_groups_leave(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  if (policy->group) {
    at(m, policy->group)->peers--;
    at(m, policy->group)->untried -= policy->source != 0;
    drop_if_empty(&m->groups, policy->group);
    policy->group = 0;
  }
}

void wpm_groups_update(wpm_manager *m, uint32_t slot) {
  if (!wpm_targets_are_set(m)) {
    return;
  }
  wpm_policy *policy = wpm_manager_policy(m, slot);
  uint64_t key = group_of_peer(m, slot);
  if (policy->group ? at(m, policy->group)->key == key : key == 0) {
    return;
  }
  uint32_t number = enter(&m->groups, key);
  if (number) {
    at(m, number)->peers++;
    at(m, number)->untried += policy->source != 0;
  }
  wpm_groups_leave(m, slot);
  policy->group = number;
}

void wpm_groups_count_outbound(wpm_manager *m, uint32_t number, bool more) {
  if (number == 0) {
    return;
  }
  at(m, number)->outbound += more ? 1u : UINT32_MAX;
  drop_if_empty(&m->groups, number);
}

uint32_t wpm_groups_find(const wpm_manager *m, uint64_t key) {
  wpm_bytes bytes = {(const uint8_t *)&key, sizeof(key)};
  uint32_t index = key ? wpm_map_find(&m->groups.by_key, bytes) : WPM_MAP_NONE;
  return index == WPM_MAP_NONE ? 0 : index + 1;
}

uint32_t wpm_groups_enter(wpm_manager *m, uint64_t key) {
  return enter(&m->groups, key);
}

void wpm_groups_count_told(wpm_manager *m, uint32_t number, bool more) {
  if (number) {
    at(m, number)->told += more ? 1u : UINT32_MAX;
    drop_if_empty(&m->groups, number);
  }
}

void wpm_groups_count_untried(wpm_manager *m, uint32_t number, bool more) {
  if (number) {
    at(m, number)->untried += more ? 1u : UINT32_MAX;
  }
}

uint32_t wpm_groups_told(const wpm_manager *m, uint32_t number) {
  return number ? at(m, number)->told : 0;
}

uint32_t wpm_groups_untried(const wpm_manager *m, uint32_t number) {
  return number ? at(m, number)->untried : 0;
}

uint64_t wpm_groups_key(const wpm_manager *m, uint32_t number) {
  return number ? at(m, number)->key : WPM_GROUP_NONE;
}

uint32_t wpm_groups_peers(const wpm_manager *m, uint32_t number) {
  return number ? at(m, number)->peers : 1;
}

uint32_t wpm_groups_outbound(const wpm_manager *m, uint32_t number) {
  return number ? at(m, number)->outbound : 0;
}
