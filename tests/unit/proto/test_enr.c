/* enr.h: EIP-778's example, records of nwaku's and go-waku's tests, records that go-waku made, our own,
 * and what must be refused or left out. */
#include "support/test.h"

#include "base/buffer.h"
#include "base/bytes.h"
#include "proto/enr.h"
#include "proto/keccak.h"
#include "proto/rlp.h"
#include "support/alloc_fail.h"
#include "support/vectors.h"

#include <inttypes.h>
#include <stdio.h>

static wpm_crypto *crypto;

/* ---- building by hand ------------------------------------------------------------------------ */

static wpm_buffer content; /* Of the record being built. */

static void put_string(wpm_bytes value) {
  assert_int_equal(wpm_rlp_write_string(&content, value), WPM_OK);
}

static void put_pair(const char *key, wpm_bytes value) {
  put_string((wpm_bytes){(const uint8_t *)key, strlen(key)});
  put_string(value);
}

/* A value that is not a plain string. */
static void put_raw(const char *key, wpm_bytes item) {
  put_string((wpm_bytes){(const uint8_t *)key, strlen(key)});
  assert_int_equal(wpm_buffer_append(&content, item.data, item.len), WPM_OK);
}

static wpm_identity identity_of(wpm_key_type type, uint8_t last) {
  uint8_t secret[32] = {[31] = last};
  wpm_identity identity;
  assert_int_equal(wpm_identity_init(crypto, type, secret, &identity), WPM_OK);
  return identity;
}

/* The compressed key: what the PublicKey protobuf ends with. */
static wpm_bytes key_of(const wpm_identity *identity) {
  return (wpm_bytes){identity->public_key + identity->public_key_len - WPM_SECP256K1_PUBLIC,
                     WPM_SECP256K1_PUBLIC};
}

static void begin(void) {
  wpm_buffer_clear(&content);
  assert_int_equal(wpm_rlp_write_number(&content, 1), WPM_OK);
}

/* A record around `content`, however wrong that is. */
typedef struct record {
  uint8_t bytes[1000];
  size_t len;
} record;

static void put_list(record *out, const uint8_t *signature, size_t signature_len) {
  wpm_buffer whole;
  uint8_t prefix[WPM_RLP_PREFIX_MAX];
  wpm_bytes signed_part = wpm_buffer_view(&content);
  wpm_buffer_init(&whole, sizeof out->bytes);
  assert_int_equal(wpm_rlp_write_string(&whole, (wpm_bytes){signature, signature_len}), WPM_OK);
  assert_int_equal(wpm_buffer_append(&whole, signed_part.data, signed_part.len), WPM_OK);
  size_t prefix_len = wpm_rlp_list_prefix(wpm_buffer_size(&whole), prefix);
  assert_true(prefix_len + wpm_buffer_size(&whole) <= sizeof out->bytes);
  memcpy(out->bytes, prefix, prefix_len);
  memcpy(out->bytes + prefix_len, wpm_buffer_view(&whole).data, wpm_buffer_size(&whole));
  out->len = prefix_len + wpm_buffer_size(&whole);
  wpm_buffer_fini(&whole);
}

static void sign(const wpm_identity *identity, record *out) {
  uint8_t to_hash[sizeof out->bytes];
  uint8_t digest[32];
  uint8_t signature[WPM_SECP256K1_SIGNATURE];
  wpm_bytes signed_part = wpm_buffer_view(&content);
  size_t prefix = wpm_rlp_list_prefix(signed_part.len, to_hash);
  assert_true(prefix + signed_part.len <= sizeof to_hash);
  memcpy(to_hash + prefix, signed_part.data, signed_part.len);
  wpm_keccak256((wpm_bytes){to_hash, prefix + signed_part.len}, digest);
  assert_int_equal(wpm_identity_sign_digest(crypto, identity, digest, signature), WPM_OK);
  put_list(out, signature, sizeof signature);
}

/* Opens what sign made. */
static int open_signed(const wpm_identity *identity, wpm_enr *out) {
  static record made; /* Views of *out lead into it. */
  sign(identity, &made);
  return wpm_enr_open(crypto, (wpm_bytes){made.bytes, made.len}, out);
}

