/* noise.h and its parts: the published vectors of the pattern, whole sessions of real peers, the
 * payload, and what must be refused. */
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
#include "support/vectors.h"

#include <stdlib.h>
#include <unistd.h>

#define PREFIX 2 /* Bytes of length before a message. */

static wpm_crypto *crypto;

/* ---- the pattern's published vectors --------------------------------------------------------- */

static void vector_init(wpm_noise_xx *xx, bool initiator, char **fields) {
  wpm_test_bytes prologue = wpm_test_hex(fields[1]);
  wpm_test_bytes secret = wpm_test_hex(fields[initiator ? 2 : 4]);
  wpm_test_bytes ephemeral = wpm_test_hex(fields[initiator ? 3 : 5]);
  uint8_t public_key[32];
  wpm_x25519_public(secret.data, public_key);
  wpm_noise_xx_init(xx, crypto, initiator, wpm_test_view(prologue), secret.data, public_key,
                    ephemeral.data);
  free(prologue.data);
  free(secret.data);
  free(ephemeral.data);
}

/* A transport message of the vectors has no length prefix. */
static void vector_transport(wpm_noise_cipher *from, wpm_noise_cipher *to, wpm_bytes payload,
                             wpm_bytes expected) {
  wpm_buffer wire;
  wpm_bytes plain;
  size_t used = 0;
  wpm_buffer_init(&wire, 4096);
  assert_int_equal(wpm_noise_seal(from, crypto, payload, &wire), WPM_OK);
  assert_int_equal(wpm_buffer_size(&wire), PREFIX + expected.len);
  assert_memory_equal(wpm_buffer_view(&wire).data + PREFIX, expected.data, expected.len);
  assert_int_equal(
      wpm_noise_open(to, crypto, wire.memory + wire.begin, wpm_buffer_size(&wire), &plain, &used),
      WPM_OK);
  assert_int_equal(used, PREFIX + expected.len);
  assert_true(wpm_bytes_equal(plain, payload));
  wpm_buffer_fini(&wire);
}

static void vector_handshake(wpm_noise_xx *from, wpm_noise_xx *to, wpm_bytes payload,
                             wpm_bytes expected) {
  uint8_t message[512];
  wpm_bytes received;
  assert_int_equal(payload.len + wpm_noise_xx_overhead(from), expected.len);
  assert_int_equal(wpm_noise_xx_write(from, payload, message), WPM_OK);
  assert_memory_equal(message, expected.data, expected.len);
  assert_int_equal(wpm_noise_xx_read(to, message, expected.len, &received), WPM_OK);
  assert_true(wpm_bytes_equal(received, payload));
}

static void test_pattern_vectors(void **state) {
  (void)state;
  FILE *file = wpm_test_open(WPM_TEST_DATA("noise_xx.txt"));
  char *line = NULL;
  char *fields[7];
  size_t vectors = 0;
  size_t messages = 0;
  wpm_noise_xx xx[2]; /* Initiator, responder. */
  wpm_noise_cipher ciphers[2] = {0};
  uint8_t hash[32] = {0};
  bool hash_given = false;
  for (size_t count = 0; (count = wpm_test_fields(file, &line, fields, 7)) > 0;) {
    if (count == 7) {
      vector_init(&xx[0], true, fields);
      vector_init(&xx[1], false, fields);
      wpm_test_bytes given = wpm_test_hex(fields[6]);
      hash_given = given.len == 32;
      memcpy(hash, given.data, given.len);
      free(given.data);
      memset(ciphers, 0, sizeof ciphers);
      vectors++;
      messages = 0;
      continue;
    }
    wpm_test_bytes payload = wpm_test_hex(fields[1]);
    wpm_test_bytes expected = wpm_test_hex(fields[2]);
    size_t from = messages % 2;
    if (messages < 3) {
      vector_handshake(&xx[from], &xx[!from], wpm_test_view(payload), wpm_test_view(expected));
    } else {
      vector_transport(&ciphers[from], &ciphers[!from], wpm_test_view(payload),
                       wpm_test_view(expected));
    }
    if (++messages == 3) {
      for (size_t i = 0; i < 2; i++) {
        assert_true(wpm_noise_xx_done(&xx[i]));
        assert_true(!hash_given || memcmp(xx[i].hash, hash, 32) == 0);
        wpm_noise_xx_split(&xx[i], ciphers[i].send_key, ciphers[i].receive_key);
      }
    }
    free(payload.data);
    free(expected.data);
  }
  assert_int_equal(vectors, 2);
  assert_true(messages > 3);
  free(line);
  fclose(file);
}

