#include "proto/keccak.h"

#include <string.h>

/* The Keccak reference (keccak.team, version 3.0), section 1.2: Keccak-f[1600]. */

#define RATE 136 /* Bytes taken in per permutation: 1600 bits less twice 256. */

static uint64_t rotate(uint64_t value, unsigned bits) {
  return bits == 0 ? value : value << bits | value >> (64 - bits);
}

/* theta: each bit gets the parity of two neighbouring columns. */
static void mix_columns(uint64_t lanes[25]) {
  uint64_t parity[5];
  for (size_t x = 0; x < 5; x++) {
    parity[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20];
  }
  for (size_t i = 0; i < 25; i++) {
    lanes[i] ^= parity[(i + 4) % 5] ^ rotate(parity[(i + 1) % 5], 1);
  }
}

/* rho and pi: each lane is rotated and moved. */
static void move_lanes(const uint64_t from[25], uint64_t to[25]) {
  static const uint8_t offsets[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                                      25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};
  for (size_t y = 0; y < 5; y++) {
    for (size_t x = 0; x < 5; x++) {
      to[y + 5 * ((2 * x + 3 * y) % 5)] = rotate(from[x + 5 * y], offsets[x + 5 * y]);
    }
  }
}

static void permute(uint64_t lanes[25]) {
  static const uint64_t constants[24] = {
      0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
      0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
      0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
      0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
      0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
      0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};
  uint64_t moved[25];
  for (size_t round = 0; round < 24; round++) {
    mix_columns(lanes);
    move_lanes(lanes, moved);
    for (size_t i = 0; i < 25; i++) { /* chi: the only step that is not linear. */
      size_t row = i - i % 5;
      lanes[i] = moved[i] ^ (~moved[row + (i + 1) % 5] & moved[row + (i + 2) % 5]);
    }
    lanes[0] ^= constants[round];
  }
}

/* Lanes are little-endian. */
static void absorb(uint64_t lanes[25], const uint8_t block[RATE]) {
  for (size_t i = 0; i < RATE; i++) {
    lanes[i / 8] ^= (uint64_t)block[i] << (8 * (i % 8));
  }
  permute(lanes);
}

void wpm_keccak256(wpm_bytes in, uint8_t out[32]) {
  uint64_t lanes[25] = {0};
  while (in.len >= RATE) {
    absorb(lanes, in.data);
    in = (wpm_bytes){in.data + RATE, in.len - RATE};
  }
  uint8_t last[RATE] = {0};
  if (in.len > 0) {
    memcpy(last, in.data, in.len);
  }
  last[in.len] = 0x01;
  last[RATE - 1] |= 0x80;
  absorb(lanes, last);
  for (size_t i = 0; i < 32; i++) {
    out[i] = (uint8_t)(lanes[i / 8] >> (8 * (i % 8)));
  }
}
