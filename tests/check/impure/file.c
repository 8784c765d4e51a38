/* Opens a file. */
#include <stdio.h>

FILE *open_file(const char *name);

FILE *open_file(const char *name) {
  return fopen(name, "r");
}
