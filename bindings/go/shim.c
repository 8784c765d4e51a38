#include "shim.h"

#include <stdlib.h>
#include <string.h>

/* Addresses and protocols that go into one call of the store. */
#define BATCH 128
/* Addresses that are compared each with each. */
#define FEW 8

static wpm_bytes id_of(const char *id, size_t len) {
  return (wpm_bytes){(const uint8_t *)id, len};
}

/* ---- packed lists ---------------------------------------------------------------------------- */

/* Takes the next item off the front of *rest. */
static bool unpack(wpm_bytes *rest, wpm_bytes *item) {
  if (rest->len < 2) {
    return false;
  }
  size_t len = (size_t)rest->data[0] | (size_t)rest->data[1] << 8;
  if (rest->len - 2 < len) {
    return false;
  }
  *item = (wpm_bytes){rest->data + 2, len};
  rest->data += 2 + len;
  rest->len -= 2 + len;
  return true;
}

static uint8_t *pack(uint8_t *out, const void *data, size_t len) {
  out[0] = (uint8_t)len;
  out[1] = (uint8_t)(len >> 8);
  if (len != 0) {
    memcpy(out + 2, data, len);
  }
  return out + 2 + len;
}

/* A list of the one item `bytes`, without its length. */
static shim_list single(int err, wpm_bytes bytes, uint8_t *out, size_t cap) {
  shim_list list = {err, 0, 0};
  if (err == WPM_OK) {
    list.count = 1;
    list.bytes = bytes.len;
    if (bytes.len != 0 && bytes.len <= cap) {
      memcpy(out, bytes.data, bytes.len);
    }
  }
  return list;
}

/* ---- a peer's existence ---------------------------------------------------------------------- */

int shim_new(const uint8_t hash_key[16], size_t max_bytes, wpm_store **out) {
  wpm_store_config config;
  wpm_store_config_default(&config);
  memcpy(config.hash_key, hash_key, sizeof(config.hash_key));
  config.max_peers = 0;
  config.max_tombstones = 0;
  config.max_addresses = 0;
  config.max_protocols = 0;
  config.max_text = 0;
  config.max_tags = 0;
  config.max_app_bytes = 0;
  config.max_bytes = max_bytes;
  config.max_changes = 0;
  config.evict = false;
  config.keep_good = false;
  return wpm_store_new(&config, out);
}

/* Nothing that a peerstore would miss but addresses: a record that another program filled has more. */
static bool has_addresses_at_most(const wpm_peer_record *record) {
  return record->public_key.len == 0 && record->protocol_count == 0 &&
         record->app_count == 0 && record->agent.len == 0 && record->protocol_version.len == 0 &&
         record->observed_address.len == 0 && !record->metadata_known &&
         !record->capabilities_known && record->enr.len == 0 &&
         record->origin == WPM_ORIGIN_UNKNOWN && !record->is_static && !record->held &&
         !record->held_off && record->failures == 0 && record->prune_backoff.length_ns == 0 &&
         record->retry_delay.length_ns == 0 && record->mismatch_delay.length_ns == 0 &&
         record->ban.length_ns == 0 && record->score == 0 && record->tag_count == 0;
}

static bool is_blank(const wpm_peer_record *record) {
  return record->address_count == 0 && has_addresses_at_most(record);
}

/* After something was taken away: without addresses a signed record goes too, and a record in which
 * nothing is left goes as a whole. */