/* ---- real records ---------------------------------------------------------------------------- */

/* A line of enr.txt. */
enum { TEXT, SEQUENCE, NODE_ID, PEER_ID, CAPABILITIES, SHARDS, ADDRESSES, FIELDS };

static void append(char *out, size_t cap, const char *more) {
  size_t len = strlen(out);
  assert_true(snprintf(out + len, cap - len, "%s", more) < (int)(cap - len));
}

static void shards_text(const wpm_enr *enr, char *out, size_t cap) {
  char number[16];
  out[0] = '\0';
  if (!enr->has_shards) {
    append(out, cap, "-");
    return;
  }
  (void)snprintf(number, sizeof number, "%u:", enr->cluster_id);
  append(out, cap, number);
  for (size_t i = 0; i < enr->shard_count; i++) {
    (void)snprintf(number, sizeof number, "%s%u", i > 0 ? "," : "", enr->shards[i]);
    append(out, cap, number);
  }
}

/* Returns how many were skipped. */
static size_t addresses_text(const wpm_enr *enr, char *out, size_t cap) {
  wpm_enr_addresses walk;
  wpm_multiaddr address;
  char text[WPM_MULTIADDR_TEXT];
  out[0] = '\0';
  wpm_enr_addresses_begin(&walk, enr);
  while (wpm_enr_addresses_next(&walk, &address)) {
    wpm_bytes view = wpm_multiaddr_view(&address);
    assert_int_equal(wpm_multiaddr_check(view), WPM_OK);
    assert_int_equal(wpm_multiaddr_format(view, text, sizeof text, NULL, NULL), WPM_OK);
    append(out, cap, out[0] ? "," : "");
    append(out, cap, text);
  }
  assert_false(wpm_enr_addresses_next(&walk, &address));
  append(out, cap, out[0] ? "" : "-");
  return walk.skipped;
}

static void check_record(const wpm_enr *enr, char **fields) {
  char text[8192];
  (void)snprintf(text, sizeof text, "%" PRIu64, enr->sequence);
  assert_string_equal(text, fields[SEQUENCE]);
  wpm_test_bytes node_id = wpm_test_hex(fields[NODE_ID]);
  assert_int_equal(node_id.len, sizeof enr->node_id);
  assert_memory_equal(enr->node_id, node_id.data, node_id.len);
  free(node_id.data);
  assert_int_equal(wpm_peer_id_format(wpm_peer_id_view(&enr->peer_id), text, sizeof text, NULL),
                   WPM_OK);
  assert_string_equal(text, fields[PEER_ID]);
  (void)snprintf(text, sizeof text, "%u", enr->capabilities);
  assert_string_equal(enr->has_capabilities ? text : "-", fields[CAPABILITIES]);
  shards_text(enr, text, sizeof text);
  assert_string_equal(text, fields[SHARDS]);
  assert_int_equal(addresses_text(enr, text, sizeof text), 0);
  assert_string_equal(text, fields[ADDRESSES]);
  assert_int_equal(enr->fields_skipped, 0);
}

/* The text of a record is one: written again it is the same. */
static size_t read_text(const char *text, uint8_t out[WPM_ENR_MAX]) {
  char again[WPM_ENR_TEXT];
  size_t len = 0;
  size_t text_len = 0;
  assert_int_equal(wpm_enr_parse(wpm_text_of(text), out, &len), WPM_OK);
  assert_int_equal(wpm_enr_format((wpm_bytes){out, len}, again, sizeof again, &text_len), WPM_OK);
  assert_string_equal(again, text);
  assert_int_equal(text_len, strlen(text));
  return len;
}

static void test_real_records(void **state) {
  (void)state;
  FILE *file = wpm_test_open(WPM_TEST_DATA("enr.txt"));
  char *line = NULL;
  char *fields[FIELDS];
  size_t count = 0;
  while (wpm_test_fields(file, &line, fields, FIELDS) == FIELDS) {
    uint8_t bytes[WPM_ENR_MAX];
    wpm_enr enr;
    size_t len = read_text(fields[TEXT], bytes);
    assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){bytes, len}, &enr), WPM_OK);
    check_record(&enr, fields);
    count++;
  }
  assert_int_equal(count, 8);
  free(line);
  fclose(file);
}

