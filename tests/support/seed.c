#include "support/seed.h"

#include "support/test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

uint64_t wpm_test_seed(void) {
  static bool known;
  static uint64_t seed;
  if (known) {
    return seed;
  }
  const char *given = getenv("WPM_TEST_SEED");
  if (given) {
    char *end;
    errno = 0;
    seed = strtoull(given, &end, 10);
    assert_true(errno == 0 && *given != '\0' && *end == '\0');
  } else {
    assert_int_equal(getrandom(&seed, sizeof(seed), 0), sizeof(seed));
  }
  known = true;
  fprintf(stderr, "WPM_TEST_SEED=%" PRIu64 "\n", seed);
  return seed;
}
