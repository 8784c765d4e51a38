#include "text.h"

#include <wakupeers/types.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DURATION_MAX (1000 * WPM_DAY)

static const struct {
  const char *name;
  int64_t ns;
} units[] = {{"h", WPM_HOUR},
             {"m", WPM_MINUTE},
             {"s", WPM_SECOND},
             {"ms", WPM_MILLISECOND},
             {"", WPM_SECOND}};

bool text_to_bool(const char *text, bool *out) {
  *out = strcmp(text, "true") == 0;
  return *out || strcmp(text, "false") == 0;
}

/* Takes decimal digits off the front of *text. False: there are none, or too many. */
static bool take_digits(const char **text, uint64_t *value, uint64_t *scale) {
  const char *at = *text;
  *value = 0;
  *scale = 1;
  while (*at >= '0' && *at <= '9') {
    uint64_t digit = (uint64_t)(*at - '0');
    if (*value > (UINT64_MAX - digit) / 10 || *scale > UINT64_MAX / 10) {
      return false;
    }
    *value = *value * 10 + digit;
    *scale *= 10;
    at++;
  }
  bool any = at != *text;
  *text = at;
  return any;
}

bool text_to_number(const char *text, uint64_t least, uint64_t most, uint64_t *out) {
  uint64_t scale = 0;
  uint64_t value = 0;
  if (!take_digits(&text, &value, &scale) || *text != '\0' || value < least || value > most) {
    return false;
  }
  *out = value;
  return true;
}

bool text_to_duration(const char *text, int64_t *out_ns) {
  uint64_t whole = 0;
  uint64_t part = 0;
  uint64_t scale = 1;
  if (!take_digits(&text, &whole, &scale)) {
    return false;
  }
  scale = 1;
  if (*text == '.') {
    text++;
    if (!take_digits(&text, &part, &scale) || scale > 1000000000) {
      return false;
    }
  }
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (strcmp(text, units[i].name) != 0) {
      continue;
    }
    if (whole > (uint64_t)(DURATION_MAX / units[i].ns)) {
      return false;
    }
    int64_t ns = (int64_t)whole * units[i].ns +
                 (int64_t)(part * (uint64_t)(units[i].ns / WPM_MILLISECOND) * 1000 / scale) * 1000;
    *out_ns = ns;
    return ns <= DURATION_MAX;
  }
  return false;
}

void text_of_duration(int64_t ns, char *out, size_t cap) {
  for (size_t i = 0; i + 1 < sizeof units / sizeof *units; i++) {
    if (ns != 0 && ns % units[i].ns == 0) {
      (void)snprintf(out, cap, "%" PRId64 "%s", ns / units[i].ns, units[i].name);
      return;
    }
  }
  (void)snprintf(out, cap, "%.3gs", (double)ns / (double)WPM_SECOND);
}
