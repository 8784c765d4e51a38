#include "sim/disk.h"

#include "sim/identity.h"

#include <stdlib.h>
#include <string.h>

#define COMMIT_EVERY WPM_SECOND

enum { WRITTEN_TOGETHER = 16 };

struct sim_disk {
  wpm_store *records; /* What is committed. */
  uint8_t *connected; /* A bit for each peer: its record says Connected. */
  uint8_t *waiting;   /* A bit for each peer: in `queue`. */
  uint32_t *queue;    /* Peers whose record is to be committed. */
  size_t queued;      /* Their number. */
  size_t capacity;    /* Room in `queue`. */
  wpm_range_ban ranges[SIM_RANGES_MAX];
  size_t range_count;
  int64_t commit_at; /* INT64_MAX: nothing waits. */
  uint32_t left;     /* Commits until the process dies; 0: it goes on. */
  bool died;         /* It did: nothing is stored any more. */
};

static bool bit(const uint8_t *bits, uint32_t i) {
  return bits[i / 8] >> i % 8 & 1;
}

static void set_bit(uint8_t *bits, uint32_t i, bool value) {
  uint8_t mask = (uint8_t)(1u << i % 8);
  bits[i / 8] = (uint8_t)(value ? bits[i / 8] | mask : bits[i / 8] & ~mask);
}

sim_disk *sim_disk_new(uint32_t peers) {
  wpm_store_config config;
  sim_disk *disk = calloc(1, sizeof(*disk));
  if (!disk) {
    return NULL;
  }
  wpm_store_config_default(&config);
  config.max_peers = 0;
  config.max_tombstones = 0;
  config.max_changes = 0;
  disk->commit_at = INT64_MAX;
  disk->connected = calloc((size_t)peers / 8 + 1, 1);
  disk->waiting = calloc((size_t)peers / 8 + 1, 1);
  if (!disk->connected || !disk->waiting || wpm_store_new(&config, &disk->records) != WPM_OK) {
    sim_disk_free(disk);
    return NULL;
  }
  return disk;
}

void sim_disk_free(sim_disk *disk) {
  if (disk) {
    wpm_store_free(disk->records);
    free(disk->connected);
    free(disk->waiting);
    free(disk->queue);
    free(disk);
  }
}

/* It is forgotten: its record goes. */
static int erase(sim_disk *disk, wpm_bytes id, uint32_t peer) {
  int err = wpm_store_remove(disk->records, id);
  set_bit(disk->connected, peer, false);
  return err == WPM_ERR_NOT_FOUND ? WPM_OK : err;
}

static bool is_being_dialled(const wpm_manager *manager, wpm_bytes id, wpm_instant now) {
  wpm_plan plan;
  return wpm_manager_plan(manager, id, now, &plan) == WPM_OK &&
         plan.held_by == WPM_HELD_BY_DIALLING;
}

/* Puts the peer's record on the disk as it is now. One that is not stored as connected is not being
 * dialled either (sim_disk_dialling). */
static int write(sim_disk *disk, const wpm_manager *manager, uint32_t peer, wpm_bytes id,
                 wpm_peer_ref ref, wpm_instant now) {
  wpm_peer_record record;
  if (wpm_store_at(wpm_manager_store(manager), ref, &record) !=
      WPM_OK) { /* It is held no longer. */
    return erase(disk, id, peer);
  }
  bool connected = record.connectivity == WPM_CONNECTED ||
                   (bit(disk->connected, peer) && is_being_dialled(manager, id, now));
  set_bit(disk->connected, peer, connected);
  return wpm_store_put(disk->records, &record);
}

/* The same of some, whose look-ups in both stores wait for memory together. */
static int write_some(sim_disk *disk, const wpm_manager *manager, const uint32_t *peers,
                      size_t count, wpm_instant now) {
  uint8_t bytes[WRITTEN_TOGETHER][SIM_ID_SIZE];
  wpm_bytes ids[WRITTEN_TOGETHER];
  wpm_peer_ref refs[WRITTEN_TOGETHER];
  int err = WPM_OK;
  for (size_t i = 0; i < count; i++) {
    sim_identity(peers[i], bytes[i]);
    ids[i] = (wpm_bytes){bytes[i], SIM_ID_SIZE};
  }
  (void)wpm_store_find_many(disk->records, ids, count, refs);
  (void)wpm_store_find_many(wpm_manager_store(manager), ids, count, refs);
  for (size_t i = 0; i < count && !err; i++) {
    err = write(disk, manager, peers[i], ids[i], refs[i], now);
    set_bit(disk->waiting, peers[i], false);
  }
  return err;
}