/* No bit of a record may be changed, and none of its bytes be missing or added. */
static void test_damage(void **state) {
  (void)state;
  FILE *file = wpm_test_open(WPM_TEST_DATA("enr.txt"));
  char *line = NULL;
  char *fields[FIELDS];
  while (wpm_test_fields(file, &line, fields, FIELDS) == FIELDS) {
    uint8_t bytes[WPM_ENR_MAX];
    wpm_enr enr;
    size_t len = read_text(fields[TEXT], bytes);
    for (size_t at = 0; at < len; at++) {
      uint8_t *cut = malloc(at > 0 ? at : 1);
      assert_non_null(cut);
      memcpy(cut, bytes, at);
      assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){cut, at}, &enr), WPM_ERR_TRUNCATED);
      free(cut);
      uint8_t bit = (uint8_t)(1U << at % 8);
      bytes[at] ^= bit;
      assert_int_not_equal(wpm_enr_open(crypto, (wpm_bytes){bytes, len}, &enr), WPM_OK);
      bytes[at] ^= bit;
    }
    if (len < sizeof bytes) {
      bytes[len] = 0;
      assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){bytes, len + 1}, &enr), WPM_ERR_INVALID);
    }
  }
  free(line);
  fclose(file);
}

static void test_example_fields(void **state) {
  (void)state;
  uint8_t bytes[WPM_ENR_MAX];
  wpm_enr enr;
  size_t len =
      read_text("enr:-IS4QHCYrYZbAKWCBRlAy5zzaDZXJBGkcnh4MHcBFZntXNFrdvJjX04jRzjzCBOonrkTfj"
                "499SZuOh8R33Ls8RRcy5wBgmlkgnY0gmlwhH8AAAGJc2VjcDI1NmsxoQPKY0yuDUmstAHYpMa2"
                "_oxVtw0RW_QAdpzBQA8yWM0xOIN1ZHCCdl8",
                bytes);
  assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){bytes, len}, &enr), WPM_OK);
  assert_true(wpm_bytes_equal(enr.ip, WPM_BYTES("\x7f\x00\x00\x01")));
  assert_int_equal(enr.udp, 30303);
  assert_int_equal(enr.tcp, 0);
  assert_int_equal(enr.ip6.len, 0);
  assert_int_equal(enr.multiaddrs.len, 0);
}

/* ---- the record as a whole ------------------------------------------------------------------- */

static void test_scheme(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  wpm_enr enr;
  begin();
  put_pair("id", WPM_BYTES("v5"));
  put_pair("secp256k1", key_of(&identity));
  assert_int_equal(open_signed(&identity, &enr), WPM_ERR_UNSUPPORTED);
  begin();
  put_pair("secp256k1", key_of(&identity));
  assert_int_equal(open_signed(&identity, &enr), WPM_ERR_INVALID);
  begin();
  put_pair("id", WPM_BYTES("v4"));
  assert_int_equal(open_signed(&identity, &enr), WPM_ERR_INVALID);
  put_pair("secp256k1", WPM_BYTES("\x02"));
  assert_int_equal(open_signed(&identity, &enr), WPM_ERR_INVALID);
  begin();
  put_pair("id", WPM_BYTES("v4"));
  uint8_t no_point[WPM_SECP256K1_PUBLIC] = {2};
  put_pair("secp256k1", (wpm_bytes){no_point, sizeof no_point});
  assert_int_equal(open_signed(&identity, &enr), WPM_ERR_INVALID);
  begin();
  put_pair("id", WPM_BYTES("v4"));
  put_pair("secp256k1", key_of(&identity));
  assert_int_equal(open_signed(&identity, &enr), WPM_OK);
  wpm_identity other = identity_of(WPM_KEY_SECP256K1, 6);
  assert_int_equal(open_signed(&other, &enr), WPM_ERR_CRYPTO);
}

