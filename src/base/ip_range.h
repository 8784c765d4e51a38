/* Ranges of IP addresses (RFC 4632, RFC 4291 §2.3). Both families lie in one space: IPv4 is
 * ::ffff:0:0/96 (RFC 4291 §2.5.5.2), so ::/0 holds IPv4 as well. */
#ifndef WPM_BASE_IP_RANGE_H
#define WPM_BASE_IP_RANGE_H

#include <wakupeers/types.h>

#define WPM_IP_RANGE_KEY 17u /* An address cut to its prefix, and the length of that. */

/* The key of the range of the first `bits` (at most 128) bits of `ip`: equal for all addresses in it. */
void wpm_ip_range_key(const uint8_t ip[16], unsigned bits, uint8_t key[WPM_IP_RANGE_KEY]);

bool wpm_ip_range_holds(const wpm_ip_range *range, const uint8_t ip[16]);

#endif