static int settle(wpm_store *store, wpm_bytes id) {
  wpm_peer_record record;
  int err = wpm_store_get(store, id, &record);
  if (err == WPM_OK && record.address_count == 0 && record.signed_record.len != 0) {
    err = wpm_store_clear_addresses(store, id);
    if (err == WPM_OK) {
      err = wpm_store_get(store, id, &record);
    }
  }
  if (err == WPM_OK && is_blank(&record)) {
    err = wpm_store_remove(store, id);
  }
  return err == WPM_ERR_NOT_FOUND ? WPM_OK : err;
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* The next addresses of a packed list that can be the peer's, without its own `/p2p/`. */
static size_t unpack_addresses(wpm_bytes *rest, wpm_bytes id, wpm_bytes *out, size_t cap) {
  size_t count = 0;
  wpm_bytes item;
  while (count < cap && unpack(rest, &item)) {
    wpm_bytes transport, peer;
    if (wpm_multiaddr_split_peer(item, &transport, &peer) != WPM_OK || transport.len == 0) {
      continue;
    }
    if (peer.len != 0 && (peer.len != id.len || memcmp(peer.data, id.data, id.len) != 0)) {
      continue;
    }
    out[count++] = transport;
  }
  return count;
}

static const wpm_address *find_address(const wpm_peer_record *record, wpm_bytes address) {
  for (size_t i = 0; i < record->address_count; i++) {
    wpm_bytes held = record->addresses[i].multiaddr;
    if (held.len == address.len && memcmp(held.data, address.data, held.len) == 0) {
      return &record->addresses[i];
    }
  }
  return NULL;
}

static bool is_connected(int64_t ttl) {
  return ttl >= WPM_TTL_CONNECTED;
}

static int64_t end_of(const wpm_address *address) {
  return wpm_wall_known(address->expires) ? address->expires.ns : INT64_MAX;
}

/* When a time to live that begins now is over. */
static int64_t end_after(int64_t now, int64_t ttl) {
  return is_connected(ttl) || (now > 0 && ttl > INT64_MAX - now) ? INT64_MAX : now + ttl;
}

static int drop_address(wpm_store *store, wpm_bytes id, const wpm_address *address, wpm_wall now) {
  wpm_multiaddr copy; /* The view ends with the call. */
  if (address->multiaddr.len > sizeof(copy.bytes)) {
    return WPM_ERR_INVALID;
  }
  copy.len = (uint16_t)address->multiaddr.len;
  memcpy(copy.bytes, address->multiaddr.data, copy.len);
  wpm_bytes view = wpm_multiaddr_view(&copy);
  wpm_offer offer = {WPM_SOURCE_UNKNOWN, -1, now};
  return wpm_store_set_addresses(store, id, &view, 1, &offer, NULL);
}

static int give(wpm_store *store, wpm_bytes id, const wpm_bytes *addresses, size_t count,
                bool replace, const wpm_offer *offer) {
  return replace ? wpm_store_set_addresses(store, id, addresses, count, offer, NULL)
                 : wpm_store_add_addresses(store, id, addresses, count, offer, NULL);
}

/* ---- the cap of addresses -------------------------------------------------------------------- */

/* An address as it will be: held already, or given. */
typedef struct planned {
  wpm_bytes address; /* Of the plan's own bytes, or what was given. */
  int64_t ttl, end;  /* As of now. */
  bool is_held;      /* The store has it. */
  bool is_given;     /* It is among those that are given. */
} planned;

/* What becomes of a peer's addresses when some are given one after the other, each that is new making
 * room for itself. */
typedef struct plan {
  void *block;        /* Of all that follows; to be freed. */
  planned *list;      /* Oldest first. */
  size_t count;       /* Of `list`. */
  size_t unconnected; /* Those of it that no connection holds. */
  bool ascends;       /* None of it ends before the one in front, as a rule. */
  bool marks[1024];   /* By mark_of: one of it, or that was in it, may have that mark. */
  wpm_bytes *dropped; /* Those of the store that go. */
  size_t drops;       /* Their number. */
} plan;

/* Addresses of one peer seldom share it: which is new is known without a look at each. */
static size_t mark_of(wpm_bytes address) {
  uint32_t mark = 0;
  for (size_t i = address.len > 8 ? address.len - 8 : 0; i < address.len; i++) {
    mark = mark * 31 + address.data[i];
  }
  return (mark ^ mark >> 10 ^ mark >> 20) & 1023;
}

static void plan_append(plan *p, const planned *one) {
  p->list[p->count] = *one;
  p->ascends = p->ascends && (p->count == 0 || p->list[p->count - 1].end <= one->end);
  p->unconnected += !is_connected(one->ttl);
  p->marks[mark_of(one->address)] = true;
  p->count++;
}

static int plan_init(plan *p, const wpm_peer_record *record, size_t given) {
  size_t bytes = 0, held = record->address_count;
  for (size_t i = 0; i < held; i++) {
    bytes += record->addresses[i].multiaddr.len;
  }
  p->block = malloc((held + given) * sizeof(*p->list) + held * sizeof(*p->dropped) + bytes);
  if (p->block == NULL) {
    return WPM_ERR_NO_MEMORY;
  }
  *p = (plan){.block = p->block, .list = p->block, .ascends = true};
  p->dropped = (wpm_bytes *)(p->list + held + given);
  uint8_t *copy = (uint8_t *)(p->dropped + held); /* The views end with the next call. */
  for (size_t i = 0; i < held; i++) {
    const wpm_address *address = &record->addresses[i];
    memcpy(copy, address->multiaddr.data, address->multiaddr.len);
    planned one = {{copy, address->multiaddr.len}, address->ttl_ns, end_of(address), true, false};
    plan_append(p, &one);
    copy += address->multiaddr.len;
  }
  return WPM_OK;
}

static planned *plan_find(const plan *p, wpm_bytes address) {
  uint8_t last = address.data[address.len - 1]; /* Where they differ most. */
  if (!p->marks[mark_of(address)]) {
    return NULL;
  }
  for (size_t i = 0; i < p->count; i++) {
    wpm_bytes held = p->list[i].address;
    if (held.len == address.len && held.data[held.len - 1] == last &&
        memcmp(held.data, address.data, held.len) == 0) {
      return &p->list[i];
    }
  }
  return NULL;
}

/* Makes room for one more below `cap` that no connection holds: the one that ends first goes. False
 * where none may. */
static bool plan_make_room(plan *p, size_t cap) {
  planned *first = NULL;
  if (p->unconnected < cap) {
    return true;
  }
  for (size_t i = 0; i < p->count && !(p->ascends && first != NULL); i++) {
    planned *one = &p->list[i];
    if (!is_connected(one->ttl)) {
      first = first == NULL || one->end < first->end ? one : first;
    }
  }
  if (first == NULL) {
    return false;
  }
  if (first->is_held) {
    p->dropped[p->drops++] = first->address;
  }
  p->count--;
  p->unconnected--;
  if (first == p->list) { /* As a rule: the oldest. */
    p->list++;
  } else {
    memmove(first, first + 1, (size_t)(p->list + p->count - first) * sizeof(*first));
  }
  return true;
}

static void plan_give(plan *p, wpm_bytes address, bool replace, int64_t ttl, int64_t end,
                      size_t cap) {
  planned *found = plan_find(p, address);
  if (found == NULL && plan_make_room(p, cap)) {
    planned one = {address, ttl, end, false, true};
    plan_append(p, &one);
  } else if (found != NULL) {
    p->unconnected -= !is_connected(found->ttl);
    found->is_given = true;
    found->ttl = replace || ttl > found->ttl ? ttl : found->ttl;
    p->unconnected += !is_connected(found->ttl);
    if (replace || end > found->end) {
      p->ascends = false;
      found->end = end;
    }
  }
}

static int give_capped(wpm_store *store, wpm_bytes id, wpm_bytes *addresses, size_t count,
                       bool replace, const wpm_offer *offer, size_t cap) {
  wpm_peer_record record;
  plan p;
  int err = wpm_store_get(store, id, &record);
  if (err != WPM_OK || (err = plan_init(&p, &record, count)) != WPM_OK) {
    return err;
  }
  int64_t now = offer->now.ns, ttl = offer->ttl_ns;
  int64_t end = end_after(now, ttl);
  for (size_t i = 0; i < count; i++) {
    plan_give(&p, addresses[i], replace, ttl, end, cap);
  }
  if (p.drops != 0) {
    wpm_offer none = {WPM_SOURCE_UNKNOWN, -1, offer->now};
    err = wpm_store_set_addresses(store, id, p.dropped, p.drops, &none, NULL);
  }
  count = 0;
  for (size_t i = 0; i < p.count; i++) {
    if (p.list[i].is_given) {
      addresses[count++] = p.list[i].address;
    }
  }
  if (err == WPM_OK) {
    err = give(store, id, addresses, count, replace, offer);
  }
  free(p.block);
  return err;
}

static int give_batch(wpm_store *store, wpm_bytes id, wpm_bytes *addresses, size_t count,
                      bool replace, const wpm_offer *offer, size_t cap, size_t held) {
  bool is_capped = cap != 0 && offer->ttl_ns > 0 && !is_connected(offer->ttl_ns);
  /* Only where not all of them may fit is it worth asking which are new. */
  return is_capped && (count > cap || held > cap - count)
             ? give_capped(store, id, addresses, count, replace, offer, cap)
             : give(store, id, addresses, count, replace, offer);
}

/* The number of a peer's addresses; 0 where it is not held. */
static size_t count_addresses(const wpm_store *store, wpm_bytes id) {
  size_t count = 0;
  return wpm_store_count_addresses(store, id, &count) == WPM_OK ? count : 0;
}

/* What a peer without addresses has once it was given few, each of them a multiaddr: the same, each
 * once. Spares reading them back. */
static shim_list pack_given(const wpm_bytes *addresses, size_t count, int64_t end, uint8_t *out,
                            size_t room) {
  shim_list list = {WPM_OK, 0, 0};
  for (size_t i = 0; i < count; i++) {
    bool again = false;
    for (size_t j = 0; j < i && !again; j++) {
      again = addresses[j].len == addresses[i].len &&
              memcmp(addresses[j].data, addresses[i].data, addresses[i].len) == 0;
    }
    if (again) {
      continue;
    }
    list.bytes += sizeof(end) + 2 + addresses[i].len;
    if (list.bytes > room) {
      return (shim_list){WPM_OK, 0, 0};
    }
    memcpy(out, &end, sizeof(end));
    out = pack(out + sizeof(end), addresses[i].data, addresses[i].len);
    list.count++;
  }
  return list;
}

shim_outcome shim_give_addresses(wpm_store *store, const char *id_data, size_t id_len,
                                 const uint8_t *packed, size_t bytes, bool unseen, bool replace,
                                 int64_t ttl, int64_t now, size_t cap, uint8_t *out, size_t room) {
  wpm_bytes id = id_of(id_data, id_len), rest = {packed, bytes};
  wpm_offer offer = {WPM_SOURCE_UNKNOWN, ttl > 0 ? ttl : -1, {now}};
  wpm_bytes addresses[BATCH];
  size_t count = unpack_addresses(&rest, id, addresses, BATCH);
  if (count == 0) {
    return (shim_outcome){WPM_OK, false, {WPM_OK, 0, 0}};
  }
  size_t before = 0;
  int err = unseen && ttl > 0 ? WPM_ERR_NOT_FOUND : wpm_store_count_addresses(store, id, &before);
  if (err == WPM_ERR_NOT_FOUND && ttl > 0) {
    err = wpm_store_add(store, id, WPM_ORIGIN_UNKNOWN);
    before = count_addresses(store, id);
  }
  size_t held = before;
  bool few = before == 0 && count <= FEW && (cap == 0 || count <= cap) && ttl > 0;
  shim_list given = {WPM_OK, 0, 0};
  if (few) {
    given = pack_given(addresses, count, end_after(now, ttl), out, room);
  }
  while (err == WPM_OK && count != 0) {
    err = give_batch(store, id, addresses, count, replace, &offer, cap, held);
    count = unpack_addresses(&rest, id, addresses, BATCH);
    if (count != 0) {
      held = count_addresses(store, id);
    }
  }
  if (err == WPM_ERR_NOT_FOUND) {
    return (shim_outcome){WPM_OK, false, {WPM_OK, 0, 0}}; /* Nothing to remove. */
  }
  if (ttl > 0 && err == WPM_OK && before != 0) {
    return (shim_outcome){WPM_OK, false, {WPM_OK, 0, 0}};
  }
  if (ttl > 0 && err == WPM_OK) {
    shim_list list =
        few && rest.len == 0 ? given : shim_addresses(store, id_data, id_len, out, room);
    if (list.err == WPM_OK && list.count != 0) {
      return (shim_outcome){WPM_OK, true, list};
    }
  }
  /* What lost its last address must not stay, nor one that was added and got none. */
  int settled = settle(store, id);
  return (shim_outcome){err != WPM_OK ? err : settled, true, {WPM_OK, 0, 0}};
}

shim_outcome shim_update_ttl(wpm_store *store, const char *id_data, size_t id_len, int64_t old_ttl,
                             int64_t new_ttl, int64_t now) {
  wpm_bytes id = id_of(id_data, id_len);
  int err = wpm_store_update_ttl(store, id, old_ttl, new_ttl > 0 ? new_ttl : -1, (wpm_wall){now});
  if (err == WPM_OK && new_ttl <= 0) {
    return (shim_outcome){settle(store, id), true, {WPM_OK, 0, 0}};
  }
  return (shim_outcome){err == WPM_ERR_NOT_FOUND ? WPM_OK : err, false, {WPM_OK, 0, 0}};
}

int shim_clear_addresses(wpm_store *store, const char *id_data, size_t id_len) {
  wpm_bytes id = id_of(id_data, id_len);
  wpm_peer_record record;
  int err = wpm_store_get(store, id, &record);
  if (err == WPM_OK) {
    err = has_addresses_at_most(&record) ? wpm_store_remove(store, id)
                                         : wpm_store_clear_addresses(store, id);
  }
  return err == WPM_ERR_NOT_FOUND ? WPM_OK : err;
}

shim_list shim_addresses(const wpm_store *store, const char *id, size_t id_len, uint8_t *out,
                         size_t cap) {
  wpm_peer_record record;
  shim_list list = {wpm_store_get(store, id_of(id, id_len), &record), 0, 0};
  if (list.err != WPM_OK) {
    return list;
  }
  for (size_t i = 0; i < record.address_count; i++) {
    list.bytes += sizeof(int64_t) + 2 + record.addresses[i].multiaddr.len;
  }
  list.count = record.address_count;
  for (size_t i = 0; list.bytes <= cap && i < record.address_count; i++) {
    const wpm_address *address = &record.addresses[i];
    int64_t end = end_of(address);
    memcpy(out, &end, sizeof(end));
    out = pack(out + sizeof(end), address->multiaddr.data, address->multiaddr.len);
  }
  return list;
}

/* ---- signed records -------------------------------------------------------------------------- */

/* Those of a connection, which a record that no longer names them must not take along: packed copies
 * with their time to live, for putting back. */
static size_t copy_connected(const wpm_peer_record *record, wpm_multiaddr *out, int64_t *ttls,
                             size_t cap) {
  size_t count = 0;
  for (size_t i = 0; i < record->address_count && count < cap; i++) {
    const wpm_address *address = &record->addresses[i];
    if (address->certified && is_connected(address->ttl_ns) &&
        address->multiaddr.len <= sizeof(out->bytes)) {
      ttls[count] = address->ttl_ns;
      out[count].len = (uint16_t)address->multiaddr.len;
      memcpy(out[count++].bytes, address->multiaddr.data, address->multiaddr.len);
    }
  }
  return count;
}

/* Leaves out the addresses that are not held: a time to live of 0 adds none, nor does the cap. */
static size_t only_held(const wpm_peer_record *record, wpm_bytes *addresses, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (find_address(record, addresses[i]) != NULL) {
      addresses[kept++] = addresses[i];
    }
  }
  return kept;
}

