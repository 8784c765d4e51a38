#include "storage/pack.h"

#include "base/siphash.h"

#define VARINT_ROOM 10

/* Room for `len` bytes behind what is written, which then count as written; NULL: out of memory. */
static uint8_t *room_for(wpm_packer *p, size_t len) {
  if (p->err) {
    return NULL;
  }
  if (p->scratch->size - p->len < len || !p->scratch->memory) {
    p->err =
        len > SIZE_MAX - p->len ? WPM_ERR_NO_MEMORY : wpm_room_reserve(p->scratch, p->len + len, 1);
    if (p->err) {
      return NULL;
    }
  }
  uint8_t *at = (uint8_t *)p->scratch->memory + p->len;
  p->len += len;
  return at;
}

static void pack_little(wpm_packer *p, uint64_t value, size_t len) {
  uint8_t *at = room_for(p, len);
  for (size_t i = 0; at && i < len; i++) {
    at[i] = (uint8_t)(value >> (8 * i));
  }
}

void wpm_pack_byte(wpm_packer *p, uint8_t value) {
  pack_little(p, value, 1);
}

void wpm_pack_u32(wpm_packer *p, uint32_t value) {
  pack_little(p, value, 4);
}

void wpm_pack_i64(wpm_packer *p, int64_t value) {
  pack_little(p, (uint64_t)value, 8);
}

void wpm_pack_varint(wpm_packer *p, uint64_t value) {
  uint8_t bytes[VARINT_ROOM];
  size_t len = 0;
  while (value >= 0x80) {
    bytes[len++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  bytes[len++] = (uint8_t)value;
  wpm_pack_raw(p, bytes, len);
}

void wpm_pack_signed(wpm_packer *p, int64_t value) {
  wpm_pack_varint(p, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void wpm_pack_raw(wpm_packer *p, const void *data, size_t len) {
  uint8_t *at = room_for(p, len);
  if (at && len > 0) {
    memcpy(at, data, len);
  }
}

void wpm_pack_bytes(wpm_packer *p, wpm_bytes bytes) {
  wpm_pack_varint(p, bytes.len);
  wpm_pack_raw(p, bytes.data, bytes.len);
}

void wpm_pack_wait(wpm_packer *p, const wpm_wait *wait) {
  wpm_pack_i64(p, wait->start.mono.ns);
  wpm_pack_i64(p, wait->start.wall.ns);
  wpm_pack_i64(p, (int64_t)wait->start.boot_id);
  wpm_pack_i64(p, wait->length_ns);
}

wpm_wait wpm_unpack_wait(wpm_unpacker *u) {
  wpm_wait wait;
  wait.start.mono.ns = wpm_unpack_i64(u);
  wait.start.wall.ns = wpm_unpack_i64(u);
  wait.start.boot_id = (uint64_t)wpm_unpack_i64(u);
  wait.length_ns = wpm_unpack_i64(u);
  if (wait.length_ns < 0) {
    wpm_unpack_fail(u);
  }
  return wait;
}

/* ---- the seal -------------------------------------------------------------------------------- */

/* No secret: it guards against accidents, and must be the same in every file. */
static const wpm_siphash_key seal_key = {UINT64_C(0x77616b7570656572),
                                         UINT64_C(0x73746f7261676532)};

int64_t wpm_seal_of_id(wpm_bytes id) {
  return (int64_t)wpm_siphash13(&seal_key, id);
}

static uint32_t seal_of(wpm_bytes row, int64_t owner) {
  uint64_t hash = wpm_siphash13(&seal_key, row) ^ (uint64_t)owner;
  return (uint32_t)(hash ^ (hash >> 32));
}

void wpm_pack_seal(wpm_packer *p, int64_t owner) {
  if (!p->err) {
    wpm_pack_u32(p, seal_of((wpm_bytes){p->scratch->memory, p->len}, owner));
  }
}

wpm_unpacker wpm_unpack_sealed(wpm_bytes row, int64_t owner) {
  wpm_unpacker u = {row, WPM_OK};
  if (row.len < WPM_SEAL_SIZE) {
    wpm_unpack_fail(&u);
    return u;
  }
  u.rest.len = row.len - WPM_SEAL_SIZE;
  wpm_unpacker end = {{row.data + u.rest.len, WPM_SEAL_SIZE}, WPM_OK};
  if (wpm_unpack_u32(&end) != seal_of(u.rest, owner)) {
    wpm_unpack_fail(&u);
  }
  return u;
}

int wpm_unpack_end(const wpm_unpacker *u) {
  return u->err ? u->err : u->rest.len == 0 ? WPM_OK : WPM_ERR_INVALID;
}
