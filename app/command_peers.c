#include "commands.h"

#include "client.h"
#include "json_peer.h"
#include "options.h"
#include "table.h"

#include <wakupeers/types.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "usage: wakupeers peers [list] [OPTION …]         list a running daemon's peers\n"
    "       wakupeers peers show ID [OPTION …]        show one\n"
    "       wakupeers peers add MULTIADDR [OPTION …]  add one, and connect to it now\n"
    "       wakupeers peers connect ID [OPTION …]     connect to it now\n"
    "       wakupeers peers disconnect ID [OPTION …]  disconnect it until it is connected again\n"
    "       wakupeers peers remove ID [OPTION …]      forget it\n\n";

/* ---- printing -------------------------------------------------------------------------------- */

static void print_json(const json_t *value) {
  (void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_DIGITS);
  (void)fputc('\n', stdout);
}

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? text : "";
}

/* "4m ago", "in 12s"; "" where there is no time. */
static void relative(const json_t *time, char *out, size_t cap) {
  static const struct {
    const char *unit;
    long long seconds;
  } units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
  struct timespec now = {0};
  out[0] = '\0';
  if (!json_is_integer(time)) {
    return;
  }
  (void)clock_gettime(CLOCK_REALTIME, &now);
  long long ms = json_integer_value(time) - ((long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
  long long seconds = (ms < 0 ? -ms : ms) / 1000;
  size_t unit = 0;
  while (unit < 3 && seconds < units[unit].seconds) {
    unit++;
  }
  (void)snprintf(out, cap, "%s%lld%s%s", ms > 0 ? "in " : "", seconds / units[unit].seconds,
                 units[unit].unit, ms > 0 ? "" : " ago");
}

static void print_list(const json_t *peers) {
  static const char *const heads[] = {"PEER ID", "STATE", "REASON", "AGENT",
                                      "RTT",     "LAST",  "NEXT",   "HELD BACK BY"};
  text_table *rows = table_new(heads, sizeof heads / sizeof *heads);
  for (size_t i = 0; rows && i < json_array_size(peers); i++) {
    const json_t *peer = json_array_get(peers, i);
    char rtt[32] = "";
    char last[32];
    char next[32];
    const json_t *value = json_object_get(peer, "rttMs");
    bool connected = strcmp(text_of(peer, "connected"), "Connected") == 0;
    if (json_is_number(value)) {
      (void)snprintf(rtt, sizeof rtt, "%.1f ms", json_number_value(value));
    }
    relative(json_object_get(peer, connected ? "connectedTime" : "disconnectTime"), last,
             sizeof last);
    relative(json_object_get(peer, "nextDial"), next, sizeof next);
    const char *cells[] = {text_of(peer, "peerId"),
                           text_of(peer, "connected"),
                           connected ? "" : text_of(peer, "reason"),
                           text_of(peer, "agent"),
                           rtt,
                           last,
                           next,
                           connected ? "" : text_of(peer, "heldBackBy")};
    table_add(rows, cells);
  }
  if (rows) {
    table_print(rows, stdout);
  }
  table_free(rows);
}

/* Text of a scalar for a person. */
static void print_scalar(const char *name, const json_t *value) {
  char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_DIGITS);
  const char *shown = json_is_string(value) ? json_string_value(value) : text;
  (void)printf("%-18s", name);
  for (; shown && *shown; shown++) { /* It came from the wire: no terminal codes. */
    (void)putchar((unsigned char)*shown < 0x20 || (unsigned char)*shown >= 0x7f ? '?' : *shown);
  }
  (void)putchar('\n');
  free(text);
}

static void print_entry(const char *name, const json_t *entry) {
  char line[2048];
  size_t len = 0;
  const char *key = NULL;
  json_t *value = NULL;
  line[0] = '\0';
  json_object_foreach((json_t *)(uintptr_t)entry, key, value) {
    char when[32] = "";
    const char *text = json_string_value(value);
    if (json_is_integer(value)) {
      relative(value, when, sizeof when);
      text = when;
    }
    if (text && len < sizeof line) {
      int more =
          snprintf(line + len, sizeof line - len, "%s%s%s%s", len > 0 ? ", " : "",
                   json_is_integer(value) ? key : "", json_is_integer(value) ? " " : "", text);
      len += more > 0 ? (size_t)more : 0;
    }
  }
  json_t *shown = json_string(line);
  print_scalar(name, shown);
  json_decref(shown);
}

static void print_peer(const json_t *peer) {
  const char *name = NULL;
  json_t *value = NULL;
  json_object_foreach((json_t *)(uintptr_t)peer, name, value) {
    size_t len = strlen(name);
    bool is_time = json_is_integer(value) && len > 4 &&
                   (strcmp(name + len - 4, "Time") == 0 || strcmp(name, "nextDial") == 0 ||
                    strcmp(name, "lastFailure") == 0);
    char when[32];
    if (json_is_array(value)) {
      for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        const char *label = i == 0 ? name : "";
        if (json_is_object(item)) {
          print_entry(label, item);
        } else {
          print_scalar(label, item);
        }
      }
    } else if (is_time) {
      relative(value, when, sizeof when);
      json_t *shown = json_string(when);
      print_scalar(name, shown);
      json_decref(shown);
    } else if (!json_is_null(value)) {
      print_scalar(name, value);
    }
  }
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* Says on stderr what the daemon refused. */
static int refused(const char *answer) {
  (void)fprintf(stderr, "wakupeers: %s\n", answer);
  return EXIT_FAILED;
}

static int print_answer(const app_options *options, const char *answer,
                        void (*print)(const json_t *value)) {
  json_error_t error;
  json_t *value = json_loads(answer, 0, &error);
  if (!value) {
    (void)fprintf(stderr, "wakupeers: the daemon's answer is not JSON: %s\n", error.text);
    return EXIT_FAILED;
  }
  (options->json ? print_json : print)(value);
  json_decref(value);
  return EXIT_DONE;
}

static int get(const app_options *options, const rest_client *client, const char *path,
               void (*print)(const json_t *value)) {
  char *answer = NULL;
  long status = 0;
  int result = client_call(client, "GET", path, NULL, &answer, &status);
  if (result == EXIT_DONE) {
    result = status == 200 ? print_answer(options, answer, print) : refused(answer);
  }
  free(answer);
  return result;
}

/* A call that changes something. What is printed is said once it is done. */
static int change(const app_options *options, const rest_client *client, const char *method,
                  const char *path, const char *body, const char *done) {
  char *answer = NULL;
  long status = 0;
  int result = client_call(client, method, path, body, &answer, &status);
  if (result == EXIT_DONE && status != 200) {
    result = refused(answer);
  }
  if (result == EXIT_DONE && options->json) {
    json_t *object = json_pack("{s:s}", "result", done);
    (void)json_dumpf(object, stdout, 0);
    (void)fputc('\n', stdout);
    json_decref(object);
  } else if (result == EXIT_DONE) {
    (void)puts(done);
  }
  free(answer);
  return result;
}

static int add(const app_options *options, const rest_client *client, const char *word) {
  json_t *list = json_pack("[s]", word);
  char *body = list ? json_dumps(list, 0) : NULL;
  json_decref(list);
  if (!body) {
    (void)fputs("wakupeers: MULTIADDR must be UTF-8 text\n", stderr);
    return EXIT_USAGE;
  }
  char *answer = NULL;
  long status = 0;
  int result = client_call(client, "POST", "/admin/v1/peers", body, &answer, &status);
  if (result == EXIT_DONE && status != 200) {
    bool kept = strncmp(answer, "Failed to connect", 17) == 0;
    result = refused(answer);
    if (kept) {
      (void)fputs("wakupeers: the peer is kept, and will be tried again\n", stderr);
    }
  } else if (result == EXIT_DONE) {
    (void)puts(options->json ? "{\"result\": \"connected\"}" : "connected");
  }
  free(answer);
  free(body);
  return result;
}

/* A peer id as it goes into a path: only what ids are made of. */
static bool is_id(const char *word) {
  size_t len = strspn(word, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_");
  return len > 0 && word[len] == '\0' && len < WPM_PEER_ID_TEXT;
}

static int of_one(const app_options *options, const rest_client *client, const char *verb,
                  const char *id) {
  char path[WPM_PEER_ID_TEXT + 64];
  if (!is_id(id)) {
    (void)fprintf(stderr, "wakupeers: \"%s\" is not a peer id\n", id);
    return EXIT_USAGE;
  }
  (void)snprintf(path, sizeof path, "/admin/v1/peer/%s", id);
  if (strcmp(verb, "show") == 0) {
    return get(options, client, path, print_peer);
  }
  if (strcmp(verb, "remove") == 0) {
    return change(options, client, "DELETE", path, NULL, "removed");
  }
  (void)snprintf(path, sizeof path, "/admin/v1/peer/%s/%s", id, verb);
  return change(options, client, "POST", path, "{}",
                strcmp(verb, "connect") == 0 ? "connected" : "disconnected");
}

static int run(const app_options *options, int count, char **words) {
  static const char *const verbs[] = {"show", "remove", "connect", "disconnect"};
  rest_client client;
  const char *verb = count > 0 ? words[0] : "list";
  bool known = count <= 1 && strcmp(verb, "list") == 0;
  for (size_t i = 0; count == 2 && i < sizeof verbs / sizeof *verbs; i++) {
    known = known || strcmp(verb, verbs[i]) == 0;
  }
  known = known || (count == 2 && strcmp(verb, "add") == 0);
  if (!known) {
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
  }
  int result = client_find(&client, options);
  if (result != EXIT_DONE) {
    return result;
  }
  if (strcmp(verb, "list") == 0) {
    return get(options, &client, "/admin/v1/peers", print_list);
  }
  return strcmp(verb, "add") == 0 ? add(options, &client, words[1])
                                  : of_one(options, &client, verb, words[1]);
}

int command_peers(int argc, char **argv) {
  app_options options;
  int words = argc;
  int result = options_read(FOR_PEERS, argc, argv, &options, &words);
  if (result == EXIT_DONE && options.help) {
    (void)fputs(usage, stdout);
    options_print(FOR_PEERS, stdout);
  } else if (result == EXIT_DONE) {
    result = run(&options, argc - words, argv + words);
  }
  options_free(&options);
  return result;
}
