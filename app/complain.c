#include "complain.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>

int complain(int code, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  text_clean(text);
  (void)fprintf(stderr, "wakupeers: %s\n", text);
  return code;
}

int complain_no_memory(void) {
  return complain(EXIT_FAILED, "out of memory");
}
