#include "proto/enr.h"

#include "base/bytes.h"
#include "base/multiaddr.h"
#include "base/multibase.h"
#include "base/peer_id.h"
#include "proto/keccak.h"
#include "proto/key_codec.h"
#include "proto/rlp.h"

#include <assert.h>

#define TEXT_PREFIX "enr:"

/* Keys that are read, sorted as they stand in a record. */
typedef enum enr_key {
  KEY_ID,
  KEY_IP,
  KEY_IP6,
  KEY_MULTIADDRS,
  KEY_RS,
  KEY_RSV,
  KEY_SECP256K1,
  KEY_TCP,
  KEY_TCP6,
  KEY_UDP,
  KEY_UDP6,
  KEY_WAKU2
} enr_key;
#define KEY_COUNT (KEY_WAKU2 + 1)

#define LITERAL(text)                                                                              \
  { (const uint8_t *)(text), sizeof(text) - 1 }
static const wpm_bytes key_names[KEY_COUNT] = {
    LITERAL("id"),   LITERAL("ip"),  LITERAL("ip6"),       LITERAL("multiaddrs"),
    LITERAL("rs"),   LITERAL("rsv"), LITERAL("secp256k1"), LITERAL("tcp"),
    LITERAL("tcp6"), LITERAL("udp"), LITERAL("udp6"),      LITERAL("waku2")};

/* ---- reading --------------------------------------------------------------------------------- */

/* A record taken apart. */
typedef struct enr_parts {
  wpm_bytes signature;
  wpm_bytes content; /* What is signed, without the list's prefix. */
  uint64_t sequence;
  wpm_rlp_item values[KEY_COUNT]; /* By key; `whole` is empty where the key is missing. */
} enr_parts;

/* Inside the record nothing may end too early: its own length says that it is all there. */
static int inside(int rc) {
  return rc == WPM_OK ? WPM_OK : WPM_ERR_INVALID;
}

static void keep_value(enr_parts *parts, wpm_bytes name, const wpm_rlp_item *value) {
  for (size_t i = 0; i < KEY_COUNT; i++) {
    if (wpm_bytes_equal(name, key_names[i])) {
      parts->values[i] = *value;
    }
  }
}

static int split_pairs(wpm_bytes rest, enr_parts *out) {
  wpm_bytes previous = {0};
  for (bool first = true; rest.len > 0; first = false) {
    wpm_bytes name;
    wpm_rlp_item value;
    if (wpm_rlp_next_string(&rest, &name) != WPM_OK || wpm_rlp_next(&rest, &value) != WPM_OK ||
        (!first && wpm_bytes_compare(previous, name) >= 0)) {
      return WPM_ERR_INVALID;
    }
    keep_value(out, name, &value);
    previous = name;
  }
  return WPM_OK;
}

static int split_record(wpm_bytes record, enr_parts *out) {
  wpm_bytes rest;
  *out = (enr_parts){0};
  int rc = wpm_rlp_next_list(&record, &rest);
  if (rc != WPM_OK) {
    return rc;
  }
  if (record.len > 0) {
    return WPM_ERR_INVALID;
  }
  rc = inside(wpm_rlp_next_string(&rest, &out->signature));
  out->content = rest;
  if (rc == WPM_OK) {
    rc = inside(wpm_rlp_next_number(&rest, UINT64_MAX, &out->sequence));
  }
  return rc == WPM_OK ? split_pairs(rest, out) : rc;
}

/* A byte string. False where the key is missing or has another kind of value. */
static bool string_of(const enr_parts *parts, enr_key key, wpm_bytes *out) {
  const wpm_rlp_item *item = &parts->values[key];
  *out = item->contents;
  return item->whole.len > 0 && !item->is_list;
}

/* The Keccak-256 of what is signed. */
static void hash_content(wpm_bytes content, uint8_t digest[32]) {
  uint8_t whole[WPM_RLP_PREFIX_MAX + WPM_ENR_MAX];
  assert(content.data && content.len <= WPM_ENR_MAX);
  size_t prefix = wpm_rlp_list_prefix(content.len, whole);
  memcpy(whole + prefix, content.data, content.len);
  wpm_keccak256((wpm_bytes){whole, prefix + content.len}, digest);
}

