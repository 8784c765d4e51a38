/* An IPv4 address of this machine that no other process uses: the whole of 127/8 is loopback, and
 * others connect from 127.0.0.1. A port of it that was given back is still there later. */
#pragma once

#include <stdio.h>
#include <unistd.h>

#define LOOPBACK_TEXT 16

/* Writes it; `number` (below 4) tells several of one process apart. */
static inline void loopback_own(unsigned number, char out[LOOPBACK_TEXT]) {
  unsigned process = (unsigned)getpid() << 2 | number;
  (void)snprintf(out, LOOPBACK_TEXT, "127.%u.%u.%u", 1 + (process >> 16) % 254, process >> 8 & 255,
                 process & 255);
}
