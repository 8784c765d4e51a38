#include "sim/identity.h"

#include "sim/random.h"

#include <string.h>

void sim_identity(uint32_t peer, uint8_t out[SIM_ID_SIZE]) {
  static const uint8_t head[] = {0x00, 0x25, 0x08, 0x02, 0x12, 0x21, 0x02};
  memset(out, 0, SIM_ID_SIZE);
  memcpy(out, head, sizeof(head));
  out[7] = peer == SIM_NOBODY ? 0x80 : (uint8_t)(sim_hash(peer, 0, 0, 0) >> 56);
  for (int i = 0; i < 4; i++) {
    out[8 + i] = (uint8_t)(peer >> (24 - 8 * i));
  }
}

uint32_t sim_identity_number(wpm_bytes id) {
  uint32_t number = 0;
  for (size_t i = 8; i < 12 && i < id.len; i++) {
    number = number << 8 | id.data[i];
  }
  return number;
}

/* /ip4/…/tcp/… */
void sim_multiaddr(sim_address address, uint8_t out[SIM_MULTIADDR_SIZE]) {
  const uint8_t bytes[SIM_MULTIADDR_SIZE] = {4,
                                             (uint8_t)(address.ip >> 24),
                                             (uint8_t)(address.ip >> 16),
                                             (uint8_t)(address.ip >> 8),
                                             (uint8_t)address.ip,
                                             6,
                                             (uint8_t)(address.port >> 8),
                                             (uint8_t)address.port};
  memcpy(out, bytes, sizeof(bytes));
}

bool sim_multiaddr_read(wpm_bytes multiaddr, sim_address *out) {
  const uint8_t *b = multiaddr.data;
  if (multiaddr.len != SIM_MULTIADDR_SIZE || b[0] != 4 || b[5] != 6) {
    return false;
  }
  out->ip = (uint32_t)b[1] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 8 | b[4];
  out->port = (uint16_t)(b[6] << 8 | b[7]);
  return true;
}

wpm_ip_range sim_range(uint32_t ip, unsigned bits) {
  wpm_ip_range range = {.ip = {[10] = 0xff, [11] = 0xff}, .bits = (uint8_t)(96 + bits)};
  for (unsigned i = 0; i < 4; i++) {
    range.ip[12 + i] = (uint8_t)(ip >> (24 - 8 * i));
  }
  return range;
}