/* Drops those that no connection holds. What a record named counts as certified until the next one,
 * even if it came anew from elsewhere; so pstoremem has it. */
static int drop_unconnected(wpm_store *store, wpm_bytes id, wpm_bytes packed, wpm_wall now) {
  wpm_bytes address;
  int err = WPM_OK;
  while (err == WPM_OK && unpack_addresses(&packed, id, &address, 1) == 1) {
    wpm_peer_record record;
    err = wpm_store_get(store, id, &record);
    const wpm_address *held = err == WPM_OK ? find_address(&record, address) : NULL;
    if (held != NULL && !is_connected(held->ttl_ns)) {
      err = drop_address(store, id, held, now);
    }
  }
  return err;
}

/* Takes the record in, for the addresses of it that are held, without giving them longer to live. */
static int certify(wpm_store *store, wpm_bytes id, wpm_bytes envelope, uint64_t sequence,
                   wpm_bytes *addresses, size_t count, int64_t now) {
  wpm_peer_record record;
  int err = wpm_store_get(store, id, &record);
  if (err != WPM_OK) {
    return err;
  }
  wpm_certified fact = {.envelope = envelope,
                        .sequence = sequence,
                        .addresses = addresses,
                        .address_count = only_held(&record, addresses, count),
                        .ttl_ns = 1, /* Of the moment before, which is over. */
                        .same_sequence_too = true};
  return wpm_store_certified(store, id, &fact, (wpm_wall){now - 1});
}

