#include "options.h"

#include "text.h"

#include <wakupeers/types.h>

#include <getopt.h>
#include <ini.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef enum option_kind {
  KIND_FLAG, /* A boolean. */
  KIND_TEXT,
  KIND_WORD, /* One of the words in `takes`, which are separated by `|`. */
  KIND_NUMBER,
  KIND_DURATION,
  KIND_LIST
} option_kind;

typedef struct option_spec {
  const char *name;
  option_kind kind;
  size_t offset;        /* Of its value in struct app_options. */
  unsigned commands;    /* FOR_…. */
  const char *preset;   /* Default as typed; NULL: none. */
  uint64_t least, most; /* Of a number. */
  const char *takes;    /* What it takes, for --help and errors. */
  const char *help;
} option_spec;

#define AT(field) offsetof(struct app_options, field)

static const option_spec specs[] = {
    {"data-dir", KIND_TEXT, AT(data_dir), FOR_RUN | FOR_PEERS | FOR_KEY, NULL, 0, 0, "DIR",
     "where peers and the node key are kept; default: wakupeers under $XDG_STATE_HOME"},
    {"config-file", KIND_TEXT, AT(config_file), FOR_RUN, NULL, 0, 0, "FILE",
     "ini file with options, one NAME = VALUE a line"},
    {"nodekey", KIND_TEXT, AT(nodekey), FOR_RUN | FOR_PING, NULL, 0, 0, "HEX",
     "private key: 64 hex digits for secp256k1, or libp2p's PrivateKey in hex"},
    {"staticnode", KIND_LIST, AT(static_nodes), FOR_RUN, NULL, 0, 0, "MULTIADDR",
     "peer to hold a connection with, with its /p2p/ID; repeatable"},
    {"listen-address", KIND_TEXT, AT(listen_address), FOR_RUN, "0.0.0.0", 0, 0, "HOST",
     "address to listen on: IPv4, IPv6 or a name"},
    {"tcp-port", KIND_NUMBER, AT(tcp_port), FOR_RUN, "60000", 0, 65535, "PORT",
     "TCP port to listen on; 0: any free one"},
    {"max-connections", KIND_NUMBER, AT(max_connections), FOR_RUN, "300", 1, 1000000, "N",
     "most connections at once"},
    {"cluster-id", KIND_NUMBER, AT(cluster_id), FOR_RUN | FOR_PING, "1", 0, 65535, "N",
     "Waku cluster; peers of another are left; 0: no such rule"},
    {"shard", KIND_LIST, AT(shards), FOR_RUN, NULL, 0, 0, "N",
     "shard whose peers we want, 0 to 1023; repeatable; default: any"},
    {"keep-alive", KIND_FLAG, AT(keep_alive), FOR_RUN, "true", 0, 0, NULL,
     "ping peers so that connections stay open"},
    {"idle-timeout", KIND_DURATION, AT(idle_timeout_ns), FOR_RUN, "10m", 1, 0, "TIME",
     "shortest time after which an idle connection is cut on the way"},
    {"ping-interval", KIND_DURATION, AT(ping_interval_ns), FOR_RUN, NULL, 1, 0, "TIME",
     "longest silence before a ping; default and most: half of --idle-timeout"},
    {"ping-timeout", KIND_DURATION, AT(ping_timeout_ns), FOR_RUN | FOR_PING, "10s", 1, 0, "TIME",
     "silence after a ping that counts as a miss; two end the connection"},
    {"prune-backoff", KIND_DURATION, AT(prune_backoff_ns), FOR_RUN, "60s", 0, 0, "TIME",
     "GossipSub prune backoff: no redial within this time of a disconnect"},
    {"backoff-slack", KIND_DURATION, AT(backoff_slack_ns), FOR_RUN, "2s", 0, 0, "TIME",
     "added to every prune backoff"},
    {"reconnect-min", KIND_DURATION, AT(reconnect_min_ns), FOR_RUN, "1s", 0, 0, "TIME",
     "first delay after a failed attempt; it doubles with each"},
    {"reconnect-max", KIND_DURATION, AT(reconnect_max_ns), FOR_RUN, "5m", 0, 0, "TIME",
     "longest delay after a failed attempt; below --reconnect-min, it lowers that"},
    {"stable-after", KIND_DURATION, AT(stable_after_ns), FOR_RUN, "60s", 0, 0, "TIME",
     "a connection this old makes failed attempts forgotten"},
    {"dial-timeout", KIND_DURATION, AT(dial_timeout_ns), FOR_RUN | FOR_PING, "10s", 1, 0, "TIME",
     "time for a whole upgrade, inbound too"},
    {"rest", KIND_FLAG, AT(rest), FOR_RUN, "true", 0, 0, NULL, "serve the REST interface"},
    {"rest-admin", KIND_FLAG, AT(rest_admin), FOR_RUN, "true", 0, 0, NULL,
     "serve its /admin/ calls"},
    {"rest-address", KIND_TEXT, AT(rest_address), FOR_RUN | FOR_PEERS, "127.0.0.1", 0, 0, "IP",
     "IP address of the REST interface"},
    {"rest-port", KIND_NUMBER, AT(rest_port), FOR_RUN | FOR_PEERS, "8645", 0, 65535, "PORT",
     "port of the REST interface; 0: any free one"},
    {"metrics-server", KIND_FLAG, AT(metrics_server), FOR_RUN, "true", 0, 0, NULL,
     "serve Prometheus metrics"},
    {"metrics-server-address", KIND_TEXT, AT(metrics_server_address), FOR_RUN, "127.0.0.1", 0, 0,
     "IP", "IP address of the metrics server"},
    {"metrics-server-port", KIND_NUMBER, AT(metrics_server_port), FOR_RUN, "8008", 0, 65535, "PORT",
     "port of the metrics server; 0: any free one"},
    {"log-level", KIND_WORD, AT(log_level), FOR_RUN | FOR_PING, NULL, 0, 0,
     "trace|debug|info|notice|warn|error|fatal", "least level that is logged to stderr"},
    {"log-format", KIND_WORD, AT(log_format), FOR_RUN, "text", 0, 0, "text|json",
     "form of a log line"},
    {"count", KIND_NUMBER, AT(count), FOR_PING, "4", 0, 1000000, "N", "pings to send (also -c)"},
    {"interval", KIND_DURATION, AT(interval_ns), FOR_PING, "1s", 0, 0, "TIME",
     "time between two pings (also -i)"},
    {"type", KIND_WORD, AT(key_type), FOR_KEY, "secp256k1", 0, 0, "secp256k1|ed25519",
     "type of a new key"},
    {"force", KIND_FLAG, AT(force), FOR_KEY, "false", 0, 0, NULL,
     "replace a node key that exists already"},
    {"json", KIND_FLAG, AT(json), FOR_PING | FOR_PEERS | FOR_KEY, "false", 0, 0, NULL,
     "print JSON"},
    {"help", KIND_FLAG, AT(help), FOR_ALL, "false", 0, 0, NULL, "print this (also -h)"},
};

