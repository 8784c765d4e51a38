/* noise.h between two of us, and against an other side that misbehaves: what is agreed, what is
 * refused and with which error, what happens where memory or room lacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "proto/noise.h"
#include "proto/noise_payload.h"
#include "proto/noise_xx.h"
#include "support/alloc_fail.h"
#include "support/vectors.h"

#include <stdlib.h>

#define PREFIX 2 /* Bytes of length before a message. */

static wpm_crypto *crypto;

/* ---- two of us ------------------------------------------------------------------------------- */

/* One side: what it is and what it is about to read. */
typedef struct end {
  wpm_identity identity;
  wpm_noise_static static_key;
  uint8_t ephemeral[32];
  wpm_noise_config config;
  wpm_noise *noise;
  wpm_buffer in;
} end;

static void end_init(end *e, bool initiator, wpm_key_type type, uint8_t seed) {
  uint8_t secret[32];
  memset(e, 0, sizeof *e);
  memset(secret, seed, sizeof secret);
  assert_int_equal(wpm_identity_init(crypto, type, secret, &e->identity), WPM_OK);
  memset(secret, seed + 1, sizeof secret);
  assert_int_equal(wpm_noise_static_init(crypto, &e->identity, secret, &e->static_key), WPM_OK);
  memset(e->ephemeral, seed + 2, sizeof e->ephemeral);
  e->config = (wpm_noise_config){.crypto = crypto,
                                 .identity = &e->identity,
                                 .static_key = &e->static_key,
                                 .initiator = initiator,
                                 .ephemeral = e->ephemeral};
  wpm_buffer_init(&e->in, 1 << 20);
}

static void end_free(end *e) {
  wpm_noise_free(e->noise);
  wpm_buffer_fini(&e->in);
  wpm_noise_static_fini(&e->static_key);
  wpm_identity_fini(&e->identity);
}

static void ends_init(end *ends, wpm_key_type dialler, wpm_key_type listener) {
  end_init(&ends[0], true, dialler, 10);
  end_init(&ends[1], false, listener, 20);
}

static void ends_free(end *ends) {
  end_free(&ends[0]);
  end_free(&ends[1]);
}

/* The whole handshake; the first error ends it. */
static int shake_hands(end *ends) {
  int rc = WPM_OK;
  for (size_t i = 0; rc == WPM_OK && i < 2; i++) {
    rc = wpm_noise_new(&ends[i].config, &ends[i].noise);
  }
  for (size_t i = 0; rc == WPM_OK && i < 2; i++) {
    rc = wpm_noise_start(ends[i].noise, &ends[!i].in);
  }
  for (size_t i = 0; rc == WPM_OK && i < 3; i++) {
    size_t reader = (i + 1) % 2;
    rc = wpm_noise_read(ends[reader].noise, &ends[reader].in, &ends[!reader].in);
  }
  return rc;
}

static void check_knows(const end *e, const end *other) {
  wpm_bytes key = {other->identity.public_key, other->identity.public_key_len};
  assert_true(wpm_noise_done(e->noise));
  assert_true(wpm_bytes_equal(wpm_noise_remote_key(e->noise), key));
  assert_true(wpm_bytes_equal(wpm_peer_id_view(wpm_noise_remote_id(e->noise)),
                              wpm_peer_id_view(&other->identity.peer_id)));
}

static void test_identities(void **state) {
  (void)state;
  static const wpm_key_type types[] = {WPM_KEY_ED25519, WPM_KEY_SECP256K1};
  for (size_t i = 0; i < 4; i++) {
    end ends[2];
    wpm_noise_cipher ciphers[2];
    ends_init(ends, types[i % 2], types[i / 2]);
    ends[0].config.expected_peer = wpm_peer_id_view(&ends[1].identity.peer_id);
    ends[1].config.expected_peer = wpm_peer_id_view(&ends[0].identity.peer_id);
    assert_int_equal(shake_hands(ends), WPM_OK);
    for (size_t j = 0; j < 2; j++) {
      check_knows(&ends[j], &ends[!j]);
      assert_int_equal(wpm_noise_muxer(ends[j].noise), -1);
      assert_int_equal(wpm_buffer_size(&ends[j].in), 0);
      wpm_noise_take_cipher(ends[j].noise, &ciphers[j]);
    }
    assert_memory_equal(ciphers[0].send_key, ciphers[1].receive_key, 32);
    assert_memory_equal(ciphers[1].send_key, ciphers[0].receive_key, 32);
    assert_memory_not_equal(ciphers[0].send_key, ciphers[0].receive_key, 32);
    ends_free(ends);
  }
}

