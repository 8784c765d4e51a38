/* Tables on a terminal: columns as wide as their widest cell. */
#ifndef APP_TABLE_H
#define APP_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

typedef struct text_table text_table;

/* `heads`: column titles; they must outlive the table. NULL: no memory. */
text_table *table_new(const char *const *heads, size_t columns);
void table_free(text_table *table);

/* Adds a row; cells are copied (NULL: "-"), and what is not printable in them becomes `?`. */
void table_add(text_table *table, const char *const *cells);

void table_print(const text_table *table, FILE *out);

#endif