static void test_signature_length(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  wpm_enr enr;
  record made;
  static const uint8_t signature[65] = {1};
  begin();
  put_pair("id", WPM_BYTES("v4"));
  put_pair("secp256k1", key_of(&identity));
  for (size_t len = 0; len <= sizeof signature; len++) {
    put_list(&made, signature, len);
    assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){made.bytes, made.len}, &enr), WPM_ERR_CRYPTO);
  }
}

static void test_keys(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  wpm_enr enr;
  begin(); /* Not sorted. */
  put_pair("secp256k1", key_of(&identity));
  put_pair("id", WPM_BYTES("v4"));
  assert_int_equal(open_signed(&identity, &enr), WPM_ERR_INVALID);
  begin(); /* Twice. */
  put_pair("id", WPM_BYTES("v4"));
  put_pair("secp256k1", key_of(&identity));
  put_pair("x", WPM_BYTES("1"));
  put_pair("x", WPM_BYTES("1"));
  assert_int_equal(open_signed(&identity, &enr), WPM_ERR_INVALID);
  begin(); /* Without its value. */
  put_pair("id", WPM_BYTES("v4"));
  put_pair("secp256k1", key_of(&identity));
  put_string(WPM_BYTES("x"));
  assert_int_equal(open_signed(&identity, &enr), WPM_ERR_INVALID);
  begin(); /* A list for a key. */
  put_pair("id", WPM_BYTES("v4"));
  put_pair("secp256k1", key_of(&identity));
  assert_int_equal(wpm_buffer_append(&content, "\xc0\x01", 2), WPM_OK);
  assert_int_equal(open_signed(&identity, &enr), WPM_ERR_INVALID);
  begin(); /* Unknown keys, the empty one too, with values of any kind. */
  put_pair("", WPM_BYTES(""));
  put_raw("eth", WPM_BYTES("\xc3\xc2\x01\x02"));
  put_pair("id", WPM_BYTES("v4"));
  put_pair("secp256k1", key_of(&identity));
  put_raw("z", WPM_BYTES("\xc0"));
  assert_int_equal(open_signed(&identity, &enr), WPM_OK);
  assert_int_equal(enr.fields_skipped, 0);
}

static void test_sequence(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  wpm_enr enr;
  static const struct {
    wpm_bytes item;
    int rc;
    uint64_t sequence;
  } cases[] = {
      {{(const uint8_t *)"\x80", 1}, WPM_OK, 0},
      {{(const uint8_t *)"\x88\xff\xff\xff\xff\xff\xff\xff\xff", 9}, WPM_OK, UINT64_MAX},
      {{(const uint8_t *)"\x89\x01\xff\xff\xff\xff\xff\xff\xff\xff", 10}, WPM_ERR_INVALID, 0},
      {{(const uint8_t *)"\x00", 1}, WPM_ERR_INVALID, 0},
      {{(const uint8_t *)"\xc0", 1}, WPM_ERR_INVALID, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    wpm_buffer_clear(&content);
    assert_int_equal(wpm_buffer_append(&content, cases[i].item.data, cases[i].item.len), WPM_OK);
    put_pair("id", WPM_BYTES("v4"));
    put_pair("secp256k1", key_of(&identity));
    assert_int_equal(open_signed(&identity, &enr), cases[i].rc);
    assert_true(cases[i].rc != WPM_OK || enr.sequence == cases[i].sequence);
  }
}

/* Exactly 300 bytes are read, one more is not. */
static void test_size(void **state) {
  (void)state;
  static const uint8_t filling[300];
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  wpm_enr enr;
  record made;
  size_t at_limit = 0;
  for (size_t len = 100; len < 200; len++) {
    begin();
    put_pair("id", WPM_BYTES("v4"));
    put_pair("secp256k1", key_of(&identity));
    put_pair("x", (wpm_bytes){filling, len});
    sign(&identity, &made);
    at_limit += made.len == WPM_ENR_MAX;
    assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){made.bytes, made.len}, &enr),
                     made.len <= WPM_ENR_MAX ? WPM_OK : WPM_ERR_TOO_LARGE);
  }
  assert_int_equal(at_limit, 1);
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* Known keys whose values are not what they must be count as missing, each for itself. */
static void test_malformed_fields(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  wpm_enr enr;
  begin();
  put_pair("id", WPM_BYTES("v4"));
  put_pair("ip", WPM_BYTES("\x7f\x00\x00"));
  put_raw("ip6", WPM_BYTES("\xc0"));
  put_raw("multiaddrs", WPM_BYTES("\xc0"));
  put_pair("rs", WPM_BYTES("\x00\x01\x02\x00\x01"));
  put_pair("rsv", WPM_BYTES("\x00\x01\x02"));
  put_pair("secp256k1", key_of(&identity));
  put_raw("tcp", WPM_BYTES("\x82\x00\x50"));
  put_raw("tcp6", WPM_BYTES("\x83\x01\x00\x00"));
  put_raw("udp", WPM_BYTES("\xc1\x50"));
  put_pair("udp6", WPM_BYTES("\x50"));
  put_pair("waku2", WPM_BYTES("\x01\x01"));
  assert_int_equal(open_signed(&identity, &enr), WPM_OK);
  assert_int_equal(enr.fields_skipped, 9);
  assert_int_equal(enr.udp6, 0x50);
  assert_int_equal(enr.ip.len + enr.ip6.len + enr.multiaddrs.len, 0);
  assert_int_equal(enr.tcp + enr.tcp6 + enr.udp, 0);
  assert_false(enr.has_shards || enr.has_capabilities);
}

