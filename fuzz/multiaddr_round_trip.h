/* What must hold for every multiaddr that wpm_multiaddr_check accepts; aborts where it does not. */
#ifndef MULTIADDR_ROUND_TRIP_H
#define MULTIADDR_ROUND_TRIP_H

#include "base/bytes.h"
#include "base/multiaddr.h"

#include <stdlib.h>

static inline void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static inline void check_round_trip(wpm_bytes addr) {
  char text[WPM_MULTIADDR_TEXT];
  size_t len;
  wpm_multiaddr again;
  wpm_error error;
  require(wpm_multiaddr_format(addr, text, sizeof(text), &len, &error) == WPM_OK);
  require(strlen(text) == len);
  require(wpm_multiaddr_parse((wpm_text){text, len}, &again, &error) == WPM_OK);
  require(wpm_bytes_equal(addr, wpm_multiaddr_view(&again)));

  wpm_bytes rest = addr;
  wpm_multiaddr_part part;
  size_t walked = 0;
  while (wpm_multiaddr_next(&rest, &part)) {
    walked += part.whole.len;
  }
  require(walked == addr.len);

  wpm_bytes transport;
  wpm_bytes peer;
  require(wpm_multiaddr_split_peer(addr, &transport, &peer) == WPM_OK);
  if (peer.len) {
    require(wpm_peer_id_check(peer) == WPM_OK);
    require(wpm_multiaddr_with_peer(transport, peer, &again) == WPM_OK);
    require(wpm_bytes_equal(addr, wpm_multiaddr_view(&again)));
  }
  wpm_tcp_target target;
  int err = wpm_multiaddr_tcp_target(addr, &target);
  require(err == WPM_OK || err == WPM_ERR_UNSUPPORTED);
}

#endif
