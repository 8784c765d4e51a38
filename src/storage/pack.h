/* Bytes of a row, written and read one value after another.
 *
 * - Numbers of fixed size are little-endian. A varint has seven bits a byte, lowest first, at most
 *   ten bytes; a signed one is zigzagged first. Byte strings have their length before them.
 * - A row ends in a seal: four bytes of a hash over the rest and what the row belongs to (its place in
 *   the file, an id), so that a flipped bit, a torn row or one that lies where another belongs is
 *   noticed.
 * - The first failure stays, and ends the writing or reading; values read after it are 0 and empty.
 */
#ifndef WPM_STORAGE_PACK_H
#define WPM_STORAGE_PACK_H

#include "storage/room.h"

#include <string.h>

#define WPM_SEAL_SIZE 4

/* A row being written into `scratch`, which may be used again afterwards. */
typedef struct wpm_packer {
  wpm_room *scratch; /* Grows as needed. */
  size_t len;        /* Bytes written. */
  int err;           /* WPM_OK or WPM_ERR_NO_MEMORY. */
} wpm_packer;

void wpm_pack_byte(wpm_packer *p, uint8_t value);
void wpm_pack_u32(wpm_packer *p, uint32_t value);
void wpm_pack_i64(wpm_packer *p, int64_t value);
void wpm_pack_varint(wpm_packer *p, uint64_t value);
void wpm_pack_signed(wpm_packer *p, int64_t value);
void wpm_pack_raw(wpm_packer *p, const void *data, size_t len);
void wpm_pack_bytes(wpm_packer *p, wpm_bytes bytes);
void wpm_pack_wait(wpm_packer *p, const wpm_wait *wait);

/* The bits by which a row is bound to an id. */
int64_t wpm_seal_of_id(wpm_bytes id);

/* Ends the row that belongs to `owner`. */
void wpm_pack_seal(wpm_packer *p, int64_t owner);

/* A row being read: what is left of it. */
typedef struct wpm_unpacker {
  wpm_bytes rest; /* Not read yet. */
  int err;        /* WPM_OK, or WPM_ERR_INVALID: it is not of the form that was written. */
} wpm_unpacker;

/* Checks the seal, and begins to read what is before it. */
wpm_unpacker wpm_unpack_sealed(wpm_bytes row, int64_t owner);

/* WPM_OK where all was read and nothing is left over. */
WPM_MUST_USE int wpm_unpack_end(const wpm_unpacker *u);

static inline void wpm_unpack_fail(wpm_unpacker *u) {
  u->err = u->err ? u->err : WPM_ERR_INVALID;
  u->rest.len = 0;
}

/* The next `len` bytes. */
static inline const uint8_t *wpm_unpack_raw(wpm_unpacker *u, size_t len) {
  if (len > u->rest.len) {
    wpm_unpack_fail(u);
    return NULL;
  }
  const uint8_t *data = u->rest.data;
  u->rest.data += len;
  u->rest.len -= len;
  return data;
}

static inline uint8_t wpm_unpack_byte(wpm_unpacker *u) {
  const uint8_t *at = wpm_unpack_raw(u, 1);
  return at ? *at : 0;
}

static inline uint64_t wpm_unpack_little(wpm_unpacker *u, size_t len) {
  const uint8_t *at = wpm_unpack_raw(u, len);
  uint64_t value = 0;
  for (size_t i = 0; at && i < len; i++) {
    value |= (uint64_t)at[i] << (8 * i);
  }
  return value;
}

static inline uint32_t wpm_unpack_u32(wpm_unpacker *u) {
  return (uint32_t)wpm_unpack_little(u, 4);
}

static inline int64_t wpm_unpack_i64(wpm_unpacker *u) {
  return (int64_t)wpm_unpack_little(u, 8);
}

static inline uint64_t wpm_unpack_varint(wpm_unpacker *u) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    uint8_t byte = wpm_unpack_byte(u);
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) {
      return value;
    }
  }
  wpm_unpack_fail(u);
  return 0;
}

static inline int64_t wpm_unpack_signed(wpm_unpacker *u) {
  uint64_t value = wpm_unpack_varint(u);
  return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

static inline wpm_bytes wpm_unpack_bytes(wpm_unpacker *u) {
  uint64_t len = wpm_unpack_varint(u);
  const uint8_t *data = len <= u->rest.len ? wpm_unpack_raw(u, (size_t)len) : NULL;
  if (!data) {
    wpm_unpack_fail(u);
    return (wpm_bytes){NULL, 0};
  }
  return (wpm_bytes){data, (size_t)len};
}

/* A wait of negative length fails. */
wpm_wait wpm_unpack_wait(wpm_unpacker *u);

#endif