static void test_other_peer_than_expected(void **state) {
  (void)state;
  end stranger;
  end_init(&stranger, true, WPM_KEY_ED25519, 90);
  for (size_t i = 0; i < 2; i++) {
    end ends[2];
    ends_init(ends, WPM_KEY_ED25519, WPM_KEY_SECP256K1);
    ends[i].config.expected_peer = wpm_peer_id_view(&stranger.identity.peer_id);
    assert_int_equal(shake_hands(ends), WPM_ERR_MISMATCH);
    /* Who it was is known, and was proven. */
    wpm_bytes key = {ends[!i].identity.public_key, ends[!i].identity.public_key_len};
    assert_true(wpm_bytes_equal(wpm_noise_remote_key(ends[i].noise), key));
    assert_true(wpm_bytes_equal(wpm_peer_id_view(wpm_noise_remote_id(ends[i].noise)),
                                wpm_peer_id_view(&ends[!i].identity.peer_id)));
    /* A dialler that found the wrong peer shows it nothing. */
    if (i == 0) {
      assert_int_equal(wpm_buffer_size(&ends[1].in), 0);
      assert_false(wpm_noise_done(ends[1].noise));
    }
    ends_free(ends);
  }
  end_free(&stranger);
}

/* ---- early muxer negotiation ----------------------------------------------------------------- */

#define YAMUX "/yamux/1.0.0"
#define MPLEX "/mplex/6.7.0"
#define OTHER "/muxer/9.9.9"

static size_t list(const char *const *names, wpm_text *out) {
  size_t count = 0;
  for (; names[count]; count++) {
    out[count] = wpm_text_of(names[count]);
  }
  return count;
}

