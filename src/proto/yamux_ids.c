#include "proto/yamux_ids.h"

#include <assert.h>
#include <string.h>

void wpm_yamux_ids_init(wpm_yamux_ids *ids) {
  *ids = (wpm_yamux_ids){0};
}

static uint64_t bit_of(uint32_t number) {
  return UINT64_C(1) << (number % 64);
}

static uint32_t word_of(uint32_t number) {
  return number % WPM_YAMUX_IDS_REMEMBERED / 64;
}

bool wpm_yamux_ids_used(const wpm_yamux_ids *ids, uint32_t id) {
  uint32_t number = id / 2;
  if (number >= ids->above) {
    return false;
  }
  if (ids->above - number > WPM_YAMUX_IDS_REMEMBERED) {
    return true;
  }
  return ids->used[word_of(number)] & bit_of(number);
}

void wpm_yamux_ids_mark(wpm_yamux_ids *ids, uint32_t id) {
  assert(!wpm_yamux_ids_used(ids, id));
  uint32_t number = id / 2;
  if (number >= ids->above) {
    if (number - ids->above >= WPM_YAMUX_IDS_REMEMBERED) {
      memset(ids->used, 0, sizeof(ids->used));
    } else {
      for (uint32_t skipped = ids->above; skipped < number; skipped++) {
        ids->used[word_of(skipped)] &= ~bit_of(skipped);
      }
    }
    ids->above = number + 1;
  }
  ids->used[word_of(number)] |= bit_of(number);
}
