#include "storage/codec.h"

#include "base/bytes.h"
#include "base/ip_range.h"
#include "base/peer_id.h"
#include "base/record.h"
#include "storage/codes.h"
#include "storage/contact.h"

/* What a record has. */
enum {
  PROTOCOLS_KNOWN = 1u << 0,
  METADATA_KNOWN = 1u << 1,
  CAPABILITIES_KNOWN = 1u << 2,
  IS_STATIC = 1u << 3,
  HELD_OFF = 1u << 4,
  KEY_IN_ID = 1u << 5,
  HAS_NETWORK = 1u << 6, /* Cluster and shards. */
  HAS_KEY = 1u << 7,
  HAS_CAPABILITIES = 1u << 8,
  HAS_AGENT = 1u << 9, /* Agent and protocol version. */
  HAS_OBSERVED = 1u << 10,
  HAS_ENR = 1u << 11,
  HAS_SIGNED = 1u << 12,
  HAS_MISMATCH = 1u << 13,
  HAS_BAN = 1u << 14,
  HAS_SCORE = 1u << 15,
  HAS_TAGS = 1u << 16,
  HAS_APP = 1u << 17,
  ALL_FLAGS = (1u << 18) - 1
};

/* The first byte of an address: its source in the lower half, and: */
enum { IDENTIFIED = 1 << 4, CERTIFIED = 1 << 5, HAS_FIRST_SEEN = 1 << 6, HAS_LAST_SEEN = 1 << 7 };

/* The second: the class of its time to live in three bits, and: */
enum {
  HAS_SUCCESS = 1 << 3,
  HAS_FAILURE = 1 << 4,
  HAS_EXPIRES = 1 << 5,
  ODD_TIMES = 1 << 6, /* First and last seen are no whole seconds. */
  ADDRESS_FLAGS = 0x7f
};

/* The byte behind the value of a tag. */
enum { PROTECTS = 1 << 0, EXPIRES = 1 << 1, FADES = 1 << 2, TAG_FLAGS = 7 };

/* Numbers of the classes on disk; any other span is written out. */
static const int64_t ttl_classes[] = {WPM_TTL_QUALITY,  WPM_TTL_PERMANENT,    WPM_TTL_CONNECTED,
                                      WPM_TTL_RECENT,   WPM_TTL_OWN_OBSERVED, WPM_TTL_ADDRESS,
                                      WPM_TTL_TEMPORARY};
enum { OTHER_TTL = sizeof(ttl_classes) / sizeof(ttl_classes[0]) };

void wpm_codec_lists_fini(wpm_codec_lists *lists) {
  wpm_room_fini(&lists->addresses);
  wpm_room_fini(&lists->protocols);
  wpm_room_fini(&lists->shards);
  wpm_room_fini(&lists->tags);
  wpm_room_fini(&lists->app);
}

/* ---- checking -------------------------------------------------------------------------------- */

static bool add_len(size_t *total, size_t len) {
  return !__builtin_add_overflow(*total, len, total) && *total <= WPM_RECORD_MAX;
}

static bool fits(const wpm_peer_record *record) {
  size_t total = 0;
  bool ok = add_len(&total, record->public_key.len) &&
            add_len(&total, record->observed_address.len) && add_len(&total, record->agent.len) &&
            add_len(&total, record->protocol_version.len) && add_len(&total, record->shard_count) &&
            add_len(&total, record->enr.len) && add_len(&total, record->signed_record.len) &&
            add_len(&total, record->protocol_count) && add_len(&total, record->address_count) &&
            add_len(&total, record->tag_count) && add_len(&total, record->app_count);
  for (size_t i = 0; ok && i < record->protocol_count; i++) {
    ok = add_len(&total, record->protocols[i].len);
  }
  for (size_t i = 0; ok && i < record->address_count; i++) {
    ok = add_len(&total, record->addresses[i].multiaddr.len);
  }
  for (size_t i = 0; ok && i < record->tag_count; i++) {
    ok = add_len(&total, record->tags[i].name.len);
  }
  for (size_t i = 0; ok && i < record->app_count; i++) {
    ok = add_len(&total, record->app[i].key.len) && add_len(&total, record->app[i].value.len);
  }
  return ok;
}