/* ---- sessions of real peers ------------------------------------------------------------------ */

/* One side of a session in tests/data/captures; NULL data where it was not recorded. */
typedef struct side {
  wpm_test_bytes sent;      /* What it sent from its first Noise message on (a view into `all`). */
  wpm_test_bytes all;       /* Everything it sent. */
  wpm_test_bytes plain;     /* What it said inside. */
  wpm_test_bytes identity;  /* PrivateKey protobuf. */
  wpm_test_bytes secret;    /* Noise static secret. */
  wpm_test_bytes ephemeral; /* Noise ephemeral secret. */
} side;

static wpm_test_bytes captured(const char *session, const char *who, const char *what) {
  char path[512];
  snprintf(path, sizeof path, "%s%s.%s-%s.hex", WPM_TEST_DATA("captures/"), session, who, what);
  return access(path, R_OK) == 0 ? wpm_test_hex_file(path) : (wpm_test_bytes){0};
}

static void side_load(const char *session, const char *who, side *out) {
  out->all = captured(session, who, "sent");
  out->plain = captured(session, who, "plain");
  out->identity = captured(session, who, "identity");
  out->secret = captured(session, who, "noise-static");
  out->ephemeral = captured(session, who, "noise-ephemeral");
  assert_non_null(out->all.data);
  /* Negotiation lines, each behind its length (below 128), up to "/noise". */
  size_t at = 0;
  bool negotiated = false;
  while (!negotiated) {
    size_t len = out->all.data[at];
    negotiated = len == 7 && memcmp(out->all.data + at + 1, "/noise\n", 7) == 0;
    at += 1 + len;
    assert_true(at < out->all.len);
  }
  out->sent = (wpm_test_bytes){out->all.data + at, out->all.len - at};
}

static void side_free(side *s) {
  free(s->all.data);
  free(s->plain.data);
  free(s->identity.data);
  free(s->secret.data);
  free(s->ephemeral.data);
}

/* Takes the next whole message off the front of *wire. */
static bool take_message(wpm_bytes *wire, wpm_bytes *message) {
  size_t len = wire->len < PREFIX ? 0 : (size_t)wire->data[0] << 8 | wire->data[1];
  if (wire->len < PREFIX || wire->len - PREFIX < len) {
    return false;
  }
  *message = (wpm_bytes){wire->data + PREFIX, len};
  *wire = (wpm_bytes){wire->data + PREFIX + len, wire->len - PREFIX - len};
  return true;
}

/* Opens all whole messages in `wire`; what they say must begin with `expected`. Sealing the same
 * again must give the same bytes. */
static void check_transport(const uint8_t key[32], wpm_bytes wire, wpm_bytes expected) {
  wpm_noise_cipher cipher = {0};
  memcpy(cipher.send_key, key, 32);
  memcpy(cipher.receive_key, key, 32);
  uint8_t *copy = malloc(wire.len + 1);
  assert_non_null(copy);
  memcpy(copy, wire.data, wire.len);
  size_t at = 0;
  size_t said = 0;
  wpm_bytes message;
  for (wpm_bytes rest = wire; take_message(&rest, &message);) {
    wpm_bytes plain;
    wpm_buffer sealed;
    size_t used = 0;
    assert_int_equal(wpm_noise_open(&cipher, crypto, copy + at, wire.len - at, &plain, &used),
                     WPM_OK);
    assert_int_equal(used, PREFIX + message.len);
    size_t compared = expected.len - said < plain.len ? expected.len - said : plain.len;
    if (compared > 0) {
      assert_memory_equal(plain.data, expected.data + said, compared);
      said += compared;
    }
    wpm_buffer_init(&sealed, 1 << 20);
    assert_int_equal(wpm_noise_seal(&cipher, crypto, plain, &sealed), WPM_OK);
    assert_int_equal(wpm_buffer_size(&sealed), used);
    assert_memory_equal(wpm_buffer_view(&sealed).data, wire.data + at, used);
    wpm_buffer_fini(&sealed);
    at += used;
  }
  assert_true(at > 0);
  assert_int_equal(said, expected.len);
  free(copy);
}

/* The payload is read, is what we would have written, and its signature is that of a key of
 * `type`. */
