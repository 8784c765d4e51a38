/* Peer records for tests: random ones, with what is rare in each field made frequent. */
#pragma once

#include <wakupeers/types.h>

enum {
  WPM_TEST_ADDRESSES = 12, /* Most addresses of a random record. */
  WPM_TEST_PROTOCOLS = 24, /* Most protocols. */
  WPM_TEST_SHARDS = 16,    /* Most shards. */
  WPM_TEST_TAGS = 6,       /* Most tags. */
  WPM_TEST_APP = 6,        /* Most entries of the application map. */
  WPM_TEST_BYTES = 12288   /* Most bytes of all its values. */
};

/* A record and the memory that its views point into: not to be copied. */
typedef struct wpm_test_record {
  wpm_peer_record record;
  wpm_address addresses[WPM_TEST_ADDRESSES];
  wpm_text protocols[WPM_TEST_PROTOCOLS];
  uint16_t shards[WPM_TEST_SHARDS];
  wpm_tag tags[WPM_TEST_TAGS];
  wpm_app_entry app[WPM_TEST_APP];
  uint8_t bytes[WPM_TEST_BYTES];
  size_t used; /* Of bytes. */
} wpm_test_record;

/* The next random number (splitmix64); *state is the seed. */
uint64_t wpm_test_random(uint64_t *state);

/* A number below `bound`, which is not 0. */
uint64_t wpm_test_random_below(uint64_t *state, uint64_t bound);

/* Fills in a random record: an id of 1–255 bytes, every field, each also with its extremes. No
 * address is of a live connection. */
void wpm_test_record_random(uint64_t *state, wpm_test_record *out);

/* Fills in a plain record of peer number `number`: a realistic id, two addresses, five protocols. */
void wpm_test_record_plain(uint32_t number, wpm_test_record *out);
