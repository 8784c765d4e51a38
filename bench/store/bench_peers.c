/* Makes the peers for the store benchmark: `bench_peers DIRECTORY COUNT…` writes, for each count,
 * zipf-COUNT.peers and random-COUNT.peers. A smaller file holds the first peers of a larger one. The
 * rules of what is in them stand in bench/README.md; the format in peer_file.h. */
#include "base/rng.h"
#include "bench/measure.h"
#include "bench/store/peer_file.h"
#include "proto/crypto.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 27
#define PROTOCOLS 40
#define PER_PEER 10
#define SETS 300
#define ZIPF_UNIT UINT64_C(1000000000)
#define CONNECTED_EVERY 1000
#define MOST_COUNTS 8

/* Ascending. */
static const char *const protocols[PROTOCOLS] = {
    "/bench/service-01/1.0.0",
    "/bench/service-02/1.0.0",
    "/bench/service-03/1.0.0",
    "/bench/service-04/1.0.0",
    "/bench/service-05/1.0.0",
    "/bench/service-06/1.0.0",
    "/bench/service-07/1.0.0",
    "/bench/service-08/1.0.0",
    "/bench/service-09/1.0.0",
    "/bench/service-10/1.0.0",
    "/bench/service-11/1.0.0",
    "/bench/service-12/1.0.0",
    "/bench/service-13/1.0.0",
    "/bench/service-14/1.0.0",
    "/bench/service-15/1.0.0",
    "/bench/service-16/1.0.0",
    "/bench/service-17/1.0.0",
    "/bench/service-18/1.0.0",
    "/bench/service-19/1.0.0",
    "/bench/service-20/1.0.0",
    "/floodsub/1.0.0",
    "/ipfs/id/1.0.0",
    "/ipfs/id/push/1.0.0",
    "/ipfs/kad/1.0.0",
    "/ipfs/ping/1.0.0",
    "/libp2p/autonat/1.0.0",
    "/libp2p/circuit/relay/0.2.0/hop",
    "/libp2p/circuit/relay/0.2.0/stop",
    "/libp2p/dcutr",
    "/meshsub/1.1.0",
    "/meshsub/1.2.0",
    "/rendezvous/1.0.0",
    "/vac/waku/filter-push/2.0.0-beta1",
    "/vac/waku/filter-subscribe/2.0.0-beta1",
    "/vac/waku/lightpush/2.0.0-beta1",
    "/vac/waku/lightpush/3.0.0",
    "/vac/waku/metadata/1.0.0",
    "/vac/waku/peer-exchange/2.0.0-alpha1",
    "/vac/waku/relay/2.0.0",
    "/vac/waku/store-query/3.0.0",
};
#define ASKED 38 /* /vac/waku/relay/2.0.0 */

/* Those by which a peer may take part in a relay mesh. */
static const uint8_t relays[] = {20, 29, 30, 38};

#define RARE_ONE_IN 500
#define FEW_ONE_IN 1021   /* At most 980 of a million. */
#define APART_ONE_IN 5003 /* Of those that relay, in shard WPM_FILE_SHARD_APART. */

typedef enum choice { CHOICE_ZIPF, CHOICE_RANDOM } choice;
#define CHOICES 2

typedef struct peer_set {
  uint8_t index[PER_PEER]; /* Of protocols, ascending. */
} peer_set;

typedef struct output {
  FILE *file;
  uint32_t count; /* Peers it takes. */
  choice choice;  /* How their protocols are chosen. */
} output;

static wpm_crypto *crypto;
static peer_set sets[SETS];
static uint64_t cumulated[SETS];

static void put(FILE *file, const void *bytes, size_t len) {
  if (fwrite(bytes, 1, len, file) != len) {
    wpm_bench_fail("cannot write the peers");
  }
}

static void put_byte(FILE *file, uint8_t byte) {
  put(file, &byte, 1);
}

static void put_u32(FILE *file, uint32_t value) {
  uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                      (uint8_t)(value >> 24)};
  put(file, bytes, sizeof bytes);
}

static void put_bytes(FILE *file, const void *bytes, size_t len) {
  put_byte(file, (uint8_t)len);
  put(file, bytes, len);
}

static void fill(wpm_rng *rng, uint8_t *out, size_t len) {
  for (size_t i = 0; i < len; i++) {
    out[i] = (uint8_t)(wpm_rng_next(rng) >> 56);
  }
}

/* Any ten of the forty. */
static void draw_set(wpm_rng *rng, peer_set *out) {
  bool taken[PROTOCOLS] = {false};
  for (size_t drawn = 0; drawn < PER_PEER;) {
    size_t index = wpm_rng_below(rng, PROTOCOLS);
    drawn += !taken[index];
    taken[index] = true;
  }
  for (size_t i = 0, at = 0; i < PROTOCOLS; i++) {
    if (taken[i]) {
      out->index[at++] = (uint8_t)i;
    }
  }
}

