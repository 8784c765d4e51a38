/* Who goes for a newcomer.
 *
 * - The kinds go in their order (core/evict_kind.h). Of a kind some are drawn, each as likely as any other, and
 *   the one of them goes that was seen last the longest ago.
 * - Test before evict (Bitcoin Core's addrman): where the manager says that the newcomer was merely heard of,
 *   of those that we held only one goes that is lost and failed since, or that has no address left. The
 *   first kinds, whom we never held, go for it as for any other. So nobody talks peers out of the store
 *   that we know to be real; core/feelers.h sees to it that the dead among them are found out.
 * - Of a kind that is frequent some are met by looking at any peers. Of one that is rare, in a store of many
 *   pages, a query would look at all of these for each newcomer; so there are some in stock, who are drawn
 *   from: those that became of the kind, as long as there was room, and where too few are left, as many as
 *   it holds, picked at once.
 */
#include "core/store.h"

#include "core/rules.h"

#include "base/prefetch.h"
#include "base/rng.h"

#define DRAWN 16
#define PROBED 8 /* Of many; Redis, which evicts by such samples too, takes five. */

#define ASK(term, value)                                                                           \
  { .kind = (term), .number = (value) }
#define NOT(term)                                                                                  \
  {.kind = (term)}, {                                                                              \
    .kind = WPM_TERM_NOT                                                                           \
  }
#define MAY_GO NOT(WPM_TERM_PROTECTED), NOT(WPM_TERM_STATIC)

static const wpm_term unreachable[] = {MAY_GO,
                                       NOT(WPM_TERM_HELD),
                                       ASK(WPM_TERM_CONNECTIVITY, WPM_CANNOT_CONNECT),
                                       NOT(WPM_TERM_ADDRESS),
                                       ASK(WPM_TERM_CONNECTIVITY, WPM_CONNECTED),
                                       {.kind = WPM_TERM_NOT},
                                       {.kind = WPM_TERM_AND},
                                       {.kind = WPM_TERM_OR}};
static const wpm_term untried[] = {MAY_GO, NOT(WPM_TERM_HELD),
                                   ASK(WPM_TERM_CONNECTIVITY, WPM_NOT_CONNECTED)};
static const wpm_term lost[] = {MAY_GO, ASK(WPM_TERM_HELD, 0),
                                ASK(WPM_TERM_CONNECTIVITY, WPM_CANNOT_CONNECT)};
static const wpm_term parted[] = {MAY_GO, ASK(WPM_TERM_CONNECTIVITY, WPM_CAN_CONNECT)};

#define QUERY(terms)                                                                               \
  { terms, sizeof(terms) / sizeof((terms)[0]) }

static const struct {
  wpm_query query;
  wpm_cause cause;
} kinds[WPM_EVICT_KINDS] = {
    [WPM_EVICT_UNREACHABLE] = {QUERY(unreachable), WPM_CAUSE_UNREACHABLE},
    [WPM_EVICT_UNTRIED] = {QUERY(untried), WPM_CAUSE_UNTRIED},
    [WPM_EVICT_LOST] = {QUERY(lost), WPM_CAUSE_LOST},
    [WPM_EVICT_PARTED] = {QUERY(parted), WPM_CAUSE_PARTED},
};

/* Of those drawn, the one seen last the longest ago; of equals the first drawn. */
static wpm_peer_ref stalest(const wpm_store *store, const wpm_peer_ref *drawn, size_t count) {
  size_t best = 0;
  int64_t least = INT64_MAX;
  for (size_t i = 0; i < count; i++) {
    int64_t seen = wpm_peer_last_seen(store, wpm_store_peer(store, drawn[i].slot));
    if (i == 0 || (seen < least && wpm_rule_holds(WPM_RULE_EVICT_STALEST))) {
      best = i;
      least = seen;
    }
  }
  return drawn[best];
}

static uint64_t evictions(const wpm_store *store) {
  uint64_t all = 0;
  for (unsigned i = 0; i < WPM_CAUSE_COUNT; i++) {
    all += store->counters.evicted[i];
  }
  return all;
}

#define FREQUENT 8 /* Of as many slots one is of the kind: looking at random ones is quicker. */
#define PROBES 256
#define MANY 256 /* So many of the kind that one of DRAWN rarely comes twice. */

/* Asks for what tells of a slot whether it may go, and since when. */
static inline __attribute__((always_inline)) void ask_for(const wpm_store *store, uint32_t slot) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  wpm_prefetch(&peer->disconnect_time,
               offsetof(wpm_peer, id_len) - offsetof(wpm_peer, disconnect_time));
}

/* Looks at slots drawn at random until PROBED of the kind are found, or few in many. What lies in memory
 * anywhere is asked for ahead. */
