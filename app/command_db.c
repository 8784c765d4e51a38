#include "commands.h"

#include "db.h"

#include <jansson.h>

#include <inttypes.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: wakupeers db VERB [OPTION ...]\n\n"
    "  info            count what the peer database holds, and its size\n"
    "  check           look it through for damage\n"
    "  compact         write it anew without the room that removed peers left\n"
    "  export [FILE]   write its peers in another client's format, or as jsonl, to\n"
    "                  FILE, or to the standard output\n"
    "  import FILE     take in the peers of such a file; \"-\" is the standard input\n\n"
    "All of them work beside a running daemon too. Import goes through the one that\n"
    "runs on --data-dir, or that --rest-address and --rest-port name.\n\n";

/* ---- shared ---------------------------------------------------------------------------------- */

static const struct {
  const char *word;
  db_format format;
  wpm_exchange_format exchange;
} formats[] = {{"jsonl", DB_JSONL, WPM_EXCHANGE_UNKNOWN},
               {"nwaku", DB_NWAKU, WPM_EXCHANGE_NWAKU},
               {"go", DB_GO, WPM_EXCHANGE_GO},
               {"js", DB_JS, WPM_EXCHANGE_UNKNOWN},
               {"text", DB_TEXT, WPM_EXCHANGE_TEXT},
               {"enr", DB_ENR, WPM_EXCHANGE_ENR}};

db_format db_format_of(const char *word) {
  for (size_t i = 0; word && i < sizeof formats / sizeof *formats; i++) {
    if (strcmp(formats[i].word, word) == 0) {
      return formats[i].format;
    }
  }
  return DB_UNKNOWN;
}

wpm_exchange_format db_exchange_format(db_format format) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    if (formats[i].format == format) {
      return formats[i].exchange;
    }
  }
  return WPM_EXCHANGE_UNKNOWN;
}

void db_skip(void *account, const char *what, const char *why) {
  db_account *of = account;
  of->skipped++;
  if (of->told < DB_REASONS_TOLD) {
    of->told++;
    (void)complain(EXIT_FAILED, "skipped: %s: %s", what, why);
  }
}

wpm_wall db_now(void) {
  struct timespec now = {0};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  return (wpm_wall){(int64_t)now.tv_sec * WPM_SECOND + now.tv_nsec};
}

int db_open(const datadir *dir, wpm_storage_mode mode, wpm_storage **out) {
  char path[PATH_MAX];
  wpm_error error = {.text = ""};
  *out = NULL;
  if (!datadir_file(dir, "peers.db", path)) {
    return complain(EXIT_FAILED, "--data-dir: the path is too long");
  }
  return wpm_storage_open(path, mode, out, &error) == WPM_OK
             ? EXIT_DONE
             : complain(EXIT_FAILED, "%s", error.text);
}

/* ---- info ------------------------------------------------------------------------------------ */

/* What the records themselves say. */
typedef struct record_tally {
  uint64_t by_state[WPM_CONNECTIVITY_COUNT];
  uint64_t addresses;
  uint64_t enrs;
} record_tally;

static int tally(void *user, const wpm_peer_record *record) {
  record_tally *all = user;
  all->by_state[record->connectivity]++;
  all->addresses += record->address_count;
  all->enrs += record->enr.len > 0;
  return WPM_OK;
}

static json_t *info_object(const char *path, const wpm_storage_info *info, const record_tally *all,
                           size_t unreadable) {
  json_t *states = json_object();
  for (int i = 0; i < WPM_CONNECTIVITY_COUNT; i++) {
    (void)json_object_set_new(states, wpm_connectivity_name((wpm_connectivity)i),
                              json_integer((json_int_t)all->by_state[i]));
  }
  return json_pack("{s:s, s:i, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "file",
                   path, "schema", info->schema, "peers", (json_int_t)info->peers, "unreadable",
                   (json_int_t)unreadable, "connectivity", states, "addresses",
                   (json_int_t)all->addresses, "nodeRecords", (json_int_t)all->enrs, "tombstones",
                   (json_int_t)info->tombstones, "bannedRanges", (json_int_t)info->range_bans,
                   "privateKeys", (json_int_t)info->private_keys, "fileBytes",
                   (json_int_t)info->file_bytes, "logBytes", (json_int_t)info->log_bytes,
                   "freeBytes", (json_int_t)info->free_bytes);
}

