#include "text.h"

#include <wakupeers/types.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

bool text_is_ip(const char *text) {
  struct in6_addr address;
  return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

bool text_is_loopback(const char *text) {
  struct in6_addr address;
  return strncmp(text, "127.", 4) == 0 ||
         (inet_pton(AF_INET6, text, &address) == 1 && IN6_IS_ADDR_LOOPBACK(&address));
}

/* Takes decimal digits off the front of *text. *scale gets ten to the power of their number, as far
 * as it can hold that. False: there are none, or their value is too large. */
static bool take_digits(const char **text, uint64_t *value, uint64_t *scale) {
  const char *at = *text;
  *value = 0;
  *scale = 1;
  while (*at >= '0' && *at <= '9') {
    uint64_t digit = (uint64_t)(*at - '0');
    if (*value > (UINT64_MAX - digit) / 10) {
      return false;
    }
    *value = *value * 10 + digit;
    *scale *= *scale <= UINT64_MAX / 10 ? 10 : 1;
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

bool text_to_negative(const char *text, uint64_t most, int64_t *out) {
  uint64_t value = 0;
  bool has_sign = *text == '-';
  if (!text_to_number(text + has_sign, 0, has_sign ? most : 0, &value)) {
    return false;
  }
  *out = -(int64_t)value;
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

char *text_copy(const char *text, size_t len) {
  char *copy = malloc(len + 1);
  if (copy) {
    memcpy(copy, len > 0 ? text : "", len);
    copy[len] = '\0';
  }
  return copy;
}

/* Length of the well-formed UTF-8 character at `text`, 0 where there is none; RFC 3629. */
static size_t character_at(const unsigned char *text, unsigned *code) {
  static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned char lead = *text;
  size_t len = lead < 0x80   ? 1
               : lead < 0xc2 ? 0
               : lead < 0xe0 ? 2
               : lead < 0xf0 ? 3
               : lead < 0xf5 ? 4
                             : 0;
  *code = len < 2 ? lead : lead & (0x7fU >> len);
  for (size_t i = 1; i < len; i++) {
    if ((text[i] & 0xc0) != 0x80) {
      return 0;
    }
    *code = *code << 6 | (text[i] & 0x3fU);
  }
  bool is_surrogate = *code >= 0xd800 && *code <= 0xdfff;
  return len > 0 && *code >= least[len] && *code <= 0x10ffff && !is_surrogate ? len : 0;
}

/* True where `text` is the beginning of a character that its end cuts off. */
static bool is_cut_off(const unsigned char *text) {
  size_t wanted = *text >= 0xf0 ? 4 : *text >= 0xe0 ? 3 : *text >= 0xc2 ? 2 : 0;
  size_t have = 1;
  while (have < wanted && (text[have] & 0xc0) == 0x80) {
    have++;
  }
  return *text < 0xf5 && have < wanted && text[have] == '\0';
}

void text_clean(char *text) {
  unsigned char *at = (unsigned char *)text;
  while (*at) {
    unsigned code = 0;
    size_t len = character_at(at, &code);
    if (len > 0 && code >= 0x20 && code != 0x7f && (code < 0x80 || code >= 0xa0)) {
      at += len;
    } else if (len == 0 && is_cut_off(at)) {
      *at = '\0';
    } else {
      /* A C1 control is two bytes; the second is no character then, and goes the same way. */
      *at++ = '?';
    }
  }
}