static void test_muxers(void **state) {
  (void)state;
  static const struct {
    const char *lists[2][4]; /* The dialler's and the listener's. */
    int agreed[2];           /* As each sees it. */
  } cases[] = {
      {{{YAMUX}, {YAMUX}}, {0, 0}},
      {{{YAMUX, MPLEX}, {MPLEX, YAMUX}}, {0, 1}}, /* The dialler's preference decides. */
      {{{MPLEX, YAMUX}, {YAMUX, MPLEX}}, {0, 1}},
      {{{OTHER, MPLEX, YAMUX}, {YAMUX, MPLEX}}, {1, 1}},
      {{{OTHER}, {YAMUX, MPLEX}}, {-1, -1}},
      {{{YAMUX, MPLEX}, {NULL}}, {-1, -1}},
      {{{NULL}, {YAMUX, MPLEX}}, {-1, -1}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    end ends[2];
    wpm_text muxers[2][4];
    ends_init(ends, WPM_KEY_ED25519, WPM_KEY_ED25519);
    for (size_t j = 0; j < 2; j++) {
      ends[j].config.muxers = muxers[j];
      ends[j].config.muxer_count = list(cases[i].lists[j], muxers[j]);
    }
    assert_int_equal(shake_hands(ends), WPM_OK);
    assert_int_equal(wpm_noise_muxer(ends[0].noise), cases[i].agreed[0]);
    assert_int_equal(wpm_noise_muxer(ends[1].noise), cases[i].agreed[1]);
    ends_free(ends);
  }
}

static void test_own_muxers_limits(void **state) {
  (void)state;
  static char long_name[2048];
  memset(long_name, 'm', sizeof long_name);
  wpm_text muxers[WPM_NOISE_MUXERS_MAX + 1];
  for (size_t i = 0; i < WPM_NOISE_MUXERS_MAX + 1; i++) {
    muxers[i] = WPM_TEXT(YAMUX);
  }
  end e;
  end_init(&e, true, WPM_KEY_ED25519, 1);
  e.config.muxers = muxers;
  e.config.muxer_count = WPM_NOISE_MUXERS_MAX + 1;
  assert_int_equal(wpm_noise_new(&e.config, &e.noise), WPM_ERR_INVALID);
  muxers[0] = (wpm_text){long_name, sizeof long_name};
  e.config.muxer_count = 1;
  assert_int_equal(wpm_noise_new(&e.config, &e.noise), WPM_ERR_INVALID);
  assert_null(e.noise);
  e.config.muxers = muxers + 1;
  e.config.muxer_count = WPM_NOISE_MUXERS_MAX;
  assert_int_equal(wpm_noise_new(&e.config, &e.noise), WPM_OK);
  end_free(&e);
}

/* ---- an other side that sends what it likes -------------------------------------------------- */

/* The bare pattern in the place of a peer. */
typedef struct rogue {
  wpm_noise_xx xx;
  uint8_t static_public[32];
} rogue;

static void rogue_init(rogue *r, bool initiator) {
  uint8_t secret[32];
  uint8_t ephemeral[32];
  memset(secret, 0x77, sizeof secret);
  memset(ephemeral, 0x78, sizeof ephemeral);
  wpm_x25519_public(secret, r->static_public);
  wpm_noise_xx_init(&r->xx, crypto, initiator, (wpm_bytes){0}, secret, r->static_public, ephemeral);
}

static void rogue_write(rogue *r, wpm_bytes payload, wpm_buffer *out) {
  uint8_t *space = NULL;
  size_t len = payload.len + wpm_noise_xx_overhead(&r->xx);
  assert_int_equal(wpm_buffer_reserve(out, PREFIX + len, &space), WPM_OK);
  space[0] = (uint8_t)(len >> 8);
  space[1] = (uint8_t)len;
  assert_int_equal(wpm_noise_xx_write(&r->xx, payload, space + PREFIX), WPM_OK);
  wpm_buffer_commit(out, PREFIX + len);
}

static void rogue_read(rogue *r, wpm_buffer *in) {
  wpm_bytes payload;
  assert_true(wpm_buffer_size(in) > PREFIX);
  uint8_t *message = in->memory + in->begin + PREFIX;
  assert_int_equal(wpm_noise_xx_read(&r->xx, message, wpm_buffer_size(in) - PREFIX, &payload),
                   WPM_OK);
  wpm_buffer_clear(in);
}

/* Signs a Noise static key as `identity` does. */
static size_t sign_static(const wpm_identity *identity, const uint8_t static_public[32],
                          uint8_t *out) {
  uint8_t message[24 + 32];
  size_t len = 0;
  memcpy(message, "noise-libp2p-static-key:", 24);
  memcpy(message + 24, static_public, 32);
  assert_int_equal(
      wpm_identity_sign(crypto, identity, (wpm_bytes){message, sizeof message}, out, &len), WPM_OK);
  return len;
}

/* Gives our side, as dialler or listener, a peer that answers with `payload`; what we say to it. */
static int face(bool dialler, wpm_bytes payload, int *muxer) {
  static const wpm_text yamux = {YAMUX, sizeof YAMUX - 1};
  end us;
  rogue them;
  wpm_buffer wire;
  int rc = WPM_OK;
  end_init(&us, dialler, WPM_KEY_ED25519, 30);
  rogue_init(&them, !dialler);
  wpm_buffer_init(&wire, 1 << 20);
  us.config.muxers = &yamux;
  us.config.muxer_count = 1;
  assert_int_equal(wpm_noise_new(&us.config, &us.noise), WPM_OK);
  assert_int_equal(wpm_noise_start(us.noise, &wire), WPM_OK);
  if (!dialler) {
    rogue_write(&them, (wpm_bytes){0}, &us.in);
    assert_int_equal(wpm_noise_read(us.noise, &us.in, &wire), WPM_OK);
  }
  rogue_read(&them, &wire);
  rogue_write(&them, payload, &us.in);
  rc = wpm_noise_read(us.noise, &us.in, &wire);
  *muxer = wpm_noise_muxer(us.noise);
  if (rc == WPM_OK) {
    assert_true(wpm_noise_done(us.noise));
  } else {
    assert_int_equal(wpm_noise_remote_key(us.noise).len, 0);
    assert_int_equal(wpm_buffer_size(&wire), 0);
  }
  end_free(&us);
  wpm_buffer_fini(&wire);
  return rc;
}

typedef struct payload_parts {
  uint8_t key[WPM_PUBLIC_KEY_MAX + 1];
  size_t key_len;
  uint8_t signature[WPM_SIGNATURE_MAX + 1];
  size_t signature_len;
} payload_parts;

static void good_parts(wpm_key_type type, payload_parts *out) {
  end signer;
  rogue them;
  rogue_init(&them, true);
  end_init(&signer, true, type, 50);
  memcpy(out->key, signer.identity.public_key, signer.identity.public_key_len);
  out->key_len = signer.identity.public_key_len;
  out->signature_len = sign_static(&signer.identity, them.static_public, out->signature);
  end_free(&signer);
}

/* The payload of `parts`, with `extra` behind it; both roles of ours must say the same. */
static int face_parts(const payload_parts *parts, wpm_bytes extra, int *muxer) {
  uint8_t encoded[8000];
  wpm_noise_payload payload = {.identity_key = {parts->key, parts->key_len},
                               .identity_sig = {parts->signature, parts->signature_len}};
  size_t len = wpm_noise_payload_size(&payload);
  assert_true(len + extra.len <= sizeof encoded);
  wpm_noise_payload_write(&payload, encoded);
  if (extra.len > 0) {
    memcpy(encoded + len, extra.data, extra.len);
  }
  wpm_bytes view = {encoded, len + extra.len};
  int rc = face(true, view, muxer);
  assert_int_equal(face(false, view, muxer), rc);
  return rc;
}

static void test_payload_accepted(void **state) {
  (void)state;
  payload_parts parts;
  int muxer = 7;
  good_parts(WPM_KEY_ED25519, &parts);
  assert_int_equal(face_parts(&parts, (wpm_bytes){0}, &muxer), WPM_OK);
  assert_int_equal(muxer, -1);
  /* Unknown fields of each wire type; an unknown extension, certificate hashes, empty names. */
  assert_int_equal(face_parts(&parts,
                              WPM_BYTES("\x18\x05\x3a\x02hi\x45"
                                        "abcd"
                                        "\x49"
                                        "abcdefgh"),
                              &muxer),
                   WPM_OK);
  assert_int_equal(face_parts(&parts,
                              WPM_BYTES("\x22\x18\x0a\x02hh\x12\x00\x12\x0c" YAMUX "\x7a\x02xy"),
                              &muxer),
                   WPM_OK);
  assert_int_equal(muxer, 0);
  /* A field of the wrong wire type is unknown. */
  assert_int_equal(face_parts(&parts,
                              WPM_BYTES("\x08\x05\x15"
                                        "abcd"
                                        "\x22\x02\x10\x05"),
                              &muxer),
                   WPM_OK);
  assert_int_equal(muxer, -1);
  /* Of more muxers than we read, the rest is left out. */
  for (size_t others = WPM_NOISE_MUXERS_MAX - 1; others <= WPM_NOISE_MUXERS_MAX; others++) {
    uint8_t many[200] = {0x22, 0};
    size_t len = 2;
    for (size_t i = 0; i < others; i++) {
      memcpy(many + len, "\x12\x03oth", 5);
      len += 5;
    }
    memcpy(many + len, "\x12\x0c" YAMUX, 14);
    len += 14;
    many[1] = (uint8_t)(len - 2);
    assert_int_equal(face_parts(&parts, (wpm_bytes){many, len}, &muxer), WPM_OK);
    assert_int_equal(muxer, others < WPM_NOISE_MUXERS_MAX ? 0 : -1);
  }
}

static void test_payload_refused(void **state) {
  (void)state;
  payload_parts good = {0};
  payload_parts parts;
  int muxer = 0;
  static const wpm_key_type types[] = {WPM_KEY_ED25519, WPM_KEY_SECP256K1};
  for (size_t i = 0; i < 2; i++) {
    good_parts(types[i], &good);
    assert_int_equal(face_parts(&good, (wpm_bytes){0}, &muxer), WPM_OK);
    for (size_t bit = 0; bit < 8 * good.signature_len; bit += 5) {
      parts = good;
      parts.signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
      assert_int_equal(face_parts(&parts, (wpm_bytes){0}, &muxer), WPM_ERR_CRYPTO);
    }
    /* A signature of something else, by the same key. */
    end signer;
    end_init(&signer, true, types[i], 50);
    parts = good;
    parts.signature_len =
        sign_static(&signer.identity, signer.static_key.public_key, parts.signature);
    assert_int_equal(face_parts(&parts, (wpm_bytes){0}, &muxer), WPM_ERR_CRYPTO);
    end_free(&signer);
  }
  parts = good;
  parts.key_len = 0;
  assert_int_equal(face_parts(&parts, (wpm_bytes){0}, &muxer), WPM_ERR_PROTOCOL);
  parts = good;
  parts.signature_len = 0;
  assert_int_equal(face_parts(&parts, (wpm_bytes){0}, &muxer), WPM_ERR_CRYPTO);
  parts = good;
  parts.key[1] = 9; /* No such key type. */
  assert_int_equal(face_parts(&parts, (wpm_bytes){0}, &muxer), WPM_ERR_UNSUPPORTED);
  parts = good;
  parts.key[4] = 4; /* Not a compressed point. */
  assert_int_equal(face_parts(&parts, (wpm_bytes){0}, &muxer), WPM_ERR_PROTOCOL);
  parts = good;
  parts.key_len = WPM_PUBLIC_KEY_MAX + 1;
  assert_int_equal(face_parts(&parts, (wpm_bytes){0}, &muxer), WPM_ERR_TOO_LARGE);
  parts = good;
  parts.signature_len = WPM_SIGNATURE_MAX + 1;
  assert_int_equal(face_parts(&parts, (wpm_bytes){0}, &muxer), WPM_ERR_TOO_LARGE);
  /* Not protobuf: cut in a length, a group, field 0. */
  assert_int_equal(face_parts(&good, WPM_BYTES("\x0a\x05zz"), &muxer), WPM_ERR_PROTOCOL);
  assert_int_equal(face_parts(&good, WPM_BYTES("\x1b"), &muxer), WPM_ERR_PROTOCOL);
  assert_int_equal(face_parts(&good, WPM_BYTES("\x02\x00"), &muxer), WPM_ERR_PROTOCOL);
  assert_int_equal(face(true, (wpm_bytes){0}, &muxer), WPM_ERR_PROTOCOL);
  assert_int_equal(face(false, (wpm_bytes){0}, &muxer), WPM_ERR_PROTOCOL);
}

/* A payload may fill a message up to the cap, and not one byte more. */
static void test_handshake_cap(void **state) {
  (void)state;
  static uint8_t extra[WPM_NOISE_HANDSHAKE_MAX];
  payload_parts parts;
  int muxer = 0;
  good_parts(WPM_KEY_ED25519, &parts);
  /* Field 3 with a three-byte length, of as many zeros as there is room for; message 2 has 96 bytes
   * beside its payload, and the key and signature take 104. */
  size_t room = WPM_NOISE_HANDSHAKE_MAX - 96 - 104 - 3;
  extra[0] = 0x1a;
  extra[1] = (uint8_t)(0x80 | (room & 0x7f));
  extra[2] = (uint8_t)(room >> 7);
  uint8_t encoded[WPM_NOISE_HANDSHAKE_MAX + 1];
  wpm_noise_payload payload = {.identity_key = {parts.key, parts.key_len},
                               .identity_sig = {parts.signature, parts.signature_len}};
  assert_int_equal(wpm_noise_payload_size(&payload), 104);
  wpm_noise_payload_write(&payload, encoded);
  memcpy(encoded + 104, extra, 3 + room);
  assert_int_equal(face(true, (wpm_bytes){encoded, 107 + room}, &muxer), WPM_OK);
  encoded[105] = (uint8_t)(0x80 | ((room + 1) & 0x7f));
  encoded[106] = (uint8_t)((room + 1) >> 7);
  encoded[107 + room] = 0;
  assert_int_equal(face(true, (wpm_bytes){encoded, 108 + room}, &muxer), WPM_ERR_TOO_LARGE);
}

/* ---- messages that are not what they should be ----------------------------------------------- */

/* Our side, as dialler or listener, at its first message; what it says to `wire`. */
static int first_read(bool dialler, wpm_bytes wire) {
  end us;
  wpm_buffer out;
  end_init(&us, dialler, WPM_KEY_ED25519, 30);
  wpm_buffer_init(&out, 1 << 20);
  assert_int_equal(wpm_noise_new(&us.config, &us.noise), WPM_OK);
  assert_int_equal(wpm_noise_start(us.noise, &out), WPM_OK);
  assert_int_equal(wpm_buffer_append(&us.in, wire.data, wire.len), WPM_OK);
  int rc = wpm_noise_read(us.noise, &us.in, &out);
  assert_false(wpm_noise_done(us.noise));
  end_free(&us);
  wpm_buffer_fini(&out);
  return rc;
}

static void test_lengths(void **state) {
  (void)state;
  uint8_t wire[PREFIX + 200] = {0};
  /* Too long is known from the length alone. */
  wire[0] = WPM_NOISE_HANDSHAKE_MAX >> 8;
  wire[1] = 1;
  assert_int_equal(first_read(true, (wpm_bytes){wire, PREFIX}), WPM_ERR_TOO_LARGE);
  assert_int_equal(first_read(false, (wpm_bytes){wire, PREFIX}), WPM_ERR_TOO_LARGE);
  wire[1] = 0;
  assert_int_equal(first_read(false, (wpm_bytes){wire, PREFIX}), WPM_OK); /* Waits. */
  assert_int_equal(first_read(false, (wpm_bytes){wire, 1}), WPM_OK);
  wire[0] = 0;
  for (uint8_t len = 0; len < 32; len++) {
    wire[1] = len;
    assert_int_equal(first_read(false, (wpm_bytes){wire, PREFIX + len}), WPM_ERR_PROTOCOL);
  }
  for (uint8_t len = 0; len < 96; len++) {
    wire[1] = len;
    assert_int_equal(first_read(true, (wpm_bytes){wire, PREFIX + len}), WPM_ERR_PROTOCOL);
  }
}

/* Message 1 with a low-order ephemeral key; message 2 likewise. */
static void test_low_order_points(void **state) {
  (void)state;
  static const char *const points[] = {
      "0000000000000000000000000000000000000000000000000000000000000000",
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  };
  for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
    wpm_test_bytes point = wpm_test_hex(points[i]);
    uint8_t wire[PREFIX + 200] = {0, 32};
    memcpy(wire + PREFIX, point.data, 32);
    assert_int_equal(first_read(false, (wpm_bytes){wire, PREFIX + 32}), WPM_ERR_CRYPTO);
    wire[1] = 200;
    assert_int_equal(first_read(true, (wpm_bytes){wire, PREFIX + 200}), WPM_ERR_CRYPTO);
    free(point.data);
  }
}