/* Addresses of one record that are looked at: a peer that names more has the rest left out. */
#define CERTIFIED_MAX 1024
/* A peer has few connections at a time. */
#define CONNECTED_MAX 32

int shim_certified(wpm_store *store, const char *id_data, size_t id_len, const uint8_t *envelope,
                   size_t envelope_len, uint64_t sequence, const uint8_t *packed, size_t bytes,
                   const uint8_t *gone, size_t gone_bytes, int64_t ttl, int64_t now, size_t cap) {
  wpm_bytes id = id_of(id_data, id_len), rest = {packed, bytes};
  wpm_bytes addresses[CERTIFIED_MAX];
  wpm_multiaddr connected[CONNECTED_MAX];
  int64_t ttls[CONNECTED_MAX];
  size_t count = unpack_addresses(&rest, id, addresses, CERTIFIED_MAX);
  int err = wpm_store_add(store, id, WPM_ORIGIN_UNKNOWN);
  wpm_peer_record record;
  if (err != WPM_OK || (err = wpm_store_get(store, id, &record)) != WPM_OK) {
    return err;
  }
  if (record.signed_record.len != 0 && record.signed_sequence > sequence) {
    return WPM_ERR_STALE;
  }
  size_t live = copy_connected(&record, connected, ttls, CONNECTED_MAX);
  err = drop_unconnected(store, id, (wpm_bytes){gone, gone_bytes}, (wpm_wall){now});
  if (err == WPM_OK && ttl > 0) {
    wpm_offer offer = {WPM_SOURCE_IDENTIFY, ttl, {now}};
    err = give_batch(store, id, addresses, count, false, &offer, cap, count_addresses(store, id));
  }
  if (err == WPM_OK) {
    err = certify(store, id, (wpm_bytes){envelope, envelope_len}, sequence, addresses, count, now);
  }
  for (size_t i = 0; err == WPM_OK && i < live; i++) {
    wpm_bytes view = wpm_multiaddr_view(&connected[i]);
    wpm_offer offer = {WPM_SOURCE_IDENTIFY, ttls[i], {now}};
    err = wpm_store_add_addresses(store, id, &view, 1, &offer, NULL);
  }
  int settled = settle(store, id);
  return err != WPM_OK ? err : settled;
}

