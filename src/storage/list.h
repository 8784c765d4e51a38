/* Lists inside one column, as JSON arrays, so that SQL can look into them (json_each).
 *
 * - Protocol ids become strings. What a peer sent need not be text: control characters, `"`, `\`
 *   and bytes that are no UTF-8 are written as \u00XX, XX being the byte; everything else stands as
 *   it is. So every list of byte strings comes back exactly.
 * - Shards become numbers.
 * - Readers take what the writers write (and what SQLite's JSON functions make of it): no spaces,
 *   no other escapes than \" \\ and \u00XX.
 */
#ifndef WPM_STORAGE_LIST_H
#define WPM_STORAGE_LIST_H

#include <wakupeers/types.h>

/* Room in bytes that the writers need at most; they return how much they wrote. */
size_t wpm_list_texts_room(const wpm_text *texts, size_t count);
size_t wpm_list_write_texts(const wpm_text *texts, size_t count, char *out);
size_t wpm_list_numbers_room(size_t count);
size_t wpm_list_write_numbers(const uint16_t *numbers, size_t count, char *out);

/* How many elements `list` has at most; only as exact as its commas. */
size_t wpm_list_count_bound(wpm_text list);

/* Reads a list. `out` has room for wpm_list_count_bound elements, and `bytes`, into which the
 * elements then point, for list.len bytes. WPM_ERR_INVALID where it is not of that form. */
WPM_MUST_USE int wpm_list_read_texts(wpm_text list, wpm_text *out, size_t *count, char *bytes);
WPM_MUST_USE int wpm_list_read_numbers(wpm_text list, uint16_t *out, size_t *count);

#endif