static int verify(wpm_crypto *crypto, const enr_parts *parts, uint8_t key[WPM_SECP256K1_PUBLIC]) {
  wpm_bytes scheme;
  wpm_bytes public_key;
  uint8_t digest[32];
  if (!string_of(parts, KEY_ID, &scheme)) {
    return WPM_ERR_INVALID;
  }
  if (!wpm_bytes_equal(scheme, WPM_BYTES("v4"))) {
    return WPM_ERR_UNSUPPORTED;
  }
  if (!string_of(parts, KEY_SECP256K1, &public_key) || public_key.len != WPM_SECP256K1_PUBLIC) {
    return WPM_ERR_INVALID;
  }
  if (parts->signature.len != WPM_SECP256K1_SIGNATURE) {
    return WPM_ERR_CRYPTO;
  }
  memcpy(key, public_key.data, WPM_SECP256K1_PUBLIC);
  hash_content(parts->content, digest);
  return wpm_secp256k1_verify_digest(crypto, key, digest, parts->signature.data);
}

static int derive_ids(wpm_crypto *crypto, wpm_enr *enr) {
  uint8_t point[64];
  uint8_t encoded[WPM_IDENTITY_PUBLIC_MAX];
  size_t len = 0;
  wpm_key_message key = {WPM_KEY_SECP256K1, {enr->public_key, sizeof enr->public_key}};
  int rc = wpm_secp256k1_point(crypto, enr->public_key, point);
  if (rc == WPM_OK) {
    wpm_keccak256((wpm_bytes){point, sizeof point}, enr->node_id);
    rc = wpm_key_message_write(&key, encoded, sizeof encoded, &len);
  }
  return rc == WPM_OK ? wpm_peer_id_wrap_key((wpm_bytes){encoded, len}, &enr->peer_id) : rc;
}

/* ---- fields ---------------------------------------------------------------------------------- */

static bool missing(const enr_parts *parts, enr_key key) {
  return parts->values[key].whole.len == 0;
}

/* An IP address of `len` bytes. */
static wpm_bytes read_ip(const enr_parts *parts, enr_key key, size_t len, wpm_enr *out) {
  wpm_bytes value;
  if (string_of(parts, key, &value) && value.len == len) {
    return value;
  }
  out->fields_skipped += !missing(parts, key);
  return (wpm_bytes){0};
}

static uint16_t read_port(const enr_parts *parts, enr_key key, wpm_enr *out) {
  wpm_bytes whole = parts->values[key].whole;
  uint64_t port = 0;
  if (!missing(parts, key) && wpm_rlp_next_number(&whole, UINT16_MAX, &port) != WPM_OK) {
    out->fields_skipped++;
  }
  return (uint16_t)port;
}

/* go-waku writes the byte as a number, so that none is 0. */
static void read_capabilities(const enr_parts *parts, wpm_enr *out) {
  wpm_bytes value;
  if (string_of(parts, KEY_WAKU2, &value) && value.len <= 1) {
    out->has_capabilities = true;
    out->capabilities = value.len == 1 ? value.data[0] : 0;
  } else {
    out->fields_skipped += !missing(parts, KEY_WAKU2);
  }
}

