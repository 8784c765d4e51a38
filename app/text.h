/* Reading values that a person typed. Every reader takes the whole text or nothing. */
#ifndef APP_TEXT_H
#define APP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `true`, `false`. */
bool text_to_bool(const char *text, bool *out);

/* A decimal number from `least` to `most`. */
bool text_to_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);

/* A duration in nanoseconds: `500ms`, `5s`, `10m`, `2h`; a bare number is seconds; fractions such
 * as `1.5s` are allowed. At most 1000 days. */
bool text_to_duration(const char *text, int64_t *out_ns);

/* Writes a duration the short way: "10m", "1s", "500ms". */
void text_of_duration(int64_t ns, char *out, size_t cap);

#endif
