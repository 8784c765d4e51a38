/* Memory that is used again for each row and grows as needed. */
#ifndef WPM_STORAGE_ROOM_H
#define WPM_STORAGE_ROOM_H

#include <wakupeers/types.h>

typedef struct wpm_room {
  void *memory; /* NULL while nothing is allocated. Zero-initialise. */
  size_t size;  /* Its size in bytes. */
} wpm_room;

/* Makes it hold at least `count` elements of `each` bytes; what it held stays. `memory` is not NULL
 * afterwards. WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_room_reserve(wpm_room *scratch, size_t count, size_t each);

void wpm_room_fini(wpm_room *scratch);

#endif