shim_list shim_envelope(const wpm_store *store, const char *id, size_t id_len, int64_t now,
                        uint8_t *out, size_t cap) {
  wpm_peer_record record;
  int err = wpm_store_get(store, id_of(id, id_len), &record);
  bool valid = false;
  for (size_t i = 0; err == WPM_OK && !valid && i < record.address_count; i++) {
    valid = end_of(&record.addresses[i]) > now;
  }
  if (!valid || record.signed_record.len == 0) {
    return (shim_list){err == WPM_OK ? WPM_ERR_NOT_FOUND : err, 0, 0};
  }
  return single(err, record.signed_record, out, cap);
}

/* ---- protocols, keys, the application map ---------------------------------------------------- */

int shim_set_protocols(wpm_store *store, const char *id_data, size_t id_len, const uint8_t *packed,
                       size_t bytes, size_t count) {
  wpm_bytes id = id_of(id_data, id_len), rest = {packed, bytes}, item;
  wpm_text few[BATCH] = {{NULL, 0}}, *protocols = few;
  if (count > BATCH) {
    protocols = malloc(count * sizeof(*protocols));
    if (protocols == NULL) {
      return WPM_ERR_NO_MEMORY;
    }
  }
  size_t found = 0;
  while (found < count && unpack(&rest, &item)) {
    protocols[found++] = (wpm_text){(const char *)item.data, item.len};
  }
  int err = found == 0 ? WPM_OK : wpm_store_add(store, id, WPM_ORIGIN_UNKNOWN);
  if (err == WPM_OK) {
    err = wpm_store_set_protocols(store, id, protocols, found);
  }
  if (err == WPM_ERR_NOT_FOUND) {
    err = WPM_OK; /* Nothing to forget. */
  } else if (err != WPM_OK || found == 0) {
    int settled = settle(store, id);
    err = err != WPM_OK ? err : settled;
  }
  if (protocols != few) {
    free(protocols);
  }
  return err;
}

