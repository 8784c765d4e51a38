/* Asks for nothing but memory and strings: the check must let it pass. */
#include <stdlib.h>
#include <string.h>

void move_out(void *to, void *from, unsigned long len);

void move_out(void *to, void *from, unsigned long len) {
  memmove(to, from, len);
  free(from);
}
