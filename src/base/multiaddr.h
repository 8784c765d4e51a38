/* Walking through binary multiaddrs, and the table of protocols (multiformats/multiaddr
 * protocols.csv; text forms as go-multiaddr writes them). */
#ifndef WPM_BASE_MULTIADDR_H
#define WPM_BASE_MULTIADDR_H

#include <wakupeers/types.h>

/* Codes of multiaddr protocols (multicodec table). */
enum {
  WPM_P_IP4 = 4,
  WPM_P_TCP = 6,
  WPM_P_DCCP = 33,
  WPM_P_IP6 = 41,
  WPM_P_IP6ZONE = 42,
  WPM_P_IPCIDR = 43,
  WPM_P_DNS = 53,
  WPM_P_DNS4 = 54,
  WPM_P_DNS6 = 55,
  WPM_P_DNSADDR = 56,
  WPM_P_SCTP = 132,
  WPM_P_UDP = 273,
  WPM_P_P2P_WEBRTC_DIRECT = 276,
  WPM_P_WEBRTC_DIRECT = 280,
  WPM_P_WEBRTC = 281,
  WPM_P_P2P_CIRCUIT = 290,
  WPM_P_UDT = 301,
  WPM_P_UTP = 302,
  WPM_P_UNIX = 400,
  WPM_P_P2P = 421,
  WPM_P_HTTPS = 443,
  WPM_P_ONION3 = 445,
  WPM_P_GARLIC64 = 446,
  WPM_P_TLS = 448,
  WPM_P_SNI = 449,
  WPM_P_NOISE = 454,
  WPM_P_QUIC = 460,
  WPM_P_QUIC_V1 = 461,
  WPM_P_WEBTRANSPORT = 465,
  WPM_P_CERTHASH = 466,
  WPM_P_WS = 477,
  WPM_P_WSS = 478,
  WPM_P_HTTP = 480,
  WPM_P_HTTP_PATH = 481,
  WPM_P_MEMORY = 777,
  WPM_P_PLAINTEXT = 7367777
};

/* One component, e.g. `/tcp/60000`. */
typedef struct wpm_multiaddr_part {
  uint32_t code;   /* WPM_P_…. */
  wpm_bytes value; /* Its value without the length prefix; empty for protocols without one. */
  wpm_bytes whole; /* The component as it stands, code included. */
} wpm_multiaddr_part;

/* Takes the first component off the front of *rest. False at the end. The multiaddr must have
 * passed wpm_multiaddr_check; on one that has not, it returns false at the first fault. */
bool wpm_multiaddr_next(wpm_bytes *rest, wpm_multiaddr_part *part);

/* The IP address that it begins with, a zone aside, as 16 bytes, IPv4 as ::ffff:a.b.c.d; false: it has
 * none. */
bool wpm_multiaddr_ip(wpm_bytes multiaddr, uint8_t out[16]);

/* A TCP address that libuv can connect to or listen on: `/ip4|ip6|dns|dns4|dns6/…/tcp/…`, with
 * nothing behind but, possibly, `/p2p/ID`. */
typedef struct wpm_tcp_target {
  uint32_t host_code; /* WPM_P_IP4, WPM_P_IP6, WPM_P_DNS, WPM_P_DNS4 or WPM_P_DNS6. */
  wpm_bytes host;     /* 4 or 16 bytes, or the name. A view into the multiaddr. */
  wpm_text zone;      /* IPv6 zone; empty where there is none. */
  uint16_t port;      /* Host byte order. */
  wpm_bytes peer;     /* The id of a trailing `/p2p/`; empty where there is none. */
} wpm_tcp_target;

/* Reads one. WPM_ERR_UNSUPPORTED: a valid multiaddr of another kind; else as
 * wpm_multiaddr_check. */
WPM_MUST_USE int wpm_multiaddr_tcp_target(wpm_bytes addr, wpm_tcp_target *out);

/* Writes `/ip4/…/tcp/…` or `/ip6/…/tcp/…` from `host` (4 or 16 bytes). WPM_ERR_INVALID for
 * another length. An IPv4-mapped IPv6 address becomes /ip4. */
WPM_MUST_USE int wpm_multiaddr_from_tcp(wpm_bytes host, uint16_t port, wpm_multiaddr *out);

#endif
