/* Numbers of peers as peer ids, and addresses as multiaddrs.
 *
 * - An id is of the form of a secp256k1 key's: an identity multihash, 39 bytes. Its first byte that
 *   differs is a hash of the number, so that either side of a race wins about as often.
 */
#ifndef SIM_IDENTITY_H
#define SIM_IDENTITY_H

#include "sim/policy.h"

enum { SIM_ID_SIZE = 39, SIM_MULTIADDR_SIZE = 8 };

#define SIM_NOBODY UINT32_MAX /* The number of our own node. */

void sim_identity(uint32_t peer, uint8_t out[SIM_ID_SIZE]);

/* The addresses that begin with the first `bits` of that IPv4 address. */
wpm_ip_range sim_range(uint32_t ip, unsigned bits);

/* The number in an id. */
uint32_t sim_identity_number(wpm_bytes id);

void sim_multiaddr(sim_address address, uint8_t out[SIM_MULTIADDR_SIZE]);

/* False: not of the form that sim_multiaddr writes. */
bool sim_multiaddr_read(wpm_bytes multiaddr, sim_address *out);

#endif