static void test_shards(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  uint8_t vector[130] = {0, 7, [2] = 1, [129] = 0x80};
  wpm_enr enr;
  static const struct {
    wpm_bytes rs;
    const char *expected;
    size_t skipped;
  } cases[] = {
      {{(const uint8_t *)"\x00\x16\x03\x00\x05\x00\x01\x00\x05", 9}, "22:1,5", 0},
      {{(const uint8_t *)"\x00\x16\x00", 3}, "22:", 0},
      {{(const uint8_t *)"\x00\x16\x01\x03\xff", 5}, "22:1023", 0},
      /* Shard 1024 is none: the vector counts. */
      {{(const uint8_t *)"\x00\x16\x01\x04\x00", 5}, "7:0,1023", 1},
      {{(const uint8_t *)"\x00\x16", 2}, "7:0,1023", 1},
      {{0}, "7:0,1023", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[200];
    begin();
    put_pair("id", WPM_BYTES("v4"));
    if (cases[i].rs.len > 0) {
      put_pair("rs", cases[i].rs);
    }
    put_pair("rsv", (wpm_bytes){vector, sizeof vector});
    put_pair("secp256k1", key_of(&identity));
    assert_int_equal(open_signed(&identity, &enr), WPM_OK);
    shards_text(&enr, text, sizeof text);
    assert_string_equal(text, cases[i].expected);
    assert_int_equal(enr.fields_skipped, cases[i].skipped);
  }
}

/* ---- addresses ------------------------------------------------------------------------------- */

static const uint8_t ip6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};

