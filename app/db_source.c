#include "db_source.h"

#include "json_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what it is ------------------------------------------------------------------------------ */

#define LOOKED_AT ((size_t)1 << 20) /* Most bytes of a text by which its format is told. */

static const char *shown(const db_source *source) {
  return strcmp(source->file, "-") == 0 ? "the input" : source->file;
}

static int cannot_read(const db_source *source, int number) {
  return complain(EXIT_USAGE, "%s cannot be read: %s%s", shown(source), strerror(number),
                  number == EFBIG ? "; above 1 GiB it must be split, or be jsonl or text" : "");
}

/* Behind space and comments. */
static wpm_text what_is_said(wpm_text text) {
  size_t i = 0;
  while (i < text.len && strchr(" \t\r\n#", text.data[i]) && text.data[i] != '\0') {
    const char *end =
        text.data[i] == '#' ? memchr(text.data + i, '\n', text.len - i) : text.data + i;
    i = end ? (size_t)(end - text.data) + 1 : text.len;
  }
  return (wpm_text){text.data + i, text.len - i};
}

/* By the first character that says something; *more: there is none yet. */
static db_format guess_text(wpm_text text, bool *more) {
  wpm_text said = what_is_said(text);
  bool is_enr = said.len >= 4 && memcmp(said.data, "enr:", 4) == 0;
  char c = said.len > 0 ? said.data[0] : '\0';
  *more = said.len < 4;
  return c == '[' ? DB_JS : c == '{' ? DB_JSONL : c == '/' ? DB_TEXT : is_enr ? DB_ENR : DB_UNKNOWN;
}

static int guess_stream(db_source *source) {
  bool more = false;
  do {
    source->format = guess_text(db_lines_seen(&source->lines), &more);
  } while (source->format == DB_UNKNOWN && more && db_lines_see_more(&source->lines, LOOKED_AT));
  if (source->lines.error) {
    return cannot_read(source, source->lines.error);
  }
  if (source->lines.at_end && what_is_said(db_lines_seen(&source->lines)).len == 0) {
    source->format = DB_TEXT; /* A list of nobody. */
  }
  return source->format != DB_UNKNOWN
             ? EXIT_DONE
             : complain(EXIT_USAGE, "%s is of no format that can be told; name it by --format",
                        shown(source));
}

/* A first record is enough to know that the database can be read. */
static int have_enough(void *user, const wpm_peer_record *record) {
  (void)user;
  (void)record;
  return WPM_ERR_CLOSED;
}

/* What a database is, and that its tables are as they must be, is known before anything is written. */
static int look_into_database(db_source *source) {
  wpm_exchange_format format = db_exchange_format(source->format);
  const wpm_exchange_sink nobody = {.now = db_now(), .record = have_enough};
  wpm_exchange_counts counts;
  wpm_error error = {.text = ""};
  int err =
      source->format == DB_UNKNOWN ? wpm_exchange_guess(source->file, &format, &error) : WPM_OK;
  source->format = db_format_of(wpm_exchange_format_name(format));
  if (err == WPM_OK) {
    err = wpm_exchange_read_database(source->file, format, &nobody, &counts, &error);
  }
  return err == WPM_OK || err == WPM_ERR_CLOSED ? EXIT_DONE
                                                : complain(EXIT_USAGE, "%s", error.text);
}

/* It is opened and read once, since a pipe has no second beginning. */
static int open_stream(db_source *source, bool *is_regular) {
  struct stat facts;
  bool is_stdin = strcmp(source->file, "-") == 0;
  source->fd = is_stdin ? STDIN_FILENO : open(source->file, O_RDONLY | O_CLOEXEC);
  if (source->fd < 0 || fstat(source->fd, &facts) != 0) {
    return cannot_read(source, errno);
  }
  *is_regular = !is_stdin && S_ISREG(facts.st_mode);
  return db_lines_begin(&source->lines, source->fd) ? EXIT_DONE
                                                    : cannot_read(source, source->lines.error);
}

int db_source_open(db_source *source, const char *file, db_format format) {
  static const char magic[16] = "SQLite format 3";
  *source = (db_source){.file = file, .format = format, .fd = -1, .lines = {.fd = -1}};
  bool is_regular = false;
  int result = open_stream(source, &is_regular);
  if (result != EXIT_DONE) {
    return result;
  }
  wpm_text seen = db_lines_seen(&source->lines);
  bool is_database = wpm_exchange_is_database(db_exchange_format(format)) ||
                     (format == DB_UNKNOWN && seen.len >= sizeof magic &&
                      memcmp(seen.data, magic, sizeof magic) == 0);
  if (is_database && !is_regular) {
    return complain(EXIT_USAGE,
                    "%s: a database is read from a file, not from a stream: name its file",
                    shown(source));
  }
  if (is_database) {
    return look_into_database(source);
  }
  return format == DB_UNKNOWN ? guess_stream(source) : EXIT_DONE;
}

void db_source_close(db_source *source) {
  if (source->fd > STDIN_FILENO) {
    (void)close(source->fd);
  }
  db_lines_end(&source->lines);
  *source = (db_source){.fd = -1, .lines = {.fd = -1}};
}

/* ---- lines ----------------------------------------------------------------------------------- */

typedef int (*block_fn)(db_source *source, wpm_text block, const wpm_exchange_sink *sink);

