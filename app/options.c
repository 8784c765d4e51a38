#include "options.h"

#include "config_file.h"
#include "option_table.h"
#include "text.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ---------------------------------------------------------------------------------- */

static void clear_list(text_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    free(list->items[i]);
  }
  free(list->items);
  *list = (text_list){0};
}

static int add_to_list(text_list *list, const char *text) {
  char **items = realloc(list->items, (list->count + 1) * sizeof *items);
  if (!items) {
    return complain_no_memory();
  }
  list->items = items;
  items[list->count] = text_copy(text, strlen(text));
  if (!items[list->count]) {
    return complain_no_memory();
  }
  list->count++;
  return EXIT_DONE;
}

static bool is_one_of(const char *text, const char *words) {
  size_t len = strlen(text);
  for (const char *word = words; word; word = strchr(word, '|')) {
    word += *word == '|';
    if (strcspn(word, "|") == len && strncmp(word, text, len) == 0) {
      return true;
    }
  }
  return false;
}

/* `where`: how the option was given, for the message. */
static int bad_value(const option_spec *spec, const char *where, const char *value) {
  char takes[120];
  option_describe(spec, takes, sizeof takes);
  return complain(EXIT_USAGE, "%s: \"%s\" is not valid; it takes %s", where, value, takes);
}

static void wipe_text(char *text) {
  if (text) {
    explicit_bzero(text, strlen(text)); /* It may be the node key. */
  }
  free(text);
}

static int set_text(char **field, const char *value) {
  char *copy = text_copy(value, strlen(value));
  if (!copy) {
    return complain_no_memory();
  }
  wipe_text(*field);
  *field = copy;
  return EXIT_DONE;
}

static bool is_item(const option_spec *spec, const char *value) {
  uint64_t number = 0;
  return *value != '\0' &&
         (spec->most == 0 || text_to_number(value, spec->least, spec->most, &number));
}

static int set_value(app_options *options, const option_spec *spec, const char *where,
                     const char *value) {
  void *field = option_field(options, spec);
  switch (spec->kind) {
  case KIND_FLAG:
    return text_to_bool(value, field) ? EXIT_DONE : bad_value(spec, where, value);
  case KIND_TEXT:
    return *value != '\0' ? set_text(field, value) : bad_value(spec, where, value);
  case KIND_IP:
    return text_is_ip(value) ? set_text(field, value) : bad_value(spec, where, value);
  case KIND_WORD:
    return is_one_of(value, spec->takes) ? set_text(field, value) : bad_value(spec, where, value);
  case KIND_NUMBER:
    return text_to_number(value, spec->least, spec->most, field) ? EXIT_DONE
                                                                 : bad_value(spec, where, value);
  case KIND_NEGATIVE:
    return text_to_negative(value, spec->most, field) ? EXIT_DONE : bad_value(spec, where, value);
  case KIND_DURATION:
    return text_to_duration(value, field) && *(int64_t *)field >= (int64_t)spec->least
               ? EXIT_DONE
               : bad_value(spec, where, value);
  case KIND_LIST:
    return is_item(spec, value) ? add_to_list(field, value) : bad_value(spec, where, value);
  }
  return EXIT_USAGE;
}

/* ---- sources --------------------------------------------------------------------------------- */

static bool holds(const option_set *set, size_t index) {
  return set->bits[index / 64] >> index % 64 & 1;
}

static void include(option_set *set, size_t index) {
  set->bits[index / 64] |= UINT64_C(1) << index % 64;
}

/* One place that options come from. */
typedef struct option_source {
  app_options *options;
  unsigned command;
  bool is_line;
  option_set given; /* In this place. */
  const char *file; /* Where it is a file. */
} option_source;

static int give(option_source *source, size_t index, const char *where, const char *value) {
  size_t count = 0;
  const option_spec *spec = &option_table(&count)[index];
  /* The first item of a list in this place replaces what the places behind it gave. */
  if (spec->kind == KIND_LIST && !holds(&source->given, index)) {
    clear_list(option_field(source->options, spec));
  }
  include(&source->given, index);
  include(&source->options->given, index);
  if (source->is_line) {
    include(&source->options->on_line, index);
  }
  return set_value(source->options, spec, where, value);
}

