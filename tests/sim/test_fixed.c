/* The simulator's numbers: the same bits everywhere, so fixed values can be expected of them. */
#include "support/test.h"

#include "sim/fixed.h"
#include "sim/queue.h"
#include "sim/random.h"

int main(void) {
  return 0;
}
