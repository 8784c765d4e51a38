/* Lists inside one column of schema 1: JSON arrays, read to bring a database up to date.
 *
 * - Protocol ids were strings. What a peer sent need not be text: control characters, `"`, `\` and
 *   bytes that are no UTF-8 were written as \u00XX, XX being the byte; everything else stands as it
 *   is. So every list of byte strings comes back exactly.
 * - Shards were numbers.
 * - No spaces, no other escapes than \" \\ and \u00XX.
 */
#ifndef WPM_STORAGE_LIST_1_H
#define WPM_STORAGE_LIST_1_H

#include <wakupeers/types.h>

/* How many elements `list` has at most; only as exact as its commas. */
size_t wpm_list_1_count_bound(wpm_text list);

/* Reads a list. `out` has room for wpm_list_1_count_bound elements, and `bytes`, into which the
 * elements then point, for list.len bytes. WPM_ERR_INVALID where it is not of that form. */
WPM_MUST_USE int wpm_list_1_read_texts(wpm_text list, wpm_text *out, size_t *count, char *bytes);
WPM_MUST_USE int wpm_list_1_read_numbers(wpm_text list, uint16_t *out, size_t *count);

#endif
