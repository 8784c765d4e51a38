/* Between socket addresses and multiaddrs, and between libuv's errors and the closed set of
 * reasons. */
#ifndef WPM_NET_ADDRESS_H
#define WPM_NET_ADDRESS_H

#include "base/multiaddr.h"

#include <uv.h>

/* Writes `/ip4|ip6/…/tcp/…`. WPM_ERR_UNSUPPORTED: neither IPv4 nor IPv6. */
WPM_MUST_USE int wpm_address_from_socket(const struct sockaddr *socket, wpm_multiaddr *out);

/* The socket address of an ip4 or ip6 target. WPM_ERR_UNSUPPORTED: a name. WPM_ERR_INVALID: the
 * IPv6 zone names no interface. */
WPM_MUST_USE int wpm_address_to_socket(const wpm_tcp_target *target, struct sockaddr_storage *out);

/* True where `host` (4 or 16 bytes) means "every interface". */
bool wpm_address_is_wildcard(wpm_bytes host);

/* What a failed system call means for an attempt to connect. Shortage of descriptors, ports or
 * memory, and a network that is down, are failures of ours. */
wpm_reason wpm_reason_of_connect(int uv_error);

/* What the end of an open connection means: `uv_error` is what reading gave (UV_EOF included);
 * `mid_frame`: a Noise message or muxer frame was received in part. */
wpm_reason wpm_reason_of_end(int uv_error, bool mid_frame);

#endif