static size_t probe(const wpm_store *store, wpm_evict_kind kind, wpm_rng *rng,
                    wpm_peer_ref *drawn) {
  size_t found = 0;
  for (unsigned left = PROBES; left > 0 && found < PROBED; left -= PROBED) {
    uint32_t slots[PROBED];
    for (size_t i = 0; i < PROBED; i++) {
      slots[i] = (uint32_t)wpm_rng_below(rng, store->slots);
      ask_for(store, slots[i]);
    }
    for (size_t i = 0; i < PROBED && found < PROBED; i++) {
      const wpm_peer *peer = wpm_store_peer(store, slots[i]);
      if (wpm_evict_kind_of(peer->attributes) == kind) {
        drawn[found++] = wpm_store_ref_of(store, slots[i]);
        if (peer->addresses) {
          wpm_prefetch(wpm_peer_addresses(store, peer), WPM_CACHE_LINE);
        }
      }
    }
  }
  return found;
}

static bool is_frequent(const wpm_store *store, wpm_evict_kind kind) {
  return store->kinds[kind] >= MANY && store->kinds[kind] >= store->slots / FREQUENT;
}

/* DRAWN peers of the kind at random, where there are as many; of MANY some may be drawn twice. */
static int draw(const wpm_store *store, wpm_evict_kind kind, uint64_t seed, wpm_peer_ref *drawn,
                size_t *found) {
  *found = 0;
  if (is_frequent(store, kind)) {
    wpm_rng rng;
    wpm_rng_init(&rng, seed);
    *found = probe(store, kind, &rng, drawn);
  }
  return *found > 0 ? WPM_OK
                    : wpm_store_query_pick(store, &kinds[kind].query, seed, drawn, DRAWN, found);
}

/* ---- those in stock -------------------------------------------------------------------------- */

/* A store of one page is looked at as quickly as its stock. */
static bool has_stock(const wpm_store *store) {
  return store->indexes.length > 1;
}

void wpm_evict_note(wpm_store *store, uint32_t slot, wpm_evict_kind kind) {
  wpm_evict_stock *stock = &store->stock[kind];
  if (!has_stock(store) || stock->count == WPM_EVICT_STOCK) {
    return;
  }
  for (uint32_t i = 0; i < stock->count; i++) {
    if (stock->slots[i] == slot) {
      return;
    }
  }
  stock->slots[stock->count++] = slot;
}

/* The stock of the kind as it is now, filled up where too few are left. */
static int restock(const wpm_store *store, wpm_evict_kind kind, uint64_t seed,
                   wpm_evict_stock *out) {
  const wpm_evict_stock *held = &store->stock[kind];
  wpm_peer_ref picked[WPM_EVICT_STOCK];
  size_t found;
  out->count = 0;
  for (uint32_t i = 0; i < held->count; i++) {
    if (wpm_evict_kind_of(wpm_store_peer(store, held->slots[i])->attributes) == kind) {
      out->slots[out->count++] = held->slots[i];
    }
  }
  if (out->count >= DRAWN || out->count == store->kinds[kind]) {
    return WPM_OK;
  }
  int err = wpm_store_query_pick(store, &kinds[kind].query, seed, picked, WPM_EVICT_STOCK, &found);
  for (out->count = 0; !err && out->count < found; out->count++) {
    out->slots[out->count] = picked[out->count].slot;
  }
  return err;
}

/* Draws from it, at most DRAWN. */
static size_t draw_from(const wpm_store *store, wpm_evict_stock *stock, uint64_t seed,
                        wpm_peer_ref *drawn) {
  wpm_rng rng;
  uint32_t count = stock->count < DRAWN ? stock->count : DRAWN;
  wpm_rng_init(&rng, seed);
  for (uint32_t i = 0; i < count; i++) {
    uint32_t other = i + (uint32_t)wpm_rng_below(&rng, stock->count - i);
    uint32_t slot = stock->slots[other];
    stock->slots[other] = stock->slots[i];
    stock->slots[i] = slot;
    drawn[i] = wpm_store_ref_of(store, slot);
    ask_for(store, slot);
  }
  return count;
}

/* ---- who goes -------------------------------------------------------------------------------- */

/* The kind that goes next; WPM_EVICT_NEVER: nobody may go. */
static wpm_evict_kind next_kind(const wpm_store *store) {
  wpm_evict_kind kind = WPM_EVICT_UNREACHABLE;
  while (kind < WPM_EVICT_NEVER && store->kinds[kind] == 0) {
    kind++;
  }
  return kind;
}