/* A low-order static key, well encrypted. */
static void test_low_order_static(void **state) {
  (void)state;
  payload_parts parts;
  good_parts(WPM_KEY_ED25519, &parts);
  for (size_t i = 0; i < 2; i++) {
    bool dialler = i == 0;
    end us;
    rogue them;
    wpm_buffer wire;
    end_init(&us, dialler, WPM_KEY_ED25519, 30);
    rogue_init(&them, !dialler);
    memset(them.xx.static_public, 0, 32);
    wpm_buffer_init(&wire, 1 << 20);
    assert_int_equal(wpm_noise_new(&us.config, &us.noise), WPM_OK);
    assert_int_equal(wpm_noise_start(us.noise, &wire), WPM_OK);
    if (!dialler) {
      rogue_write(&them, (wpm_bytes){0}, &us.in);
      assert_int_equal(wpm_noise_read(us.noise, &us.in, &wire), WPM_OK);
    }
    rogue_read(&them, &wire);
    rogue_write(&them, (wpm_bytes){0}, &us.in);
    assert_int_equal(wpm_noise_read(us.noise, &us.in, &wire), WPM_ERR_CRYPTO);
    end_free(&us);
    wpm_buffer_fini(&wire);
  }
}

/* Message 1 may carry a payload, which is ignored. */
static void test_first_payload_ignored(void **state) {
  (void)state;
  end us;
  rogue them;
  payload_parts parts;
  uint8_t encoded[200];
  wpm_buffer wire;
  end_init(&us, false, WPM_KEY_SECP256K1, 30);
  rogue_init(&them, true);
  wpm_buffer_init(&wire, 1 << 20);
  good_parts(WPM_KEY_ED25519, &parts);
  assert_int_equal(wpm_noise_new(&us.config, &us.noise), WPM_OK);
  rogue_write(&them, WPM_BYTES("\xff\xff anything at all"), &us.in);
  assert_int_equal(wpm_noise_read(us.noise, &us.in, &wire), WPM_OK);
  rogue_read(&them, &wire);
  wpm_noise_payload payload = {.identity_key = {parts.key, parts.key_len},
                               .identity_sig = {parts.signature, parts.signature_len}};
  wpm_noise_payload_write(&payload, encoded);
  rogue_write(&them, (wpm_bytes){encoded, wpm_noise_payload_size(&payload)}, &us.in);
  assert_int_equal(wpm_noise_read(us.noise, &us.in, &wire), WPM_OK);
  assert_true(wpm_noise_done(us.noise));
  end_free(&us);
  wpm_buffer_fini(&wire);
}

