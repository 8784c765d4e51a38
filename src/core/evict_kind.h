/* The kinds of peers that may go for a newcomer, in the order in which they go (wpm_store_victim). What
 * a peer is follows from its attributes alone, so how many there are of each is counted as they change.
 *
 * The kinds are made of the states of 27/WAKU2-PEERS (NotConnected, CannotConnect, CanConnect, Connected),
 * which says nothing of who goes; the order is wakupeers' own (JS#2188, #2168: peers that cannot be dialled
 * are never forgotten). As in Bitcoin Core's addrman, what failed and never worked goes first, and what
 * worked outlives what is only heard of, until a test of it fails (core/victim.c, core/feelers.h). */
#ifndef WPM_CORE_EVICT_KIND_H
#define WPM_CORE_EVICT_KIND_H

#include "core/index.h"
#include "core/rules.h"

#include <wakupeers/types.h>

typedef enum wpm_evict_kind {
  WPM_EVICT_UNREACHABLE = 0, /* Never held; attempts failed, or it has no address. */
  WPM_EVICT_UNTRIED,         /* Never held, and never tried. */
  WPM_EVICT_LOST,            /* Was held, and cannot be reached. */
  WPM_EVICT_PARTED,          /* Parted on purpose. */
  WPM_EVICT_NEVER            /* Connected, static or protected; or nobody. */
} wpm_evict_kind;
#define WPM_EVICT_KINDS 4 /* Of those who may go. */

/* Some of a kind (core/victim.c). They may be of another by now. */
#define WPM_EVICT_STOCK 64u
typedef struct wpm_evict_stock {
  uint32_t count;
  uint32_t slots[WPM_EVICT_STOCK];
} wpm_evict_stock;

static inline wpm_evict_kind wpm_evict_kind_of(uint32_t attributes) {
  const uint32_t wanted = WPM_BIT(WPM_HAS_PROTECTION) | WPM_BIT(WPM_HAS_STATIC);
  const uint32_t stays = WPM_BIT(WPM_HAS_CONNECTIVITY + WPM_CONNECTED) |
                         (wpm_rule_holds(WPM_RULE_EVICT_SPARED) ? wanted : 0);
  bool held = attributes & WPM_BIT(WPM_HAS_HELD);
  bool cannot = attributes & WPM_BIT(WPM_HAS_CONNECTIVITY + WPM_CANNOT_CONNECT);
  bool parted = attributes & WPM_BIT(WPM_HAS_CONNECTIVITY + WPM_CAN_CONNECT);
  if (!(attributes & WPM_BIT(WPM_HAS_PRESENCE)) || attributes & stays) {
    return WPM_EVICT_NEVER;
  }
  if (!held && (cannot || !(attributes & WPM_BIT(WPM_HAS_ADDRESS))) &&
      wpm_rule_holds(WPM_RULE_EVICT_UNREACHABLE)) {
    return WPM_EVICT_UNREACHABLE;
  }
  if (parted && wpm_rule_holds(WPM_RULE_EVICT_PARTED)) {
    return WPM_EVICT_PARTED;
  }
  return held ? WPM_EVICT_LOST : WPM_EVICT_UNTRIED;
}

#endif