#define SPEC_COUNT (sizeof specs / sizeof *specs)

static const struct {
  unsigned command;
  const char *name;
} commands[] = {{FOR_RUN, "run"}, {FOR_PING, "ping"}, {FOR_PEERS, "peers"}, {FOR_KEY, "key"}};

static const char *command_name(unsigned command) {
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (commands[i].command == command) {
      return commands[i].name;
    }
  }
  return "";
}

static void *field_of(app_options *options, const option_spec *spec) {
  return (char *)options + spec->offset;
}

/* ---- values ---------------------------------------------------------------------------------- */

static void clear_list(text_list *list) {
  for (size_t i = 0; i < list->count; i++) {
    free(list->items[i]);
  }
  free(list->items);
  *list = (text_list){0};
}

static int out_of_memory(void) {
  (void)fputs("wakupeers: out of memory\n", stderr);
  return EXIT_FAILED;
}

static int add_to_list(text_list *list, const char *text, size_t len) {
  char **items = realloc(list->items, (list->count + 1) * sizeof *items);
  if (!items) {
    return out_of_memory();
  }
  list->items = items;
  items[list->count] = strndup(text, len);
  if (!items[list->count]) {
    return out_of_memory();
  }
  list->count++;
  return EXIT_DONE;
}

static bool is_one_of(const char *text, const char *words) {
  size_t len = strlen(text);
  for (const char *word = words; word; word = strchr(word, '|')) {
    word += *word == '|';
    if (strncmp(word, text, len) == 0 && (word[len] == '|' || word[len] == '\0')) {
      return len > 0;
    }
  }
  return false;
}

