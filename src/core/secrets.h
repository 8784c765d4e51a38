/* Private keys by peer id, apart from the records: the memory of one is wiped when it goes. No call takes
 * longer for how many there are.
 *
 * wakupeers' own: go-libp2p's peer store keeps private keys by peer id too (KeyBook); apart from the records,
 * they go with these neither to REST nor into an export.
 */
#ifndef WPM_CORE_SECRETS_H
#define WPM_CORE_SECRETS_H

#include "base/chunks.h"
#include "base/map.h"

typedef struct wpm_secret wpm_secret;

typedef struct wpm_secrets {
  wpm_map by_id;         /* Id → index. */
  wpm_chunks items;      /* wpm_secret * by index; NULL: free. */
  wpm_chunks unused;     /* uint32_t: free indices, a stack. */
  uint32_t unused_count; /* Its height. */
  uint32_t count;        /* Indices in use or on the stack. */
  size_t bytes;          /* Memory held by keys. */
} wpm_secrets;

/* Must stay at its address until wpm_secrets_fini. */
void wpm_secrets_init(wpm_secrets *secrets, wpm_siphash_key key);
void wpm_secrets_fini(wpm_secrets *secrets);

/* Memory held in all, in bytes. */
static inline size_t wpm_secrets_bytes(const wpm_secrets *secrets) {
  return secrets->bytes + wpm_map_bytes(&secrets->by_id) +
         wpm_chunks_bytes(&secrets->items, sizeof(wpm_secret *)) +
         wpm_chunks_bytes(&secrets->unused, sizeof(uint32_t));
}

#endif
