#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int wpm_fail(wpm_error *error, int code, const char *format, ...) {
  if (!error) {
    return code;
  }
  error->code = code;
  va_list args;
  va_start(args, format);
  if (vsnprintf(error->text, sizeof(error->text), format, args) < 0) {
    error->text[0] = '\0';
  }
  va_end(args);
  return code;
}