/* Says what an option takes, in words. */
static void describe(const option_spec *spec, char *out, size_t cap) {
  switch (spec->kind) {
  case KIND_FLAG:
    (void)snprintf(out, cap, "true or false");
    break;
  case KIND_TEXT:
  case KIND_LIST:
    (void)snprintf(out, cap, "%s", spec->takes);
    break;
  case KIND_WORD:
    (void)snprintf(out, cap, "one of %s", spec->takes);
    break;
  case KIND_NUMBER:
    (void)snprintf(out, cap, "a whole number from %" PRIu64 " to %" PRIu64, spec->least,
                   spec->most);
    break;
  case KIND_DURATION:
    (void)snprintf(out, cap, "a time such as 500ms, 5s or 10m%s",
                   spec->least > 0 ? ", more than 0" : "");
    break;
  }
}

/* `where`: how the option was given, for the message. */
static int bad_value(const option_spec *spec, const char *where, const char *value) {
  char takes[120];
  describe(spec, takes, sizeof takes);
  (void)fprintf(stderr, "wakupeers: %s: \"%s\" is not valid; it takes %s\n", where, value, takes);
  return EXIT_USAGE;
}

static int set_text(char **field, const char *value) {
  char *copy = strdup(value);
  if (!copy) {
    return out_of_memory();
  }
  free(*field);
  *field = copy;
  return EXIT_DONE;
}

static int set_value(app_options *options, const option_spec *spec, const char *where,
                     const char *value) {
  void *field = field_of(options, spec);
  switch (spec->kind) {
  case KIND_FLAG:
    return text_to_bool(value, field) ? EXIT_DONE : bad_value(spec, where, value);
  case KIND_TEXT:
    return *value != '\0' ? set_text(field, value) : bad_value(spec, where, value);
  case KIND_WORD:
    return is_one_of(value, spec->takes) ? set_text(field, value) : bad_value(spec, where, value);
  case KIND_NUMBER:
    return text_to_number(value, spec->least, spec->most, field) ? EXIT_DONE
                                                                 : bad_value(spec, where, value);
  case KIND_DURATION:
    return text_to_duration(value, field) && *(int64_t *)field >= (int64_t)spec->least
               ? EXIT_DONE
               : bad_value(spec, where, value);
  case KIND_LIST:
    return *value != '\0' ? add_to_list(field, value, strlen(value))
                          : bad_value(spec, where, value);
  }
  return EXIT_USAGE;
}

/* ---- sources --------------------------------------------------------------------------------- */

/* One place that options come from. */
typedef struct option_source {
  app_options *options;
  unsigned command;
  uint64_t given; /* A bit for each option given in this place. */
  const char *file;
  int result;
} option_source;

static int give(option_source *source, size_t index, const char *where, const char *value) {
  const option_spec *spec = &specs[index];
  uint64_t bit = UINT64_C(1) << index;
  /* The first item of a list in this place replaces what the places behind it gave. */
  if (spec->kind == KIND_LIST && !(source->given & bit)) {
    clear_list(field_of(source->options, spec));
  }
  source->given |= bit;
  source->options->given |= bit;
  return set_value(source->options, spec, where, value);
}

static int file_entry(void *user, const char *section, const char *name, const char *value) {
  option_source *source = user;
  char where[200];
  (void)section; /* Sections are for the reader's eye. */
  (void)snprintf(where, sizeof where, "%s: %s", source->file, name);
  for (size_t i = 0; i < SPEC_COUNT; i++) {
    if (strcmp(specs[i].name, name) == 0 && (specs[i].commands & source->command) &&
        specs[i].offset != AT(help) && specs[i].offset != AT(config_file)) {
      int result = give(source, i, where, value);
      if (result != EXIT_DONE) {
        source->result = result;
      }
      return 1;
    }
  }
  (void)fprintf(stderr, "wakupeers: %s: there is no such option; see wakupeers %s --help\n", where,
                command_name(source->command));
  source->result = EXIT_USAGE;
  return 1;
}

static int read_file(app_options *options, unsigned command, const char *file) {
  option_source source = {.options = options, .command = command, .file = file};
  int line = ini_parse(file, file_entry, &source);
  if (line == -1) {
    (void)fprintf(stderr, "wakupeers: --config-file: %s cannot be read\n", file);
    return EXIT_USAGE;
  }
  if (line != 0) {
    (void)fprintf(stderr, "wakupeers: %s: line %d is not NAME = VALUE\n", file, line);
    return EXIT_USAGE;
  }
  return source.result;
}

