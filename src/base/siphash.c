#include "base/siphash.h"

#include <string.h>

typedef struct state {
  uint64_t v0, v1, v2, v3;
} state;

static inline uint64_t rotate_left(uint64_t x, int bits) {
  return (x << bits) | (x >> (64 - bits));
}

static inline void sip_round(state *s) {
  s->v0 += s->v1;
  s->v1 = rotate_left(s->v1, 13) ^ s->v0;
  s->v0 = rotate_left(s->v0, 32);
  s->v2 += s->v3;
  s->v3 = rotate_left(s->v3, 16) ^ s->v2;
  s->v0 += s->v3;
  s->v3 = rotate_left(s->v3, 21) ^ s->v0;
  s->v2 += s->v1;
  s->v1 = rotate_left(s->v1, 17) ^ s->v2;
  s->v2 = rotate_left(s->v2, 32);
}

static inline uint64_t read_little_endian(const uint8_t *bytes) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint64_t word;
  memcpy(&word, bytes, sizeof(word));
  return word;
#else
  uint64_t word = 0;
  for (size_t i = 0; i < 8; i++)
    word |= (uint64_t)bytes[i] << (8 * i);
  return word;
#endif
}

static inline void absorb(state *s, uint64_t word) {
  s->v3 ^= word;
  sip_round(s);
  s->v0 ^= word;
}

uint64_t wpm_siphash13(const wpm_siphash_key *key, wpm_bytes in) {
  state s = {
      key->k0 ^ UINT64_C(0x736f6d6570736575),
      key->k1 ^ UINT64_C(0x646f72616e646f6d),
      key->k0 ^ UINT64_C(0x6c7967656e657261),
      key->k1 ^ UINT64_C(0x7465646279746573),
  };
  size_t whole = in.len & ~(size_t)7;
  for (size_t i = 0; i < whole; i += 8) {
    absorb(&s, read_little_endian(in.data + i));
  }
  uint64_t last = (uint64_t)in.len << 56;
  if (whole > 0 && whole < in.len) { /* The rest lies at the end of the last 8 bytes. */
    last |= read_little_endian(in.data + in.len - 8) >> (8 * (8 - (in.len - whole)));
  } else {
    for (size_t i = whole; i < in.len; i++) {
      last |= (uint64_t)in.data[i] << (8 * (i - whole));
    }
  }
  absorb(&s, last);
  s.v2 ^= 0xff;
  sip_round(&s);
  sip_round(&s);
  sip_round(&s);
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
