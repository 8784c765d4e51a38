#include "base/error.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

int wpm_fail(wpm_error *error, int code, const char *format, ...) {
  if (!error) {
    return code;
  }
  error->code = code;
  va_list args;
  va_start(args, format);
  int len = vsnprintf(error->text, sizeof(error->text), format, args);
  va_end(args);
  if (len < 0) {
    error->text[0] = '\0';
  } else if ((size_t)len >= sizeof(error->text)) {
    error->text[wpm_utf8_whole((wpm_text){error->text, sizeof(error->text) - 1})] = '\0';
  }
  return code;
}
