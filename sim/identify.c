#include "sim/identify.h"

#define TEXT(literal) ((wpm_text){(literal), sizeof(literal) - 1})

int sim_identify(wpm_manager *manager, wpm_bytes peer, wpm_connection_id connection,
                 const wpm_bytes *addresses, size_t count, bool relay, wpm_instant now) {
  const wpm_text protocols[] = {TEXT("/ipfs/id/1.0.0"), TEXT("/ipfs/ping/1.0.0"),
                                TEXT("/vac/waku/metadata/1.0.0"), TEXT("/vac/waku/relay/2.0.0")};
  const wpm_text agent = TEXT("simulated");
  const wpm_identified fact = {.agent = &agent,
                               .addresses = addresses,
                               .address_count = count,
                               .protocols = protocols,
                               .protocol_count = relay ? 4 : 3};
  wpm_event event = {.type = WPM_EVENT_IDENTIFIED, .peer = peer};
  event.u.identified.connection = connection;
  event.u.identified.identified = &fact;
  int err = wpm_manager_handle(manager, &event, now);
  if (!err) {
    event = (wpm_event){.type = WPM_EVENT_METADATA, .peer = peer};
    event.u.metadata.connection = connection;
    event.u.metadata.has_cluster_id = true;
    event.u.metadata.cluster_id = 1;
    err = wpm_manager_handle(manager, &event, now);
  }
  return err;
}