shim_list shim_protocols(const wpm_store *store, const char *id, size_t id_len, uint8_t *out,
                         size_t cap) {
  wpm_peer_record record;
  shim_list list = {wpm_store_get(store, id_of(id, id_len), &record), 0, 0};
  if (list.err != WPM_OK) {
    return list;
  }
  for (size_t i = 0; i < record.protocol_count; i++) {
    list.bytes += 2 + record.protocols[i].len;
  }
  list.count = record.protocol_count;
  for (size_t i = 0; list.bytes <= cap && i < record.protocol_count; i++) {
    out = pack(out, record.protocols[i].data, record.protocols[i].len);
  }
  return list;
}

int shim_set_public_key(wpm_store *store, const char *id_data, size_t id_len, const uint8_t *key,
                        size_t key_len) {
  wpm_bytes id = id_of(id_data, id_len);
  int err = key_len == 0 ? WPM_OK : wpm_store_add(store, id, WPM_ORIGIN_UNKNOWN);
  if (err == WPM_OK) {
    err = wpm_store_set_public_key(store, id, (wpm_bytes){key, key_len});
  }
  if (err == WPM_ERR_NOT_FOUND) {
    return WPM_OK;
  }
  int settled = err != WPM_OK || key_len == 0 ? settle(store, id) : WPM_OK;
  return err != WPM_OK ? err : settled;
}

