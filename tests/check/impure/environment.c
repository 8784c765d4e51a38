/* Reads the environment. */
#include <stdlib.h>

const char *home(void);

const char *home(void) {
  return getenv("HOME");
}