/* One of the kind; `stock` is what is left of its stock then. */
static int choose(const wpm_store *store, wpm_evict_kind kind, wpm_evict_stock *stock,
                  wpm_peer_ref *out) {
  uint64_t seed = store->seed + evictions(store);
  wpm_peer_ref drawn[DRAWN];
  size_t found = 0;
  bool stocked = has_stock(store) && !is_frequent(store, kind);
  int err = stocked ? restock(store, kind, seed, stock) : draw(store, kind, seed, drawn, &found);
  if (err) {
    return err;
  }
  if (stocked) {
    found = draw_from(store, stock, seed, drawn);
  } else {
    *stock = store->stock[kind];
  }
  if (found == 0) {
    return WPM_ERR_NO_VICTIM;
  }
  *out = stalest(store, drawn, found);
  return WPM_OK;
}

/* Who goes next, and why; `stock` is what is left of the stock of its kind then. */
static int foretell(const wpm_store *store, wpm_evict_kind *kind, wpm_evict_stock *stock,
                    wpm_peer_ref *out, wpm_cause *cause) {
  *kind = next_kind(store);
  if (*kind == WPM_EVICT_NEVER) {
    return WPM_ERR_NO_VICTIM;
  }
  *cause = kinds[*kind].cause;
  return choose(store, *kind, stock, out);
}

int wpm_store_victim(const wpm_store *store, wpm_peer_ref *out, wpm_cause *cause) {
  wpm_evict_kind kind;
  wpm_evict_stock stock;
  return foretell(store, &kind, &stock, out, cause);
}

void wpm_store_ask_for_victims(const wpm_store *store) {
  wpm_evict_kind kind = next_kind(store);
  if (kind != WPM_EVICT_NEVER && is_frequent(store, kind)) {
    wpm_rng rng;
    wpm_rng_init(&rng, store->seed + evictions(store));
    for (size_t i = 0; i < PROBED; i++) { /* Those that `probe` will look at first. */
      ask_for(store, (uint32_t)wpm_rng_below(&rng, store->slots));
    }
  }
}

static int take_victim(wpm_store *store, wpm_peer_ref *out, wpm_cause *cause) {
  wpm_evict_kind kind;
  wpm_evict_stock stock;
  int err = foretell(store, &kind, &stock, out, cause);
  if (!err) {
    store->stock[kind] = stock;
  }
  return err;
}

bool wpm_store_failed_since(const wpm_store *store, uint32_t slot) {
  const wpm_peer *peer = wpm_store_peer(store, slot);
  const wpm_contact_head *head =
      peer->contact ? wpm_contact_head_of(wpm_peer_contact(store, peer)) : &wpm_no_contact_head;
  bool failed = head->failures > 0 && head->last_failure.ns >= peer->disconnect_time.ns;
  return failed || !wpm_peer_has(peer, WPM_HAS_ADDRESS);
}

static bool is_only_of_held(const wpm_store *store) {
  return store->kinds[WPM_EVICT_UNREACHABLE] == 0 && store->kinds[WPM_EVICT_UNTRIED] == 0;
}

bool wpm_store_is_full_of_held(const wpm_store *store) {
  return store->config.evict && store->config.max_peers > 0 &&
         store->count >= store->config.max_peers && is_only_of_held(store);
}

/* Who goes for somebody that was merely heard of, of those that we held. */
static int victim_of_held(const wpm_store *store, wpm_peer_ref *out, wpm_cause *cause) {
  wpm_peer_ref drawn[DRAWN];
  size_t found = 0;
  size_t failed = 0;
  /* Where nobody drawn may go others are looked at for the next newcomer. */
  uint64_t seed = store->seed + evictions(store) + store->counters.refused;
  int err = store->kinds[WPM_EVICT_LOST] > 0 ? draw(store, WPM_EVICT_LOST, seed, drawn, &found)
                                             : WPM_ERR_NO_VICTIM;
  for (size_t i = 0; !err && i < found; i++) {
    if (wpm_store_failed_since(store, drawn[i].slot)) {
      drawn[failed++] = drawn[i];
    }
  }
  if (err || failed == 0) {
    return err ? err : WPM_ERR_NO_VICTIM;
  }
  *out = stalest(store, drawn, failed);
  *cause = kinds[WPM_EVICT_LOST].cause;
  return WPM_OK;
}

int wpm_store_choose_victim(wpm_store *store, bool heard, uint32_t *victim, wpm_cause *cause) {
  wpm_peer_ref ref;
  *victim = WPM_SLOT_NONE;
  if (store->config.max_peers == 0 || store->count < store->config.max_peers) {
    return WPM_OK;
  }
  bool spares = heard && is_only_of_held(store) && wpm_rule_holds(WPM_RULE_TEST_BEFORE_EVICT);
  int err = !store->config.evict ? WPM_ERR_FULL
            : spares             ? victim_of_held(store, &ref, cause)
                                 : take_victim(store, &ref, cause);
  if (!err) {
    *victim = ref.slot;
  } else if (err != WPM_ERR_NO_MEMORY) {
    store->counters.refused++;
  }
  return err;
}

wpm_store_counters wpm_store_get_counters(const wpm_store *store) {
  return store->counters;
}