static void test_endpoints(void **state) {
  (void)state;
  static const uint8_t ip4[4] = {192, 0, 2, 1};
  static const uint8_t zero[16];
  static const struct {
    const uint8_t *ip; /* NULL: missing. */
    const uint8_t *ip6;
    uint16_t tcp;
    uint16_t tcp6;
    const char *expected;
  } cases[] = {
      {ip4, ip6, 80, 81, "/ip4/192.0.2.1/tcp/80,/ip6/2001:db8::1/tcp/81"},
      {ip4, ip6, 80, 0, "/ip4/192.0.2.1/tcp/80,/ip6/2001:db8::1/tcp/80"}, /* One for both. */
      {ip4, ip6, 0, 81, "/ip6/2001:db8::1/tcp/81"},
      {ip4, NULL, 80, 81, "/ip4/192.0.2.1/tcp/80"},
      {zero, zero, 80, 81, "-"},
      {NULL, NULL, 80, 81, "-"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    wpm_enr enr = {.ip = {cases[i].ip, cases[i].ip ? 4 : 0},
                   .ip6 = {cases[i].ip6, cases[i].ip6 ? 16 : 0},
                   .tcp = cases[i].tcp,
                   .tcp6 = cases[i].tcp6};
    char text[200];
    assert_int_equal(addresses_text(&enr, text, sizeof text), 0);
    assert_string_equal(text, cases[i].expected);
  }
}

/* Appends to the value of `multiaddrs`. */
static void put_multiaddr(wpm_buffer *out, wpm_bytes address) {
  uint8_t len[2] = {(uint8_t)(address.len >> 8), (uint8_t)address.len};
  assert_int_equal(wpm_buffer_append(out, len, 2), WPM_OK);
  assert_int_equal(wpm_buffer_append(out, address.data, address.len), WPM_OK);
}

static wpm_multiaddr address_of(const char *text) {
  wpm_multiaddr address;
  assert_int_equal(wpm_multiaddr_parse(wpm_text_of(text), &address, NULL), WPM_OK);
  return address;
}

static wpm_multiaddr with_peer(wpm_multiaddr address, const wpm_identity *of) {
  wpm_multiaddr out;
  assert_int_equal(
      wpm_multiaddr_with_peer(wpm_multiaddr_view(&address), wpm_peer_id_view(&of->peer_id), &out),
      WPM_OK);
  return out;
}

#define RELAY "/ip4/192.0.2.9/tcp/1/p2p/16Uiu2HAmDQugwDHM3YeUp86iGjrUvbdw3JPRgikC7YoGBsT2ymMg"

static void test_multiaddrs(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  wpm_identity other = identity_of(WPM_KEY_SECP256K1, 6);
  wpm_buffer field;
  wpm_buffer_init(&field, 1000);
  wpm_multiaddr addresses[] = {
      address_of("/dns4/node.example/tcp/443/wss"),
      with_peer(address_of("/ip4/192.0.2.1/tcp/80/ws"), &identity),
      address_of(RELAY),                /* As go-waku writes a relayed address. */
      address_of(RELAY "/p2p-circuit"), /* As it is. */
      with_peer(address_of(RELAY "/p2p-circuit"), &identity),
      with_peer(address_of(RELAY "/p2p-circuit"), &other), /* Another peer's. */
      with_peer((wpm_multiaddr){0}, &identity),            /* No address. */
  };
  for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
    put_multiaddr(&field, wpm_multiaddr_view(&addresses[i]));
  }
  put_multiaddr(&field, WPM_BYTES(""));
  put_multiaddr(&field, WPM_BYTES("\xff\xff\x7f")); /* Of an unknown protocol. */
  put_multiaddr(&field, WPM_BYTES("\x04\x7f\x00\x00\x01\x06\x00\x50"));
  assert_int_equal(wpm_buffer_append(&field, "\x00\x08\x04", 3), WPM_OK); /* Cut off. */
  wpm_enr enr = {.multiaddrs = wpm_buffer_view(&field), .peer_id = identity.peer_id};
  char text[2000];
  assert_int_equal(addresses_text(&enr, text, sizeof text), 5);
  assert_string_equal(text, "/dns4/node.example/tcp/443/wss,/ip4/192.0.2.1/tcp/80/ws," RELAY
                            "/p2p-circuit," RELAY "/p2p-circuit," RELAY
                            "/p2p-circuit,/ip4/127.0.0.1/tcp/80");
  enr.multiaddrs.len = 1;
  assert_int_equal(addresses_text(&enr, text, sizeof text), 1);
  assert_string_equal(text, "-");
  wpm_buffer_fini(&field);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void test_text(void **state) {
  (void)state;
  uint8_t bytes[WPM_ENR_MAX];
  char text[WPM_ENR_TEXT];
  char longer[1000];
  size_t len = 0;
  static const char *const refused[] = {
      "", "enr", "ENR:-IS4", "enr:-IS=", "enr:+IS4", "enr: IS4", "enr:-IS4Q", "-IS4"};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
    assert_int_equal(wpm_enr_parse(wpm_text_of(refused[i]), bytes, &len), WPM_ERR_INVALID);
  }
  assert_int_equal(wpm_enr_parse(WPM_TEXT("enr:"), bytes, &len), WPM_OK);
  assert_int_equal(len, 0);
  memset(longer, 'A', sizeof longer);
  memcpy(longer, "enr:", 4);
  assert_int_equal(wpm_enr_parse((wpm_text){longer, 404}, bytes, &len), WPM_OK);
  assert_int_equal(len, WPM_ENR_MAX);
  assert_int_equal(wpm_enr_format((wpm_bytes){bytes, len}, text, sizeof text, NULL), WPM_OK);
  assert_memory_equal(text, longer, 404);
  assert_int_equal(wpm_enr_format((wpm_bytes){bytes, len}, text, sizeof text - 1, NULL),
                   WPM_ERR_NO_SPACE);
  assert_int_equal(wpm_enr_format((wpm_bytes){bytes, len}, text, 4, NULL), WPM_ERR_NO_SPACE);
  assert_int_equal(wpm_enr_format((wpm_bytes){(uint8_t *)longer, 301}, text, sizeof text, NULL),
                   WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_enr_parse((wpm_text){longer, 408}, bytes, &len), WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_enr_parse((wpm_text){longer, sizeof longer}, bytes, &len),
                   WPM_ERR_TOO_LARGE);
}

