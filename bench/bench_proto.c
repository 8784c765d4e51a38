/* What the wire protocols cost in CPU time, without a network: `bench_proto` prints one JSON line per
 * figure, the median of its repeats with the smallest and the largest. */
#include "base/buffer.h"
#include "base/bytes.h"
#include "bench/measure.h"
#include "proto/crypto.h"
#include "proto/identify.h"
#include "proto/noise.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REPEATS 15

static wpm_crypto *crypto;
static wpm_buffer identify_wire;

static void check(int rc, const char *what) {
  if (rc != WPM_OK) {
    wpm_bench_fail("%s: %s", what, wpm_strerror(rc));
  }
}

static int compare(const void *a, const void *b) {
  double left = *(const double *)a;
  double right = *(const double *)b;
  return (left > right) - (left < right);
}

/* `values`: microseconds an operation, one for each repeat. */
static void report(const char *name, size_t size, double values[REPEATS]) {
  qsort(values, REPEATS, sizeof values[0], compare);
  wpm_bench_say("{\"bench\":\"%s\",\"impl\":\"wakupeers\",\"size\":%zu,\"value\":%.3f,"
                "\"unit\":\"us\",\"min\":%.3f,\"median\":%.3f,\"max\":%.3f,\"repeats\":%d}",
                name, size, values[REPEATS / 2], values[0], values[REPEATS / 2],
                values[REPEATS - 1], REPEATS);
}

/* ---- the handshake --------------------------------------------------------------------------- */

typedef struct side {
  wpm_identity identity;
  wpm_noise_static static_key;
  wpm_noise_config config;
  wpm_noise *noise;
  wpm_buffer in;
  uint64_t spent; /* Nanoseconds. */
} side;

static void side_init(side *s, bool initiator, wpm_key_type type, uint8_t seed) {
  static const wpm_text yamux = {"/yamux/1.0.0", 12};
  static uint8_t ephemeral[32];
  uint8_t secret[32];
  memset(s, 0, sizeof *s);
  memset(secret, seed, sizeof secret);
  memset(ephemeral, 7, sizeof ephemeral);
  check(wpm_identity_init(crypto, type, secret, &s->identity), "identity");
  memset(secret, seed + 1, sizeof secret);
  check(wpm_noise_static_init(crypto, &s->identity, secret, &s->static_key), "static key");
  s->config = (wpm_noise_config){.crypto = crypto,
                                 .identity = &s->identity,
                                 .static_key = &s->static_key,
                                 .initiator = initiator,
                                 .ephemeral = ephemeral,
                                 .muxers = &yamux,
                                 .muxer_count = 1};
  wpm_buffer_init(&s->in, 1 << 16);
}

/* One handshake; each side's time goes to its own account. */
static void shake_hands(side sides[2]) {
  for (size_t i = 0; i < 2; i++) {
    uint64_t begin = uv_hrtime();
    check(wpm_noise_new(&sides[i].config, &sides[i].noise), "new");
    check(wpm_noise_start(sides[i].noise, &sides[!i].in), "start");
    sides[i].spent += uv_hrtime() - begin;
  }
  for (size_t i = 0; i < 3; i++) {
    side *reader = &sides[(i + 1) % 2];
    uint64_t begin = uv_hrtime();
    check(wpm_noise_read(reader->noise, &reader->in, &sides[i % 2].in), "read");
    reader->spent += uv_hrtime() - begin;
  }
  for (size_t i = 0; i < 2; i++) {
    uint64_t begin = uv_hrtime();
    wpm_noise_cipher cipher;
    wpm_noise_take_cipher(sides[i].noise, &cipher);
    wpm_noise_free(sides[i].noise);
    sides[i].spent += uv_hrtime() - begin;
  }
}

static void bench_handshake(const char *initiator, const char *responder, wpm_key_type type) {
  enum { ROUNDS = 100 };
  double values[2][REPEATS];
  side sides[2];
  side_init(&sides[0], true, type, 10);
  side_init(&sides[1], false, type, 20);
  for (size_t repeat = 0; repeat < REPEATS; repeat++) {
    sides[0].spent = 0;
    sides[1].spent = 0;
    for (size_t i = 0; i < ROUNDS; i++) {
      shake_hands(sides);
    }
    values[0][repeat] = (double)sides[0].spent / 1000 / ROUNDS;
    values[1][repeat] = (double)sides[1].spent / 1000 / ROUNDS;
  }
  report(initiator, 0, values[0]);
  report(responder, 0, values[1]);
  for (size_t i = 0; i < 2; i++) {
    wpm_buffer_fini(&sides[i].in);
    wpm_noise_static_fini(&sides[i].static_key);
    wpm_identity_fini(&sides[i].identity);
  }
}

/* ---- transport messages ---------------------------------------------------------------------- */

static void bench_transport(size_t size) {
  static uint8_t plain[WPM_NOISE_PLAIN_MAX];
  size_t rounds = size > 10000 ? 200 : 5000;
  double values[REPEATS];
  wpm_noise_cipher sender = {.send_key = {1}};
  wpm_noise_cipher receiver = {.receive_key = {1}};
  wpm_buffer wire;
  wpm_buffer_init(&wire, 1 << 20);
  for (size_t repeat = 0; repeat < REPEATS; repeat++) {
    uint64_t begin = uv_hrtime();
    for (size_t i = 0; i < rounds; i++) {
      wpm_bytes opened;
      size_t used = 0;
      check(wpm_noise_seal(&sender, crypto, (wpm_bytes){plain, size}, &wire), "seal");
      check(wpm_noise_open(&receiver, crypto, wire.memory + wire.begin, wpm_buffer_size(&wire),
                           &opened, &used),
            "open");
      wpm_buffer_consume(&wire, used);
    }
    values[repeat] = (double)(uv_hrtime() - begin) / 1000 / (double)rounds;
  }
  report("noise seal and open", size, values);
  wpm_buffer_fini(&wire);
}