static void draw_sets(wpm_rng *rng) {
  uint64_t sum = 0;
  for (size_t i = 0; i < SETS; i++) {
    draw_set(rng, &sets[i]);
    sum += ZIPF_UNIT / (i + 1);
    cumulated[i] = sum;
  }
}

static const peer_set *zipf_set(wpm_rng *rng) {
  uint64_t at = wpm_rng_below(rng, cumulated[SETS - 1]);
  size_t i = 0;
  while (at >= cumulated[i]) {
    i++;
  }
  return &sets[i];
}

/* A key whose point is on the curve: implementations may look. */
static void draw_id(wpm_rng *rng, wpm_peer_id *out) {
  bool ed25519 = wpm_rng_below(rng, 5) == 0;
  uint8_t key[37] = {0x08, 0x02, 0x12, 0x21};
  size_t len = sizeof key;
  if (ed25519) {
    key[1] = 0x01;
    key[3] = 0x20;
    len = 36;
  }
  int rc;
  do {
    fill(rng, key + 4, len - 4);
    if (!ed25519) {
      key[4] = (uint8_t)(0x02 | (key[4] & 1));
    }
    rc = wpm_public_key_peer_id(crypto, (wpm_bytes){key, len}, NULL, out);
  } while (rc == WPM_ERR_CRYPTO || rc == WPM_ERR_INVALID);
  if (rc != WPM_OK) {
    wpm_bench_fail("a peer id: %s", wpm_strerror(rc));
  }
}

#define ADDRESSES 5

/* Text of address number `kind` of a peer. */
static int print_address(size_t kind, const uint8_t ip[4], unsigned port, char *out, size_t cap) {
  unsigned a = 1u + ip[0] % 223u;
  unsigned b = ip[1];
  unsigned c = ip[2];
  unsigned d = ip[3];
  switch (kind) {
  case 0:
    return snprintf(out, cap, "/ip4/%u.%u.%u.%u/tcp/%u", a, b, c, d, port);
  case 1:
    return snprintf(out, cap, "/ip4/%u.%u.%u.%u/tcp/%u/ws", a, b, c, d, port);
  case 2:
    return snprintf(out, cap, "/ip4/%u.%u.%u.%u/udp/%u/quic-v1", a, b, c, d, port);
  case 3:
    return snprintf(out, cap, "/ip6/2001:db8:%x:%x::%x:%x/tcp/%u", a, b, c, d, port);
  default:
    return snprintf(out, cap, "/dns4/node-%02x%02x%02x%02x-%u.example.org/tcp/443/wss", a, b, c, d,
                    port);
  }
}

static void draw_address(wpm_rng *rng, size_t kind, wpm_multiaddr *out) {
  char text[128];
  uint8_t ip[4];
  wpm_error error = {0};
  unsigned port = (unsigned)(1024 + wpm_rng_below(rng, 60000));
  fill(rng, ip, sizeof ip);
  int len = print_address(kind, ip, port, text, sizeof text);
  if (len < 0 || (size_t)len >= sizeof text ||
      wpm_multiaddr_parse((wpm_text){text, (size_t)len}, out, &error) != WPM_OK) {
    wpm_bench_fail("an address: %s", error.text);
  }
}

static uint8_t draw_connectivity(wpm_rng *rng, uint32_t number) {
  uint64_t percent = wpm_rng_below(rng, 100);
  if (number % CONNECTED_EVERY == CONNECTED_EVERY - 1) {
    return WPM_CONNECTED;
  }
  return percent < 50 ? WPM_NOT_CONNECTED : percent < 80 ? WPM_CANNOT_CONNECT : WPM_CAN_CONNECT;
}

static void write_head(const output *out) {
  put(out->file, WPM_PEER_FILE_MAGIC, strlen(WPM_PEER_FILE_MAGIC));
  put_u32(out->file, out->count);
  put_byte(out->file, PROTOCOLS);
  put_byte(out->file, ASKED);
  for (size_t i = 0; i < PROTOCOLS; i++) {
    put_bytes(out->file, protocols[i], strlen(protocols[i]));
  }
}

static bool is_relay(const uint8_t *index) {
  for (size_t i = 0; i < PER_PEER; i++) {
    for (size_t k = 0; k < sizeof relays; k++) {
      if (index[i] == relays[k]) {
        return true;
      }
    }
  }
  return false;
}

/* What is drawn of a peer's shards; the rest follows from its number and whether it relays. */
typedef struct shard_draw {
  uint8_t first, second; /* Below WPM_FILE_SHARDS; equal: one alone. */
  bool rare;
} shard_draw;

static shard_draw draw_shards(wpm_rng *rng) {
  shard_draw drawn = {(uint8_t)wpm_rng_below(rng, WPM_FILE_SHARDS), 0, false};
  drawn.second = wpm_rng_below(rng, 2) ? (uint8_t)wpm_rng_below(rng, WPM_FILE_SHARDS) : drawn.first;
  drawn.rare = wpm_rng_below(rng, RARE_ONE_IN) == 0;
  return drawn;
}

