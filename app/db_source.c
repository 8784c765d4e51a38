#include "db_source.h"

#include "json_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- what it is ------------------------------------------------------------------------------ */

/* Reads to the end. False: errno says why not. */
static bool read_all(FILE *in, char **text, size_t *len) {
  size_t room = 0;
  *text = NULL;
  *len = 0;
  for (;;) {
    if (*len == room) {
      room = room > 0 ? 2 * room : 65536;
      char *grown = room <= DB_TEXT_MAX ? realloc(*text, room) : NULL;
      if (!grown) {
        errno = room <= DB_TEXT_MAX ? ENOMEM : EFBIG;
        return false;
      }
      *text = grown;
    }
    size_t got = fread(*text + *len, 1, room - *len, in);
    *len += got;
    if (got == 0) {
      return !ferror(in);
    }
  }
}

static bool is_database(const char *file) {
  char start[16] = "";
  FILE *in = fopen(file, "rbe");
  size_t got = in ? fread(start, 1, sizeof start, in) : 0;
  if (in) {
    (void)fclose(in);
  }
  return got == sizeof start && memcmp(start, "SQLite format 3", sizeof start) == 0;
}

/* By the first character that says something. */
static db_format guess_text(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    char c = text[i];
    if (c == '#') {
      const char *end = memchr(text + i, '\n', len - i);
      i = end ? (size_t)(end - text) : len;
    } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      return c == '['                                           ? DB_JS
             : c == '{'                                         ? DB_JSONL
             : c == '/'                                         ? DB_TEXT
             : len - i >= 4 && memcmp(text + i, "enr:", 4) == 0 ? DB_ENR
                                                                : DB_UNKNOWN;
    }
  }
  return DB_UNKNOWN;
}

static int guess_database(db_source *source) {
  wpm_exchange_format format = WPM_EXCHANGE_UNKNOWN;
  wpm_error error = {.text = ""};
  if (wpm_exchange_guess(source->file, &format, &error) != WPM_OK) {
    return complain(EXIT_USAGE, "%s", error.text);
  }
  source->format = db_format_of(wpm_exchange_format_name(format));
  return EXIT_DONE;
}

static int read_text(db_source *source) {
  bool is_stdin = strcmp(source->file, "-") == 0;
  FILE *in = is_stdin ? stdin : fopen(source->file, "rbe");
  bool read = in && read_all(in, &source->text, &source->len);
  int number = errno;
  if (in && !is_stdin) {
    (void)fclose(in);
  }
  if (!read) {
    return complain(EXIT_USAGE, "%s cannot be read: %s", is_stdin ? "the input" : source->file,
                    strerror(number));
  }
  if (source->format == DB_UNKNOWN) {
    source->format = guess_text(source->text, source->len);
  }
  return source->format != DB_UNKNOWN
             ? EXIT_DONE
             : complain(EXIT_USAGE, "%s is of no format that can be told; name it by --format",
                        is_stdin ? "the input" : source->file);
}

int db_source_open(db_source *source, const char *file, db_format format) {
  *source = (db_source){.file = file, .format = format};
  bool of_database = wpm_exchange_is_database(db_exchange_format(format));
  if (of_database && strcmp(file, "-") == 0) {
    return complain(EXIT_USAGE, "this format is a database: name its file");
  }
  if (format == DB_UNKNOWN && is_database(file)) {
    return guess_database(source);
  }
  return of_database ? EXIT_DONE : read_text(source);
}

void db_source_close(db_source *source) {
  free(source->text);
  *source = (db_source){.file = NULL};
}

/* ---- jsonl ----------------------------------------------------------------------------------- */

static int read_object(const json_t *object, const char *what, const wpm_exchange_sink *sink) {
  read_record read;
  wpm_error error = {.text = ""};
  int err = WPM_OK;
  if (json_record_read(object, sink->now, &read, &error)) {
    err = sink->record(sink->user, &read.record);
  } else {
    sink->skipped(sink->user, what, error.text);
  }
  read_record_free(&read);
  return err;
}

static int read_line(const char *line, size_t len, const char *what,
                     const wpm_exchange_sink *sink) {
  json_error_t error;
  json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  int err = WPM_OK;
  if (object) {
    err = read_object(object, what, sink);
  } else {
    sink->skipped(sink->user, what, error.text);
  }
  json_decref(object);
  return err;
}

