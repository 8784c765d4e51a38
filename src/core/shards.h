/* How many relay peers of each of our shards we hold.
 *
 * - GossipSub keeps a mesh for each topic and, with fewer than D_low = 4 peers in it, looks for more
 *   (libp2p/specs, gossipsub v1.0); in Waku a shard is a topic (WAKU2-RELAY-SHARDING). So of each
 *   configured shard `relay_per_shard` relay peers are wanted, connected or being dialled, whoever
 *   dialled; 0 switches this off.
 * - A peer is of the shards that its metadata, or its ENR, names.
 * - While a shard has fewer, candidates of that shard are dialled first, also beyond `relay_outbound`;
 *   the other rules of core/targets.h hold for them too. Of several, the shard with the fewest comes
 *   first. Where no candidate of it is known, the choice is as always.
 * - A peer without which one of its shards would have too few keeps its place when places rotate.
 * - The first WPM_SHARDS_COUNTED of the configured shards are looked after.
 */
#ifndef WPM_CORE_SHARDS_H
#define WPM_CORE_SHARDS_H

#include "core/manager.h"

/* Of one of our shards; or it, or we, named none. */
bool wpm_shards_shares(const wpm_manager *m, uint32_t slot);

/* The peer's place, protocols or shards may have changed. True where a shard has fewer than before. */
bool wpm_shards_update(wpm_manager *m, uint32_t slot);

/* Takes the shard that has the fewest relay peers, where that is too few; false where there is none. */
bool wpm_shards_poorest(const wpm_manager *m, uint16_t *shard);

/* Without it one of its shards would have too few. */
bool wpm_shards_need(const wpm_manager *m, uint32_t slot);

#endif
