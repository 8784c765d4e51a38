#include "sim/identify.h"

#define TEXT(literal) ((wpm_text){(literal), sizeof(literal) - 1})

int sim_identify(wpm_manager *manager, wpm_bytes peer, const sim_fact *fact,
                 const wpm_bytes *addresses, wpm_instant now) {
  wpm_text protocols[5] = {TEXT("/ipfs/id/1.0.0"), TEXT("/ipfs/ping/1.0.0"),
                           TEXT("/vac/waku/metadata/1.0.0")};
  const wpm_text agent = TEXT("simulated");
  wpm_identified said = {.agent = &agent,
                         .addresses = addresses,
                         .address_count = fact->address_count,
                         .protocols = protocols,
                         .protocol_count = 3};
  if (fact->relay) {
    protocols[said.protocol_count++] = TEXT("/vac/waku/relay/2.0.0");
  }
  if (fact->serves) {
    protocols[said.protocol_count++] = TEXT(SIM_SERVICE);
  }
  wpm_event event = {.type = WPM_EVENT_IDENTIFIED, .peer = peer};
  event.u.identified.connection = fact->link;
  event.u.identified.identified = &said;
  int err = wpm_manager_handle(manager, &event, now);
  if (!err) {
    uint16_t shard = (uint16_t)(fact->shard - (fact->shard > 0));
    event = (wpm_event){.type = WPM_EVENT_METADATA, .peer = peer};
    event.u.metadata.connection = fact->link;
    event.u.metadata.has_cluster_id = true;
    event.u.metadata.cluster_id = 1;
    event.u.metadata.shards = &shard;
    event.u.metadata.shard_count = fact->shard > 0;
    err = wpm_manager_handle(manager, &event, now);
  }
  return err;
}