static void write_shards(FILE *file, const shard_draw *drawn, uint32_t number, bool relay) {
  const bool has[] = {drawn->rare, number % FEW_ONE_IN == FEW_ONE_IN - 1,
                      !relay || number % APART_ONE_IN == APART_ONE_IN - 1, !relay};
  uint8_t shards[2 + sizeof has];
  uint8_t count = 0;
  shards[count++] = drawn->first < drawn->second ? drawn->first : drawn->second;
  if (drawn->first != drawn->second) {
    shards[count++] = drawn->first < drawn->second ? drawn->second : drawn->first;
  }
  for (size_t i = 0; i < sizeof has; i++) {
    if (has[i]) {
      shards[count++] = (uint8_t)(WPM_FILE_SHARD_RARE + i);
    }
  }
  put_bytes(file, shards, count);
}

/* Draws one peer and writes it to the files that take it. */
static void write_peer(wpm_rng *rng, uint32_t number, const output *outputs, size_t count) {
  wpm_peer_id id;
  wpm_multiaddr list[ADDRESSES];
  peer_set random;
  draw_id(rng, &id);
  uint8_t connectivity = draw_connectivity(rng, number);
  for (size_t i = 0; i < ADDRESSES; i++) {
    draw_address(rng, i, &list[i]);
  }
  const peer_set *zipf = zipf_set(rng);
  draw_set(rng, &random);
  shard_draw shards = draw_shards(rng);
  for (size_t i = 0; i < count; i++) {
    FILE *file = outputs[i].file;
    if (number >= outputs[i].count) {
      continue;
    }
    put_bytes(file, id.bytes, id.len);
    put_byte(file, connectivity);
    put_byte(file, ADDRESSES);
    for (size_t j = 0; j < ADDRESSES; j++) {
      put_bytes(file, list[j].bytes, list[j].len);
    }
    const uint8_t *index = outputs[i].choice == CHOICE_ZIPF ? zipf->index : random.index;
    put_bytes(file, index, PER_PEER);
    write_shards(file, &shards, number, is_relay(index));
  }
}

/* A permutation, by Fisher and Yates. */
static void write_order(const output *out) {
  wpm_rng rng;
  wpm_rng_init(&rng, SEED + 1);
  uint32_t *order = calloc(out->count, sizeof *order);
  if (!order) {
    wpm_bench_fail("out of memory");
  }
  for (uint32_t i = 0; i < out->count; i++) {
    uint32_t other = (uint32_t)wpm_rng_below(&rng, i + 1);
    order[i] = order[other];
    order[other] = i;
  }
  for (uint32_t i = 0; i < out->count; i++) {
    put_u32(out->file, order[i]);
  }
  free(order);
}

static void open_output(const char *directory, uint32_t count, choice chosen, output *out) {
  char path[4096];
  int len = snprintf(path, sizeof path, "%s/%s-%" PRIu32 ".peers", directory,
                     chosen == CHOICE_ZIPF ? "zipf" : "random", count);
  if (len < 0 || (size_t)len >= sizeof path) {
    wpm_bench_fail("the name of the directory is too long");
  }
  *out = (output){fopen(path, "wbe"), count, chosen};
  if (!out->file) {
    wpm_bench_fail("cannot write %s", path);
  }
}

int main(int argc, char **argv) {
  static const uint8_t seed[32] = {SEED};
  output outputs[MOST_COUNTS * CHOICES];
  size_t output_count = 0;
  uint32_t most = 0;
  if (argc < 3 || argc - 2 > MOST_COUNTS) {
    wpm_bench_fail("use: %s DIRECTORY COUNT… (at most %d counts)", argv[0], MOST_COUNTS);
  }
  for (int i = 2; i < argc; i++) {
    char *end;
    unsigned long count = strtoul(argv[i], &end, 10);
    if (*end != '\0' || count == 0 || count > 10000000) {
      wpm_bench_fail("COUNT is a number from 1 to 10000000, not '%s'", argv[i]);
    }
    most = count > most ? (uint32_t)count : most;
    open_output(argv[1], (uint32_t)count, CHOICE_ZIPF, &outputs[output_count++]);
    open_output(argv[1], (uint32_t)count, CHOICE_RANDOM, &outputs[output_count++]);
  }
  if (wpm_crypto_init(seed, &crypto) != WPM_OK) {
    wpm_bench_fail("no crypto library");
  }
  wpm_rng rng;
  wpm_rng_init(&rng, SEED);
  draw_sets(&rng);
  for (size_t i = 0; i < output_count; i++) {
    write_head(&outputs[i]);
  }
  for (uint32_t number = 0; number < most; number++) {
    write_peer(&rng, number, outputs, output_count);
  }
  for (size_t i = 0; i < output_count; i++) {
    write_order(&outputs[i]);
    if (fclose(outputs[i].file) != 0) {
      wpm_bench_fail("cannot write the peers");
    }
  }
  wpm_crypto_free(crypto);
  return 0;
}
