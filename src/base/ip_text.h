/* IP addresses as text, as Go's net.IP reads and writes them (RFC 4291 §2.2 in, RFC 5952 out), for
 * go-multiaddr's sake. No zones: `/ip6zone` is a component of its own. */
#ifndef WPM_BASE_IP_TEXT_H
#define WPM_BASE_IP_TEXT_H

#include <wakupeers/types.h>

#define WPM_IP_TEXT 46 /* Room for any address's text, its NUL included. */

/* Reads either family. *len gets 4 or 16; the bytes are in network order. WPM_ERR_INVALID. */
WPM_MUST_USE int wpm_ip_parse(wpm_text text, uint8_t out[16], size_t *len);

/* Whether the 16 bytes are an IPv4-mapped address (::ffff:a.b.c.d). */
bool wpm_ip6_is_mapped(const uint8_t ip[16]);

/* Writes an address of 4 or 16 bytes (WPM_ERR_INVALID for another length), NUL-terminated: IPv6 in
 * lower case, the first longest run of two or more zero groups as `::`, IPv4-mapped addresses as
 * `::ffff:a.b.c.d`. *len (may be NULL) gets its length without the NUL. */
WPM_MUST_USE int wpm_ip_format(wpm_bytes ip, char out[WPM_IP_TEXT], size_t *len);

#endif