/* ---- single operations ----------------------------------------------------------------------- */

static uint8_t block[64];

static void sha256_once(void) {
  wpm_sha256(crypto, (wpm_bytes){block, sizeof block}, block);
}

static void hkdf_once(void) {
  wpm_noise_hkdf(crypto, block, (wpm_bytes){block, 32}, block, block + 32);
}

static void x25519_public_once(void) {
  wpm_x25519_public(block, block);
}

static void x25519_once(void) {
  static const uint8_t base[32] = {9};
  check(wpm_x25519(block, base, block), "x25519");
}

static void identify_once(void) {
  wpm_identify_reader *reader = NULL;
  wpm_identify out;
  check(wpm_identify_reader_new(&reader), "identify");
  check(wpm_identify_reader_input(reader, wpm_buffer_view(&identify_wire)), "identify");
  check(wpm_identify_reader_finish(reader, &out), "identify");
  wpm_identify_reader_free(reader);
}

static void bench_operation(const char *name, size_t size, void (*once)(void), size_t rounds) {
  double values[REPEATS];
  for (size_t repeat = 0; repeat < REPEATS; repeat++) {
    uint64_t begin = uv_hrtime();
    for (size_t i = 0; i < rounds; i++) {
      once();
    }
    values[repeat] = (double)(uv_hrtime() - begin) / 1000 / (double)rounds;
  }
  report(name, size, values);
}

static void bench_signature(const char *sign, const char *verify, wpm_key_type type) {
  enum { ROUNDS = 200 };
  double signing[REPEATS];
  double verifying[REPEATS];
  static const uint8_t secret[32] = {1};
  wpm_identity identity;
  check(wpm_identity_init(crypto, type, secret, &identity), "identity");
  wpm_bytes key = {identity.public_key, identity.public_key_len};
  for (size_t repeat = 0; repeat < REPEATS; repeat++) {
    uint8_t signature[WPM_SIGNATURE_MAX];
    size_t len = 0;
    uint64_t begin = uv_hrtime();
    for (size_t i = 0; i < ROUNDS; i++) {
      check(wpm_identity_sign(crypto, &identity, (wpm_bytes){block, 56}, signature, &len), sign);
    }
    uint64_t middle = uv_hrtime();
    for (size_t i = 0; i < ROUNDS; i++) {
      check(wpm_public_key_verify(crypto, key, (wpm_bytes){block, 56}, (wpm_bytes){signature, len}),
            verify);
    }
    signing[repeat] = (double)(middle - begin) / 1000 / ROUNDS;
    verifying[repeat] = (double)(uv_hrtime() - middle) / 1000 / ROUNDS;
  }
  report(sign, 56, signing);
  report(verify, 56, verifying);
  wpm_identity_fini(&identity);
}

static void write_identify(void) {
  static const wpm_text protocols[] = {
      {"/ipfs/id/1.0.0", 14},           {"/ipfs/id/push/1.0.0", 19},
      {"/ipfs/ping/1.0.0", 16},         {"/vac/waku/metadata/1.0.0", 24},
      {"/vac/waku/relay/2.0.0", 21},    {"/vac/waku/store-query/3.0.0", 27},
      {"/vac/waku/lightpush/3.0.0", 25}};
  static const wpm_bytes addresses[] = {{(const uint8_t *)"\x04\x7f\x00\x00\x01\x06\x01\x02", 8},
                                        {(const uint8_t *)"\x04\x0a\x00\x00\x01\x06\x01\x02", 8}};
  wpm_identify message = {.public_key = {block, 37},
                          .has_agent = true,
                          .agent = {"nwaku-v0.37.1", 13},
                          .addresses = addresses,
                          .address_count = 2,
                          .protocols = protocols,
                          .protocol_count = sizeof protocols / sizeof protocols[0]};
  wpm_buffer_init(&identify_wire, WPM_IDENTIFY_SEND_MAX);
  check(wpm_identify_write(&message, &identify_wire), "identify");
}

int main(void) {
  static const uint8_t seed[32] = {1};
  static const size_t sizes[] = {32, 64, 1024, 16384, WPM_NOISE_PLAIN_MAX};
  check(wpm_crypto_init(seed, &crypto), "crypto");
  bench_handshake("handshake, initiator, ed25519", "handshake, responder, ed25519",
                  WPM_KEY_ED25519);
  bench_handshake("handshake, initiator, secp256k1", "handshake, responder, secp256k1",
                  WPM_KEY_SECP256K1);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    bench_transport(sizes[i]);
  }
  bench_operation("sha256", sizeof block, sha256_once, 20000);
  bench_operation("noise hkdf", 32, hkdf_once, 5000);
  bench_operation("x25519 public key", 0, x25519_public_once, 200);
  bench_operation("x25519 shared secret", 0, x25519_once, 200);
  bench_signature("sign, ed25519", "verify, ed25519", WPM_KEY_ED25519);
  bench_signature("sign, secp256k1", "verify, secp256k1", WPM_KEY_SECP256K1);
  write_identify();
  bench_operation("identify read", wpm_buffer_size(&identify_wire), identify_once, 5000);
  wpm_buffer_fini(&identify_wire);
  wpm_crypto_free(crypto);
  return 0;
}
