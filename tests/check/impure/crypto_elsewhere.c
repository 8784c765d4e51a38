/* Compiled as noise.o, which must go through crypto.o. */
#include <sodium.h>

int multiply(unsigned char *out, const unsigned char *secret, const unsigned char *point);

int multiply(unsigned char *out, const unsigned char *secret, const unsigned char *point) {
  return crypto_scalarmult(out, secret, point);
}
