/* The streams of one muxer: found by key, and freed only when nothing on the stack uses them.
 *
 * - They are kept sorted by key in one small array, because a connection has few streams. Without
 *   streams it holds no memory.
 * - A stream that ends leaves the set at once. Ended while the muxer is inside `input` (callbacks
 *   run there), its memory is freed when `input` is over: a pointer to it, in a callback or in the
 *   muxer's own code, stays good until then, and `ended` says what became of it.
 */
#ifndef WPM_PROTO_MUX_STREAMS_H
#define WPM_PROTO_MUX_STREAMS_H

#include "proto/muxer.h"

/* What the streams of every kind of muxer begin with. */
typedef struct wpm_mux_entry {
  wpm_mux_stream handle;      /* What the owner holds; first, so that it converts. */
  struct wpm_mux_entry *next; /* The next ended one that waits to be freed. */
  uint64_t key;               /* Unique among the muxer's streams. */
  bool ours;                  /* We opened it. */
  bool write_closed;          /* We closed our side. */
  bool read_closed;           /* They closed theirs. */
  bool ended;                 /* No longer in the set. */
} wpm_mux_entry;

typedef struct wpm_mux_streams {
  wpm_mux_entry **sorted; /* By key; NULL while empty. */
  wpm_mux_entry *ended;   /* Those that wait to be freed. */
  uint32_t capacity;      /* Places in `sorted`. */
  uint32_t inbound;       /* Streams they opened. */
  uint32_t outbound;      /* Streams we opened. */
  bool busy;              /* Inside `input`. */
} wpm_mux_streams;

void wpm_mux_streams_init(wpm_mux_streams *set);

/* Frees all streams. Not inside `input`. */
void wpm_mux_streams_fini(wpm_mux_streams *set);

/* The stream of `key`, or NULL. */
wpm_mux_entry *wpm_mux_streams_find(const wpm_mux_streams *set, uint64_t key);

/* Allocates a zeroed stream of `size` bytes, which begins with a wpm_mux_entry, and adds it under
 * `key`, which must not be in the set. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_mux_streams_add(wpm_mux_streams *set, size_t size, uint64_t key, bool ours,
                                     wpm_mux_entry **out);

/* Takes the stream out of the set and frees it, now or when `input` is over. */
void wpm_mux_streams_end(wpm_mux_streams *set, wpm_mux_entry *entry);

/* Begin and end of `input`. */
void wpm_mux_streams_enter(wpm_mux_streams *set);
void wpm_mux_streams_leave(wpm_mux_streams *set);

#endif