/* No bit of any handshake message can be changed unnoticed, by whoever is in between. */
static void test_damaged_messages(void **state) {
  (void)state;
  size_t lengths[3] = {32, 96 + 104, 64 + 104};
  for (size_t message = 0; message < 3; message++) {
    for (size_t byte = 0; byte < lengths[message]; byte += message == 0 ? 1 : 3) {
      end ends[2];
      ends_init(ends, WPM_KEY_ED25519, WPM_KEY_ED25519);
      for (size_t i = 0; i < 2; i++) {
        assert_int_equal(wpm_noise_new(&ends[i].config, &ends[i].noise), WPM_OK);
      }
      assert_int_equal(wpm_noise_start(ends[0].noise, &ends[1].in), WPM_OK);
      int rc = WPM_OK;
      for (size_t i = 0; rc == WPM_OK && i < 3; i++) {
        end *reader = &ends[(i + 1) % 2];
        if (i == message) {
          assert_int_equal(wpm_buffer_size(&reader->in), PREFIX + lengths[i]);
          reader->in.memory[reader->in.begin + PREFIX + byte] ^= (uint8_t)(1 << byte % 8);
        }
        rc = wpm_noise_read(reader->noise, &reader->in, &ends[i % 2].in);
      }
      assert_int_equal(rc, WPM_ERR_CRYPTO);
      assert_false(wpm_noise_done(ends[1].noise));
      ends_free(ends);
    }
  }
}