static void print_info(const json_t *object) {
  const char *name = NULL;
  json_t *value = NULL;
  json_object_foreach((json_t *)(uintptr_t)object, name, value) {
    if (json_is_string(value)) {
      (void)printf("%-14s %s\n", name, json_string_value(value));
    } else if (json_is_object(value)) {
      const char *state = NULL;
      json_t *count = NULL;
      json_object_foreach(value, state, count) {
        (void)printf("  %-12s %" JSON_INTEGER_FORMAT "\n", state, json_integer_value(count));
      }
    } else {
      (void)printf("%-14s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
    }
  }
}

static int show_info(const app_options *options, const datadir *dir) {
  wpm_storage *storage = NULL;
  wpm_storage_info info;
  wpm_error error = {.text = ""};
  record_tally all = {.addresses = 0};
  size_t unreadable = 0;
  char path[PATH_MAX] = "";
  (void)datadir_file(dir, "peers.db", path);
  int result = db_open(dir, WPM_STORAGE_READ_ONLY, &storage);
  if (result != EXIT_DONE) {
    return result;
  }
  if (wpm_storage_get_info(storage, &info, &error) != WPM_OK ||
      wpm_storage_load(storage, tally, &all, &unreadable, &error) != WPM_OK) {
    result = complain(EXIT_FAILED, "%s", error.text);
  } else {
    json_t *object = info_object(path, &info, &all, unreadable);
    if (!object) {
      result = complain_no_memory();
    } else if (options->json) {
      (void)json_dumpf(object, stdout, JSON_INDENT(2));
      (void)fputc('\n', stdout);
    } else {
      print_info(object);
    }
    json_decref(object);
  }
  wpm_storage_close(storage);
  return result;
}

/* ---- check ----------------------------------------------------------------------------------- */

static void add_problem(void *user, const char *text) {
  (void)json_array_append_new(user, json_string(text));
}

static int check(const app_options *options, const datadir *dir) {
  wpm_storage *storage = NULL;
  wpm_storage_checked checked = {0};
  wpm_error error = {.text = ""};
  int result = db_open(dir, WPM_STORAGE_READ_ONLY, &storage);
  if (result != EXIT_DONE) {
    return result;
  }
  json_t *problems = json_array();
  if (!problems) {
    result = complain_no_memory();
  } else if (wpm_storage_check(storage, add_problem, problems, &checked, &error) != WPM_OK) {
    result = complain(EXIT_FAILED, "%s", error.text);
  } else if (options->json) {
    json_t *object = json_pack("{s:I, s:I, s:O}", "rows", (json_int_t)checked.rows, "problems",
                               (json_int_t)checked.problems, "first", problems);
    (void)json_dumpf(object, stdout, JSON_INDENT(2));
    (void)fputc('\n', stdout);
    json_decref(object);
  } else {
    for (size_t i = 0; i < json_array_size(problems); i++) {
      (void)printf("%s\n", json_string_value(json_array_get(problems, i)));
    }
    (void)printf("%" PRIu64 " rows looked at, %" PRIu64 " problems\n", checked.rows,
                 checked.problems);
  }
  if (result == EXIT_DONE && checked.problems > 0) {
    result =
        complain(EXIT_FAILED,
                 "the database is damaged: the daemon goes on without those rows, and where pages "
                 "are damaged, it sets the file aside when it starts and saves what can be read");
  }
  json_decref(problems);
  wpm_storage_close(storage);
  return result;
}

/* ---- compact --------------------------------------------------------------------------------- */

static int compact(const app_options *options, const datadir *dir) {
  wpm_storage *storage = NULL;
  wpm_storage_info before;
  wpm_storage_info after;
  wpm_error error = {.text = ""};
  int result = db_open(dir, WPM_STORAGE_EXISTING, &storage);
  if (result != EXIT_DONE) {
    return result;
  }
  if (wpm_storage_get_info(storage, &before, &error) != WPM_OK ||
      wpm_storage_compact(storage, &error) != WPM_OK ||
      wpm_storage_get_info(storage, &after, &error) != WPM_OK) {
    result = complain(EXIT_FAILED, "%s", error.text);
  } else {
    (void)printf(options->json ? "{\"before\": %" PRIu64 ", \"after\": %" PRIu64 "}\n"
                               : "%" PRIu64 " bytes before, %" PRIu64 " after\n",
                 before.file_bytes + before.log_bytes, after.file_bytes + after.log_bytes);
  }
  wpm_storage_close(storage);
  return result;
}

/* ---- the command ----------------------------------------------------------------------------- */

static const struct {
  const char *name;
  int least, most; /* Words behind it. */
  const char *takes;
} verbs[] = {{"info", 0, 0, "no more words"},
             {"check", 0, 0, "no more words"},
             {"compact", 0, 0, "no more words"},
             {"export", 0, 1, "at most a file"},
             {"import", 1, 1, "a file"}};

/* EXIT_DONE where the words make a call. */
static int check_words(const app_options *options, int count, char **words) {
  for (size_t i = 0; count > 0 && i < sizeof verbs / sizeof *verbs; i++) {
    if (strcmp(words[0], verbs[i].name) != 0) {
      continue;
    }
    if (count - 1 < verbs[i].least || count - 1 > verbs[i].most) {
      return complain(EXIT_USAGE, "db %s takes %s; see wakupeers db --help", words[0],
                      verbs[i].takes);
    }
    if (options->format && verbs[i].most == 0) {
      return complain(EXIT_USAGE, "db %s takes no --format; export and import do", words[0]);
    }
    return EXIT_DONE;
  }
  return count == 0
             ? complain(EXIT_USAGE, "db takes a verb: info, check, compact, export or import")
             : complain(EXIT_USAGE, "db has no verb \"%s\"; see wakupeers db --help", words[0]);
}

static int run(const app_options *options, int count, char **words) {
  datadir dir;
  const char *file = count > 1 ? words[1] : NULL;
  int result = check_words(options, count, words);
  if (result == EXIT_DONE) {
    result = datadir_find(&dir, options->data_dir);
  }
  if (result != EXIT_DONE) {
    return result;
  }
  return strcmp(words[0], "info") == 0      ? show_info(options, &dir)
         : strcmp(words[0], "check") == 0   ? check(options, &dir)
         : strcmp(words[0], "compact") == 0 ? compact(options, &dir)
         : strcmp(words[0], "export") == 0  ? db_export(options, &dir, file)
                                            : db_import(options, &dir, file);
}

/* Nothing that is asked for on the line is passed over. The environment may say it for all. */
static int check_line(const app_options *options, const char *verb) {
  static const char *const of_import[] = {"peer-store-capacity", "rest-address", "rest-port"};
  bool is_import = strcmp(verb, "import") == 0;
  for (size_t i = 0; !is_import && i < sizeof of_import / sizeof *of_import; i++) {
    if (options_on_line(options, of_import[i])) {
      return complain(EXIT_USAGE, "db %s takes no --%s; import does", verb, of_import[i]);
    }
  }
  if (db_names_daemon(options) && options_on_line(options, "peer-store-capacity")) {
    return complain(EXIT_USAGE,
                    "a daemon goes by its own --peer-store-capacity: leave it out where "
                    "--rest-address or --rest-port names one");
  }
  return EXIT_DONE;
}

int command_db(int argc, char **argv) {
  app_options options;
  int words = argc;
  int result = options_read(FOR_DB, argc, argv, &options, &words);
  if (result == EXIT_DONE && options.help) {
    (void)fputs(usage, stdout);
    options_print(FOR_DB, stdout);
  } else if (result == EXIT_DONE) {
    result = words < argc ? check_line(&options, argv[words]) : EXIT_DONE;
    result = result == EXIT_DONE ? run(&options, argc - words, argv + words) : result;
  }
  options_free(&options);
  return result;
}