int wpm_codec_check(const wpm_peer_record *record) {
  const wpm_record_contact contact = wpm_contact_of(record);
  if (record->id.len > WPM_PEER_ID_MAX || (unsigned)record->origin >= WPM_ORIGIN_COUNT ||
      record->mismatch_delay.length_ns < 0 || record->ban.length_ns < 0) {
    return WPM_ERR_INVALID;
  }
  if (!fits(record)) {
    return WPM_ERR_TOO_LARGE;
  }
  for (size_t i = 0; i < record->address_count; i++) {
    if ((unsigned)record->addresses[i].source >= WPM_ADDRESS_SOURCE_COUNT) {
      return WPM_ERR_INVALID;
    }
  }
  for (size_t i = 0; i < record->tag_count; i++) {
    if (record->tags[i].half_life_ns < 0) {
      return WPM_ERR_INVALID;
    }
  }
  return wpm_contact_check(&contact);
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool is_zero(const wpm_wait *wait) {
  return wait->length_ns == 0 && wait->start.mono.ns == 0 && wait->start.wall.ns == 0 &&
         wait->start.boot_id == 0;
}

/* The key that the id carries; empty: none. */
static wpm_bytes key_in_id(wpm_bytes id) {
  wpm_bytes key;
  return wpm_peer_id_inline_key(id, &key) == WPM_OK ? key : (wpm_bytes){NULL, 0};
}

static uint32_t flags_of(const wpm_peer_record *record) {
  uint32_t flags = 0;
  flags |= record->protocols_known ? PROTOCOLS_KNOWN : 0;
  flags |= record->metadata_known ? METADATA_KNOWN : 0;
  flags |= record->capabilities_known ? CAPABILITIES_KNOWN : 0;
  flags |= record->is_static ? IS_STATIC : 0;
  flags |= record->held_off ? HELD_OFF : 0;
  if (record->public_key.len > 0) {
    bool is_inside = wpm_bytes_equal(record->public_key, key_in_id(record->id));
    flags |= is_inside ? KEY_IN_ID : HAS_KEY;
  }
  flags |= record->cluster_id || record->shard_count ? HAS_NETWORK : 0;
  flags |= record->capabilities ? HAS_CAPABILITIES : 0;
  flags |= record->agent.len || record->protocol_version.len ? HAS_AGENT : 0;
  flags |= record->observed_address.len ? HAS_OBSERVED : 0;
  flags |= record->enr.len || record->enr_sequence ? HAS_ENR : 0;
  flags |= record->signed_record.len || record->signed_sequence ? HAS_SIGNED : 0;
  flags |= is_zero(&record->mismatch_delay) ? 0 : HAS_MISMATCH;
  flags |= is_zero(&record->ban) ? 0 : HAS_BAN;
  flags |= record->score ? HAS_SCORE : 0;
  flags |= record->tag_count ? HAS_TAGS : 0;
  flags |= record->app_count ? HAS_APP : 0;
  return flags;
}

static void pack_text(wpm_packer *p, wpm_text text) {
  wpm_pack_bytes(p, (wpm_bytes){(const uint8_t *)text.data, text.len});
}

static void pack_word(wpm_packer *p, wpm_text text, wpm_words *words) {
  uint32_t number = wpm_words_use(words, text);
  if (number != WPM_WORD_NONE) {
    wpm_pack_varint(p, (uint64_t)number << 1);
  } else {
    wpm_pack_varint(p, (uint64_t)text.len << 1 | 1);
    wpm_pack_raw(p, text.data, text.len);
  }
}

static bool is_whole(wpm_wall time) {
  return !wpm_wall_known(time) || time.ns % WPM_SECOND == 0;
}

static uint8_t class_of(int64_t ttl_ns) {
  uint8_t i = 0;
  while (i < OTHER_TTL && ttl_classes[i] != ttl_ns) {
    i++;
  }
  return i;
}

static void pack_seen(wpm_packer *p, wpm_wall time, bool is_odd) {
  wpm_pack_signed(p, is_odd ? time.ns : time.ns / WPM_SECOND);
}

static void pack_address(wpm_packer *p, const wpm_address *address) {
  bool is_odd = !is_whole(address->first_seen) || !is_whole(address->last_seen);
  uint8_t class = class_of(address->ttl_ns);
  unsigned first = wpm_code_of_source(address->source);
  unsigned second = class | (is_odd ? ODD_TIMES : 0u);
  first |= address->identified ? IDENTIFIED : 0u;
  first |= address->certified ? CERTIFIED : 0u;
  first |= wpm_wall_known(address->first_seen) ? HAS_FIRST_SEEN : 0u;
  first |= wpm_wall_known(address->last_seen) ? HAS_LAST_SEEN : 0u;
  second |= wpm_wall_known(address->last_success) ? HAS_SUCCESS : 0u;
  second |= wpm_wall_known(address->last_failure) ? HAS_FAILURE : 0u;
  second |= wpm_wall_known(address->expires) ? HAS_EXPIRES : 0u;
  wpm_pack_byte(p, (uint8_t)first);
  wpm_pack_byte(p, (uint8_t)second);
  wpm_pack_bytes(p, address->multiaddr);
  if (first & HAS_FIRST_SEEN) {
    pack_seen(p, address->first_seen, is_odd);
  }
  if (first & HAS_LAST_SEEN) {
    pack_seen(p, address->last_seen, is_odd);
  }
  if (second & HAS_SUCCESS) {
    wpm_pack_i64(p, address->last_success.ns);
  }
  if (second & HAS_FAILURE) {
    wpm_pack_i64(p, address->last_failure.ns);
  }
  if (class == OTHER_TTL) {
    wpm_pack_signed(p, address->ttl_ns);
  }
  if (second & HAS_EXPIRES) {
    wpm_pack_i64(p, address->expires.ns);
  }
}

static void pack_network(wpm_packer *p, const wpm_peer_record *record) {
  wpm_pack_varint(p, record->cluster_id);
  wpm_pack_varint(p, record->shard_count);
  for (size_t i = 0; i < record->shard_count; i++) {
    wpm_pack_varint(p, record->shards[i]);
  }
}

static void pack_tag(wpm_packer *p, const wpm_tag *tag) {
  unsigned flags = tag->protects ? PROTECTS : 0u;
  flags |= wpm_wall_known(tag->expires) ? EXPIRES : 0u;
  flags |= tag->half_life_ns ? FADES : 0u;
  pack_text(p, tag->name);
  wpm_pack_signed(p, tag->value);
  wpm_pack_byte(p, (uint8_t)flags);
  if (flags & EXPIRES) {
    wpm_pack_i64(p, tag->expires.ns);
  }
  if (flags & FADES) {
    wpm_pack_varint(p, (uint64_t)tag->half_life_ns);
  }
}

static void pack_lists(wpm_packer *p, const wpm_peer_record *record, uint32_t flags) {
  if (flags & HAS_TAGS) {
    wpm_pack_varint(p, record->tag_count);
  }
  for (size_t i = 0; i < record->tag_count; i++) {
    pack_tag(p, &record->tags[i]);
  }
  if (flags & HAS_APP) {
    wpm_pack_varint(p, record->app_count);
  }
  for (size_t i = 0; i < record->app_count; i++) {
    pack_text(p, record->app[i].key);
    wpm_pack_bytes(p, record->app[i].value);
  }
}

/* What most records lack. */
static void pack_rest(wpm_packer *p, const wpm_peer_record *record, uint32_t flags) {
  if (flags & HAS_KEY) {
    wpm_pack_bytes(p, record->public_key);
  }
  if (flags & HAS_CAPABILITIES) {
    wpm_pack_byte(p, record->capabilities);
  }
  if (flags & HAS_OBSERVED) {
    wpm_pack_bytes(p, record->observed_address);
  }
  if (flags & HAS_ENR) {
    wpm_pack_bytes(p, record->enr);
    wpm_pack_varint(p, record->enr_sequence);
  }
  if (flags & HAS_SIGNED) {
    wpm_pack_bytes(p, record->signed_record);
    wpm_pack_varint(p, record->signed_sequence);
  }
  if (flags & HAS_MISMATCH) {
    wpm_pack_wait(p, &record->mismatch_delay);
  }
  if (flags & HAS_BAN) {
    wpm_pack_wait(p, &record->ban);
  }
  if (flags & HAS_SCORE) {
    wpm_pack_signed(p, record->score);
  }
  pack_lists(p, record, flags);
}

void wpm_codec_pack(wpm_packer *p, const wpm_peer_record *record, wpm_words *words, int64_t place) {
  uint32_t flags = flags_of(record);
  wpm_pack_varint(p, flags);
  wpm_pack_byte(p, wpm_code_of_origin(record->origin));
  wpm_pack_varint(p, record->protocol_count);
  for (size_t i = 0; i < record->protocol_count; i++) {
    pack_word(p, record->protocols[i], words);
  }
  wpm_pack_varint(p, record->address_count);
  for (size_t i = 0; i < record->address_count; i++) {
    pack_address(p, &record->addresses[i]);
  }
  if (flags & HAS_NETWORK) {
    pack_network(p, record);
  }
  if (flags & HAS_AGENT) {
    pack_word(p, record->agent, words);
    pack_word(p, record->protocol_version, words);
  }
  pack_rest(p, record, flags);
  wpm_pack_seal(p, place ^ wpm_seal_of_id(record->id));
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The number of elements of a list, each of which takes `least` bytes or more, with room for them in
 * `scratch`. */
static size_t unpack_count(wpm_unpacker *u, size_t least, wpm_room *scratch, size_t each) {
  uint64_t count = wpm_unpack_varint(u);
  if (count > u->rest.len / least) {
    wpm_unpack_fail(u);
    return 0;
  }
  if (wpm_room_reserve(scratch, (size_t)count, each)) {
    u->err = WPM_ERR_NO_MEMORY;
    u->rest.len = 0;
    return 0;
  }
  return (size_t)count;
}

static wpm_text unpack_text(wpm_unpacker *u) {
  wpm_bytes bytes = wpm_unpack_bytes(u);
  return (wpm_text){(const char *)bytes.data, bytes.len};
}

/* Words to be looked up, and how many were not there. */
typedef struct lookup {
  const wpm_words *words;
  size_t missing;
} lookup;

static wpm_text unpack_word(wpm_unpacker *u, lookup *look) {
  uint64_t head = wpm_unpack_varint(u);
  wpm_text text = {NULL, 0};
  if (head & 1) {
    text.len = (size_t)(head >> 1);
    text.data = (const char *)wpm_unpack_raw(u, text.len);
    return text.data ? text : (wpm_text){NULL, 0};
  }
  text = wpm_words_at(look->words, head >> 1);
  look->missing += !text.data;
  return text;
}

static wpm_wall unpack_seen(wpm_unpacker *u, bool is_odd) {
  wpm_wall time = {wpm_unpack_signed(u)};
  if (!is_odd && __builtin_mul_overflow(time.ns, WPM_SECOND, &time.ns)) {
    wpm_unpack_fail(u);
  }
  return time;
}

static void unpack_address(wpm_unpacker *u, wpm_address *out) {
  uint8_t first = wpm_unpack_byte(u);
  uint8_t second = wpm_unpack_byte(u);
  uint8_t class = second & 7;
  bool is_odd = (second & ODD_TIMES) != 0;
  *out = (wpm_address){.multiaddr = wpm_unpack_bytes(u),
                       .identified = (first & IDENTIFIED) != 0,
                       .certified = (first & CERTIFIED) != 0,
                       .first_seen = WPM_WALL_NONE,
                       .last_seen = WPM_WALL_NONE,
                       .last_success = WPM_WALL_NONE,
                       .last_failure = WPM_WALL_NONE,
                       .expires = WPM_WALL_NONE};
  if (second > ADDRESS_FLAGS || !wpm_code_to_source(first & 15, &out->source)) {
    wpm_unpack_fail(u);
  }
  if (first & HAS_FIRST_SEEN) {
    out->first_seen = unpack_seen(u, is_odd);
  }
  if (first & HAS_LAST_SEEN) {
    out->last_seen = unpack_seen(u, is_odd);
  }
  if (second & HAS_SUCCESS) {
    out->last_success.ns = wpm_unpack_i64(u);
  }
  if (second & HAS_FAILURE) {
    out->last_failure.ns = wpm_unpack_i64(u);
  }
  out->ttl_ns = class < OTHER_TTL ? ttl_classes[class] : wpm_unpack_signed(u);
  if (second & HAS_EXPIRES) {
    out->expires.ns = wpm_unpack_i64(u);
  }
  out->confidence = wpm_address_confidence(out);
}

static void unpack_network(wpm_unpacker *u, wpm_codec_lists *lists, wpm_peer_record *out) {
  uint64_t cluster = wpm_unpack_varint(u);
  out->shard_count = unpack_count(u, 1, &lists->shards, sizeof(uint16_t));
  uint16_t *shards = lists->shards.memory;
  out->shards = shards;
  out->cluster_id = (uint32_t)cluster;
  if (cluster > UINT32_MAX) {
    wpm_unpack_fail(u);
  }
  for (size_t i = 0; i < out->shard_count; i++) {
    uint64_t shard = wpm_unpack_varint(u);
    shards[i] = (uint16_t)shard;
    if (shard > UINT16_MAX) {
      wpm_unpack_fail(u);
    }
  }
}

static int32_t unpack_i32(wpm_unpacker *u) {
  int64_t value = wpm_unpack_signed(u);
  if (value < INT32_MIN || value > INT32_MAX) {
    wpm_unpack_fail(u);
  }
  return (int32_t)value;
}

static void unpack_tag(wpm_unpacker *u, wpm_tag *out) {
  *out = (wpm_tag){.name = unpack_text(u), .expires = WPM_WALL_NONE};
  out->value = unpack_i32(u);
  uint8_t flags = wpm_unpack_byte(u);
  out->protects = (flags & PROTECTS) != 0;
  if (flags & EXPIRES) {
    out->expires.ns = wpm_unpack_i64(u);
  }
  uint64_t half_life = flags & FADES ? wpm_unpack_varint(u) : 0;
  out->half_life_ns = (int64_t)half_life;
  if (flags > TAG_FLAGS || half_life > INT64_MAX) {
    wpm_unpack_fail(u);
  }
}

static void unpack_tags(wpm_unpacker *u, wpm_codec_lists *lists, wpm_peer_record *out) {
  out->tag_count = unpack_count(u, 3, &lists->tags, sizeof(wpm_tag));
  wpm_tag *tags = lists->tags.memory;
  out->tags = tags;
  for (size_t i = 0; i < out->tag_count; i++) {
    unpack_tag(u, &tags[i]);
  }
}

static void unpack_app(wpm_unpacker *u, wpm_codec_lists *lists, wpm_peer_record *out) {
  out->app_count = unpack_count(u, 2, &lists->app, sizeof(wpm_app_entry));
  wpm_app_entry *app = lists->app.memory;
  out->app = app;
  for (size_t i = 0; i < out->app_count; i++) {
    app[i].key = unpack_text(u);
    app[i].value = wpm_unpack_bytes(u);
  }
}

static void unpack_rest(wpm_unpacker *u, uint32_t flags, wpm_codec_lists *lists,
                        wpm_peer_record *out) {
  if (flags & HAS_KEY) {
    out->public_key = wpm_unpack_bytes(u);
  }
  if (flags & HAS_CAPABILITIES) {
    out->capabilities = wpm_unpack_byte(u);
  }
  if (flags & HAS_OBSERVED) {
    out->observed_address = wpm_unpack_bytes(u);
  }
  if (flags & HAS_ENR) {
    out->enr = wpm_unpack_bytes(u);
    out->enr_sequence = wpm_unpack_varint(u);
  }
  if (flags & HAS_SIGNED) {
    out->signed_record = wpm_unpack_bytes(u);
    out->signed_sequence = wpm_unpack_varint(u);
  }
  if (flags & HAS_MISMATCH) {
    out->mismatch_delay = wpm_unpack_wait(u);
  }
  if (flags & HAS_BAN) {
    out->ban = wpm_unpack_wait(u);
  }
  if (flags & HAS_SCORE) {
    out->score = unpack_i32(u);
  }
  if (flags & HAS_TAGS) {
    unpack_tags(u, lists, out);
  }
  if (flags & HAS_APP) {
    unpack_app(u, lists, out);
  }
}

static void unpack_protocols(wpm_unpacker *u, lookup *look, wpm_codec_lists *lists,
                             wpm_peer_record *out) {
  size_t count = unpack_count(u, 1, &lists->protocols, sizeof(wpm_text));
  wpm_text *protocols = lists->protocols.memory;
  for (size_t i = 0; i < count; i++) {
    size_t missing = look->missing;
    protocols[out->protocol_count] = unpack_word(u, look);
    out->protocol_count += look->missing == missing;
  }
  out->protocols = protocols;
}

static void unpack_addresses(wpm_unpacker *u, wpm_codec_lists *lists, wpm_peer_record *out) {
  out->address_count = unpack_count(u, 3, &lists->addresses, sizeof(wpm_address));
  wpm_address *addresses = lists->addresses.memory;
  for (size_t i = 0; i < out->address_count; i++) {
    unpack_address(u, &addresses[i]);
  }
  out->addresses = addresses;
}

int wpm_codec_unpack(wpm_bytes row, int64_t place, const wpm_words *words, wpm_codec_lists *lists,
                     wpm_peer_record *out, size_t *missing) {
  wpm_unpacker u = wpm_unpack_sealed(row, place ^ wpm_seal_of_id(out->id));
  lookup look = {.words = words};
  const wpm_record_contact none = wpm_contact_none();
  uint64_t flags = wpm_unpack_varint(&u);
  *out = (wpm_peer_record){.id = out->id,
                           .protocols_known = (flags & PROTOCOLS_KNOWN) != 0,
                           .metadata_known = (flags & METADATA_KNOWN) != 0,
                           .capabilities_known = (flags & CAPABILITIES_KNOWN) != 0,
                           .is_static = (flags & IS_STATIC) != 0,
                           .held_off = (flags & HELD_OFF) != 0};
  wpm_contact_apply(&none, out);
  if (flags & KEY_IN_ID) {
    out->public_key = key_in_id(out->id);
  }
  if (flags > ALL_FLAGS || !wpm_code_to_origin(wpm_unpack_byte(&u), &out->origin)) {
    wpm_unpack_fail(&u);
  }
  unpack_protocols(&u, &look, lists, out);
  unpack_addresses(&u, lists, out);
  if (flags & HAS_NETWORK) {
    unpack_network(&u, lists, out);
  }
  if (flags & HAS_AGENT) {
    out->agent = unpack_word(&u, &look);
    out->protocol_version = unpack_word(&u, &look);
  }
  unpack_rest(&u, (uint32_t)flags, lists, out);
  if (missing) {
    *missing = look.missing;
  } else if (look.missing > 0) {
    wpm_unpack_fail(&u);
  }
  return wpm_unpack_end(&u);
}

/* A word of the row, of which only the number counts. */
static void mark_word(wpm_unpacker *u, uint8_t used[WPM_WORDS_MAX]) {
  uint64_t head = wpm_unpack_varint(u);
  if (head & 1) {
    (void)wpm_unpack_raw(u, (size_t)(head >> 1));
  } else if (head >> 1 < WPM_WORDS_MAX) {
    used[head >> 1] = 1;
  } else {
    wpm_unpack_fail(u);
  }
}

int wpm_codec_mark_words(wpm_bytes id, wpm_bytes row, int64_t place, uint8_t used[WPM_WORDS_MAX]) {
  wpm_unpacker u = wpm_unpack_sealed(row, place ^ wpm_seal_of_id(id));
  wpm_codec_lists lists = {.shards = {NULL, 0}};
  wpm_peer_record record = {.shard_count = 0};
  uint64_t flags = wpm_unpack_varint(&u);
  (void)wpm_unpack_byte(&u);
  for (uint64_t i = wpm_unpack_varint(&u); i > 0 && !u.err; i--) {
    mark_word(&u, used);
  }
  unpack_addresses(&u, &lists, &record);
  if (flags & HAS_NETWORK) {
    unpack_network(&u, &lists, &record);
  }
  if (flags & HAS_AGENT) {
    mark_word(&u, used);
    mark_word(&u, used);
  }
  wpm_codec_lists_fini(&lists);
  return u.err;
}

void wpm_codec_pack_word(wpm_packer *p, wpm_text text, int64_t number) {
  wpm_pack_raw(p, text.data, text.len);
  wpm_pack_seal(p, number);
}

int wpm_codec_enter_word(wpm_bytes row, int64_t number, wpm_words *words) {
  wpm_unpacker u = wpm_unpack_sealed(row, number);
  return u.err ? u.err
               : wpm_words_enter(words, (uint64_t)number,
                                 (wpm_text){(const char *)u.rest.data, u.rest.len});
}

/* ---- tombstones ------------------------------------------------------------------------------ */

int wpm_codec_check_tombstone(const wpm_tombstone *tombstone) {
  return tombstone->id.len <= WPM_PEER_ID_MAX && tombstone->prune_backoff.length_ns >= 0 &&
                 tombstone->ban.length_ns >= 0
             ? WPM_OK
             : WPM_ERR_INVALID;
}

void wpm_codec_pack_tombstone(wpm_packer *p, const wpm_tombstone *tombstone) {
  wpm_pack_wait(p, &tombstone->prune_backoff);
  wpm_pack_wait(p, &tombstone->ban);
  wpm_pack_seal(p, wpm_seal_of_id(tombstone->id));
}

int wpm_codec_unpack_tombstone(wpm_bytes row, wpm_tombstone *out) {
  wpm_unpacker u = wpm_unpack_sealed(row, wpm_seal_of_id(out->id));
  out->prune_backoff = wpm_unpack_wait(&u);
  out->ban = wpm_unpack_wait(&u);
  return wpm_unpack_end(&u);
}

/* ---- bans of ranges ---------------------------------------------------------------------------- */

int wpm_codec_check_range_ban(const wpm_range_ban *ban) {
  return ban->range.bits <= 128 && ban->ban.length_ns >= 0 ? WPM_OK : WPM_ERR_INVALID;
}

void wpm_codec_pack_range_ban(wpm_packer *p, const wpm_range_ban *ban) {
  uint8_t key[WPM_IP_RANGE_KEY];
  wpm_ip_range_key(ban->range.ip, ban->range.bits, key);
  wpm_pack_wait(p, &ban->ban);
  wpm_pack_seal(p, wpm_seal_of_id((wpm_bytes){key, sizeof(key)}));
}

int wpm_codec_unpack_range_ban(wpm_bytes key, wpm_bytes row, wpm_range_ban *out) {
  wpm_unpacker u = wpm_unpack_sealed(row, wpm_seal_of_id(key));
  if (key.len != WPM_IP_RANGE_KEY || key.data[WPM_IP_RANGE_KEY - 1] > 128) {
    return WPM_ERR_INVALID;
  }
  memcpy(out->range.ip, key.data, sizeof(out->range.ip));
  out->range.bits = key.data[WPM_IP_RANGE_KEY - 1];
  out->ban = wpm_unpack_wait(&u);
  return wpm_unpack_end(&u);
}
