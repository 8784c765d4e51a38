/* The peers that every implementation is measured on: a file that bench_peers writes once and all
 * read, so that none has a generator of its own. Numbers are little-endian.
 *
 *   "wpmpeer2"
 *   u32 peers, u8 protocols, u8 asked       protocols[asked] is the one that queries ask for
 *   protocols × { u8 len, text }            ascending
 *   peers × { u8 len, id
 *             u8 connectivity               wpm_connectivity
 *             u8 count × { u8 len, multiaddr }
 *             u8 count × { u8 index }       protocols, ascending
 *             u8 count × { u8 shard } }     ascending
 *   peers × { u32 index }                   a permutation: the order of random access
 */
#ifndef WPM_BENCH_STORE_PEER_FILE_H
#define WPM_BENCH_STORE_PEER_FILE_H

#include <wakupeers/types.h>

#define WPM_PEER_FILE_MAGIC "wpmpeer2"
#define WPM_PEER_FILE_PROTOCOLS 64 /* Most protocols in the table. */
#define WPM_PEER_FILE_LIST 16      /* Most addresses, protocols and shards of one peer. */

/* Shards of the file's peers; see bench/README.md for who has which. */
enum {
  WPM_FILE_SHARDS = 8,       /* 0 … 7: everybody has one or two. */
  WPM_FILE_SHARD_RARE = 8,   /* One in 500. */
  WPM_FILE_SHARD_FEW = 9,    /* At most 1 000 in all. */
  WPM_FILE_SHARD_APART = 10, /* Those that do not relay, and a handful that do. */
  WPM_FILE_SHARD_NEVER = 11  /* Those that do not relay. */
};

typedef struct wpm_peer_file {
  const uint8_t *data;                         /* The file in memory. */
  size_t size;                                 /* Its length in bytes. */
  uint32_t peers;                              /* How many it holds. */
  uint8_t protocol_count;                      /* Length of the table. */
  uint8_t asked;                               /* Which of it queries ask for. */
  wpm_text protocols[WPM_PEER_FILE_PROTOCOLS]; /* The table. */
  uint32_t *offsets;                           /* Where each peer begins. */
  uint32_t *order;                             /* The order of random access. */
} wpm_peer_file;

/* One peer as the file has it; views into the file. */
typedef struct wpm_file_peer {
  wpm_bytes id;                            /* Its id. */
  wpm_connectivity connectivity;           /* Its connectivity. */
  wpm_bytes addresses[WPM_PEER_FILE_LIST]; /* Its multiaddrs. */
  size_t address_count;                    /* Their number. */
  wpm_text protocols[WPM_PEER_FILE_LIST];  /* Its protocols. */
  size_t protocol_count;                   /* Their number. */
  uint16_t shards[WPM_PEER_FILE_LIST];     /* Its shards. */
  size_t shard_count;                      /* Their number. */
} wpm_file_peer;

/* Opens it, all of it resident; ends the program where it is not of the form above. */
void wpm_peer_file_open(const char *path, wpm_peer_file *out);
void wpm_peer_file_close(wpm_peer_file *file);

/* Peer number `index` (below `peers`). */
void wpm_peer_file_get(const wpm_peer_file *file, uint32_t index, wpm_file_peer *out);

#endif