/* WAKUPEERS_TCP_PORT for tcp-port. */
static void environment_name(const option_spec *spec, char *out, size_t cap) {
  (void)snprintf(out, cap, "WAKUPEERS_%s", spec->name);
  for (char *at = out; *at; at++) {
    *at = (char)(*at == '-' ? '_' : *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
  }
}

static int give_items(option_source *source, size_t index, const char *where, const char *value) {
  int result = EXIT_DONE;
  for (const char *item = value; item && result == EXIT_DONE;) {
    const char *comma = strchr(item, ',');
    size_t len = comma ? (size_t)(comma - item) : strlen(item);
    char *copy = strndup(item, len);
    result = copy ? give(source, index, where, copy) : out_of_memory();
    free(copy);
    item = comma ? comma + 1 : NULL;
  }
  return result;
}

static int read_environment(app_options *options, unsigned command) {
  option_source source = {.options = options, .command = command};
  for (size_t i = 0; i < SPEC_COUNT; i++) {
    char name[64];
    environment_name(&specs[i], name, sizeof name);
    const char *value = getenv(name);
    if (!value || !(specs[i].commands & command) || specs[i].offset == AT(help)) {
      continue;
    }
    int result = specs[i].kind == KIND_LIST ? give_items(&source, i, name, value)
                                            : give(&source, i, name, value);
    if (result != EXIT_DONE) {
      return result;
    }
  }
  return EXIT_DONE;
}

static const struct {
  char letter;
  const char *name;
} short_options[] = {{'c', "count"}, {'i', "interval"}, {'h', "help"}};

/* Fills getopt's tables with the command's options; `val` is 1 + the index into specs. */
static void make_tables(unsigned command, struct option *longs, char *shorts) {
  size_t count = 0;
  *shorts++ = ':';
  for (size_t i = 0; i < SPEC_COUNT; i++) {
    if (!(specs[i].commands & command)) {
      continue;
    }
    longs[count++] = (struct option){.name = specs[i].name,
                                     .has_arg = specs[i].kind == KIND_FLAG ? optional_argument
                                                                           : required_argument,
                                     .val = 256 + (int)i};
    for (size_t s = 0; s < sizeof short_options / sizeof *short_options; s++) {
      if (strcmp(short_options[s].name, specs[i].name) == 0) {
        *shorts++ = short_options[s].letter;
        if (specs[i].kind != KIND_FLAG) {
          *shorts++ = ':';
        }
      }
    }
  }
  longs[count] = (struct option){0};
  *shorts = '\0';
}

static size_t index_of(int value) {
  if (value >= 256) {
    return (size_t)(value - 256);
  }
  for (size_t s = 0; s < sizeof short_options / sizeof *short_options; s++) {
    for (size_t i = 0; short_options[s].letter == value && i < SPEC_COUNT; i++) {
      if (strcmp(short_options[s].name, specs[i].name) == 0) {
        return i;
      }
    }
  }
  return SPEC_COUNT;
}

static int read_line(app_options *options, unsigned command, int argc, char **argv, int *words) {
  struct option longs[SPEC_COUNT + 1];
  char shorts[2 * SPEC_COUNT + 2];
  option_source source = {.options = options, .command = command};
  make_tables(command, longs, shorts);
  opterr = 0;
  optind = 1;
  int value = 0;
  while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
    char where[80];
    const char *typed = argv[optind - 1];
    size_t index = index_of(value);
    if (value == ':') {
      size_t missing = index_of(optopt);
      char takes[120] = "a value";
      if (missing < SPEC_COUNT) {
        describe(&specs[missing], takes, sizeof takes);
      }
      (void)fprintf(stderr, "wakupeers: %s takes a value: %s\n", typed, takes);
      return EXIT_USAGE;
    }
    if (value == '?' || index == SPEC_COUNT) {
      (void)fprintf(stderr, "wakupeers: unknown option %s; see wakupeers %s --help\n", typed,
                    command_name(command));
      return EXIT_USAGE;
    }
    (void)snprintf(where, sizeof where, "--%s", specs[index].name);
    int result = give(&source, index, where, optarg ? optarg : "true");
    if (result != EXIT_DONE) {
      return result;
    }
  }
  *words = optind;
  return EXIT_DONE;
}

/* ---- all together ---------------------------------------------------------------------------- */

