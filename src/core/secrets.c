#include "core/secrets.h"

#include "core/store.h"

#include "base/bytes.h"

#include <stdlib.h>

#define LONGEST UINT16_MAX

struct wpm_secret {
  uint16_t key_len;
  uint8_t id_len;
  uint8_t bytes[]; /* The id, then the key. */
};

static wpm_secret **item_at(const wpm_secrets *secrets, uint32_t index) {
  return wpm_chunks_at(&secrets->items, sizeof(wpm_secret *), index);
}

static uint32_t *unused_at(const wpm_secrets *secrets, uint32_t i) {
  return wpm_chunks_at(&secrets->unused, sizeof(uint32_t), i);
}

static wpm_bytes id_of(const void *user, uint32_t index) {
  const wpm_secret *secret = *item_at(user, index);
  return (wpm_bytes){secret->bytes, secret->id_len};
}

void wpm_secrets_init(wpm_secrets *secrets, wpm_siphash_key key) {
  *secrets = (wpm_secrets){0};
  wpm_map_init(&secrets->by_id, key, id_of, secrets);
}

static size_t size_of(const wpm_secret *secret) {
  return sizeof(*secret) + secret->id_len + secret->key_len;
}

static void wipe(wpm_secrets *secrets, wpm_secret *secret) {
  if (secret) {
    secrets->bytes -= size_of(secret);
    wpm_wipe(secret, size_of(secret));
    free(secret);
  }
}

void wpm_secrets_fini(wpm_secrets *secrets) {
  for (uint32_t i = 0; i < secrets->count; i++) {
    wipe(secrets, *item_at(secrets, i));
  }
  wpm_chunks_fini(&secrets->items);
  wpm_chunks_fini(&secrets->unused);
  wpm_map_fini(&secrets->by_id);
}

/* Room for one more, and for it on the stack, so that forgetting needs none. */
static int make_room(wpm_secrets *secrets) {
  if (secrets->unused_count > 0) {
    return WPM_OK;
  }
  size_t count = (size_t)secrets->count + 1;
  int err = count < WPM_MAP_NONE ? wpm_chunks_reserve(&secrets->items, sizeof(wpm_secret *), count)
                                 : WPM_ERR_NO_MEMORY;
  return err ? err : wpm_chunks_reserve(&secrets->unused, sizeof(uint32_t), count);
}

static void forget(wpm_secrets *secrets, wpm_bytes id) {
  uint32_t index = wpm_map_find(&secrets->by_id, id);
  if (index != WPM_MAP_NONE) {
    (void)wpm_map_remove(&secrets->by_id, id);
    wipe(secrets, *item_at(secrets, index));
    *item_at(secrets, index) = NULL;
    *unused_at(secrets, secrets->unused_count++) = index;
  }
}

/* The key of an id that has none yet. */
static int enter(wpm_secrets *secrets, wpm_bytes id, wpm_secret *secret) {
  int err = make_room(secrets);
  bool again = secrets->unused_count > 0;
  uint32_t index = again ? *unused_at(secrets, secrets->unused_count - 1) : secrets->count;
  if (!err) {
    err = wpm_map_add(&secrets->by_id, id, index);
  }
  if (err) {
    return err;
  }
  *item_at(secrets, index) = secret;
  secrets->unused_count -= again;
  secrets->count += !again;
  return WPM_OK;
}

int wpm_store_set_private_key(wpm_store *store, wpm_bytes id, wpm_bytes key) {
  wpm_secrets *secrets = &store->secrets;
  if (id.len > WPM_PEER_ID_MAX || key.len > LONGEST) {
    return WPM_ERR_INVALID;
  }
  if (key.len == 0) {
    forget(secrets, id);
    return WPM_OK;
  }
  if (wpm_store_is_full(store)) {
    return WPM_ERR_FULL;
  }
  wpm_secret *secret = malloc(sizeof(*secret) + id.len + key.len);
  if (!secret) {
    return WPM_ERR_NO_MEMORY;
  }
  *secret = (wpm_secret){.key_len = (uint16_t)key.len, .id_len = (uint8_t)id.len};
  if (id.len > 0) {
    memcpy(secret->bytes, id.data, id.len);
  }
  memcpy(secret->bytes + id.len, key.data, key.len);
  uint32_t index = wpm_map_find(&secrets->by_id, id);
  secrets->bytes += size_of(secret);
  if (index != WPM_MAP_NONE) {
    wipe(secrets, *item_at(secrets, index));
    *item_at(secrets, index) = secret;
    return WPM_OK;
  }
  int err = enter(secrets, id, secret);
  if (err) {
    wipe(secrets, secret);
  }
  return err;
}

static wpm_bytes key_of(const wpm_secret *secret) {
  return (wpm_bytes){secret->bytes + secret->id_len, secret->key_len};
}

int wpm_store_get_private_key(const wpm_store *store, wpm_bytes id, wpm_bytes *key) {
  uint32_t index = wpm_map_find(&store->secrets.by_id, id);
  if (index == WPM_MAP_NONE) {
    return WPM_ERR_NOT_FOUND;
  }
  *key = key_of(*item_at(&store->secrets, index));
  return WPM_OK;
}

bool wpm_store_next_private_key(const wpm_store *store, uint64_t *cursor, wpm_bytes *id,
                                wpm_bytes *key) {
  const wpm_secrets *secrets = &store->secrets;
  while (*cursor < secrets->count) {
    uint32_t index = (uint32_t)(*cursor)++;
    if (*item_at(secrets, index)) {
      *id = id_of(secrets, index);
      *key = key_of(*item_at(secrets, index));
      return true;
    }
  }
  return false;
}
