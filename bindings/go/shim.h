/* What the Go side calls: store.h and storage.h with lists in one buffer each.
 *
 * A call from Go into C takes tens of nanoseconds and may not hand over pointers to pointers, so a
 * list of addresses, protocols or ids crosses as bytes, and one crossing does all that one method of
 * the peerstore means. A packed list is, for each item, its length (2 bytes, little endian) and its
 * bytes. A call that writes one returns the room it needs; where that is more than `cap`, nothing
 * was written and the caller comes again.
 *
 * Times are nanoseconds since 1970 UTC; INT64_MAX as an end: never. Results are wpm_err.
 */
#ifndef PSTOREWPM_SHIM_H
#define PSTOREWPM_SHIM_H

#include <wakupeers/storage.h>
#include <wakupeers/store.h>

/* A packed list that was written. */
typedef struct shim_list {
  int err;      /* wpm_err. */
  size_t count; /* Items. */
  size_t bytes; /* The room they need; above `cap`: nothing was written. */
} shim_list;

/* What became of a peer's addresses. */
typedef struct shim_outcome {
  int err;        /* wpm_err. */
  bool turned;    /* The peer may have got its first address, or lost its last one. */
  shim_list list; /* Of a peer that had none before: its addresses, as by shim_addresses. */
} shim_outcome;

/* What a peer has, as bits. */
enum {
  SHIM_HAS_ADDRESS = 1u << 0,
  SHIM_HAS_KEY = 1u << 1,
};

/* A store without caps, but for `max_bytes` (0: none), whose addresses expire by the clock alone. */
int shim_new(const uint8_t hash_key[16], size_t max_bytes, wpm_store **out);

/* AddAddrs and SetAddrs (`replace`). Adds the peer where it is not held. A trailing `/p2p/` of the
 * peer itself is cut off; an address that names another peer is left out, as is one that is no
 * multiaddr. `cap`: most addresses of a peer whose time to live is below that of a connection (0: no
 * cap); over it the one of them that ends first goes. `ttl` 0 or less removes the addresses. `unseen`:
 * the peer is likely to be a new one, which is then no slower than one that is held. */
shim_outcome shim_give_addresses(wpm_store *store, const char *id, size_t id_len,
                                 const uint8_t *addresses, size_t bytes, bool unseen, bool replace,
                                 int64_t ttl, int64_t now, size_t cap, uint8_t *out, size_t room);

/* UpdateAddrs. `new_ttl` 0 or less removes them. */
shim_outcome shim_update_ttl(wpm_store *store, const char *id, size_t id_len, int64_t old_ttl,
                             int64_t new_ttl, int64_t now);

/* ClearAddrs. */
int shim_clear_addresses(wpm_store *store, const char *id, size_t id_len);

/* The addresses of a peer, expired ones included: each its end (8 bytes, as the machine has them) and
 * then as any packed item. */
shim_list shim_addresses(const wpm_store *store, const char *id, size_t id_len, uint8_t *out,
                         size_t cap);

/* ConsumePeerRecord of a record that was opened and verified. `gone`: the addresses that the record
 * before named and this one does not. WPM_ERR_STALE: a newer one is held. */
int shim_certified(wpm_store *store, const char *id, size_t id_len, const uint8_t *envelope,
                   size_t envelope_len, uint64_t sequence, const uint8_t *addresses, size_t bytes,
                   const uint8_t *gone, size_t gone_bytes, int64_t ttl, int64_t now, size_t cap);

/* GetPeerRecord: the envelope, while the peer has an address whose time is not over. */
shim_list shim_envelope(const wpm_store *store, const char *id, size_t id_len, int64_t now,
                        uint8_t *out, size_t cap);

/* SetProtocols, GetProtocols. Setting none forgets what was held. */
int shim_set_protocols(wpm_store *store, const char *id, size_t id_len, const uint8_t *protocols,
                       size_t bytes, size_t count);
shim_list shim_protocols(const wpm_store *store, const char *id, size_t id_len, uint8_t *out,
                         size_t cap);

/* Keys; an empty one is taken away. */
int shim_set_public_key(wpm_store *store, const char *id, size_t id_len, const uint8_t *key,
                        size_t key_len);
shim_list shim_public_key(const wpm_store *store, const char *id, size_t id_len, uint8_t *out,
                          size_t cap);
int shim_set_private_key(wpm_store *store, const char *id, size_t id_len, const uint8_t *key,
                         size_t key_len);
shim_list shim_private_key(const wpm_store *store, const char *id, size_t id_len, uint8_t *out,
                           size_t cap);

/* The application map. A value always stands for something, so none is empty. */
int shim_set_app(wpm_store *store, const char *id, size_t id_len, const char *key, size_t key_len,
                 const uint8_t *value, size_t value_len);
shim_list shim_app(const wpm_store *store, const char *id, size_t id_len, const char *key,
                   size_t key_len, uint8_t *out, size_t cap);

/* RemovePeer: all but the addresses. */
int shim_remove_peer(wpm_store *store, const char *id, size_t id_len);

/* The next ids at or behind *cursor (start with 0) of peers that have any of `has`, as many as there
 * is room for. count 0: the end. */
shim_list shim_ids(const wpm_store *store, unsigned has, uint64_t *cursor, uint8_t *out, size_t cap);

/* The next ids at or behind *cursor (start with 0) that have a private key. */
shim_list shim_private_ids(const wpm_store *store, uint64_t *cursor, uint8_t *out, size_t cap);

/* Looks at the next `peers` peers at or behind *cursor (start with 0): drops addresses whose time is
 * over, and peers of which nothing is left. Packs the ids of those that changed; `cap` is at least
 * `peers` times the room of the longest id. */
shim_list shim_collect(wpm_store *store, uint64_t *cursor, size_t peers, int64_t now, uint8_t *out,
                       size_t cap, bool *at_end);

/* Loads the peers that are stored, and the private keys too if asked. */
int shim_load(wpm_storage *storage, wpm_store *store, bool private_keys, size_t *skipped,
              wpm_error *error);

/* Where a peer lies in the file. */
uint64_t shim_place(const wpm_storage *storage, const char *id, size_t id_len);

/* Puts the packed peers into the open batch as they are now; one that is not held is removed. A
 * record that the storage refuses for what it is (WPM_ERR_INVALID, WPM_ERR_TOO_LARGE) is counted in
 * *refused and stays as it was stored. */
int shim_save(wpm_storage *storage, const wpm_store *store, const uint8_t *ids, size_t bytes,
              size_t *refused, wpm_error *error);

/* The same with the private keys of the packed ids. */
int shim_save_private_keys(wpm_storage *storage, const wpm_store *store, const uint8_t *ids,
                           size_t bytes, wpm_error *error);

#endif