/* Hands on all blocks of lines. WPM_ERR_IO: the file cannot be read on. */
static int read_blocks(db_source *source, const wpm_exchange_sink *sink, block_fn fn) {
  wpm_text block;
  int err = WPM_OK;
  while (err == WPM_OK) {
    char what[40];
    switch (db_lines_next(&source->lines, &block)) {
    case DB_BLOCK_END:
      return source->lines.error ? WPM_ERR_IO : WPM_OK;
    case DB_BLOCK_LINES:
      err = fn(source, block, sink);
      db_lines_took(&source->lines, block);
      break;
    case DB_BLOCK_TOO_LONG:
      (void)snprintf(what, sizeof what, "line %" PRIu64, source->lines.taken);
      sink->skipped(sink->user, what, "it is longer than 64 MiB");
      break;
    }
  }
  return err;
}

/* A sink that numbers lines through all blocks. */
typedef struct numbering {
  const wpm_exchange_sink *to;
  uint64_t before; /* Lines before the block at hand. */
} numbering;

static int pass_on(void *user, const wpm_peer_record *record) {
  const numbering *of = user;
  return of->to->record(of->to->user, record);
}

/* The list's reader counts the lines of the block that it is given. */
static void pass_on_skipped(void *user, const char *what, const char *why) {
  static const char line[] = "line ";
  const numbering *of = user;
  char renumbered[40];
  if (strncmp(what, line, sizeof line - 1) == 0) {
    uint64_t number = of->before + strtoull(what + sizeof line - 1, NULL, 10);
    (void)snprintf(renumbered, sizeof renumbered, "%s%" PRIu64, line, number);
    what = renumbered;
  }
  of->to->skipped(of->to->user, what, why);
}

static int read_list(db_source *source, wpm_text block, const wpm_exchange_sink *sink) {
  numbering of = {.to = sink, .before = source->lines.taken};
  const wpm_exchange_sink within = {
      .now = sink->now, .record = pass_on, .skipped = pass_on_skipped, .user = &of};
  wpm_exchange_counts counts;
  return wpm_exchange_read_list(block, &within, &counts);
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

static int read_jsonl(db_source *source, wpm_text block, const wpm_exchange_sink *sink) {
  const char *at = block.data;
  const char *end = block.data + block.len;
  int err = WPM_OK;
  for (uint64_t number = source->lines.taken + 1; err == WPM_OK && at < end; number++) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t len = (size_t)((stop ? stop : end) - at);
    char what[40];
    (void)snprintf(what, sizeof what, "line %" PRIu64, number);
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

/* Why an address of the peer `id` cannot be taken over; NULL: it can. */
static const char *fault_of(const json_t *place, wpm_bytes id, wpm_error *error) {
  wpm_multiaddr address;
  wpm_bytes transport = {0};
  wpm_bytes peer = {0};
  if (!json_is_string(place)) {
    return "an address that is no string";
  }
  if (wpm_multiaddr_parse((wpm_text){json_string_value(place), json_string_length(place)}, &address,
                          error) != WPM_OK) {
    return error->text;
  }
  if (wpm_multiaddr_split_peer(wpm_multiaddr_view(&address), &transport, &peer) != WPM_OK ||
      peer.len == 0) {
    return NULL;
  }
  if (transport.len == 0) {
    return "an address that names a peer and no place";
  }
  return peer.len == id.len && memcmp(peer.data, id.data, id.len) == 0
             ? NULL
             : "an address of another peer";
}

/* Leaves out addresses that cannot be taken over, said of their peer; the others stay. An id that is
 * none is told of when the peer is read. */
static void drop_bad(json_t *places, const json_t *id, const char *what,
                     const wpm_exchange_sink *sink) {
  wpm_peer_id own = {.len = 0};
  if (wpm_peer_id_parse((wpm_text){json_string_value(id), json_string_length(id)}, &own, NULL) !=
      WPM_OK) {
    return;
  }
  for (size_t i = json_array_size(places); i-- > 0;) {
    wpm_error error = {.text = ""};
    const char *why = fault_of(json_array_get(places, i), wpm_peer_id_view(&own), &error);
    if (why) {
      sink->skipped(sink->user, what, why);
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
    drop_bad(places, id, what, sink);
    err = read_object(object, what, sink);
  }
  json_decref(object);
  json_decref(places);
  return err;
}

static int read_js(db_source *source, const wpm_exchange_sink *sink) {
  json_error_t error;
  wpm_text text;
  if (!db_lines_rest(&source->lines, &text)) {
    return WPM_ERR_IO;
  }
  json_t *list = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  int err = WPM_OK;
  if (!json_is_array(list)) {
    sink->skipped(sink->user, shown(source), list ? "must be a list of peers" : error.text);
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

static int read_format(db_source *source, const wpm_exchange_sink *sink,
                       wpm_exchange_counts *counts, wpm_error *error) {
  switch (source->format) {
  case DB_JSONL:
    return read_blocks(source, sink, read_jsonl);
  case DB_JS:
    return read_js(source, sink);
  case DB_NWAKU:
  case DB_GO:
    return wpm_exchange_read_database(source->file, db_exchange_format(source->format), sink,
                                      counts, error);
  case DB_TEXT:
  case DB_ENR:
  case DB_UNKNOWN:
    return read_blocks(source, sink, read_list);
  }
  return WPM_ERR_UNSUPPORTED;
}

int db_source_read(db_source *source, const wpm_exchange_sink *sink, db_account *account) {
  wpm_exchange_counts counts = {0};
  wpm_error error = {.text = ""};
  int err = read_format(source, sink, &counts, &error);
  account->own = counts.own;
  if (err == WPM_OK || err == WPM_ERR_CLOSED) { /* Closed: whoever took it has said why. */
    return err == WPM_OK ? EXIT_DONE : EXIT_FAILED;
  }
  if (source->lines.error) {
    (void)cannot_read(source, source->lines.error);
    return EXIT_FAILED;
  }
  return complain(EXIT_FAILED, "%s", error.text[0] ? error.text : wpm_strerror(err));
}
