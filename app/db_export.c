#include "db.h"

#include "db_losses.h"
#include "json_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An export under way. */
typedef struct export {
  db_format format;
  FILE *out;                   /* Of text formats. */
  wpm_exchange_writer *writer; /* Of the library's formats. */
  db_account account;
  db_losses losses;
  wpm_error error;
}
export;

/* ---- one record ------------------------------------------------------------------------------ */

static int write_text(void *user, wpm_text text) {
  export *of = user;
  return fwrite(text.data, 1, text.len, of->out) == text.len ? WPM_OK : WPM_ERR_IO;
}

static void skip(void *user, const char *what, const char *why) {
  db_skip(&((export *)user)->account, what, why);
}

static int dump(export *of, json_t *object) {
  int err = WPM_ERR_NO_MEMORY;
  char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
  json_decref(object);
  if (line) {
    bool first = of->account.taken == 0 && of->format == DB_JS;
    const char *before = of->format != DB_JS ? "" : first ? "\n" : ",\n";
    const char *after = of->format == DB_JS ? "" : "\n";
    err = fputs(before, of->out) >= 0 && fputs(line, of->out) >= 0 && fputs(after, of->out) >= 0
              ? WPM_OK
              : WPM_ERR_IO;
  }
  free(line);
  of->account.taken += err == WPM_OK;
  return err;
}

/* As js-waku's cache has it. One bad entry makes it forget all: only what it can read is written. */
static int put_js(export *of, const wpm_peer_record *record) {
  char text[WPM_MULTIADDR_TEXT];
  if (wpm_peer_id_check(record->id) != WPM_OK ||
      wpm_peer_id_format(record->id, text, sizeof text, NULL) != WPM_OK) {
    skip(of, "a peer", "js-waku takes no such peer id");
    return WPM_OK;
  }
  if (record->address_count == 0) {
    skip(of, text, "no address of it is known");
    return WPM_OK;
  }
  json_t *list = json_array();
  json_t *peer = json_pack("{s:s, s:o}", "id", text, "multiaddrs", list);
  for (size_t i = 0; peer && i < record->address_count; i++) {
    if (wpm_multiaddr_format(record->addresses[i].multiaddr, text, sizeof text, NULL, NULL) ==
            WPM_OK &&
        json_array_append_new(list, json_string(text)) != 0) {
      json_decref(peer);
      return WPM_ERR_NO_MEMORY;
    }
  }
  return dump(of, peer);
}

