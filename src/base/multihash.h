/* Multihashes (multiformats/multihash): varint code of the hash function, varint length, digest. */
#ifndef WPM_BASE_MULTIHASH_H
#define WPM_BASE_MULTIHASH_H

#include <wakupeers/types.h>

/* Codes of the multicodec table. */
enum { WPM_MULTIHASH_IDENTITY = 0x00, WPM_MULTIHASH_SHA2_256 = 0x12 };

/* Takes one apart; *digest is a view into `bytes`. WPM_ERR_INVALID: varints not minimal, or the
 * digest is not exactly as long as it says. */
WPM_MUST_USE int wpm_multihash_read(wpm_bytes bytes, uint64_t *function, wpm_bytes *digest);

#endif
