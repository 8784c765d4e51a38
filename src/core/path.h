/* The way to an address: by which family of IP, and over which transport.
 *
 * - The first component that is an IP address or a name decides the family; /dns and /dnsaddr stand for
 *   both. WebSocket lies above TCP (ws), and above TLS (wss). What lies above QUIC (WebTransport) is of its
 *   transport, and has a layer more; what goes through a relay (/p2p-circuit) is *relayed*, over another.
 * - A *path* (wpm_path) is what may be a black hole as a whole: a transport of one family, secure
 *   WebSocket of whichever, since it mostly has a name. Other transports, what is relayed, and those at a
 *   name of either family are of no path.
 *
 * From go-libp2p's black hole detector, which tells UDP and IPv6 apart; transports of one family are
 * wakupeers' own distinction, since a proxy or firewall may drop one and pass another.
 */
#ifndef WPM_CORE_PATH_H
#define WPM_CORE_PATH_H

#include <wakupeers/explain.h>

#define WPM_PATH_NONE WPM_PATH_COUNT

typedef enum wpm_family { WPM_FAMILY_IP6 = 0, WPM_FAMILY_IP4, WPM_FAMILY_ANY } wpm_family;
#define WPM_FAMILY_COUNT 3

typedef struct wpm_way {
  wpm_family family;
  wpm_transport transport;
  bool is_above;   /* It lies above that transport. */
  bool is_relayed; /* It goes through a relay. */
} wpm_way;

wpm_way wpm_way_of(wpm_bytes multiaddr);

/* WPM_PATH_NONE: of none. */
wpm_path wpm_path_of(wpm_bytes multiaddr);

#endif
