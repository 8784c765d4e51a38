/* Words that many records share, protocol ids and agents: a record holds their numbers.
 *
 * - The dictionary of a file is in memory while it is open. A word is added when a record first uses
 *   it, and never changes its number.
 * - Their number and length are capped, so that peers which make words up cannot make it grow without
 *   bound: beyond the cap a word stands in the record itself. Nothing counts who uses one; compacting
 *   the file forgets those that nobody does.
 */
#ifndef WPM_STORAGE_WORDS_H
#define WPM_STORAGE_WORDS_H

#include "base/map.h"
#include "storage/room.h"

#define WPM_WORDS_MAX 8192   /* Most words: a number takes two bytes at most. */
#define WPM_WORD_LEN_MAX 256 /* Longest one in bytes. */
#define WPM_WORD_NONE UINT32_MAX

typedef struct wpm_words {
  wpm_map by_text;     /* Text → number. */
  wpm_room list;       /* wpm_text by number; data NULL: there is none. */
  uint32_t count;      /* Numbers below this may be in use. */
  uint32_t gap;        /* No number below this is given out. */
  wpm_room added;      /* Numbers added and not kept yet. */
  size_t added_count;  /* How many. */
  size_t stored_count; /* How many of them have a row already; for the owner to count. */
} wpm_words;

/* `words` must not move afterwards. */
void wpm_words_init(wpm_words *words);
void wpm_words_fini(wpm_words *words);

/* The word `number`, until it is dropped; data NULL: there is none. */
wpm_text wpm_words_at(const wpm_words *words, uint64_t number);

/* The number of `text`, added where there is room for it. WPM_WORD_NONE: it is to stand in the record
 * itself (too long, empty, too many words, or no memory). */
uint32_t wpm_words_use(wpm_words *words, wpm_text text);

/* Enters what a file holds. WPM_ERR_INVALID (number or text out of bounds, or there already),
 * WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_words_enter(wpm_words *words, uint64_t number, wpm_text text);

/* The file holds a word of this number that cannot be decoded. It is missing in the records that use it,
 * and its number is not given to another, which they would then seem to use. */
void wpm_words_pass_over(wpm_words *words, int64_t number);

/* The words added since they were last kept are now on disk; or: are forgotten. */
void wpm_words_keep(wpm_words *words);
void wpm_words_drop_added(wpm_words *words);

/* Forgets all. */
void wpm_words_clear(wpm_words *words);

#endif