/* ---- our own --------------------------------------------------------------------------------- */

static int seal_texts(const wpm_identity *identity, const char *const *texts, size_t count,
                      uint8_t out[WPM_ENR_MAX], size_t *len) {
  static wpm_multiaddr parsed[40];
  wpm_bytes addresses[40];
  assert_true(count <= 40);
  for (size_t i = 0; i < count; i++) {
    parsed[i] = address_of(texts[i]);
    addresses[i] = wpm_multiaddr_view(&parsed[i]);
  }
  return wpm_enr_seal(crypto, identity, UINT64_C(1700000000123), addresses, count, out, len);
}

static void test_seal(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  static const char *const texts[] = {
      "/dns4/node.example/tcp/443/wss", "/ip4/192.0.2.1/tcp/0",     "/ip4/192.0.2.1/tcp/60000",
      "/ip4/192.0.2.2/tcp/60000",       "/ip4/192.0.2.1/tcp/60000", "/ip6/2001:db8::1/tcp/60001",
      "/ip4/192.0.2.1/tcp/8000/ws"};
  uint8_t out[WPM_ENR_MAX];
  size_t len = 0;
  wpm_enr enr;
  char text[1000];
  assert_int_equal(seal_texts(&identity, texts, 7, out, &len), WPM_OK);
  assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){out, len}, &enr), WPM_OK);
  assert_true(enr.sequence == UINT64_C(1700000000123));
  assert_true(wpm_bytes_equal(wpm_peer_id_view(&enr.peer_id), wpm_peer_id_view(&identity.peer_id)));
  assert_int_equal(addresses_text(&enr, text, sizeof text), 0);
  assert_string_equal(text, "/ip4/192.0.2.1/tcp/60000,/ip6/2001:db8::1/tcp/60001,"
                            "/dns4/node.example/tcp/443/wss,/ip4/192.0.2.1/tcp/0,"
                            "/ip4/192.0.2.2/tcp/60000,/ip4/192.0.2.1/tcp/8000/ws");
  assert_false(enr.has_capabilities || enr.has_shards);
  assert_int_equal(enr.fields_skipped, 0);
  /* Nothing to say but who we are. */
  assert_int_equal(wpm_enr_seal(crypto, &identity, 0, NULL, 0, out, &len), WPM_OK);
  assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){out, len}, &enr), WPM_OK);
  assert_int_equal(addresses_text(&enr, text, sizeof text), 0);
  assert_string_equal(text, "-");
  wpm_identity ed25519 = identity_of(WPM_KEY_ED25519, 5);
  assert_int_equal(wpm_enr_seal(crypto, &ed25519, 0, NULL, 0, out, &len), WPM_ERR_UNSUPPORTED);
}

/* Addresses that do not fit are left out, shorter ones behind them are not, and the endpoints are
 * never crowded out. */
