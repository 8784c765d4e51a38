/* `wakupeers explain`, `plan` and `history`: why, what next, what happened. */
#include "commands.h"

#include "answer.h"
#include "option_table.h"
#include "table.h"

#include <wakupeers/types.h>

#include <stdio.h>
#include <string.h>

#define SPAN_ROOM 32
#define PATH_ROOM (WPM_PEER_ID_TEXT + 64)

/* ---- printing -------------------------------------------------------------------------------- */

/* "in 4s (2026-01-31T12:00:00.000Z)"; "" where there is no time. */
static void both_times(const json_t *time, char *out, size_t cap) {
  char relative[ANSWER_TIME];
  char absolute[ANSWER_TIME];
  answer_relative(time, relative, sizeof relative);
  answer_absolute(time, absolute, sizeof absolute);
  out[0] = '\0';
  if (relative[0]) {
    (void)snprintf(out, cap, "%s (%s)", relative, absolute);
  }
}

/* A line of a word and a time, where there are any. */
static void print_with_time(const char *name, const char *word, const char *between,
                            const json_t *time) {
  char when[2 * ANSWER_TIME + 8];
  char line[512];
  both_times(time, when, sizeof when);
  if (*word) {
    (void)snprintf(line, sizeof line, "%.300s%s%s", word, when[0] ? between : "", when);
    answer_print_line(name, line);
  }
}

/* A line of a time, where there is one. */
static void print_moment(const char *name, const json_t *time) {
  char when[2 * ANSWER_TIME + 8];
  both_times(time, when, sizeof when);
  if (when[0]) {
    answer_print_line(name, when);
  }
}

/* "83.2s", "0.6ms". */
static void span_text(const json_t *value, const char *name, char out[SPAN_ROOM]) {
  double ms = json_number_value(json_object_get(value, name));
  (void)snprintf(out, SPAN_ROOM, ms < 1000 ? "%.3gms" : "%.4gs", ms < 1000 ? ms : ms / 1000);
}

static void print_pings(const json_t *ping, const json_t *rtt) {
  char line[512];
  char spans[3][SPAN_ROOM];
  if (json_is_number(json_object_get(ping, "intervalMs"))) {
    span_text(ping, "intervalMs", spans[0]);
    span_text(ping, "timeoutMs", spans[1]);
    (void)snprintf(line, sizeof line, "after %s of silence, answer awaited for %s", spans[0],
                   spans[1]);
    answer_print_line("pings", line);
  }
  if (json_is_number(json_object_get(rtt, "lastMs"))) {
    span_text(rtt, "lastMs", spans[0]);
    span_text(rtt, "averageMs", spans[1]);
    span_text(rtt, "minimumMs", spans[2]);
    (void)snprintf(line, sizeof line, "%s, average %s, minimum %s", spans[0], spans[1], spans[2]);
    answer_print_line("round trip", line);
  }
}

/* Empty where it says that there is none. */
static const char *reason_text(const json_t *from) {
  const char *reason = answer_text(from, "reason");
  return strcmp(reason, wpm_reason_name(WPM_REASON_NONE)) == 0 ? "" : reason;
}

static void print_explanation(const json_t *value) {
  const json_t *next = json_object_get(value, "next");
  const json_t *held_by = json_object_get(value, "heldBy");
  answer_print_line("peer", answer_text(value, "peerId"));
  answer_print_line("state", answer_text(value, "state"));
  print_with_time("reason", reason_text(value), "", NULL);
  print_with_time("next",
                  json_is_string(json_object_get(next, "action")) ? answer_text(next, "action")
                                                                  : "nothing",
                  " ", json_object_get(next, "at"));
  print_with_time("held back by", answer_text(held_by, "rule"), ", ends ",
                  json_object_get(held_by, "until"));
  print_pings(json_object_get(value, "ping"), json_object_get(value, "rtt"));
}

static json_int_t number_of(const json_t *object, const char *name) {
  return json_integer_value(json_object_get(object, name));
}

