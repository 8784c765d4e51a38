/* Ethereum Node Records (EIP-778) as Waku nodes publish them (31/WAKU2-ENR).
 *
 * - A record is an RLP list: signature, sequence number, then pairs of key and value with the keys
 *   sorted and each once; at most WPM_ENR_MAX bytes. Its text form is `enr:` and base64url without
 *   padding.
 * - The identity scheme must be `v4`: the signature is secp256k1 over the Keccak-256 of all that
 *   follows it, by the record's own key. Nothing is taken from a record that does not verify.
 * - Unknown keys are skipped. A known key whose value is malformed counts as missing; one peer's
 *   mistake in `rsv` must not cost its address.
 * - The libp2p peer id is that of the record's key.
 */
#ifndef WPM_PROTO_ENR_H
#define WPM_PROTO_ENR_H

#include "proto/crypto.h"

#define WPM_ENR_MAX 300         /* Longest record, in bytes (EIP-778). */
#define WPM_ENR_TEXT 405        /* Room for any record's text, its NUL included. */
#define WPM_ENR_SHARDS_MAX 1024 /* Shards of a cluster (51/WAKU2-RELAY-SHARDING). */

/* Bits of the key `waku2` (31/WAKU2-ENR). */
enum {
  WPM_ENR_RELAY = 1 << 0,
  WPM_ENR_STORE = 1 << 1,
  WPM_ENR_FILTER = 1 << 2,
  WPM_ENR_LIGHTPUSH = 1 << 3,
  WPM_ENR_SYNC = 1 << 4,
  WPM_ENR_MIX = 1 << 5
};

/* A record that was verified. Views lead into it. */
typedef struct wpm_enr {
  uint64_t sequence;                        /* Higher is newer. */
  uint8_t public_key[WPM_SECP256K1_PUBLIC]; /* Compressed. */
  uint8_t node_id[32];                      /* Keccak-256 of the key's point. */
  wpm_peer_id peer_id;                      /* The same key's libp2p peer id. */
  wpm_bytes ip;                             /* `ip`: 4 bytes; empty: missing. */
  wpm_bytes ip6;                            /* `ip6`: 16 bytes; empty: missing. */
  uint16_t tcp;                             /* `tcp`: port; 0: missing. Likewise the next three. */
  uint16_t udp;                             /* `udp`. */
  uint16_t tcp6;                            /* `tcp6`; where missing, `tcp` counts for ip6 too. */
  uint16_t udp6;                            /* `udp6`; likewise. */
  bool has_capabilities;                    /* `waku2` is there: a Waku node. */
  uint8_t capabilities;                     /* `waku2`: WPM_ENR_RELAY, …. */
  bool has_shards;                          /* `rs` or `rsv` is there; `rs` goes before. */
  uint16_t cluster_id;                      /* Their cluster. */
  size_t shard_count;                       /* Number of shards. */
  uint16_t shards[WPM_ENR_SHARDS_MAX];      /* Ascending, each once. */
  wpm_bytes multiaddrs;                     /* `multiaddrs`, as it stands. */
  size_t fields_skipped;                    /* Known keys with a malformed value. */
} wpm_enr;

/* Reads and verifies a record in RLP. WPM_ERR_INVALID: malformed, not canonical, keys not sorted, no
 * `id` or no valid key. WPM_ERR_TRUNCATED: it ends too early. WPM_ERR_TOO_LARGE: above WPM_ENR_MAX.
 * WPM_ERR_UNSUPPORTED: an identity scheme other than v4. WPM_ERR_CRYPTO: the signature does not
 * verify. */
WPM_MUST_USE int wpm_enr_open(wpm_crypto *crypto, wpm_bytes record, wpm_enr *out);

/* Goes through a record's addresses: the one of `ip` and `tcp`, that of `ip6`, then those of
 * `multiaddrs`. */
typedef struct wpm_enr_addresses {
  const wpm_enr *enr; /* Whose. */
  int step;           /* 0: ip comes next, 1: ip6, 2: multiaddrs. */
  wpm_bytes rest;     /* What is left of `multiaddrs`. */
  size_t skipped;     /* Addresses not understood, of another peer, or cut off. */
} wpm_enr_addresses;

void wpm_enr_addresses_begin(wpm_enr_addresses *walk, const wpm_enr *enr);

/* The next address: checked, without the peer's own `/p2p/`, possibly one it gave before. An address
 * that ends in another peer's id is that of a relay, as go-waku writes it, and gets `/p2p-circuit`.
 * False at the end. */
bool wpm_enr_addresses_next(wpm_enr_addresses *walk, wpm_multiaddr *out);

/* Reads the text form; *record gets the RLP, *len its length. Nothing is verified yet.
 * WPM_ERR_INVALID: it does not begin with `enr:`, or is not base64url. WPM_ERR_TOO_LARGE. */
WPM_MUST_USE int wpm_enr_parse(wpm_text text, uint8_t record[WPM_ENR_MAX], size_t *len);

/* Writes the text form of a record, NUL-terminated; *len (may be NULL) gets its length without the
 * NUL. WPM_ERR_NO_SPACE where `cap` is too small (WPM_ENR_TEXT always does); WPM_ERR_TOO_LARGE. */
WPM_MUST_USE int wpm_enr_format(wpm_bytes record, char *out, size_t cap, size_t *len);

/* Signs a record of `identity`'s addresses (binary, checked): the first plain IPv4 TCP address becomes
 * `ip` and `tcp`, the first IPv6 one `ip6` and `tcp6`; of the others those that still fit go into
 * `multiaddrs`, in their order. It carries no `waku2` and no shards. *out gets the RLP, *len its
 * length. WPM_ERR_UNSUPPORTED: the identity is no secp256k1 key. WPM_ERR_NO_MEMORY,
 * WPM_ERR_CRYPTO. */
WPM_MUST_USE int wpm_enr_seal(wpm_crypto *crypto, const wpm_identity *identity, uint64_t sequence,
                              const wpm_bytes *addresses, size_t address_count,
                              uint8_t out[WPM_ENR_MAX], size_t *len);

#endif