static int set_presets(app_options *options) {
  for (size_t i = 0; i < SPEC_COUNT; i++) {
    int result =
        specs[i].preset ? set_value(options, &specs[i], specs[i].name, specs[i].preset) : EXIT_DONE;
    if (result != EXIT_DONE) {
      return result;
    }
  }
  return EXIT_DONE;
}

/* The file is named in the environment or on the command line, which are read after it. */
static const char *find_config_file(unsigned command, int argc, char **argv) {
  const char *file = command == FOR_RUN ? getenv("WAKUPEERS_CONFIG_FILE") : NULL;
  for (int i = 1; i < argc && command == FOR_RUN && strcmp(argv[i], "--") != 0; i++) {
    if (strncmp(argv[i], "--config-file=", 14) == 0) {
      file = argv[i] + 14;
    } else if (strcmp(argv[i], "--config-file") == 0 && i + 1 < argc) {
      file = argv[i + 1];
    }
  }
  return file;
}

int options_read(unsigned command, int argc, char **argv, app_options *out, int *words) {
  *out = (app_options){0};
  int result = set_presets(out);
  const char *file = find_config_file(command, argc, argv);
  if (result == EXIT_DONE && file) {
    result = read_file(out, command, file);
  }
  if (result == EXIT_DONE) {
    result = read_environment(out, command);
  }
  return result == EXIT_DONE ? read_line(out, command, argc, argv, words) : result;
}

void options_free(app_options *options) {
  for (size_t i = 0; i < SPEC_COUNT; i++) {
    void *field = field_of(options, &specs[i]);
    if (specs[i].kind == KIND_LIST) {
      clear_list(field);
    } else if (specs[i].kind == KIND_TEXT || specs[i].kind == KIND_WORD) {
      char **text = field;
      if (*text && specs[i].offset == AT(nodekey)) {
        explicit_bzero(*text, strlen(*text));
      }
      free(*text);
      *text = NULL;
    }
  }
}

bool options_given(const app_options *options, const char *name) {
  for (size_t i = 0; i < SPEC_COUNT; i++) {
    if (strcmp(specs[i].name, name) == 0) {
      return options->given >> i & 1;
    }
  }
  return false;
}

void options_print(unsigned command, FILE *out) {
  for (size_t i = 0; i < SPEC_COUNT; i++) {
    const option_spec *spec = &specs[i];
    if (!(spec->commands & command)) {
      continue;
    }
    char left[80];
    if (spec->kind == KIND_WORD) {
      (void)snprintf(left, sizeof left, "--%s=WORD", spec->name);
    } else if (spec->takes) {
      (void)snprintf(left, sizeof left, "--%s=%s", spec->name, spec->takes);
    } else {
      (void)snprintf(left, sizeof left, "--%s", spec->name);
    }
    (void)fprintf(out, "  %-30s %s", left, spec->help);
    if (spec->kind == KIND_WORD) {
      (void)fprintf(out, ": %s", spec->takes);
    }
    bool says = spec->preset && !(spec->kind == KIND_FLAG && strcmp(spec->preset, "false") == 0);
    (void)fprintf(out, says ? " [%s]\n" : "\n", spec->preset);
  }
}

void options_print_completion(FILE *out) {
  (void)fputs("_wakupeers() {\n"
              "  local word=\"${COMP_WORDS[COMP_CWORD]}\" command=\"${COMP_WORDS[1]}\" words=\"\"\n"
              "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
              "    words=\"run ping peers key completion --help --version\"\n"
              "  else\n"
              "    case \"$command\" in\n",
              out);
  for (size_t c = 0; c < sizeof commands / sizeof *commands; c++) {
    const char *verbs = commands[c].command == FOR_PEERS
                            ? "list show add remove connect disconnect "
                        : commands[c].command == FOR_KEY ? "new show "
                                                         : "";
    (void)fprintf(out, "      %s) words=\"%s", commands[c].name, verbs);
    for (size_t i = 0; i < SPEC_COUNT; i++) {
      if (specs[i].commands & commands[c].command) {
        (void)fprintf(out, "--%s%s ", specs[i].name, specs[i].kind == KIND_FLAG ? "" : "=");
      }
    }
    (void)fputs("\" ;;\n", out);
  }
  (void)fputs("    esac\n"
              "  fi\n"
              "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
              "  case \"${COMPREPLY[0]}\" in *=) compopt -o nospace ;; esac\n"
              "}\n"
              "complete -F _wakupeers wakupeers\n",
              out);
}
