/* Compiled as core's manager.o: the initialisation of the crypto libraries is for node alone. */
int wpm_crypto_init(const unsigned char *seed);
int start_with(const unsigned char *seed);

int start_with(const unsigned char *seed) {
  return wpm_crypto_init(seed);
}