static void check_payload(wpm_bytes encoded, const uint8_t static_public[32], wpm_key_type type) {
  static const char prefix[] = "noise-libp2p-static-key:";
  wpm_noise_payload payload;
  uint8_t again[2048];
  uint8_t message[24 + 32];
  wpm_key_type found = WPM_KEY_RSA;
  wpm_peer_id id;
  assert_int_equal(wpm_noise_payload_read(encoded, &payload), WPM_OK);
  assert_int_equal(wpm_noise_payload_size(&payload), encoded.len);
  wpm_noise_payload_write(&payload, again);
  assert_memory_equal(again, encoded.data, encoded.len);
  memcpy(message, prefix, 24);
  memcpy(message + 24, static_public, 32);
  assert_int_equal(wpm_public_key_verify(crypto, payload.identity_key,
                                         (wpm_bytes){message, sizeof message},
                                         payload.identity_sig),
                   WPM_OK);
  assert_int_equal(wpm_public_key_peer_id(crypto, payload.identity_key, &found, &id), WPM_OK);
  assert_int_equal(found, type);
}

static void side_xx(const side *s, bool initiator, wpm_noise_xx *xx) {
  uint8_t public_key[32];
  wpm_x25519_public(s->secret.data, public_key);
  wpm_noise_xx_init(xx, crypto, initiator, (wpm_bytes){0}, s->secret.data, public_key,
                    s->ephemeral.data);
}

/* With both sides' secrets: every byte of the session follows. */
static void replay_pattern(side *sides, const wpm_key_type *types) {
  wpm_noise_xx xx[2];
  wpm_bytes wire[2] = {wpm_test_view(sides[0].sent), wpm_test_view(sides[1].sent)};
  wpm_bytes payload = {0};
  side_xx(&sides[0], true, &xx[0]);
  side_xx(&sides[1], false, &xx[1]);
  for (size_t i = 0; i < 3; i++) {
    size_t from = i % 2;
    wpm_bytes message;
    uint8_t received[2048];
    uint8_t written[2048];
    assert_true(take_message(&wire[from], &message));
    assert_true(message.len <= sizeof received);
    memcpy(received, message.data, message.len);
    assert_int_equal(wpm_noise_xx_read(&xx[!from], received, message.len, &payload), WPM_OK);
    if (i == 0) {
      assert_int_equal(payload.len, 0);
    } else {
      check_payload(payload, xx[!from].remote_static, types[from]);
    }
    assert_int_equal(wpm_noise_xx_write(&xx[from], payload, written), WPM_OK);
    assert_memory_equal(written, message.data, message.len);
  }
  uint8_t keys[2][32];
  uint8_t same[2][32];
  wpm_noise_xx_split(&xx[0], keys[0], keys[1]);
  wpm_noise_xx_split(&xx[1], same[1], same[0]);
  assert_memory_equal(keys, same, sizeof keys);
  for (size_t i = 0; i < 2; i++) {
    check_transport(keys[i], wire[i], wpm_test_view(sides[i].plain));
  }
}

/* In the place of one side: what we send is what it sent, whatever pieces its peer's bytes come
 * in. */
static void replay_as(const side *us, const side *them, bool dialer, const wpm_text *muxers,
                      size_t muxer_count, int agreed, size_t piece) {
  wpm_identity identity;
  wpm_noise_static static_key;
  wpm_noise *noise = NULL;
  wpm_buffer in;
  wpm_buffer out;
  wpm_buffer_init(&in, 1 << 20);
  wpm_buffer_init(&out, 1 << 20);
  assert_int_equal(wpm_identity_decode(crypto, wpm_test_view(us->identity), &identity), WPM_OK);
  assert_int_equal(wpm_noise_static_init(crypto, &identity, us->secret.data, &static_key), WPM_OK);
  wpm_noise_config config = {crypto, &identity,   &static_key, dialer, us->ephemeral.data,
                             muxers, muxer_count, {0}};
  assert_int_equal(wpm_noise_new(&config, &noise), WPM_OK);
  assert_int_equal(wpm_noise_start(noise, &out), WPM_OK);
  for (size_t at = 0; at < them->sent.len; at += piece) {
    size_t len = them->sent.len - at < piece ? them->sent.len - at : piece;
    assert_int_equal(wpm_buffer_append(&in, them->sent.data + at, len), WPM_OK);
    assert_int_equal(wpm_noise_read(noise, &in, &out), WPM_OK);
  }
  assert_true(wpm_noise_done(noise));
  assert_true(wpm_buffer_size(&out) <= us->sent.len);
  assert_memory_equal(wpm_buffer_view(&out).data, us->sent.data, wpm_buffer_size(&out));
  assert_int_equal(wpm_noise_muxer(noise), agreed);
  /* What follows the handshake is still there. */
  wpm_noise_cipher cipher;
  wpm_noise_take_cipher(noise, &cipher);
  check_transport(cipher.receive_key, wpm_buffer_view(&in), wpm_test_view(them->plain));
  wpm_noise_free(noise);
  wpm_buffer_fini(&in);
  wpm_buffer_fini(&out);
}

