/* Building peer ids (libp2p/specs peer-ids). A public key, encoded as libp2p's PublicKey protobuf,
 * of at most 42 bytes is wrapped in an identity multihash; of a longer one the SHA-256 digest is.
 * Hashing is not done here: base knows no crypto library. */
#ifndef WPM_BASE_PEER_ID_H
#define WPM_BASE_PEER_ID_H

#include <wakupeers/types.h>

#define WPM_PEER_ID_INLINE_MAX 42 /* Longest encoded key that the id itself carries. */

/* The id that carries `encoded_key` itself. WPM_ERR_TOO_LARGE above WPM_PEER_ID_INLINE_MAX. */
WPM_MUST_USE int wpm_peer_id_wrap_key(wpm_bytes encoded_key, wpm_peer_id *out);

/* The id for a longer key, of which `digest` is the SHA-256. */
void wpm_peer_id_wrap_digest(const uint8_t digest[32], wpm_peer_id *out);

/* The key that the id carries (a view into `id`); WPM_ERR_NOT_FOUND where it holds a digest. */
WPM_MUST_USE int wpm_peer_id_inline_key(wpm_bytes id, wpm_bytes *encoded_key);

#endif
