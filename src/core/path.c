#include "core/path.h"

#include "base/multiaddr.h"

const char *wpm_path_name(wpm_path value) {
  switch (value) {
  case WPM_PATH_TCP_IP4:
    return "tcp_ip4";
  case WPM_PATH_TCP_IP6:
    return "tcp_ip6";
  case WPM_PATH_WS_IP4:
    return "ws_ip4";
  case WPM_PATH_WS_IP6:
    return "ws_ip6";
  case WPM_PATH_WSS:
    return "wss";
  case WPM_PATH_QUIC_IP4:
    return "quic_ip4";
  case WPM_PATH_QUIC_IP6:
    return "quic_ip6";
  }
  return "?";
}

/* What the components say, each as it comes. */
typedef struct reading {
  wpm_way way;
  bool has_host;
  bool has_tls; /* Behind TCP. */
} reading;

static void read_host(reading *r, wpm_family family) {
  if (!r->has_host) {
    r->way.family = family;
    r->has_host = true;
  }
}

static void read_part(reading *r, uint32_t code) {
  switch (code) {
  case WPM_P_IP4:
  case WPM_P_DNS4:
    read_host(r, WPM_FAMILY_IP4);
    break;
  case WPM_P_IP6:
  case WPM_P_DNS6:
    read_host(r, WPM_FAMILY_IP6);
    break;
  case WPM_P_TCP:
    r->way.transport = WPM_TRANSPORT_TCP;
    break;
  case WPM_P_QUIC:
  case WPM_P_QUIC_V1:
    r->way.transport = WPM_TRANSPORT_QUIC;
    break;
  case WPM_P_TLS:
    r->has_tls = true;
    break;
  case WPM_P_WS:
    r->way.transport = r->has_tls ? WPM_TRANSPORT_WSS : WPM_TRANSPORT_WS;
    break;
  case WPM_P_WSS:
    r->way.transport = WPM_TRANSPORT_WSS;
    break;
  case WPM_P_WEBTRANSPORT:
    r->way.is_above = true;
    break;
  }
}

wpm_way wpm_way_of(wpm_bytes multiaddr) {
  reading r = {.way = {.family = WPM_FAMILY_ANY, .transport = WPM_TRANSPORT_OTHER}};
  wpm_multiaddr_part part;
  while (wpm_multiaddr_next(&multiaddr, &part)) {
    read_part(&r, part.code);
    if (part.code == WPM_P_P2P_CIRCUIT) {
      r.way.transport = WPM_TRANSPORT_OTHER; /* What follows is of the relay's other side. */
      r.way.is_relayed = true;
      break;
    }
  }
  return r.way;
}

wpm_path wpm_path_of(wpm_bytes multiaddr) {
  wpm_way way = wpm_way_of(multiaddr);
  bool is_ip6 = way.family == WPM_FAMILY_IP6;
  if (way.transport == WPM_TRANSPORT_WSS) {
    return WPM_PATH_WSS;
  }
  if (way.family == WPM_FAMILY_ANY) {
    return WPM_PATH_NONE;
  }
  switch (way.transport) {
  case WPM_TRANSPORT_TCP:
    return is_ip6 ? WPM_PATH_TCP_IP6 : WPM_PATH_TCP_IP4;
  case WPM_TRANSPORT_QUIC:
    return is_ip6 ? WPM_PATH_QUIC_IP6 : WPM_PATH_QUIC_IP4;
  case WPM_TRANSPORT_WS:
    return is_ip6 ? WPM_PATH_WS_IP6 : WPM_PATH_WS_IP4;
  case WPM_TRANSPORT_WSS:
  case WPM_TRANSPORT_OTHER:
    break;
  }
  return WPM_PATH_NONE;
}