static int put(void *user, const wpm_peer_record *record) {
  export *of = user;
  db_losses_count(&of->losses, of->format, record);
  return of->format == DB_JSONL ? dump(of, json_record(record))
         : of->format == DB_JS  ? put_js(of, record)
                                : wpm_exchange_put(of->writer, record, &of->error);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int begin_writer(export *of, const char *file) {
  wpm_exchange_target target = {.format = db_exchange_format(of->format),
                                .path = file,
                                .write = write_text,
                                .now = db_now(),
                                .skipped = skip,
                                .user = of};
  return target.format == WPM_EXCHANGE_UNKNOWN ||
                 wpm_exchange_writer_new(&target, &of->writer, &of->error) == WPM_OK
             ? EXIT_DONE
             : complain(EXIT_FAILED, "%s", of->error.text);
}

static int end_writer(export *of) {
  wpm_exchange_counts counts = {0};
  if (of->format == DB_JS && of->out &&
      fputs(of->account.taken > 0 ? "\n]\n" : "]\n", of->out) < 0) {
    return WPM_ERR_IO;
  }
  int err = of->writer ? wpm_exchange_finish(of->writer, &counts, &of->error) : WPM_OK;
  of->account.taken += counts.records;
  return err == WPM_OK && of->out && fflush(of->out) != 0 ? WPM_ERR_IO : err;
}

static int write_all(export *of, wpm_storage *storage) {
  size_t unreadable = 0;
  int err = of->format == DB_JS && of->out && fputs("[", of->out) < 0 ? WPM_ERR_IO : WPM_OK;
  if (err == WPM_OK) {
    err = wpm_storage_load(storage, put, of, &unreadable, &of->error);
  }
  if (err == WPM_OK) {
    err = end_writer(of);
  }
  if (unreadable > 0) {
    of->account.skipped += unreadable;
    (void)complain(EXIT_FAILED, "skipped: %zu rows of the database cannot be read", unreadable);
  }
  if (err == WPM_ERR_NO_MEMORY) {
    return complain_no_memory();
  }
  return err == WPM_OK
             ? EXIT_DONE
             : complain(EXIT_FAILED, "%s",
                        of->error.text[0] ? of->error.text : "the output cannot be written");
}

/* Opens the file of a text format, which must not exist. */
static int open_file(export *of, const char *file) {
  int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  of->out = fd >= 0 ? fdopen(fd, "w") : NULL;
  if (of->out) {
    return EXIT_DONE;
  }
  int number = errno;
  if (fd >= 0) {
    (void)close(fd);
  }
  return complain(EXIT_FAILED, "%s: %s%s", file, strerror(number),
                  number == EEXIST ? "; remove it, or choose another name" : "");
}

/* Closes it; where the export failed it is removed. */
static int close_file(const export *of, const char *file, int result) {
  FILE *out = of->out;
  if (!file || !out || out == stdout) {
    return result;
  }
  bool whole = fsync(fileno(out)) == 0;
  int number = errno;
  whole = fclose(out) == 0 && whole;
  if (result == EXIT_DONE && !whole) {
    result = complain(EXIT_FAILED, "%s cannot be written: %s", file, strerror(number));
  }
  if (result != EXIT_DONE) {
    (void)unlink(file);
  }
  return result;
}

static int begin(export *of, const char *file) {
  if (wpm_exchange_is_database(db_exchange_format(of->format))) {
    return EXIT_DONE; /* The library makes that file. */
  }
  of->out = file ? NULL : stdout;
  return file ? open_file(of, file) : EXIT_DONE;
}

/* What of the database is in no peer's record, or in none that the format holds. */
static void tell_losses(const export *of, wpm_storage *storage) {
  wpm_storage_info info;
  wpm_error error;
  db_losses_tell(&of->losses);
  if (wpm_storage_get_info(storage, &info, &error) != WPM_OK) {
    return;
  }
  if (info.tombstones > 0) {
    (void)complain(EXIT_DONE,
                   "left out: %" PRIu64 " tombstones (bans and prune backoffs of peers that are "
                   "gone), which no export holds",
                   info.tombstones);
  }
  if (info.range_bans > 0) {
    (void)complain(EXIT_DONE,
                   "left out: %" PRIu64 " bans of ranges of addresses, which no export holds",
                   info.range_bans);
  }
}

int db_export(const app_options *options, const datadir *dir, const char *file) {
  export of = {.format = options->format ? db_format_of(options->format) : DB_JSONL};
  wpm_storage *storage = NULL;
  if (file && strcmp(file, "-") == 0) {
    file = NULL; /* The standard output, as import has it. */
  }
  if (options->json) {
    return complain(EXIT_USAGE, "db export takes no --json; --format=jsonl is JSON");
  }
  if (!file && wpm_exchange_is_database(db_exchange_format(of.format))) {
    return complain(EXIT_USAGE, "this format is a database: name the file to write");
  }
  int result = db_open(dir, WPM_STORAGE_READ_ONLY, &storage);
  if (result == EXIT_DONE) {
    result = begin(&of, file);
  }
  if (result == EXIT_DONE) {
    result = begin_writer(&of, file);
    if (result == EXIT_DONE) {
      result = write_all(&of, storage);
    }
    wpm_exchange_writer_free(of.writer);
    result = close_file(&of, file, result);
  }
  if (result == EXIT_DONE) {
    tell_losses(&of, storage);
  }
  wpm_storage_close(storage);
  if (result == EXIT_DONE) {
    (void)fprintf(stderr, "exported %" PRIu64 ", skipped %" PRIu64 "\n", of.account.taken,
                  of.account.skipped);
  }
  return result;
}