/* A commit is durable. */
static void count_commit(sim_disk *disk) {
  if (disk->left > 0) {
    disk->left--;
    disk->died = disk->left == 0;
  }
}

int sim_disk_commit(sim_disk *disk, const wpm_manager *manager, wpm_instant now) {
  if (!disk || disk->died) {
    return WPM_OK;
  }
  int err = WPM_OK;
  for (size_t done = 0; done < disk->queued && !err; done += WRITTEN_TOGETHER) {
    size_t left = disk->queued - done;
    err = write_some(disk, manager, disk->queue + done,
                     left < WRITTEN_TOGETHER ? left : WRITTEN_TOGETHER, now);
  }
  disk->queued = 0;
  disk->commit_at = INT64_MAX;
  count_commit(disk);
  return err;
}

void sim_disk_die_after(sim_disk *disk, uint32_t commits) {
  if (disk) {
    disk->left = commits;
  }
}

bool sim_disk_has_died(const sim_disk *disk) {
  return disk && disk->died;
}

void sim_disk_lose(sim_disk *disk) {
  if (!disk) {
    return;
  }
  disk->left = 0;
  disk->died = false;
  for (size_t i = 0; i < disk->queued; i++) {
    set_bit(disk->waiting, disk->queue[i], false);
  }
  disk->queued = 0;
  disk->commit_at = INT64_MAX;
}

static int enqueue(sim_disk *disk, uint32_t peer) {
  if (bit(disk->waiting, peer)) {
    return WPM_OK;
  }
  if (disk->queued == disk->capacity) {
    size_t capacity = disk->capacity > 0 ? 2 * disk->capacity : 64;
    uint32_t *queue = realloc(disk->queue, capacity * sizeof(*queue));
    if (!queue) {
      return WPM_ERR_NO_MEMORY;
    }
    disk->queue = queue;
    disk->capacity = capacity;
  }
  disk->queue[disk->queued++] = peer;
  set_bit(disk->waiting, peer, true);
  return WPM_OK;
}

/* What a crash must not undo: a prune backoff, a ban, a tag that protects. */
static bool cannot_wait(const wpm_manager *manager, uint32_t peer, uint32_t fields) {
  const uint32_t never = WPM_FIELD_BAN | WPM_FIELD_PRUNE_BACKOFF;
  uint8_t id[SIM_ID_SIZE];
  wpm_peer_record record;
  if (fields != WPM_FIELD_ALL && !(fields & WPM_FIELD_TAGS)) {
    return fields & never;
  }
  sim_identity(peer, id);
  if (wpm_store_get(wpm_manager_store(manager), (wpm_bytes){id, sizeof(id)}, &record) != WPM_OK) {
    return false;
  }
  for (size_t i = 0; i < record.tag_count; i++) {
    if (record.tags[i].protects) {
      return true;
    }
  }
  return fields == WPM_FIELD_ALL ? record.ban.length_ns > 0 || record.prune_backoff.length_ns > 0
                                 : fields & never;
}

static void wait_for_others(sim_disk *disk, wpm_instant now) {
  if (disk->commit_at == INT64_MAX) {
    disk->commit_at = now.mono.ns + COMMIT_EVERY;
  }
}

int sim_disk_persist(sim_disk *disk, const wpm_manager *manager, uint32_t peer, uint32_t fields,
                     wpm_instant now) {
  if (!disk || disk->died) {
    return WPM_OK;
  }
  int err = enqueue(disk, peer);
  if (err) {
    return err;
  }
  if (cannot_wait(manager, peer, fields)) {
    return sim_disk_commit(disk, manager, now);
  }
  wait_for_others(disk, now);
  return WPM_OK;
}