/* Bytes that follow the last handshake message stay where they are. */
static void test_bytes_behind(void **state) {
  (void)state;
  end ends[2];
  ends_init(ends, WPM_KEY_ED25519, WPM_KEY_SECP256K1);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(wpm_noise_new(&ends[i].config, &ends[i].noise), WPM_OK);
  }
  assert_int_equal(wpm_noise_start(ends[0].noise, &ends[1].in), WPM_OK);
  assert_int_equal(wpm_noise_read(ends[1].noise, &ends[1].in, &ends[0].in), WPM_OK);
  assert_int_equal(wpm_buffer_append(&ends[0].in, "behind", 6), WPM_OK);
  assert_int_equal(wpm_noise_read(ends[0].noise, &ends[0].in, &ends[1].in), WPM_OK);
  assert_int_equal(wpm_buffer_append(&ends[1].in, "more", 4), WPM_OK);
  assert_int_equal(wpm_noise_read(ends[1].noise, &ends[1].in, &ends[0].in), WPM_OK);
  assert_int_equal(wpm_noise_read(ends[1].noise, &ends[1].in, &ends[0].in), WPM_OK);
  assert_true(wpm_bytes_equal(wpm_buffer_view(&ends[0].in), WPM_BYTES("behind")));
  assert_true(wpm_bytes_equal(wpm_buffer_view(&ends[1].in), WPM_BYTES("more")));
  assert_true(wpm_noise_done(ends[0].noise) && wpm_noise_done(ends[1].noise));
  ends_free(ends);
}

/* ---- no room, no memory ---------------------------------------------------------------------- */