static void test_seal_fits(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  char names[12][40];
  const char *texts[16] = {0};
  size_t count = 0;
  for (; count < 12; count++) {
    (void)snprintf(names[count], sizeof names[count], "/dns4/node-%02zu.example/tcp/443/wss",
                   count);
    texts[count] = names[count];
  }
  texts[count++] = "/ip4/192.0.2.9/tcp/1/ws";
  texts[count++] = "/ip4/192.0.2.1/tcp/60000";
  texts[count++] = "/ip6/2001:db8::1/tcp/60001";
  uint8_t out[WPM_ENR_MAX];
  size_t len = 0;
  wpm_enr enr;
  char text[1000];
  assert_int_equal(seal_texts(&identity, texts, count, out, &len), WPM_OK);
  assert_true(len <= WPM_ENR_MAX);
  assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){out, len}, &enr), WPM_OK);
  assert_int_equal(addresses_text(&enr, text, sizeof text), 0);
  assert_string_equal(text, "/ip4/192.0.2.1/tcp/60000,/ip6/2001:db8::1/tcp/60001,"
                            "/dns4/node-00.example/tcp/443/wss,/dns4/node-01.example/tcp/443/wss,"
                            "/dns4/node-02.example/tcp/443/wss,/dns4/node-03.example/tcp/443/wss,"
                            "/ip4/192.0.2.9/tcp/1/ws");
}

/* An address of each length: kept as long as the record has at most 300 bytes, and up to there. */
static void test_seal_limit(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  size_t longest = 0;
  bool kept_before = true;
  for (size_t name_len = 1; name_len < 240; name_len++) {
    char name[300] = "/dns4/";
    for (size_t i = 0; i < name_len; i++) {
      append(name, sizeof name, i % 50 == 49 && i + 1 < name_len ? "." : "a");
    }
    append(name, sizeof name, "/tcp/1");
    const char *one = name;
    uint8_t out[WPM_ENR_MAX];
    size_t len = 0;
    wpm_enr enr;
    char text[400];
    assert_int_equal(seal_texts(&identity, &one, 1, out, &len), WPM_OK);
    assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){out, len}, &enr), WPM_OK);
    assert_int_equal(addresses_text(&enr, text, sizeof text), 0);
    bool kept = strcmp(text, "-") != 0;
    assert_string_equal(text, kept ? name : "-");
    assert_false(kept && !kept_before);
    kept_before = kept;
    longest = len > longest ? len : longest;
  }
  assert_false(kept_before);
  assert_int_equal(longest, WPM_ENR_MAX);
}

static void test_no_memory(void **state) {
  (void)state;
  wpm_identity identity = identity_of(WPM_KEY_SECP256K1, 5);
  wpm_multiaddr address = address_of("/dns4/node.example/tcp/443/wss");
  wpm_bytes view = wpm_multiaddr_view(&address);
  uint8_t out[WPM_ENR_MAX];
  size_t len = 0;
  wpm_enr enr;
  size_t n = 0;
  int rc = WPM_ERR_NO_MEMORY;
  while (rc == WPM_ERR_NO_MEMORY) {
    wpm_alloc_fail_at(++n);
    rc = wpm_enr_seal(crypto, &identity, 1, &view, 1, out, &len);
    wpm_alloc_fail_off();
  }
  assert_int_equal(rc, WPM_OK);
  assert_true(n > 1);
  wpm_alloc_fail_at(1); /* Opening needs none. */
  assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){out, len}, &enr), WPM_OK);
  wpm_alloc_fail_off();
  assert_int_equal(wpm_alloc_failed(), 0);
}

static int start(void **state) {
  (void)state;
  static const uint8_t seed[32] = {1};
  wpm_buffer_init(&content, 600);
  return wpm_crypto_init(seed, &crypto);
}

static int stop(void **state) {
  (void)state;
  wpm_buffer_fini(&content);
  wpm_crypto_free(crypto);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_real_records),
      cmocka_unit_test(test_damage),
      cmocka_unit_test(test_example_fields),
      cmocka_unit_test(test_scheme),
      cmocka_unit_test(test_signature_length),
      cmocka_unit_test(test_keys),
      cmocka_unit_test(test_sequence),
      cmocka_unit_test(test_size),
      cmocka_unit_test(test_malformed_fields),
      cmocka_unit_test(test_shards),
      cmocka_unit_test(test_endpoints),
      cmocka_unit_test(test_multiaddrs),
      cmocka_unit_test(test_text),
      cmocka_unit_test(test_seal),
      cmocka_unit_test(test_seal_fits),
      cmocka_unit_test(test_seal_limit),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
