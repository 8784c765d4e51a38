/* Asks for nothing but memory and strings: the check must let it pass. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *copy_of(const void *data, size_t len);

void *copy_of(const void *data, size_t len) {
  void *copy = malloc(len);
  if (copy != NULL) {
    memcpy(copy, data, len);
  }
  return copy;
}