static uint16_t read_u16(const uint8_t *bytes) {
  return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* Takes the shards of a bit vector, 0 being the lowest bit of the first byte. */
static void take_shards(const uint8_t vector[WPM_ENR_SHARDS_MAX / 8], uint16_t cluster,
                        wpm_enr *out) {
  out->has_shards = true;
  out->cluster_id = cluster;
  out->shard_count = 0;
  for (unsigned shard = 0; shard < WPM_ENR_SHARDS_MAX; shard++) {
    if (vector[shard / 8] >> (shard % 8) & 1) {
      out->shards[out->shard_count++] = (uint16_t)shard;
    }
  }
}

/* `rs`: cluster, a count, the shards. */
static bool read_shard_list(wpm_bytes value, wpm_enr *out) {
  uint8_t vector[WPM_ENR_SHARDS_MAX / 8] = {0};
  if (value.len < 3 || value.len != 3 + 2 * (size_t)value.data[2]) {
    return false;
  }
  for (size_t i = 3; i < value.len; i += 2) {
    unsigned shard = read_u16(value.data + i);
    if (shard >= WPM_ENR_SHARDS_MAX) {
      return false;
    }
    vector[shard / 8] |= (uint8_t)(1U << (shard % 8));
  }
  take_shards(vector, read_u16(value.data), out);
  return true;
}

/* `rsv`: cluster, a bit for each shard. */
static bool read_shard_vector(wpm_bytes value, wpm_enr *out) {
  if (value.len != 2 + WPM_ENR_SHARDS_MAX / 8) {
    return false;
  }
  take_shards(value.data + 2, read_u16(value.data), out);
  return true;
}

/* Where both are given and good, the list counts (nwaku, go-waku). */
static void read_shards(const enr_parts *parts, wpm_enr *out) {
  wpm_bytes value;
  if (!missing(parts, KEY_RSV) &&
      !(string_of(parts, KEY_RSV, &value) && read_shard_vector(value, out))) {
    out->fields_skipped++;
  }
  if (!missing(parts, KEY_RS) &&
      !(string_of(parts, KEY_RS, &value) && read_shard_list(value, out))) {
    out->fields_skipped++;
  }
}

static void read_fields(const enr_parts *parts, wpm_enr *out) {
  out->sequence = parts->sequence;
  out->ip = read_ip(parts, KEY_IP, 4, out);
  out->ip6 = read_ip(parts, KEY_IP6, 16, out);
  out->tcp = read_port(parts, KEY_TCP, out);
  out->udp = read_port(parts, KEY_UDP, out);
  out->tcp6 = read_port(parts, KEY_TCP6, out);
  out->udp6 = read_port(parts, KEY_UDP6, out);
  read_capabilities(parts, out);
  read_shards(parts, out);
  if (!string_of(parts, KEY_MULTIADDRS, &out->multiaddrs)) {
    out->multiaddrs = (wpm_bytes){0};
    out->fields_skipped += !missing(parts, KEY_MULTIADDRS);
  }
}

int wpm_enr_open(wpm_crypto *crypto, wpm_bytes record, wpm_enr *out) {
  enr_parts parts;
  if (record.len > WPM_ENR_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  int rc = split_record(record, &parts);
  if (rc != WPM_OK) {
    return rc;
  }
  *out = (wpm_enr){0};
  rc = verify(crypto, &parts, out->public_key);
  if (rc == WPM_OK) {
    rc = derive_ids(crypto, out);
  }
  if (rc == WPM_OK) {
    read_fields(&parts, out);
  }
  return rc;
}

/* ---- addresses ------------------------------------------------------------------------------- */

void wpm_enr_addresses_begin(wpm_enr_addresses *walk, const wpm_enr *enr) {
  *walk = (wpm_enr_addresses){.enr = enr, .rest = enr->multiaddrs};
}

/* False where the address is missing, or nobody can be reached by it. */
static bool endpoint(wpm_bytes ip, uint16_t port, wpm_multiaddr *out) {
  static const uint8_t unspecified[16];
  return ip.len > 0 && port != 0 && memcmp(ip.data, unspecified, ip.len) != 0 &&
         wpm_multiaddr_from_tcp(ip, port, out) == WPM_OK;
}

/* Takes the next of `multiaddrs` off: its length in two bytes, then the multiaddr. */
static bool take_multiaddr(wpm_enr_addresses *walk, wpm_bytes *out) {
  if (walk->rest.len < 2 || read_u16(walk->rest.data) > walk->rest.len - 2) {
    walk->skipped += walk->rest.len > 0;
    walk->rest = (wpm_bytes){0};
    return false;
  }
  *out = (wpm_bytes){walk->rest.data + 2, read_u16(walk->rest.data)};
  walk->rest = (wpm_bytes){out->data + out->len, walk->rest.len - 2 - out->len};
  return true;
}

static bool through_relay(wpm_bytes address) {
  wpm_multiaddr_part part;
  while (wpm_multiaddr_next(&address, &part)) {
    if (part.code == WPM_P_P2P_CIRCUIT) {
      return true;
    }
  }
  return false;
}

/* As the peer is dialled: without its own id, or through the relay that it names. */
static bool own_address(const wpm_enr *enr, wpm_bytes whole, wpm_multiaddr *out) {
  static const uint8_t circuit[] = {0xa2, 0x02}; /* WPM_P_P2P_CIRCUIT as a varint. */
  wpm_bytes transport;
  wpm_bytes peer;
  if (wpm_multiaddr_split_peer(whole, &transport, &peer) != WPM_OK || transport.len == 0) {
    return false;
  }
  bool relayed = peer.len > 0 && !wpm_bytes_equal(peer, wpm_peer_id_view(&enr->peer_id));
  if (relayed && through_relay(whole)) {
    return false;
  }
  wpm_bytes kept = relayed ? whole : transport;
  assert(kept.len + sizeof circuit <= sizeof out->bytes);
  memcpy(out->bytes, kept.data, kept.len);
  out->len = (uint16_t)kept.len;
  if (relayed) {
    memcpy(out->bytes + out->len, circuit, sizeof circuit);
    out->len = (uint16_t)(out->len + sizeof circuit);
  }
  return true;
}

bool wpm_enr_addresses_next(wpm_enr_addresses *walk, wpm_multiaddr *out) {
  const wpm_enr *enr = walk->enr;
  wpm_bytes whole;
  if (walk->step == 0) {
    walk->step = 1;
    if (endpoint(enr->ip, enr->tcp, out)) {
      return true;
    }
  }
  if (walk->step == 1) {
    walk->step = 2;
    if (endpoint(enr->ip6, enr->tcp6 != 0 ? enr->tcp6 : enr->tcp, out)) {
      return true;
    }
  }
  while (take_multiaddr(walk, &whole)) {
    if (own_address(enr, whole, out)) {
      return true;
    }
    walk->skipped++;
  }
  return false;
}

/* ---- text ------------------------------------------------------------------------------------ */

int wpm_enr_parse(wpm_text text, uint8_t record[WPM_ENR_MAX], size_t *len) {
  const size_t prefix = sizeof TEXT_PREFIX - 1;
  if (text.len < prefix || memcmp(text.data, TEXT_PREFIX, prefix) != 0) {
    return WPM_ERR_INVALID;
  }
  wpm_text encoded = {text.data + prefix, text.len - prefix};
  int rc = wpm_base64url_decode(encoded, record, WPM_ENR_MAX, len);
  return rc == WPM_ERR_NO_SPACE ? WPM_ERR_TOO_LARGE : rc;
}

int wpm_enr_format(wpm_bytes record, char *out, size_t cap, size_t *len) {
  const size_t prefix = sizeof TEXT_PREFIX - 1;
  size_t encoded = 0;
  if (record.len > WPM_ENR_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  if (cap <= prefix) {
    return WPM_ERR_NO_SPACE;
  }
  int rc = wpm_base64url_encode(record, out + prefix, cap - prefix, &encoded);
  if (rc != WPM_OK) {
    return rc;
  }
  memcpy(out, TEXT_PREFIX, prefix);
  if (len) {
    *len = prefix + encoded;
  }
  return WPM_OK;
}

/* ---- sealing --------------------------------------------------------------------------------- */

/* The longest content: what the signature (66 bytes) and the list's prefix (3) leave. */
#define CONTENT_MAX (WPM_ENR_MAX - 3 - 2 - WPM_SECP256K1_SIGNATURE)

/* A TCP endpoint of ours. */
typedef struct enr_endpoint {
  wpm_bytes address; /* The multiaddr it stands for; empty: none. */
  wpm_bytes host;    /* 4 or 16 bytes. */
  uint16_t port;     /* Never 0 where there is one. */
} enr_endpoint;

/* What a record of ours says. */
typedef struct enr_draft {
  uint64_t sequence;
  wpm_bytes public_key; /* Compressed. */
  enr_endpoint v4;
  enr_endpoint v6;
  uint8_t multiaddrs[CONTENT_MAX]; /* As the field's value. */
  size_t multiaddrs_len;
} enr_draft;

static int add_pair(wpm_buffer *out, enr_key key, wpm_bytes value) {
  int rc = wpm_rlp_write_string(out, key_names[key]);
  return rc == WPM_OK ? wpm_rlp_write_string(out, value) : rc;
}

static int add_port(wpm_buffer *out, enr_key key, uint16_t port) {
  int rc = wpm_rlp_write_string(out, key_names[key]);
  return rc == WPM_OK ? wpm_rlp_write_number(out, port) : rc;
}

/* Writes the content anew. WPM_ERR_FULL: it does not fit. */
static int write_content(const enr_draft *draft, wpm_buffer *out) {
  wpm_buffer_clear(out);
  int rc = wpm_rlp_write_number(out, draft->sequence);
  if (rc == WPM_OK) {
    rc = add_pair(out, KEY_ID, WPM_BYTES("v4"));
  }
  if (rc == WPM_OK && draft->v4.port != 0) {
    rc = add_pair(out, KEY_IP, draft->v4.host);
  }
  if (rc == WPM_OK && draft->v6.port != 0) {
    rc = add_pair(out, KEY_IP6, draft->v6.host);
  }
  if (rc == WPM_OK && draft->multiaddrs_len > 0) {
    rc = add_pair(out, KEY_MULTIADDRS, (wpm_bytes){draft->multiaddrs, draft->multiaddrs_len});
  }
  if (rc == WPM_OK) {
    rc = add_pair(out, KEY_SECP256K1, draft->public_key);
  }
  if (rc == WPM_OK && draft->v4.port != 0) {
    rc = add_port(out, KEY_TCP, draft->v4.port);
  }
  if (rc == WPM_OK && draft->v6.port != 0) {
    rc = add_port(out, KEY_TCP6, draft->v6.port);
  }
  return rc;
}

/* Gives `address` the place of its IP version if it is the first plain TCP address of it. */
static void take_endpoint(enr_draft *draft, wpm_bytes address) {
  wpm_tcp_target target;
  if (wpm_multiaddr_tcp_target(address, &target) != WPM_OK || target.zone.len > 0 ||
      target.port == 0) {
    return;
  }
  enr_endpoint found = {address, target.host, target.port};
  if (target.host_code == WPM_P_IP4 && draft->v4.port == 0) {
    draft->v4 = found;
  } else if (target.host_code == WPM_P_IP6 && draft->v6.port == 0) {
    draft->v6 = found;
  }
}

/* Adds `address` to `multiaddrs`, unless the record then gets too long. */
static int add_multiaddr(enr_draft *draft, wpm_bytes address, wpm_buffer *content) {
  size_t before = draft->multiaddrs_len;
  if (address.len > sizeof draft->multiaddrs - before ||
      sizeof draft->multiaddrs - before - address.len < 2) {
    return WPM_OK;
  }
  uint8_t *at = draft->multiaddrs + before;
  at[0] = (uint8_t)(address.len >> 8);
  at[1] = (uint8_t)address.len;
  memcpy(at + 2, address.data, address.len);
  draft->multiaddrs_len += 2 + address.len;
  int rc = write_content(draft, content);
  if (rc == WPM_ERR_FULL) {
    draft->multiaddrs_len = before;
    rc = WPM_OK;
  }
  return rc;
}

/* Endpoints first, so that the room they need is not given away. */
static int draft_addresses(enr_draft *draft, const wpm_bytes *addresses, size_t count,
                           wpm_buffer *content) {
  int rc = WPM_OK;
  for (size_t i = 0; i < count; i++) {
    take_endpoint(draft, addresses[i]);
  }
  for (size_t i = 0; i < count && rc == WPM_OK; i++) {
    wpm_bytes transport;
    wpm_bytes peer;
    bool placed = wpm_bytes_equal(addresses[i], draft->v4.address) ||
                  wpm_bytes_equal(addresses[i], draft->v6.address);
    if (!placed && wpm_multiaddr_split_peer(addresses[i], &transport, &peer) == WPM_OK &&
        transport.len > 0) {
      rc = add_multiaddr(draft, transport, content);
    }
  }
  return rc == WPM_OK ? write_content(draft, content) : rc;
}

/* Puts signature and content together. */
static int sign_content(wpm_crypto *crypto, const wpm_identity *identity, wpm_bytes content,
                        uint8_t out[WPM_ENR_MAX], size_t *len) {
  uint8_t digest[32];
  uint8_t signature[2 + WPM_SECP256K1_SIGNATURE] = {0xb8, WPM_SECP256K1_SIGNATURE};
  uint8_t prefix[WPM_RLP_PREFIX_MAX];
  hash_content(content, digest);
  int rc = wpm_identity_sign_digest(crypto, identity, digest, signature + 2);
  if (rc != WPM_OK) {
    return rc;
  }
  size_t prefix_len = wpm_rlp_list_prefix(sizeof signature + content.len, prefix);
  assert(prefix_len + sizeof signature + content.len <= WPM_ENR_MAX);
  memcpy(out, prefix, prefix_len);
  memcpy(out + prefix_len, signature, sizeof signature);
  memcpy(out + prefix_len + sizeof signature, content.data, content.len);
  *len = prefix_len + sizeof signature + content.len;
  return WPM_OK;
}

int wpm_enr_seal(wpm_crypto *crypto, const wpm_identity *identity, uint64_t sequence,
                 const wpm_bytes *addresses, size_t address_count, uint8_t out[WPM_ENR_MAX],
                 size_t *len) {
  wpm_key_message key;
  wpm_buffer content;
  if (identity->type != WPM_KEY_SECP256K1) {
    return WPM_ERR_UNSUPPORTED;
  }
  int rc = wpm_public_key_message_read((wpm_bytes){identity->public_key, identity->public_key_len},
                                       &key);
  if (rc != WPM_OK) {
    return WPM_ERR_CRYPTO;
  }
  enr_draft draft = {.sequence = sequence, .public_key = key.data};
  wpm_buffer_init(&content, CONTENT_MAX);
  rc = draft_addresses(&draft, addresses, address_count, &content);
  if (rc == WPM_OK) {
    rc = sign_content(crypto, identity, wpm_buffer_view(&content), out, len);
  }
  wpm_buffer_fini(&content);
  return rc;
}
