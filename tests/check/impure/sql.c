/* Speaks to a database. */
#include <sqlite3.h>

int open_database(sqlite3 **out);

int open_database(sqlite3 **out) {
  return sqlite3_open(":memory:", out);
}
