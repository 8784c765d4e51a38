#include "core/connections.h"

#include "core/actions.h"
#include "core/path.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST 16

static wpm_bytes key_of(const void *user, uint32_t slot) {
  const wpm_manager *m = user;
  return (wpm_bytes){(const uint8_t *)&m->connections[slot]->id, sizeof(wpm_connection_id)};
}

void wpm_connections_init(wpm_manager *m) {
  wpm_siphash_key key = {wpm_rng_next(&m->rng), wpm_rng_next(&m->rng)};
  wpm_map_init(&m->connection_by_id, key, key_of, m);
  wpm_heap_init(&m->connection_deadlines);
}

void wpm_connections_fini(wpm_manager *m) {
  for (uint32_t i = 0; i < m->connection_slots; i++) {
    free(m->connections[i]);
  }
  free(m->connections);
  free(m->unused_connections);
  wpm_map_fini(&m->connection_by_id);
  wpm_heap_fini(&m->connection_deadlines);
}

wpm_connection *wpm_connection_find(const wpm_manager *m, wpm_connection_id id) {
  wpm_bytes key = {(const uint8_t *)&id, sizeof(id)};
  uint32_t slot = wpm_map_find(&m->connection_by_id, key);
  return slot == WPM_MAP_NONE ? NULL : m->connections[slot];
}

static int make_room(wpm_manager *m) {
  if (m->unused_connection_count > 0 || m->connection_slots < m->connection_capacity) {
    return WPM_OK;
  }
  if (m->connection_capacity > UINT32_MAX / 4) {
    return WPM_ERR_NO_MEMORY;
  }
  uint32_t capacity = m->connection_capacity ? m->connection_capacity * 2 : SMALLEST;
  wpm_connection **table = realloc(m->connections, capacity * sizeof(*table));
  if (!table) {
    return WPM_ERR_NO_MEMORY;
  }
  m->connections = table;
  uint32_t *unused = realloc(m->unused_connections, capacity * sizeof(*unused));
  if (!unused) {
    return WPM_ERR_NO_MEMORY;
  }
  m->unused_connections = unused;
  m->connection_capacity = capacity;
  return WPM_OK;
}

int wpm_connection_enter(wpm_manager *m, wpm_connection_id id, wpm_bytes peer,
                         wpm_direction direction, wpm_mono now, wpm_connection **out) {
  assert(peer.len <= WPM_PEER_ID_MAX);
  const wpm_bytes key = {(const uint8_t *)&id, sizeof(id)};
  const uint32_t hash = wpm_map_hash(&m->connection_by_id, key);
  assert(wpm_map_find_hashed(&m->connection_by_id, key, hash) == WPM_MAP_NONE);
  int err = make_room(m);
  if (err) {
    return err;
  }
  bool reuse = m->unused_connection_count > 0;
  uint32_t slot =
      reuse ? m->unused_connections[m->unused_connection_count - 1] : m->connection_slots;
  err = wpm_heap_reserve(&m->connection_deadlines, (size_t)slot + 1);
  if (err) {
    return err;
  }
  wpm_connection *connection = calloc(1, sizeof(*connection) + peer.len);
  if (!connection) {
    return WPM_ERR_NO_MEMORY;
  }
  connection->id = id;
  connection->slot = slot;
  connection->peer = WPM_SLOT_NONE;
  connection->origins[0] = WPM_NO_ORIGIN;
  connection->origins[1] = WPM_NO_ORIGIN;
  connection->shown = WPM_PATH_NONE;
  connection->direction = direction;
  connection->began = now;
  connection->heard_at = now;
  connection->ping_sent = now;
  wpm_round_trip_init(&connection->round_trip);
  connection->peer_id_len = (uint8_t)peer.len;
  memcpy(connection->peer_id, peer.data, peer.len);
  err = wpm_map_add_hashed(&m->connection_by_id, hash, slot);
  if (err) {
    free(connection);
    return err;
  }
  m->connections[slot] = connection;
  if (reuse) {
    m->unused_connection_count--;
  } else {
    m->connection_slots++;
  }
  *out = connection;
  return WPM_OK;
}

void wpm_connection_free_slot(wpm_manager *m, wpm_connection *connection) {
  assert(connection->gone && !connection->queued);
  m->connections[connection->slot] = NULL;
  m->unused_connections[m->unused_connection_count++] = connection->slot;
  free(connection);
}

void wpm_connection_leave(wpm_manager *m, wpm_connection *connection) {
  assert(connection->peer == WPM_SLOT_NONE);
  bool removed = wpm_map_remove(
      &m->connection_by_id, (wpm_bytes){(const uint8_t *)&connection->id, sizeof(connection->id)});
  assert(removed);
  (void)removed;
  wpm_heap_set(&m->connection_deadlines, connection->slot, WPM_NEVER);
  connection->gone = true;
  connection->pending = 0;
  if (!connection->queued) {
    wpm_connection_free_slot(m, connection);
  }
}

void wpm_connection_close(wpm_manager *m, wpm_connection *connection, wpm_reason reason) {
  assert(connection->peer == WPM_SLOT_NONE);
  wpm_heap_set(&m->connection_deadlines, connection->slot, WPM_NEVER);
  connection->close_reason = reason;
  connection->pending = 0;
  wpm_pending_connection(m, connection, WPM_PENDING_DISCONNECT);
}
