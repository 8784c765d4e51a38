#include "sim/ours_config.h"

#include "sim/identify.h"
#include "sim/identity.h"
#include "sim/scenario.h"

int sim_ours_configure(const sim_setup *setup, uint64_t seed, wpm_service *service,
                       wpm_manager_config *config) {
  static const uint16_t shards[SIM_SHARDS] = {0, 1, 2, 3, 4, 5, 6, 7};
  uint8_t id[SIM_ID_SIZE];
  wpm_manager_config_default(config);
  sim_identity(setup->self, id);
  config->seed = seed;
  config->max_connections = setup->max_connections;
  config->max_dials = setup->max_dials;
  config->prune_backoff_ns = setup->prune_backoff_ns;
  config->backoff_slack_ns = setup->backoff_slack_ns;
  if (setup->high_water > 0) {
    config->high_water = setup->high_water;
    config->low_water = setup->high_water * 5 / 6;
  }
  if (setup->relay_outbound > 0) {
    config->relay_outbound = setup->relay_outbound;
  }
  config->relay_inbound = setup->relay_inbound;
  config->shards = shards;
  config->shard_count = setup->shards;
  if (setup->service_slots > 0) {
    *service = (wpm_service){.protocol = {SIM_SERVICE, sizeof(SIM_SERVICE) - 1},
                             .capability = WPM_NO_CAPABILITY,
                             .slots = (uint32_t)setup->service_slots};
    config->services = service;
    config->service_count = 1;
  }
  if (setup->idle_limit_ns > 0) {
    config->ping_interval_ns = setup->idle_limit_ns / 2;
  }
  for (size_t i = 0; i < sizeof(config->store.hash_key); i++) {
    config->store.hash_key[i] = (uint8_t)(setup->seed >> 8 * (i % 8));
  }
  if (setup->only_sleeps) {
    config->max_history = 0;
    config->store.max_peers = setup->max_peers;
  } else if (setup->max_peers > 0) {
    config->store.max_peers = setup->max_peers;
    config->store.max_tombstones = setup->peers;
  } else if (setup->peers > config->store.max_peers) {
    config->store.max_peers = setup->peers;
  }
  return wpm_peer_id_from_bytes((wpm_bytes){id, sizeof(id)}, &config->local_peer);
}
