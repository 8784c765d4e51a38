/* Reading values that a person typed (every reader takes the whole text or nothing), and making text
 * of others fit to be shown. */
#ifndef APP_TEXT_H
#define APP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `true`, `false`. */
bool text_to_bool(const char *text, bool *out);

/* A decimal number from `least` to `most`. */
bool text_to_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);

/* 0, or a number from -`most` to -1, with its sign. `most` is at most INT64_MAX. */
bool text_to_negative(const char *text, uint64_t most, int64_t *out);

/* True for an IPv4 or IPv6 address in text. */
bool text_is_ip(const char *text);

/* True for an IP address of this machine's loopback. */
bool text_is_loopback(const char *text);

/* A duration in nanoseconds: `500ms`, `5s`, `10m`, `2h`; a bare number is seconds; fractions such
 * as `1.5s` are allowed. At most 1000 days. */
bool text_to_duration(const char *text, int64_t *out_ns);

/* Writes a duration the short way: "10m", "1s", "500ms". */
void text_of_duration(int64_t ns, char *out, size_t cap);

/* A copy of `len` bytes with a NUL behind them, to be freed; NULL: no memory. */
char *text_copy(const char *text, size_t len);

/* Makes text fit for a terminal, a log line or a JSON string, in place: control characters (C0, DEL
 * and C1) and bytes that are not UTF-8 become `?`. A character that is cut off at the end is
 * dropped. */
void text_clean(char *text);

#endif