typedef struct captured_session {
  const char *name;
  wpm_key_type types[2]; /* The dialer's and the listener's. */
  const char *muxers[2]; /* What each offered early: "y" yamux, "m" mplex, in that order. */
} captured_session;

static size_t muxers_of(const char *letters, wpm_text *out) {
  size_t count = 0;
  for (; *letters; letters++) {
    out[count++] = *letters == 'y' ? WPM_TEXT("/yamux/1.0.0") : WPM_TEXT("/mplex/6.7.0");
  }
  return count;
}

static void replay(const captured_session *session) {
  side sides[2];
  side_load(session->name, "dialer", &sides[0]);
  side_load(session->name, "listener", &sides[1]);
  bool secrets[2] = {sides[0].secret.data != NULL, sides[1].secret.data != NULL};
  assert_true(secrets[0] || secrets[1]);
  if (secrets[0] && secrets[1]) {
    replay_pattern(sides, session->types);
  }
  for (size_t i = 0; i < 2; i++) {
    bool ours = session->types[i] == WPM_KEY_ED25519 || session->types[i] == WPM_KEY_SECP256K1;
    wpm_text muxers[2];
    size_t count = muxers_of(session->muxers[i], muxers);
    int agreed = session->muxers[0][0] && session->muxers[1][0] ? 0 : -1;
    if (ours && secrets[i]) {
      replay_as(&sides[i], &sides[!i], i == 0, muxers, count, agreed, 1);
      replay_as(&sides[i], &sides[!i], i == 0, muxers, count, agreed, 1000);
      replay_as(&sides[i], &sides[!i], i == 0, muxers, count, agreed, 1 << 20);
    }
  }
  side_free(&sides[0]);
  side_free(&sides[1]);
}

static void test_real_peers(void **state) {
  (void)state;
  static const captured_session sessions[] = {
      {"go-dials-go-ecdsa-yamux", {WPM_KEY_ECDSA, WPM_KEY_ECDSA}, {"y", "y"}},
      {"go-dials-js-ed25519-yamux", {WPM_KEY_ED25519, WPM_KEY_ED25519}, {"y", "y"}},
      {"go-dials-js-rsa-yamux", {WPM_KEY_RSA, WPM_KEY_ED25519}, {"y", "y"}},
      {"go-dials-js-secp256k1-yamux", {WPM_KEY_SECP256K1, WPM_KEY_ED25519}, {"y", "y"}},
      {"gowaku-dials-js-yamux", {WPM_KEY_SECP256K1, WPM_KEY_ED25519}, {"y", "y"}},
      {"js-dials-go-ed25519-mplex", {WPM_KEY_ED25519, WPM_KEY_ED25519}, {"m", "m"}},
      {"js-dials-go-ed25519-yamux", {WPM_KEY_ED25519, WPM_KEY_ED25519}, {"y", "y"}},
      {"js-dials-go-many-protocols", {WPM_KEY_ED25519, WPM_KEY_ED25519}, {"y", "y"}},
      {"js-dials-go-rsa-yamux", {WPM_KEY_ED25519, WPM_KEY_RSA}, {"y", "y"}},
      {"js-dials-go-secp256k1-yamux", {WPM_KEY_ED25519, WPM_KEY_SECP256K1}, {"y", "y"}},
      {"js-dials-js-mplex", {WPM_KEY_ED25519, WPM_KEY_ED25519}, {"m", "m"}},
      {"js-dials-js-yamux", {WPM_KEY_ED25519, WPM_KEY_SECP256K1}, {"y", "y"}},
      {"js-dials-jswaku-yamux", {WPM_KEY_ED25519, WPM_KEY_SECP256K1}, {"y", ""}},
      {"jswaku-dials-js-mplex", {WPM_KEY_SECP256K1, WPM_KEY_ED25519}, {"", "m"}},
  };
  for (size_t i = 0; i < sizeof sessions / sizeof sessions[0]; i++) {
    replay(&sessions[i]);
  }
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
      cmocka_unit_test(test_pattern_vectors),
      cmocka_unit_test(test_real_peers),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
