/* Private keys by peer id, apart from the records: the memory of one is wiped when it goes. */
#ifndef WPM_CORE_SECRETS_H
#define WPM_CORE_SECRETS_H

#include "base/map.h"

typedef struct wpm_secret wpm_secret;

typedef struct wpm_secrets {
  wpm_map by_id;      /* Id → index. */
  wpm_secret **items; /* By index; NULL: free. */
  uint32_t *unused;   /* Free indices, a stack. */
  uint32_t unused_count;
  uint32_t count;    /* Indices in use or on the stack. */
  uint32_t capacity; /* Length of both arrays. */
  size_t bytes;      /* Memory held by keys. */
} wpm_secrets;

/* Must stay at its address until wpm_secrets_fini. */
void wpm_secrets_init(wpm_secrets *secrets, wpm_siphash_key key);
void wpm_secrets_fini(wpm_secrets *secrets);

/* Memory held in all, in bytes. */
static inline size_t wpm_secrets_bytes(const wpm_secrets *secrets) {
  return secrets->bytes + wpm_map_bytes(&secrets->by_id) +
         secrets->capacity * (sizeof(*secrets->items) + sizeof(*secrets->unused));
}

#endif