int sim_disk_forget(sim_disk *disk, const wpm_manager *manager, uint32_t peer,
                    const wpm_tombstone *tombstone, wpm_instant now) {
  if (!disk || disk->died) {
    return WPM_OK;
  }
  uint8_t id[SIM_ID_SIZE];
  int err = enqueue(disk, peer);
  if (err || (tombstone->prune_backoff.length_ns == 0 && tombstone->ban.length_ns == 0)) {
    wait_for_others(disk, now);
    return err;
  }
  wpm_tombstone kept = *tombstone;
  sim_identity(peer, id);
  kept.id = (wpm_bytes){id, sizeof(id)};
  err = wpm_store_put_tombstone(disk->records, &kept); /* Its record goes in the same commit. */
  return err ? err : sim_disk_commit(disk, manager, now);
}

int sim_disk_persist_range(sim_disk *disk, const wpm_manager *manager, const wpm_range_ban *ban,
                           wpm_instant now) {
  if (!disk || disk->died) {
    return WPM_OK;
  }
  size_t at = 0;
  while (at < disk->range_count &&
         memcmp(&disk->ranges[at].range, &ban->range, sizeof(ban->range)) != 0) {
    at++;
  }
  if (at == SIM_RANGES_MAX) {
    return WPM_ERR_FULL;
  }
  disk->ranges[at] = *ban;
  disk->range_count += at == disk->range_count;
  if (ban->ban.length_ns == 0) { /* It is over. */
    disk->ranges[at] = disk->ranges[--disk->range_count];
  }
  return sim_disk_commit(disk, manager, now);
}

int sim_disk_dialling(sim_disk *disk, const wpm_manager *manager, uint32_t peer, wpm_instant now) {
  if (!disk || disk->died) {
    return WPM_OK;
  }
  int err = enqueue(disk, peer);
  set_bit(disk->connected, peer, true);
  return err ? err : sim_disk_commit(disk, manager, now);
}

int64_t sim_disk_deadline(const sim_disk *disk) {
  return disk ? disk->commit_at : INT64_MAX;
}

/* Those that go on, of this boot now. */
static int restore_ranges(sim_disk *disk, wpm_manager *manager, const wpm_instant *heartbeat,
                          wpm_instant now) {
  size_t left = 0;
  for (size_t i = 0; i < disk->range_count; i++) {
    wpm_range_ban ban = disk->ranges[i];
    int err = wpm_manager_restore_range_ban(manager, &ban, heartbeat, now);
    if (err && err != WPM_ERR_STALE) {
      return err;
    }
    disk->ranges[left] = ban;
    left += !err;
  }
  disk->range_count = left;
  return WPM_OK;
}

int sim_disk_restore(sim_disk *disk, wpm_manager *manager, const wpm_instant *heartbeat,
                     wpm_instant now) {
  if (!disk) {
    return WPM_OK;
  }
  uint64_t cursor = 0;
  wpm_peer_record record;
  wpm_tombstone tombstone;
  while (wpm_store_next(disk->records, &cursor, &record)) {
    if (bit(disk->connected, sim_identity_number(record.id))) {
      record.connectivity = WPM_CONNECTED;
    }
    int err = wpm_manager_restore(manager, &record, heartbeat, now);
    if (err && err != WPM_ERR_FULL && err != WPM_ERR_NO_VICTIM) {
      return err;
    }
  }
  cursor = 0;
  while (wpm_store_next_tombstone(disk->records, &cursor, &tombstone)) {
    uint8_t id[SIM_ID_SIZE];
    sim_identity(sim_identity_number(tombstone.id), id);
    tombstone.id = (wpm_bytes){id, sizeof(id)};
    int err = wpm_manager_restore_tombstone(manager, &tombstone, heartbeat, now);
    if (!err) { /* Its spans are of this boot now. */
      err = wpm_store_put_tombstone(disk->records, &tombstone);
    }
    if (err && err != WPM_ERR_STALE && err != WPM_ERR_FULL) {
      return err;
    }
  }
  return restore_ranges(disk, manager, heartbeat, now);
}
