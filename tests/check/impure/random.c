/* Draws from the system's random source. */
#include <sys/random.h>

long draw(void *out, unsigned long len);

long draw(void *out, unsigned long len) {
  return getrandom(out, len, 0);
}