static void test_no_room(void **state) {
  (void)state;
  end ends[2];
  wpm_buffer tight;
  ends_init(ends, WPM_KEY_ED25519, WPM_KEY_ED25519);
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(wpm_noise_new(&ends[i].config, &ends[i].noise), WPM_OK);
  }
  wpm_buffer_init(&tight, PREFIX + 31);
  assert_int_equal(wpm_noise_start(ends[0].noise, &tight), WPM_ERR_FULL);
  assert_int_equal(wpm_buffer_size(&tight), 0);
  wpm_buffer_fini(&tight);
  wpm_noise_free(ends[0].noise);
  assert_int_equal(wpm_noise_new(&ends[0].config, &ends[0].noise), WPM_OK);
  assert_int_equal(wpm_noise_start(ends[0].noise, &ends[1].in), WPM_OK);
  wpm_buffer_init(&tight, 100);
  assert_int_equal(wpm_noise_read(ends[1].noise, &ends[1].in, &tight), WPM_ERR_FULL);
  assert_int_equal(wpm_buffer_size(&tight), 0);
  wpm_buffer_fini(&tight);
  ends_free(ends);
}

static void test_no_memory(void **state) {
  (void)state;
  size_t failing = 0;
  for (size_t n = 1;; n++) {
    end ends[2];
    ends_init(ends, WPM_KEY_ED25519, WPM_KEY_SECP256K1);
    wpm_alloc_fail_at(n);
    int rc = shake_hands(ends);
    bool failed = wpm_alloc_failed() > 0;
    wpm_alloc_fail_off();
    assert_int_equal(rc, failed ? WPM_ERR_NO_MEMORY : WPM_OK);
    ends_free(ends);
    if (!failed) {
      break;
    }
    failing++;
  }
  assert_in_range(failing, 4, 20);
}

/* ---- transport messages ---------------------------------------------------------------------- */

static void test_transport_sizes(void **state) {
  (void)state;
  static const size_t sizes[] = {
      0, 1, 32, WPM_NOISE_PLAIN_MAX - 1, WPM_NOISE_PLAIN_MAX, WPM_NOISE_PLAIN_MAX + 1, 200000};
  uint8_t *plain = malloc(200000);
  assert_non_null(plain);
  wpm_rng rng;
  wpm_rng_init(&rng, 7);
  for (size_t i = 0; i < 200000; i++) {
    plain[i] = (uint8_t)wpm_rng_next(&rng);
  }
  wpm_noise_cipher sender = {.send_key = {1}};
  wpm_noise_cipher receiver = {.receive_key = {1}};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    wpm_buffer wire;
    wpm_buffer_init(&wire, 1 << 20);
    assert_int_equal(wpm_noise_seal(&sender, crypto, (wpm_bytes){plain, sizes[i]}, &wire), WPM_OK);
    assert_int_equal(wpm_buffer_size(&wire), wpm_noise_sealed_size(sizes[i]));
    size_t got = 0;
    while (wpm_buffer_size(&wire) > 0) {
      wpm_bytes part;
      size_t used = 0;
      uint8_t *front = wire.memory + wire.begin;
      /* Not before it is whole. */
      size_t len = PREFIX + ((size_t)front[0] << 8 | front[1]);
      assert_int_equal(wpm_noise_open(&receiver, crypto, front, len - 1, &part, &used),
                       WPM_ERR_TRUNCATED);
      assert_int_equal(wpm_noise_open(&receiver, crypto, front, 1, &part, &used),
                       WPM_ERR_TRUNCATED);
      assert_int_equal(
          wpm_noise_open(&receiver, crypto, front, wpm_buffer_size(&wire), &part, &used), WPM_OK);
      assert_true(got + part.len <= sizes[i]);
      assert_memory_equal(part.data, plain + got, part.len);
      got += part.len;
      wpm_buffer_consume(&wire, used);
    }
    assert_int_equal(got, sizes[i]);
    wpm_buffer_fini(&wire);
  }
  assert_int_equal(sender.send_nonce, receiver.receive_nonce);
  free(plain);
}

static void test_transport_refuses(void **state) {
  (void)state;
  wpm_noise_cipher sender = {.send_key = {1}};
  wpm_noise_cipher receiver = {.receive_key = {1}};
  wpm_bytes plain;
  size_t used = 0;
  /* An empty message is one; one without room for its tag is not. */
  uint8_t empty[PREFIX + WPM_AEAD_TAG] = {0, WPM_AEAD_TAG};
  assert_int_equal(wpm_aead_seal(crypto, sender.send_key, sender.send_nonce++, (wpm_bytes){0},
                                 (wpm_bytes){0}, empty + PREFIX),
                   WPM_OK);
  assert_int_equal(wpm_noise_open(&receiver, crypto, empty, sizeof empty, &plain, &used), WPM_OK);
  assert_int_equal(plain.len, 0);
  assert_int_equal(used, sizeof empty);
  for (uint8_t len = 0; len < WPM_AEAD_TAG; len++) {
    uint8_t tiny[PREFIX + WPM_AEAD_TAG] = {0, len};
    assert_int_equal(wpm_noise_open(&receiver, crypto, tiny, sizeof tiny, &plain, &used),
                     WPM_ERR_CRYPTO);
  }
  /* Changed, repeated or out of order. */
  wpm_buffer wire;
  wpm_buffer_init(&wire, 4096);
  assert_int_equal(wpm_noise_seal(&sender, crypto, WPM_BYTES("first"), &wire), WPM_OK);
  size_t first = wpm_buffer_size(&wire);
  assert_int_equal(wpm_noise_seal(&sender, crypto, WPM_BYTES("second"), &wire), WPM_OK);
  uint8_t copy[100];
  size_t total = wpm_buffer_size(&wire);
  memcpy(copy, wpm_buffer_view(&wire).data, total);
  assert_int_equal(wpm_noise_open(&receiver, crypto, copy + first, total - first, &plain, &used),
                   WPM_ERR_CRYPTO);
  memcpy(copy, wpm_buffer_view(&wire).data, total);
  copy[PREFIX] ^= 1;
  assert_int_equal(wpm_noise_open(&receiver, crypto, copy, total, &plain, &used), WPM_ERR_CRYPTO);
  memcpy(copy, wpm_buffer_view(&wire).data, total);
  assert_int_equal(wpm_noise_open(&receiver, crypto, copy, total, &plain, &used), WPM_OK);
  memcpy(copy, wpm_buffer_view(&wire).data, total);
  assert_int_equal(wpm_noise_open(&receiver, crypto, copy, total, &plain, &used), WPM_ERR_CRYPTO);
  wpm_buffer_fini(&wire);
}