/* Two that only a command line can hold. */
static bool is_of_line(const option_spec *spec) {
  return spec->offset == offsetof(app_options, help) ||
         spec->offset == offsetof(app_options, config_file);
}

static int file_entry(void *user, unsigned line, const char *name, const char *value) {
  option_source *source = user;
  char where[400];
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  (void)snprintf(where, sizeof where, "%.250s: line %u: %.100s", source->file, line, name);
  for (size_t i = 0; i < count; i++) {
    if (strcmp(specs[i].name, name) == 0 && (specs[i].commands & source->command) &&
        !is_of_line(&specs[i])) {
      return give(source, i, where, value);
    }
  }
  return complain(EXIT_USAGE, "%s: there is no such option; see wakupeers %s --help", where,
                  option_command_name(source->command));
}

/* WAKUPEERS_TCP_PORT for tcp-port. */
static const char *environment_of(const option_spec *spec, char *name, size_t cap) {
  (void)snprintf(name, cap, "WAKUPEERS_%s", spec->name);
  for (char *at = name; *at; at++) {
    *at = (char)(*at == '-' ? '_' : *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
  }
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static int give_items(option_source *source, size_t index, const char *where, const char *value) {
  int result = EXIT_DONE;
  for (const char *item = value; item && result == EXIT_DONE;) {
    const char *comma = strchr(item, ',');
    char *copy = text_copy(item, comma ? (size_t)(comma - item) : strlen(item));
    result = copy ? give(source, index, where, copy) : complain_no_memory();
    free(copy);
    item = comma ? comma + 1 : NULL;
  }
  return result;
}

static int read_environment(app_options *options, unsigned command) {
  option_source source = {.options = options, .command = command};
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  int result = EXIT_DONE;
  for (size_t i = 0; i < count && result == EXIT_DONE; i++) {
    char name[64];
    const char *value = environment_of(&specs[i], name, sizeof name);
    if (!value || !(specs[i].commands & command) || is_of_line(&specs[i])) {
      continue;
    }
    result = specs[i].kind == KIND_LIST ? give_items(&source, i, name, value)
                                        : give(&source, i, name, value);
  }
  return result;
}

/* ---- the command line ------------------------------------------------------------------------ */

#define LONG_VALUE 256 /* getopt's value of a long option is this and its index. */

typedef struct line_tables {
  struct option longs[OPTIONS_MOST + 1];
  char shorts[2 * OPTIONS_MOST + 2];
} line_tables;

static void make_tables(unsigned command, line_tables *tables) {
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  struct option *longs = tables->longs;
  char *shorts = tables->shorts;
  *shorts++ = ':';
  for (size_t i = 0; i < count; i++) {
    if (!(specs[i].commands & command)) {
      continue;
    }
    bool is_flag = specs[i].kind == KIND_FLAG;
    *longs++ = (struct option){.name = specs[i].name,
                               .has_arg = is_flag ? optional_argument : required_argument,
                               .val = LONG_VALUE + (int)i};
    if (option_letter(&specs[i])) {
      *shorts++ = option_letter(&specs[i]);
      if (!is_flag) {
        *shorts++ = ':';
      }
    }
  }
  *longs = (struct option){0};
  *shorts = '\0';
}

/* The option that getopt's value stands for; the table's length: none. */
static size_t index_of(int value) {
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  if (value >= LONG_VALUE) {
    return (size_t)(value - LONG_VALUE);
  }
  for (size_t i = 0; i < count; i++) {
    if (value != '\0' && option_letter(&specs[i]) == value) {
      return i;
    }
  }
  return count;
}

/* Up to the `=`: what follows may be a secret. */
static int unknown_option(unsigned command, const char *typed) {
  return complain(EXIT_USAGE, "unknown option %.*s; see wakupeers %s --help",
                  (int)strcspn(typed, "="), typed, option_command_name(command));
}

static int no_value(const char *typed, size_t index) {
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  char takes[120] = "one";
  if (index < count) {
    option_describe(&specs[index], takes, sizeof takes);
  }
  return complain(EXIT_USAGE, "%s has no value; it takes %s", typed, takes);
}

/* One option that getopt found. */
static int read_option(option_source *source, char **argv, int value) {
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  size_t index = index_of(value);
  char where[80];
  const char *typed = argv[optind - 1];
  if (value == ':') {
    return no_value(typed, index_of(optopt));
  }
  if (value == '?' && optopt > 0 && optopt < LONG_VALUE) {
    (void)snprintf(where, sizeof where, "-%c", optopt);
    return unknown_option(source->command, where);
  }
  if (value == '?' || index == count) {
    return unknown_option(source->command, typed);
  }
  if (optarg && optarg == typed) {
    typed = argv[optind - 2]; /* --name VALUE */
  }
  /* getopt takes any beginning of a name; tomorrow it might be that of two. */
  if (value >= LONG_VALUE && (strncmp(typed + 2, specs[index].name, strcspn(typed + 2, "=")) != 0 ||
                              specs[index].name[strcspn(typed + 2, "=")] != '\0')) {
    return unknown_option(source->command, typed);
  }
  (void)snprintf(where, sizeof where, "--%s", specs[index].name);
  return give(source, index, where, optarg ? optarg : "true");
}

static int read_line(app_options *options, unsigned command, int argc, char **argv, int *words) {
  option_source source = {.options = options, .command = command, .is_line = true};
  line_tables tables = {.shorts = ""};
  make_tables(command, &tables);
  opterr = 0;
  optind = 0; /* Anew: the line is read twice. */
  int result = EXIT_DONE;
  int value = 0;
  while (result == EXIT_DONE &&
         (value = getopt_long(argc, argv, tables.shorts, tables.longs, NULL)) != -1) {
    result = read_option(&source, argv, value);
  }
  *words = optind;
  return result;
}

/* ---- all together ---------------------------------------------------------------------------- */

static int set_presets(app_options *options) {
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  int result = EXIT_DONE;
  for (size_t i = 0; i < count && result == EXIT_DONE; i++) {
    if (specs[i].preset) {
      result = set_value(options, &specs[i], specs[i].name, specs[i].preset);
    }
  }
  return result;
}

static int read_file(app_options *options, unsigned command, const char *file) {
  option_source source = {.options = options, .command = command, .file = file};
  return config_file_read(file, file_entry, &source);
}

/* The file's name, on the line or in the environment; NULL: there is none. */
static const char *find_config_file(unsigned command, const app_options *line) {
  if (line->config_file) {
    return line->config_file;
  }
  const char *file = command == FOR_RUN ? getenv("WAKUPEERS_CONFIG_FILE") : NULL;
  return file && *file ? file : NULL;
}

int options_read(unsigned command, int argc, char **argv, app_options *out, int *words) {
  /* The line is read first, for --help and --config-file, and last, since it goes before all. */
  app_options line = {0};
  *out = (app_options){0};
  int result = set_presets(out);
  if (result == EXIT_DONE) {
    result = read_line(&line, command, argc, argv, words);
  }
  out->help = line.help;
  const char *file = find_config_file(command, &line);
  if (result == EXIT_DONE && !line.help) {
    result = file ? read_file(out, command, file) : EXIT_DONE;
    if (result == EXIT_DONE) {
      result = read_environment(out, command);
    }
    if (result == EXIT_DONE) {
      result = read_line(out, command, argc, argv, words);
    }
  }
  options_free(&line);
  return result;
}

void options_free(app_options *options) {
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  for (size_t i = 0; i < count; i++) {
    void *field = option_field(options, &specs[i]);
    if (specs[i].kind == KIND_LIST) {
      clear_list(field);
    } else if (specs[i].kind == KIND_TEXT || specs[i].kind == KIND_IP ||
               specs[i].kind == KIND_WORD) {
      char **text = field;
      wipe_text(*text);
      *text = NULL;
    }
  }
}

static bool holds_name(const option_set *set, const char *name) {
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  for (size_t i = 0; i < count; i++) {
    if (strcmp(specs[i].name, name) == 0) {
      return holds(set, i);
    }
  }
  return false;
}

bool options_given(const app_options *options, const char *name) {
  return holds_name(&options->given, name);
}

bool options_on_line(const app_options *options, const char *name) {
  return holds_name(&options->on_line, name);
}
