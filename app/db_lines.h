/* The lines of a stream, some at a time: memory is bounded by the longest line that is taken, however
 * much there is to read. The stream is read once, from where it stands, so it may be a pipe. */
#ifndef APP_DB_LINES_H
#define APP_DB_LINES_H

#include <wakupeers/types.h>

#define DB_LINE_MAX ((size_t)64 << 20) /* Longest line, in bytes. */
#define DB_WHOLE_MAX ((size_t)1 << 30) /* Longest text that is read whole, in bytes. */

typedef struct db_lines {
  int fd;       /* What is read; the caller's. -1: nothing. */
  char *memory; /* Read and not yet taken: the bytes from `start` to `end`. */
  size_t start;
  size_t end;
  size_t room;    /* Bytes at `memory`. */
  uint64_t taken; /* Lines handed on, or passed over. */
  bool at_end;    /* There is no more to read. */
  int error;      /* The errno of a failure; 0: none. */
} db_lines;

typedef enum db_block {
  DB_BLOCK_END,     /* No line is left, or lines->error says why none can be read. */
  DB_BLOCK_LINES,   /* Whole lines, each with its end; the last of all may lack it. */
  DB_BLOCK_TOO_LONG /* Line number lines->taken is longer than DB_LINE_MAX, and was passed over. */
} db_block;

/* Begins to read, and passes over a byte order mark. False: lines->error says why not. */
bool db_lines_begin(db_lines *lines, int fd);

/* What is read and not yet taken. */
wpm_text db_lines_seen(const db_lines *lines);

/* Reads more behind it. False: that was all, or a failure, or `most` bytes are there already. */
bool db_lines_see_more(db_lines *lines, size_t most);

/* The next lines; *out lasts until the next call. lines->taken is the number of those before *out. */
db_block db_lines_next(db_lines *lines, wpm_text *out);

/* Counts the lines of a block as taken. */
void db_lines_took(db_lines *lines, wpm_text block);

/* Reads all that is left. False: a failure, EFBIG above DB_WHOLE_MAX. */
bool db_lines_rest(db_lines *lines, wpm_text *out);

void db_lines_end(db_lines *lines);

#endif
