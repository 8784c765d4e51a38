/* Compiled as crypto.o, which may name the crypto libraries, but no random source of theirs. */
#include <openssl/rand.h>
#include <sodium.h>

int draw_both(unsigned char *out, unsigned long len);

int draw_both(unsigned char *out, unsigned long len) {
  randombytes_buf(out, len);
  return RAND_bytes(out, (int)len);
}
