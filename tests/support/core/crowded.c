#include "support/core/crowded.h"

#include "support/test.h"

wpm_world *wpm_crowded_new(size_t max_connections) {
  wpm_world *w = wpm_world_new(2000);
  w->config.relay_outbound = 0;
  w->config.keep_alive = false;
  w->config.inbound_paced = false;
  w->config.inbound_per_ip = w->config.inbound_per_network = 0;
  w->config.max_connections = max_connections;
  return w;
}

int wpm_crowded_out(wpm_world *w) {
  int peer = -1;
  for (wpm_world_action *a; (a = wpm_world_take(w, WPM_ACTION_DISCONNECT, -1));) {
    if (a->reason == WPM_REASON_CROWDED) {
      assert_int_equal(peer, -1);
      peer = a->peer;
    }
    wpm_world_disconnected(w, a->peer, a->connection, a->reason);
  }
  return peer;
}

size_t wpm_crowded_out_of(wpm_world *w, int first, int end) {
  size_t count = 0;
  for (int peer = first; peer < end; peer++) {
    for (wpm_world_action *a; (a = wpm_world_take(w, WPM_ACTION_DISCONNECT, peer));) {
      assert_int_equal(a->reason, WPM_REASON_CROWDED);
      wpm_world_disconnected(w, a->peer, a->connection, a->reason);
      count++;
    }
  }
  return count;
}
