#include "core/shards.h"

#include "core/backoff.h"
#include "core/feelers.h"
#include "core/rules.h"
#include "core/store.h"

static uint32_t bit_of(size_t index) {
  return UINT32_C(1) << index;
}

static size_t counted(const wpm_manager *m) {
  size_t count = m->config.relay_per_shard > 0 ? m->config.shard_count : 0;
  return count < WPM_SHARDS_COUNTED ? count : WPM_SHARDS_COUNTED;
}

static bool is_of(const wpm_manager *m, uint32_t slot, uint16_t shard) {
  size_t count;
  const uint8_t *shards = wpm_peer_shards(m->store, wpm_manager_peer(m, slot), &count);
  for (size_t i = 0; i < count; i++) {
    if (wpm_shard_at(shards, i) == shard) {
      return true;
    }
  }
  return false;
}

bool wpm_shards_shares(const wpm_manager *m, uint32_t slot) {
  size_t count;
  (void)wpm_peer_shards(m->store, wpm_manager_peer(m, slot), &count);
  for (size_t i = 0; count > 0 && i < m->config.shard_count; i++) {
    if (is_of(m, slot, m->config.shards[i])) {
      return true;
    }
  }
  return count == 0 || m->config.shard_count == 0 || !wpm_rule_holds(WPM_RULE_SHARD_SHARED);
}

/* ---- counting ---------------------------------------------------------------------------------- */

/* Which of our shards it counts for. */
static uint32_t counts_for(const wpm_manager *m, uint32_t slot) {
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  uint32_t shards = 0;
  if ((!policy->connections[0] && !policy->dial) || wpm_feelers_are_at(m, slot) ||
      !wpm_backoff_applies(wpm_manager_peer(m, slot))) {
    return 0;
  }
  for (size_t i = 0; i < counted(m); i++) {
    shards |= is_of(m, slot, m->config.shards[i]) ? bit_of(i) : 0;
  }
  return shards;
}

bool wpm_shards_update(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  uint32_t shards = counted(m) > 0 ? counts_for(m, slot) : 0;
  uint32_t before = policy->shards;
  policy->shards = shards;
  wpm_tally_move(m->relays_of_shard, before, shards);
  return (before & ~shards) != 0;
}

/* ---- choosing ---------------------------------------------------------------------------------- */

bool wpm_shards_poorest(const wpm_manager *m, uint16_t *shard) {
  size_t least = m->config.relay_per_shard;
  bool found = false;
  for (size_t i = 0; i < counted(m); i++) {
    if (m->relays_of_shard[i] < least) {
      least = wpm_rule_holds(WPM_RULE_SHARD_POOREST) ? m->relays_of_shard[i] : least;
      *shard = m->config.shards[i];
      found = true;
    }
  }
  return found;
}

bool wpm_shards_need(const wpm_manager *m, uint32_t slot) {
  uint32_t shards = wpm_manager_policy(m, slot)->shards;
  for (size_t i = 0; shards != 0 && i < counted(m); i++) {
    if ((shards & bit_of(i)) && m->relays_of_shard[i] <= m->config.relay_per_shard &&
        wpm_rule_holds(WPM_RULE_SHARD_NEEDS)) {
      return true;
    }
  }
  return false;
}