/* True where there is nothing but space. The text has no NUL behind it. */
static bool is_blank(const char *text, size_t len) {
  size_t at = 0;
  while (at < len && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r')) {
    at++;
  }
  return at == len;
}

static int read_jsonl(const db_source *source, const wpm_exchange_sink *sink) {
  const char *at = source->text;
  const char *end = source->text + source->len;
  int err = WPM_OK;
  for (uint64_t number = 1; err == WPM_OK && at < end; number++) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t len = (size_t)((stop ? stop : end) - at);
    char what[40];
    (void)snprintf(what, sizeof what, "line %llu", (unsigned long long)number);
    if (!is_blank(at, len)) {
      err = read_line(at, len, what, sink);
    }
    at = stop ? stop + 1 : end;
  }
  return err;
}

/* ---- js-waku's cache ------------------------------------------------------------------------- */

/* `multiaddrs`, or the one `address` that older versions keep. False: none is there. */
static bool add_places(const json_t *peer, json_t *places) {
  const json_t *many = json_object_get(peer, "multiaddrs");
  json_t *one = json_object_get(peer, "address");
  if (json_is_array(many)) {
    return json_array_extend(places, (json_t *)(uintptr_t)many) == 0;
  }
  return json_is_string(one) && json_array_append(places, one) == 0;
}

/* What an address is that cannot be read, said of its peer; the others stay. */
static void drop_bad(json_t *places, const char *what, const wpm_exchange_sink *sink) {
  for (size_t i = json_array_size(places); i-- > 0;) {
    const json_t *place = json_array_get(places, i);
    wpm_multiaddr address;
    wpm_error error = {.text = "an address that is no string"};
    if (!json_is_string(place) ||
        wpm_multiaddr_parse((wpm_text){json_string_value(place), json_string_length(place)},
                            &address, &error) != WPM_OK) {
      sink->skipped(sink->user, what, error.text);
      (void)json_array_remove(places, i);
    }
  }
}

static int read_entry(const json_t *entry, const char *what, const wpm_exchange_sink *sink) {
  json_t *id = json_object_get(entry, "id");
  json_t *places = json_array();
  json_t *object = json_pack("{s:O?, s:O}", "peerId", id, "multiaddrs", places);
  int err = object && places ? WPM_OK : WPM_ERR_NO_MEMORY;
  if (err == WPM_OK && (!json_is_string(id) || !add_places(entry, places))) {
    sink->skipped(sink->user, what, "must be {\"id\": …, \"multiaddrs\": […]}");
  } else if (err == WPM_OK) {
    drop_bad(places, what, sink);
    err = read_object(object, what, sink);
  }
  json_decref(object);
  json_decref(places);
  return err;
}

static int read_js(const db_source *source, const wpm_exchange_sink *sink) {
  json_error_t error;
  json_t *list =
      json_loadb(source->text, source->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  int err = WPM_OK;
  if (!json_is_array(list)) {
    sink->skipped(sink->user, source->file, list ? "must be a list of peers" : error.text);
  }
  for (size_t i = 0; err == WPM_OK && i < json_array_size(list); i++) {
    char what[40];
    (void)snprintf(what, sizeof what, "entry %zu", i);
    err = read_entry(json_array_get(list, i), what, sink);
  }
  json_decref(list);
  return err;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int read_format(const db_source *source, const wpm_exchange_sink *sink,
                       wpm_exchange_counts *counts, wpm_error *error) {
  switch (source->format) {
  case DB_JSONL:
    return read_jsonl(source, sink);
  case DB_JS:
    return read_js(source, sink);
  case DB_NWAKU:
  case DB_GO:
    return wpm_exchange_read_database(source->file, db_exchange_format(source->format), sink,
                                      counts, error);
  case DB_TEXT:
  case DB_ENR:
  case DB_UNKNOWN:
    return wpm_exchange_read_list((wpm_text){source->text, source->len}, sink, counts);
  }
  return WPM_ERR_UNSUPPORTED;
}

int db_source_read(const db_source *source, const wpm_exchange_sink *sink, db_account *account) {
  wpm_exchange_counts counts = {0};
  wpm_error error = {.text = ""};
  int err = read_format(source, sink, &counts, &error);
  account->own = counts.own;
  if (err == WPM_OK || err == WPM_ERR_CLOSED) { /* Closed: whoever took it has said why. */
    return err == WPM_OK ? EXIT_DONE : EXIT_FAILED;
  }
  return complain(EXIT_FAILED, "%s", error.text[0] ? error.text : wpm_strerror(err));
}
