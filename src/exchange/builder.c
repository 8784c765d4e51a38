#include "exchange/builder.h"

#include "base/bytes.h"

#include <stdlib.h>

#define BLOCK_SIZE 16384

struct wpm_builder_block {
  struct wpm_builder_block *next;
  size_t used;
  size_t size;
  uint8_t bytes[];
};

void wpm_builder_init(wpm_builder *builder, wpm_wall now) {
  *builder = (wpm_builder){.now = now};
}

static void free_blocks(wpm_builder_block *block) {
  while (block) {
    wpm_builder_block *next = block->next;
    free(block);
    block = next;
  }
}

void wpm_builder_fini(wpm_builder *builder) {
  free_blocks(builder->blocks);
  free(builder->addresses);
  free(builder->protocols);
  free(builder->app);
  free(builder->shards);
  wpm_builder_init(builder, builder->now);
}

int wpm_builder_begin(wpm_builder *builder, wpm_bytes id) {
  if (id.len > WPM_PEER_ID_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  if (builder->blocks) { /* One block is kept for the next peer. */
    free_blocks(builder->blocks->next);
    builder->blocks->next = NULL;
    builder->blocks->used = 0;
  }
  builder->record = (wpm_peer_record){.disconnect_time = WPM_WALL_NONE,
                                      .connected_time = WPM_WALL_NONE,
                                      .first_failure = WPM_WALL_NONE,
                                      .last_failure = WPM_WALL_NONE,
                                      .rtt_ns = WPM_SPAN_NONE};
  return wpm_builder_keep(builder, id, &builder->record.id);
}

int wpm_builder_keep(wpm_builder *builder, wpm_bytes bytes, wpm_bytes *out) {
  *out = (wpm_bytes){0};
  if (bytes.len == 0) {
    return WPM_OK;
  }
  wpm_builder_block *block = builder->blocks;
  if (!block || block->size - block->used < bytes.len) {
    size_t size = bytes.len > BLOCK_SIZE ? bytes.len : BLOCK_SIZE;
    block = size <= SIZE_MAX - sizeof *block ? malloc(sizeof *block + size) : NULL;
    if (!block) {
      return WPM_ERR_NO_MEMORY;
    }
    *block = (wpm_builder_block){.next = builder->blocks, .size = size};
    builder->blocks = block;
  }
  memcpy(block->bytes + block->used, bytes.data, bytes.len);
  *out = (wpm_bytes){block->bytes + block->used, bytes.len};
  block->used += bytes.len;
  return WPM_OK;
}

/* Makes room for one more item of `size` bytes behind `count`; NULL: no memory. */
static void *grow(void *items, size_t *room, size_t count, size_t size) {
  if (count < *room) {
    return items;
  }
  size_t more = *room > 0 ? 2 * *room : 16;
  void *grown = realloc(items, more * size);
  if (grown) {
    *room = more;
  }
  return grown;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static bool holds_address(const wpm_builder *builder, wpm_bytes multiaddr) {
  for (size_t i = 0; i < builder->record.address_count; i++) {
    if (wpm_bytes_equal(builder->addresses[i].multiaddr, multiaddr)) {
      return true;
    }
  }
  return false;
}

/* True for an address of the peer's own; *out gets it without its /p2p/. Says what is wrong. */
static bool own_address(const wpm_builder *builder, wpm_bytes whole, wpm_report *report,
                        wpm_bytes *out) {
  wpm_bytes peer = {0};
  int err = wpm_multiaddr_split_peer(whole, out, &peer);
  if (err != WPM_OK) {
    wpm_report_skip_peer(report, builder->record.id, "an address that is %s",
                         err == WPM_ERR_UNSUPPORTED ? "of an unknown protocol"
                                                    : "no valid multiaddr");
  } else if (out->len == 0) {
    wpm_report_skip_peer(report, builder->record.id, "an address that names a peer and no place");
  } else if (peer.len > 0 && !wpm_bytes_equal(peer, builder->record.id)) {
    wpm_report_skip_peer(report, builder->record.id, "an address that names another peer");
  } else {
    return true;
  }
  return false;
}

int wpm_builder_address(wpm_builder *builder, wpm_bytes multiaddr, wpm_report *report,
                        wpm_address **out) {
  wpm_bytes own = {0};
  if (out) {
    *out = NULL;
  }
  if (!own_address(builder, multiaddr, report, &own) || holds_address(builder, own)) {
    return WPM_OK;
  }
  size_t count = builder->record.address_count;
  if (count == WPM_BUILDER_LIST_MAX) {
    wpm_report_skip_peer(report, builder->record.id, "an address beyond the first %d",
                         WPM_BUILDER_LIST_MAX);
    return WPM_OK;
  }
  wpm_address *addresses =
      grow(builder->addresses, &builder->address_room, count, sizeof *addresses);
  if (!addresses) {
    return WPM_ERR_NO_MEMORY;
  }
  builder->addresses = addresses;
  wpm_wall second = {builder->now.ns - builder->now.ns % WPM_SECOND};
  addresses[count] = (wpm_address){.source = WPM_SOURCE_IMPORT,
                                   .first_seen = second,
                                   .last_seen = second,
                                   .last_success = WPM_WALL_NONE,
                                   .last_failure = WPM_WALL_NONE,
                                   .ttl_ns = WPM_TTL_QUALITY,
                                   .expires = WPM_WALL_NONE};
  int err = wpm_builder_keep(builder, own, &addresses[count].multiaddr);
  if (err == WPM_OK) {
    builder->record.address_count++;
    if (out) {
      *out = &addresses[count];
    }
  }
  return err;
}

/* ---- the other lists ------------------------------------------------------------------------- */

int wpm_builder_protocol(wpm_builder *builder, wpm_text protocol, wpm_report *report) {
  size_t count = builder->record.protocol_count;
  wpm_bytes kept = {0};
  if (protocol.len == 0) {
    wpm_report_skip_peer(report, builder->record.id, "a protocol without a name");
    return WPM_OK;
  }
  if (count == WPM_BUILDER_LIST_MAX) {
    wpm_report_skip_peer(report, builder->record.id, "a protocol beyond the first %d",
                         WPM_BUILDER_LIST_MAX);
    return WPM_OK;
  }
  wpm_text *protocols = grow(builder->protocols, &builder->protocol_room, count, sizeof *protocols);
  if (!protocols) {
    return WPM_ERR_NO_MEMORY;
  }
  builder->protocols = protocols;
  int err =
      wpm_builder_keep(builder, (wpm_bytes){(const uint8_t *)protocol.data, protocol.len}, &kept);
  if (err == WPM_OK) {
    protocols[count] = (wpm_text){(const char *)kept.data, kept.len};
    builder->record.protocol_count++;
    builder->record.protocols_known = true;
  }
  return err;
}

int wpm_builder_app(wpm_builder *builder, wpm_text key, wpm_bytes value, wpm_report *report) {
  size_t count = builder->record.app_count;
  wpm_bytes kept = {0};
  if (count == WPM_BUILDER_LIST_MAX) {
    wpm_report_skip_peer(report, builder->record.id, "an entry of metadata beyond the first %d",
                         WPM_BUILDER_LIST_MAX);
    return WPM_OK;
  }
  wpm_app_entry *app = grow(builder->app, &builder->app_room, count, sizeof *app);
  if (!app) {
    return WPM_ERR_NO_MEMORY;
  }
  builder->app = app;
  int err = wpm_builder_keep(builder, (wpm_bytes){(const uint8_t *)key.data, key.len}, &kept);
  app[count].key = (wpm_text){(const char *)kept.data, kept.len};
  if (err == WPM_OK) {
    err = wpm_builder_keep(builder, value, &app[count].value);
  }
  builder->record.app_count += err == WPM_OK;
  return err;
}

int wpm_builder_shards(wpm_builder *builder, uint32_t cluster_id, const uint16_t *shards,
                       size_t count) {
  if (count > builder->shard_room) {
    uint16_t *grown = realloc(builder->shards, count * sizeof *grown);
    if (!grown) {
      return WPM_ERR_NO_MEMORY;
    }
    builder->shards = grown;
    builder->shard_room = count;
  }
  if (count > 0) {
    memcpy(builder->shards, shards, count * sizeof *shards);
  }
  builder->record.cluster_id = cluster_id;
  builder->record.shard_count = count;
  return WPM_OK;
}

/* ---- the end --------------------------------------------------------------------------------- */

static wpm_bytes bytes_of(wpm_text text) {
  return (wpm_bytes){(const uint8_t *)text.data, text.len};
}

static int compare_texts(const void *a, const void *b) {
  return wpm_bytes_compare(bytes_of(*(const wpm_text *)a), bytes_of(*(const wpm_text *)b));
}

static int compare_entries(const void *a, const void *b) {
  return compare_texts(&((const wpm_app_entry *)a)->key, &((const wpm_app_entry *)b)->key);
}

static void sort_protocols(wpm_builder *builder) {
  size_t kept = 0;
  size_t count = builder->record.protocol_count;
  if (count > 1) {
    qsort(builder->protocols, count, sizeof *builder->protocols, compare_texts);
  }
  for (size_t i = 0; i < count; i++) {
    if (kept == 0 || !wpm_text_equal(builder->protocols[kept - 1], builder->protocols[i])) {
      builder->protocols[kept++] = builder->protocols[i];
    }
  }
  builder->record.protocol_count = kept;
}

const wpm_peer_record *wpm_builder_end(wpm_builder *builder) {
  wpm_peer_record *record = &builder->record;
  sort_protocols(builder);
  if (record->app_count > 1) {
    qsort(builder->app, record->app_count, sizeof *builder->app, compare_entries);
  }
  record->addresses = record->address_count > 0 ? builder->addresses : NULL;
  record->protocols = record->protocol_count > 0 ? builder->protocols : NULL;
  record->app = record->app_count > 0 ? builder->app : NULL;
  record->shards = record->shard_count > 0 ? builder->shards : NULL;
  return record;
}