shim_list shim_public_key(const wpm_store *store, const char *id, size_t id_len, uint8_t *out,
                          size_t cap) {
  wpm_peer_record record;
  int err = wpm_store_get(store, id_of(id, id_len), &record);
  if (err == WPM_OK && record.public_key.len == 0) {
    err = WPM_ERR_NOT_FOUND;
  }
  return single(err, record.public_key, out, cap);
}

int shim_set_private_key(wpm_store *store, const char *id, size_t id_len, const uint8_t *key,
                         size_t key_len) {
  int err = wpm_store_set_private_key(store, id_of(id, id_len), (wpm_bytes){key, key_len});
  return err == WPM_ERR_NOT_FOUND ? WPM_OK : err;
}

shim_list shim_private_key(const wpm_store *store, const char *id, size_t id_len, uint8_t *out,
                           size_t cap) {
  wpm_bytes key = {NULL, 0};
  int err = wpm_store_get_private_key(store, id_of(id, id_len), &key);
  return single(err, key, out, cap);
}

int shim_set_app(wpm_store *store, const char *id_data, size_t id_len, const char *key,
                 size_t key_len, const uint8_t *value, size_t value_len) {
  wpm_bytes id = id_of(id_data, id_len);
  int err = wpm_store_add(store, id, WPM_ORIGIN_UNKNOWN);
  if (err == WPM_OK) {
    err = wpm_store_set_app(store, id, (wpm_text){key, key_len}, (wpm_bytes){value, value_len});
  }
  int settled = err != WPM_OK ? settle(store, id) : WPM_OK;
  return err != WPM_OK ? err : settled;
}

shim_list shim_app(const wpm_store *store, const char *id, size_t id_len, const char *key,
                   size_t key_len, uint8_t *out, size_t cap) {
  wpm_bytes value = {NULL, 0};
  int err = wpm_store_get_app(store, id_of(id, id_len), (wpm_text){key, key_len}, &value);
  return single(err, value, out, cap);
}

static int clear_app(wpm_store *store, wpm_bytes id) {
  for (;;) {
    wpm_peer_record record;
    int err = wpm_store_get(store, id, &record);
    if (err != WPM_OK || record.app_count == 0) {
      return err;
    }
    char key[255]; /* The view ends with the call. */
    size_t len = record.app[0].key.len;
    memcpy(key, record.app[0].key.data, len);
    err = wpm_store_set_app(store, id, (wpm_text){key, len}, (wpm_bytes){NULL, 0});
    if (err != WPM_OK) {
      return err;
    }
  }
}

int shim_remove_peer(wpm_store *store, const char *id_data, size_t id_len) {
  wpm_bytes id = id_of(id_data, id_len), none = {NULL, 0};
  int first = wpm_store_set_private_key(store, id, none);
  if (first == WPM_ERR_NOT_FOUND) {
    first = WPM_OK;
  }
  int err = wpm_store_set_public_key(store, id, none);
  if (err == WPM_OK) {
    err = wpm_store_set_protocols(store, id, NULL, 0);
  }
  if (err == WPM_OK) {
    err = clear_app(store, id);
  }
  if (err == WPM_OK) {
    err = settle(store, id);
  }
  return err != WPM_OK && err != WPM_ERR_NOT_FOUND ? err : first;
}

/* ---- all peers ------------------------------------------------------------------------------- */

static unsigned has_of(const wpm_peer_record *record) {
  return (record->address_count != 0 ? SHIM_HAS_ADDRESS : 0u) |
         (record->public_key.len != 0 ? SHIM_HAS_KEY : 0u);
}

