/* Remembers between calls. */
int next_number(void);

static int number;

int next_number(void) {
  return ++number;
}