static void print_eviction(const json_t *eviction) {
  const char *peer = answer_text(eviction, "peerId");
  char line[512];
  if (*peer) {
    (void)snprintf(line, sizeof line, "%.300s (%.40s), after %" JSON_INTEGER_FORMAT " newcomers",
                   peer, answer_text(eviction, "cause"), number_of(eviction, "newcomers"));
  } else {
    (void)snprintf(line, sizeof line, "nobody");
  }
  answer_print_line("next to go", line);
}

static void print_crowding(const json_t *crowded) {
  const char *peer = answer_text(crowded, "peerId");
  char when[2 * ANSWER_TIME + 8];
  char line[512];
  both_times(json_object_get(crowded, "at"), when, sizeof when);
  bool later = strncmp(when, "in ", 3) == 0;
  (void)snprintf(line, sizeof line,
                 "%.300s (%.40s), after %" JSON_INTEGER_FORMAT " newcomers%s%.80s", peer,
                 answer_text(crowded, "layer"), number_of(crowded, "newcomers"),
                 later ? ", at the earliest " : "", later ? when : "");
  answer_print_line("makes place", *peer ? line : "nobody");
}

/* Those that are blocked; no line where none is. */
static void print_paths(const json_t *paths) {
  char line[200] = "";
  size_t used = 0;
  for (size_t i = 0; i < json_array_size(paths); i++) {
    const json_t *path = json_array_get(paths, i);
    if (json_is_true(json_object_get(path, "blocked")) && used < sizeof line) {
      used += (size_t)snprintf(line + used, sizeof line - used, "%s%.20s", used > 0 ? ", " : "",
                               answer_text(path, "path"));
    }
  }
  if (used > 0) {
    answer_print_line("black holes", line);
  }
}

static void print_plan(const json_t *value) {
  static const char *const heads[] = {"PEER ID", "DIAL", "TIME", "HELD BACK BY"};
  const json_t *places = json_object_get(value, "places");
  const json_t *dials = json_object_get(value, "dials");
  char line[200];
  (void)snprintf(line, sizeof line,
                 "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " taken, %" JSON_INTEGER_FORMAT
                 " kept for peers of the last run, %" JSON_INTEGER_FORMAT
                 " kept from inbound newcomers",
                 number_of(places, "taken"), number_of(places, "most"), number_of(places, "kept"),
                 number_of(places, "keptFromInbound"));
  answer_print_line("places", line);
  (void)snprintf(line, sizeof line,
                 "%" JSON_INTEGER_FORMAT " ready, %" JSON_INTEGER_FORMAT " waiting",
                 number_of(value, "ready"), number_of(value, "waiting"));
  answer_print_line("to be dialled", line);
  print_moment("next choice", json_object_get(value, "choiceAt"));
  print_moment("next feeler", json_object_get(value, "feelerAt"));
  print_moment("next rotation", json_object_get(value, "rotationAt"));
  print_eviction(json_object_get(value, "eviction"));
  print_crowding(json_object_get(value, "crowded"));
  print_paths(json_object_get(value, "paths"));
  (void)fputc('\n', stdout);
  text_table *rows = table_new(heads, sizeof heads / sizeof *heads);
  for (size_t i = 0; rows && i < json_array_size(dials); i++) {
    const json_t *dial = json_array_get(dials, i);
    char relative[ANSWER_TIME];
    char absolute[ANSWER_TIME];
    answer_relative(json_object_get(dial, "at"), relative, sizeof relative);
    answer_absolute(json_object_get(dial, "at"), absolute, sizeof absolute);
    const char *cells[] = {answer_text(dial, "peerId"), relative, absolute,
                           answer_text(json_object_get(dial, "heldBy"), "rule")};
    table_add(rows, cells);
  }
  if (rows) {
    table_print(rows, stdout);
  }
  table_free(rows);
}

static void print_history(const json_t *entries) {
  static const char *const heads[] = {"TIME", "AGO", "PEER ID", "EVENT", "REASON", "DIRECTION"};
  text_table *rows = table_new(heads, sizeof heads / sizeof *heads);
  for (size_t i = 0; rows && i < json_array_size(entries); i++) {
    const json_t *entry = json_array_get(entries, i);
    const char *cause = answer_text(entry, "cause");
    char relative[ANSWER_TIME];
    char absolute[ANSWER_TIME];
    answer_relative(json_object_get(entry, "time"), relative, sizeof relative);
    answer_absolute(json_object_get(entry, "time"), absolute, sizeof absolute);
    const char *cells[] = {absolute,
                           relative,
                           answer_text(entry, "peerId"),
                           answer_text(entry, "event"),
                           *cause ? cause : reason_text(entry),
                           answer_text(entry, "direction")};
    table_add(rows, cells);
  }
  if (rows) {
    table_print(rows, stdout);
  }
  table_free(rows);
}