shim_list shim_ids(const wpm_store *store, unsigned has, uint64_t *cursor, uint8_t *out,
                   size_t cap) {
  shim_list list = {WPM_OK, 0, 0};
  wpm_peer_record record;
  while (cap - list.bytes >= 2 + WPM_PEER_ID_MAX && wpm_store_next(store, cursor, &record)) {
    if (has_of(&record) & has) {
      out = pack(out, record.id.data, record.id.len);
      list.bytes += 2 + record.id.len;
      list.count++;
    }
  }
  return list;
}

shim_list shim_private_ids(const wpm_store *store, uint64_t *cursor, uint8_t *out, size_t cap) {
  shim_list list = {WPM_OK, 0, 0};
  wpm_bytes id, key;
  while (cap - list.bytes >= 2 + WPM_PEER_ID_MAX &&
         wpm_store_next_private_key(store, cursor, &id, &key)) {
    out = pack(out, id.data, id.len);
    list.bytes += 2 + id.len;
    list.count++;
  }
  return list;
}

static bool is_over(const wpm_peer_record *record, int64_t now) {
  for (size_t i = 0; i < record->address_count; i++) {
    if (end_of(&record->addresses[i]) <= now) {
      return true;
    }
  }
  return false;
}

shim_list shim_collect(wpm_store *store, uint64_t *cursor, size_t peers, int64_t now, uint8_t *out,
                       size_t cap, bool *at_end) {
  shim_list list = {WPM_OK, 0, 0};
  wpm_peer_record record;
  *at_end = false;
  for (size_t i = 0; i < peers && cap - list.bytes >= 2 + WPM_PEER_ID_MAX; i++) {
    if (!wpm_store_next(store, cursor, &record)) {
      *at_end = true;
      break;
    }
    if (!is_over(&record, now) && !is_blank(&record)) {
      continue;
    }
    uint8_t *at = out + list.bytes;
    size_t len = record.id.len;
    pack(at, record.id.data, len);
    wpm_bytes id = {at + 2, len};
    int err = wpm_store_expire(store, id, (wpm_wall){now});
    if (err == WPM_OK) {
      err = settle(store, id);
    }
    if (err != WPM_OK && list.err == WPM_OK) {
      list.err = err;
    }
    list.bytes += 2 + len;
    list.count++;
  }
  return list;
}

/* ---- storage --------------------------------------------------------------------------------- */

static int take_record(void *user, const wpm_peer_record *record) {
  return wpm_store_put(user, record);
}

static int take_private_key(void *user, wpm_bytes id, wpm_bytes key) {
  return wpm_store_set_private_key(user, id, key);
}

int shim_load(wpm_storage *storage, wpm_store *store, bool private_keys, size_t *skipped,
              wpm_error *error) {
  int err = wpm_storage_load(storage, take_record, store, skipped, error);
  if (err == WPM_OK && private_keys) {
    err = wpm_storage_load_private_keys(storage, take_private_key, store, error);
  }
  return err;
}

uint64_t shim_place(const wpm_storage *storage, const char *id, size_t id_len) {
  return wpm_storage_place(storage, id_of(id, id_len));
}

int shim_save(wpm_storage *storage, const wpm_store *store, const uint8_t *ids, size_t bytes,
              size_t *refused, wpm_error *error) {
  wpm_bytes rest = {ids, bytes}, id;
  while (unpack(&rest, &id)) {
    wpm_peer_record record;
    int err = wpm_store_get(store, id, &record);
    err = err == WPM_OK ? wpm_storage_put(storage, &record, WPM_FIELD_ALL, error)
                        : wpm_storage_remove(storage, id, error);
    if (err == WPM_ERR_INVALID || err == WPM_ERR_TOO_LARGE) {
      ++*refused;
    } else if (err != WPM_OK) {
      return err;
    }
  }
  return WPM_OK;
}

int shim_save_private_keys(wpm_storage *storage, const wpm_store *store, const uint8_t *ids,
                           size_t bytes, wpm_error *error) {
  wpm_bytes rest = {ids, bytes}, id, key;
  int err = WPM_OK;
  while (err == WPM_OK && unpack(&rest, &id)) {
    err = wpm_store_get_private_key(store, id, &key) == WPM_OK
              ? wpm_storage_put_private_key(storage, id, key, error)
              : wpm_storage_remove_private_key(storage, id, error);
  }
  return err;
}
