#include "db_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ROOM 262144 /* In bytes; so much is read before lines are handed on. */

static bool failed(db_lines *lines, int number) {
  lines->error = number;
  return false;
}

/* Makes room for more, at most `most` bytes in all. */
static bool make_room(db_lines *lines, size_t most) {
  if (lines->end < lines->room) {
    return true;
  }
  size_t room = lines->room > 0 ? 2 * lines->room : FIRST_ROOM;
  room = room < most ? room : most;
  if (room <= lines->room) {
    return false;
  }
  char *grown = realloc(lines->memory, room);
  if (!grown) {
    return failed(lines, ENOMEM);
  }
  lines->memory = grown;
  lines->room = room;
  return true;
}

bool db_lines_see_more(db_lines *lines, size_t most) {
  if (lines->at_end || lines->error || !make_room(lines, most)) {
    return false;
  }
  ssize_t got = 0;
  do {
    got = read(lines->fd, lines->memory + lines->end, lines->room - lines->end);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    return failed(lines, errno);
  }
  lines->end += (size_t)got;
  lines->at_end = got == 0;
  return got > 0;
}

bool db_lines_begin(db_lines *lines, int fd) {
  static const char mark[] = "\xef\xbb\xbf";
  enum { ENOUGH = 16 }; /* To know a mark, or a database, by. */
  *lines = (db_lines){.fd = fd};
  while (lines->end < ENOUGH && db_lines_see_more(lines, FIRST_ROOM)) {}
  if (lines->end >= sizeof mark - 1 && memcmp(lines->memory, mark, sizeof mark - 1) == 0) {
    lines->start = sizeof mark - 1;
  }
  return lines->error == 0;
}

void db_lines_end(db_lines *lines) {
  free(lines->memory);
  *lines = (db_lines){.fd = -1};
}

wpm_text db_lines_seen(const db_lines *lines) {
  return (wpm_text){lines->memory ? lines->memory + lines->start : "", lines->end - lines->start};
}

/* What was taken makes room. */
static void close_ranks(db_lines *lines) {
  if (lines->start > 0) {
    memmove(lines->memory, lines->memory + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
  }
}

/* Passes over the rest of a line of which all that is in memory is a part. */
static db_block pass_over(db_lines *lines) {
  const char *stop = NULL;
  do {
    lines->end = 0;
    if (!db_lines_see_more(lines, lines->room)) {
      break;
    }
    stop = memchr(lines->memory, '\n', lines->end);
  } while (!stop);
  lines->start = stop ? (size_t)(stop + 1 - lines->memory) : lines->end;
  lines->taken++;
  return lines->error ? DB_BLOCK_END : DB_BLOCK_TOO_LONG;
}

db_block db_lines_next(db_lines *lines, wpm_text *out) {
  const char *stop = NULL;
  size_t looked_at = 0;
  *out = (wpm_text){"", 0};
  close_ranks(lines);
  for (;;) {
    while (lines->end < lines->room && db_lines_see_more(lines, DB_LINE_MAX)) {}
    if (lines->error) {
      return DB_BLOCK_END;
    }
    if (lines->end > looked_at) {
      stop = memrchr(lines->memory + looked_at, '\n', lines->end - looked_at);
      looked_at = lines->end;
    }
    if (stop || lines->at_end) {
      break;
    }
    if (!db_lines_see_more(lines, DB_LINE_MAX) && !lines->at_end) {
      return lines->error ? DB_BLOCK_END : pass_over(lines);
    }
  }
  size_t len = lines->at_end ? lines->end : (size_t)(stop + 1 - lines->memory);
  *out = (wpm_text){lines->memory ? lines->memory : "", len};
  lines->start = len;
  return len > 0 ? DB_BLOCK_LINES : DB_BLOCK_END;
}

void db_lines_took(db_lines *lines, wpm_text block) {
  const char *end = block.data + block.len;
  const char *at = block.data;
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    lines->taken++;
    at = stop ? stop + 1 : end;
  }
}

bool db_lines_rest(db_lines *lines, wpm_text *out) {
  while (db_lines_see_more(lines, DB_WHOLE_MAX)) {}
  *out = db_lines_seen(lines);
  if (!lines->error && !lines->at_end) {
    return failed(lines, EFBIG);
  }
  lines->start = lines->end;
  return lines->error == 0;
}