/* ---- the commands ---------------------------------------------------------------------------- */

/* One of the three. */
typedef struct told {
  unsigned command; /* FOR_… */
  const char *usage;
  int least, most;          /* Words that it takes: peer ids. */
  const char *path;         /* Without a peer. */
  const char *path_of_peer; /* Behind the peer. */
  void (*print)(const json_t *value);
} told;

static int path_of(const told *what, int count, char **words, char *path, size_t cap) {
  const char *name = option_command_name(what->command);
  char text[WPM_PEER_ID_TEXT] = "";
  wpm_peer_id id;
  wpm_error error;
  if (count < what->least || count > what->most) {
    return complain(EXIT_USAGE, "%s takes %s; see wakupeers %s --help", name,
                    what->most == 0    ? "no words"
                    : what->least == 0 ? "a peer id or nothing"
                                       : "a peer id",
                    name);
  }
  if (count == 0) {
    (void)snprintf(path, cap, "%s", what->path);
    return EXIT_DONE;
  }
  if (wpm_peer_id_parse((wpm_text){words[0], strlen(words[0])}, &id, &error) != WPM_OK) {
    return complain(EXIT_USAGE, "%s", error.text);
  }
  (void)!wpm_peer_id_format(wpm_peer_id_view(&id), text, sizeof text, NULL);
  (void)snprintf(path, cap, "/admin/v1/peer/%s/%s", text, what->path_of_peer);
  return EXIT_DONE;
}

static int ask(const told *what, const app_options *options, int count, char **words) {
  daemon_call call = {.options = options};
  char path[PATH_ROOM];
  int result = path_of(what, count, words, path, sizeof path);
  if (result == EXIT_DONE) {
    result = client_find(&call.client, options);
  }
  return result == EXIT_DONE ? answer_get(&call, path, what->print) : result;
}

static int run(const told *what, int argc, char **argv) {
  app_options options;
  int words = argc;
  int result = options_read(what->command, argc, argv, &options, &words);
  if (result == EXIT_DONE && options.help) {
    (void)fputs(what->usage, stdout);
    (void)fputs("The daemon is found by --data-dir, or by --rest-address and --rest-port.\n\n",
                stdout);
    options_print(what->command, stdout);
  } else if (result == EXIT_DONE) {
    result = ask(what, &options, argc - words, argv + words);
  }
  options_free(&options);
  return result;
}

int command_explain(int argc, char **argv) {
  static const told what = {
      .command = FOR_EXPLAIN,
      .usage = "usage: wakupeers explain ID [OPTION ...]\n\n"
               "Says why a peer of a running daemon is as it is, what is done next and when,\n"
               "and which rule holds that back.\n\n",
      .least = 1,
      .most = 1,
      .path_of_peer = "explain",
      .print = print_explanation,
  };
  return run(&what, argc, argv);
}

int command_plan(int argc, char **argv) {
  static const told what = {
      .command = FOR_PLAN,
      .usage = "usage: wakupeers plan [OPTION ...]\n\n"
               "Lists the next dials of a running daemon, in order, and says when others are\n"
               "chosen, who would be evicted for a newcomer, and who would make place for one\n"
               "that connects.\n\n",
      .path = "/admin/v1/plan",
      .print = print_plan,
  };
  return run(&what, argc, argv);
}

int command_history(int argc, char **argv) {
  static const told what = {
      .command = FOR_HISTORY,
      .usage = "usage: wakupeers history [ID] [OPTION ...]\n\n"
               "Lists what happened lately to a running daemon's peers, or to one of them, the\n"
               "latest first.\n\n",
      .most = 1,
      .path = "/admin/v1/history",
      .path_of_peer = "history",
      .print = print_history,
  };
  return run(&what, argc, argv);
}
