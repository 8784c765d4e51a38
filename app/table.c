#include "table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct text_table {
  const char *const *heads;
  size_t columns;
  char **cells; /* Row after row. */
  size_t count; /* Of cells. */
};

text_table *table_new(const char *const *heads, size_t columns) {
  text_table *made = calloc(1, sizeof *made);
  if (made) {
    made->heads = heads;
    made->columns = columns;
  }
  return made;
}

void table_free(text_table *table) {
  if (!table) {
    return;
  }
  for (size_t i = 0; i < table->count; i++) {
    free(table->cells[i]);
  }
  free(table->cells);
  free(table);
}

void table_add(text_table *table, const char *const *cells) {
  char **all = realloc(table->cells, (table->count + table->columns) * sizeof *all);
  if (!all) {
    return;
  }
  table->cells = all;
  for (size_t i = 0; i < table->columns; i++) {
    char *cell = strdup(cells[i] && cells[i][0] ? cells[i] : "-");
    for (char *at = cell; at && *at; at++) {
      if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f) {
        *at = '?';
      }
    }
    all[table->count++] = cell;
  }
}

static void print_row(const text_table *table, const char *const *row, const size_t *widths,
                      FILE *out) {
  for (size_t i = 0; i < table->columns; i++) {
    const char *cell = row[i] ? row[i] : "-";
    if (i + 1 < table->columns) {
      (void)fprintf(out, "%-*s  ", (int)widths[i], cell);
    } else {
      (void)fprintf(out, "%s\n", cell);
    }
  }
}

void table_print(const text_table *table, FILE *out) {
  size_t widths[TABLE_COLUMNS_MAX] = {0};
  assert(table->columns > 0);
  for (size_t i = 0; i < table->columns; i++) {
    widths[i] = strlen(table->heads[i]);
  }
  for (size_t i = 0; i < table->count; i++) {
    size_t len = table->cells[i] ? strlen(table->cells[i]) : 1;
    if (len > widths[i % table->columns]) {
      widths[i % table->columns] = len;
    }
  }
  print_row(table, table->heads, widths, out);
  for (size_t i = 0; i < table->count; i += table->columns) {
    print_row(table, (const char *const *)(table->cells + i), widths, out);
  }
}
