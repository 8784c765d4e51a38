#include "core/shares.h"

#include "core/connections.h"
#include "core/rules.h"

/* Bits of wpm_policy.shares. */
enum { OF_RELAY = 1, OF_RELAY_INBOUND = 2 };

void wpm_shares_update(wpm_manager *m, uint32_t slot) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  const wpm_connection *first = policy->connections[0];
  uint32_t counts = 0;
  if (wpm_peer_relays(wpm_manager_peer(m, slot)) && (first || policy->dial)) {
    bool inbound = first && first->direction == WPM_INBOUND;
    counts = inbound ? OF_RELAY | OF_RELAY_INBOUND : OF_RELAY;
  }
  wpm_tally_move(m->relay_places, policy->shares, counts);
  policy->shares = (uint8_t)counts;
}

/* Of so many places those of relay peers. */
static size_t share_of_relay(const wpm_manager *m, size_t places) {
  return (size_t)((uint64_t)places * m->config.relay_percent / 100);
}

static bool are_shared(const wpm_manager *m) {
  return m->config.relay_percent > 0 && wpm_rule_holds(WPM_RULE_SHARES);
}

wpm_share wpm_shares_over(const wpm_manager *m) {
  size_t most = m->config.max_connections;
  size_t relays = m->relay_places[0];
  if (!are_shared(m)) {
    return WPM_SHARE_ANY;
  }
  if (relays > share_of_relay(m, most)) {
    return WPM_SHARE_RELAY;
  }
  bool others = m->places - relays > most - share_of_relay(m, most);
  return others ? WPM_SHARE_OTHERS : WPM_SHARE_ANY;
}

bool wpm_shares_has(const wpm_manager *m, uint32_t slot, wpm_share share) {
  bool relays = wpm_manager_policy(m, slot)->shares & OF_RELAY;
  switch (share) {
  case WPM_SHARE_ANY:
    return true;
  case WPM_SHARE_RELAY:
    return relays;
  case WPM_SHARE_OTHERS:
    return !relays;
  }
  return true;
}

size_t wpm_shares_relay_leavers(const wpm_manager *m, size_t leavers) {
  size_t relays = m->relay_places[0];
  size_t left = m->places > leavers ? m->places - leavers : 0;
  if (!are_shared(m)) {
    return 0;
  }
  size_t stay = share_of_relay(m, left);
  size_t excess = relays > stay ? relays - stay : 0;
  return excess < leavers ? excess : leavers;
}

size_t wpm_shares_inbound_beyond(const wpm_manager *m) {
  size_t inbound = m->relay_places[1];
  size_t wanted = m->config.relay_inbound;
  return wanted > 0 && inbound > wanted && wpm_rule_holds(WPM_RULE_RELAY_INBOUND) ? inbound - wanted
                                                                                  : 0;
}