static void test_transport_limits(void **state) {
  (void)state;
  wpm_noise_cipher cipher = {.send_nonce = UINT64_MAX - 1, .receive_nonce = UINT64_MAX};
  wpm_buffer wire;
  uint8_t *large = calloc(1, WPM_NOISE_PLAIN_MAX + 1);
  assert_non_null(large);
  /* Two messages do not fit before the last nonce, one does. */
  wpm_buffer_init(&wire, 1 << 20);
  assert_int_equal(
      wpm_noise_seal(&cipher, crypto, (wpm_bytes){large, WPM_NOISE_PLAIN_MAX + 1}, &wire),
      WPM_ERR_CRYPTO);
  assert_int_equal(wpm_buffer_size(&wire), 0);
  assert_int_equal(wpm_noise_seal(&cipher, crypto, WPM_BYTES("x"), &wire), WPM_OK);
  size_t size = wpm_buffer_size(&wire);
  assert_int_equal(wpm_noise_seal(&cipher, crypto, WPM_BYTES("x"), &wire), WPM_ERR_CRYPTO);
  assert_int_equal(wpm_buffer_size(&wire), size);
  wpm_buffer_fini(&wire);
  wpm_bytes plain;
  size_t used = 0;
  uint8_t last[PREFIX + 1 + WPM_AEAD_TAG] = {0, 1 + WPM_AEAD_TAG};
  assert_int_equal(wpm_aead_seal(crypto, cipher.receive_key, UINT64_MAX, (wpm_bytes){0},
                                 WPM_BYTES("x"), last + PREFIX),
                   WPM_OK);
  assert_int_equal(wpm_noise_open(&cipher, crypto, last, sizeof last, &plain, &used),
                   WPM_ERR_CRYPTO);
  /* No room: nothing is appended, and no nonce is used up. */
  cipher.send_nonce = 5;
  wpm_buffer_init(&wire, wpm_noise_sealed_size(WPM_NOISE_PLAIN_MAX + 1) - 1);
  assert_int_equal(
      wpm_noise_seal(&cipher, crypto, (wpm_bytes){large, WPM_NOISE_PLAIN_MAX + 1}, &wire),
      WPM_ERR_FULL);
  wpm_alloc_fail_at(1);
  assert_int_equal(wpm_noise_seal(&cipher, crypto, WPM_BYTES("x"), &wire), WPM_ERR_NO_MEMORY);
  wpm_alloc_fail_off();
  assert_int_equal(wpm_buffer_size(&wire), 0);
  assert_int_equal(cipher.send_nonce, 5);
  wpm_buffer_fini(&wire);
  free(large);
}

static int start(void **state) {
  (void)state;
  static const uint8_t seed[32] = {1};
  return wpm_crypto_init(seed, &crypto);
}

static int stop(void **state) {
  (void)state;
  wpm_crypto_free(crypto);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_identities),
      cmocka_unit_test(test_other_peer_than_expected),
      cmocka_unit_test(test_muxers),
      cmocka_unit_test(test_own_muxers_limits),
      cmocka_unit_test(test_payload_accepted),
      cmocka_unit_test(test_payload_refused),
      cmocka_unit_test(test_handshake_cap),
      cmocka_unit_test(test_lengths),
      cmocka_unit_test(test_low_order_points),
      cmocka_unit_test(test_low_order_static),
      cmocka_unit_test(test_first_payload_ignored),
      cmocka_unit_test(test_damaged_messages),
      cmocka_unit_test(test_bytes_behind),
      cmocka_unit_test(test_no_room),
      cmocka_unit_test(test_no_memory),
      cmocka_unit_test(test_transport_sizes),
      cmocka_unit_test(test_transport_refuses),
      cmocka_unit_test(test_transport_limits),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
