#include "commands.h"

#include "answer.h"
#include "client.h"
#include "json_peer.h"
#include "options.h"
#include "peers_discovered.h"
#include "table.h"
#include "text.h"

#include <wakupeers/types.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: wakupeers peers [VERB] [OPTION ...]\n\n"
    "  list            list a running daemon's peers; also without a verb\n"
    "  show ID         show one\n"
    "  add MULTIADDR   add one and connect to it now; it is kept in any case\n"
    "  discovered MULTIADDR\n"
    "                  hand in what a discovery of yours found, by which --source\n"
    "                  and --told-by which peer; it is a candidate as others are\n"
    "  connect ID      connect to it now\n"
    "  disconnect ID   disconnect it, until a person connects it again\n"
    "  remove ID       disconnect and forget it\n"
    "  ban ID          disconnect it and refuse it, --for a time or for good\n"
    "  unban ID        not any more\n"
    "  ban RANGE       the same of whoever is at an address of it, as 10.0.0.0/8\n"
    "  unban RANGE     not any more\n"
    "  ranges          list the banned ranges\n"
    "  protect ID      keep it whatever newcomer comes; owners name their --tag\n"
    "  unprotect ID    not any more, as far as that tag goes\n\n"
    "The daemon is found by --data-dir, or by --rest-address and --rest-port.\n\n";

#define AGENT_SHOWN 32
#define PATH_ROOM (WPM_PEER_ID_TEXT + 64)

/* ---- printing -------------------------------------------------------------------------------- */

static void print_list(const json_t *peers) {
  static const char *const heads[] = {"PEER ID", "STATE", "REASON", "AGENT",
                                      "RTT",     "LAST",  "NEXT",   "HELD BACK BY"};
  text_table *rows = table_new(heads, sizeof heads / sizeof *heads);
  for (size_t i = 0; rows && i < json_array_size(peers); i++) {
    const json_t *peer = json_array_get(peers, i);
    char rtt[32] = "";
    char last[32];
    char next[32];
    char agent[AGENT_SHOWN + 1];
    const json_t *value = json_object_get(peer, "rttMs");
    (void)snprintf(agent, sizeof agent, "%s", answer_text(peer, "agent"));
    bool connected = strcmp(answer_text(peer, "connected"), "Connected") == 0;
    if (json_is_number(value)) {
      (void)snprintf(rtt, sizeof rtt, "%.1f ms", json_number_value(value));
    }
    answer_relative(json_object_get(peer, connected ? "connectedTime" : "disconnectTime"), last,
                    sizeof last);
    answer_relative(json_object_get(peer, "nextDial"), next, sizeof next);
    const char *cells[] = {answer_text(peer, "peerId"),
                           answer_text(peer, "connected"),
                           connected ? "" : answer_text(peer, "reason"),
                           agent,
                           rtt,
                           last,
                           next,
                           connected ? "" : answer_text(peer, "heldBackBy")};
    table_add(rows, cells);
  }
  if (rows) {
    table_print(rows, stdout);
  }
  table_free(rows);
}

static void print_ranges(const json_t *ranges) {
  static const char *const heads[] = {"RANGE", "BANNED UNTIL"};
  text_table *rows = table_new(heads, sizeof heads / sizeof *heads);
  for (size_t i = 0; rows && i < json_array_size(ranges); i++) {
    const json_t *range = json_array_get(ranges, i);
    char end[32] = "for good";
    const json_t *until = json_object_get(range, "bannedUntil");
    if (!json_is_null(until)) {
      answer_relative(until, end, sizeof end);
    }
    const char *cells[] = {answer_text(range, "range"), end};
    table_add(rows, cells);
  }
  if (rows) {
    table_print(rows, stdout);
  }
  table_free(rows);
}

static void print_scalar(const char *name, const json_t *value) {
  char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_DIGITS);
  answer_print_line(name, json_is_string(value) ? json_string_value(value) : text);
  free(text);
}

/* By its name: what it is in JSON, a whole number, may be anything. */
static bool is_time(const char *name) {
  static const char *const names[] = {
      "disconnectTime", "connectedTime", "lastFailure", "lastSuccess", "firstSeen",
      "lastSeen",       "expires",       "bannedUntil", "nextDial",    "since"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(names[i], name) == 0) {
      return true;
    }
  }
  return false;
}

/* Text says by itself what it is; other values stand behind their names. */
static void print_entry(const char *name, const json_t *entry) {
  char line[2048];
  size_t len = 0;
  const char *key = NULL;
  json_t *value = NULL;
  line[0] = '\0';
  json_object_foreach((json_t *)(uintptr_t)entry, key, value) {
    char when[32] = "";
    bool is_text = json_is_string(value);
    char *dumped = is_text ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_DIGITS);
    const char *text = is_text ? json_string_value(value) : dumped;
    if (is_time(key)) {
      answer_relative(value, when, sizeof when);
      text = when;
    }
    if (text && !json_is_null(value) && len < sizeof line) {
      int more = snprintf(line + len, sizeof line - len, "%s%s%s%s", len > 0 ? ", " : "",
                          is_text ? "" : key, is_text ? "" : " ", text);
      len += more > 0 ? (size_t)more : 0;
    }
    free(dumped);
  }
  answer_print_line(name, line);
}

static void print_peer(const json_t *peer) {
  const char *name = NULL;
  json_t *value = NULL;
  json_object_foreach((json_t *)(uintptr_t)peer, name, value) {
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
    } else if (json_is_integer(value) && is_time(name)) {
      answer_relative(value, when, sizeof when);
      answer_print_line(name, when);
    } else if (!json_is_null(value)) {
      print_scalar(name, value);
    }
  }
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void say_done(const app_options *options, const char *done) {
  (void)printf(options->json ? "{\"result\": \"%s\"}\n" : "%s\n", done);
}

/* A call that changes something; `done` is what it did. */
static int change(const daemon_call *call, const char *method, const char *path, const char *body,
                  const char *done) {
  char *answer = NULL;
  long status = 0;
  int result = client_call(&call->client, method, path, body, &answer, &status);
  if (result == EXIT_DONE && status != 200) {
    result = complain(EXIT_FAILED, "%s", answer);
  } else if (result == EXIT_DONE) {
    say_done(call->options, done);
  }
  free(answer);
  return result;
}

/* The path of a peer's calls. */
static void path_of(const wpm_peer_id *id, const char *verb, char *out, size_t cap) {
  char text[WPM_PEER_ID_TEXT] = "";
  (void)!wpm_peer_id_format(wpm_peer_id_view(id), text, sizeof text, NULL);
  (void)snprintf(out, cap, "/admin/v1/peer/%s%s%s", text, *verb ? "/" : "", verb);
}

/* After an add that did not connect: says whether the peer is kept, and when it is tried again. */
static void say_kept(const daemon_call *call, const wpm_peer_id *id) {
  char path[PATH_ROOM];
  char next[32] = "";
  char *answer = NULL;
  long status = 0;
  path_of(id, "", path, sizeof path);
  if (client_call(&call->client, "GET", path, NULL, &answer, &status) == EXIT_DONE &&
      status == 200) {
    json_t *peer = json_loads(answer, 0, NULL);
    answer_relative(json_object_get(peer, "nextDial"), next, sizeof next);
    (void)complain(EXIT_FAILED, "the peer is kept, and will be tried again%s%s", *next ? " " : "",
                   next);
    json_decref(peer);
  }
  free(answer);
}

static int add(const daemon_call *call, const char *address, const wpm_peer_id *id) {
  json_t *list = json_pack("[s]", address);
  char *body = list ? json_dumps(list, 0) : NULL;
  json_decref(list);
  char *answer = NULL;
  long status = 0;
  int result = body ? client_call(&call->client, "POST", "/admin/v1/peers", body, &answer, &status)
                    : complain_no_memory();
  if (result == EXIT_DONE && status != 200) {
    result = complain(EXIT_FAILED, "%s", answer);
    if (status == 400) { /* Not where it is connected, and only the disk did not take it. */
      say_kept(call, id);
    }
  } else if (result == EXIT_DONE) {
    say_done(call->options, "connected");
  }
  free(answer);
  free(body);
  return result;
}

/* What the POST of a verb says; `range` NULL: of a peer. */
static char *body_of(const app_options *options, const char *verb, const char *range) {
  json_t *body = json_object();
  if (range) {
    (void)json_object_set_new(body, "range", json_string(range));
  }
  if ((strcmp(verb, "ban") == 0 || strcmp(verb, "protect") == 0) && options->for_ns > 0) {
    int64_t ms = options->for_ns / WPM_MILLISECOND;
    (void)json_object_set_new(body, "forMs", json_integer(ms > 0 ? ms : 1));
  }
  if (strstr(verb, "protect") && options->tag) {
    (void)json_object_set_new(body, "tag", json_string(options->tag));
  }
  char *text = json_dumps(body, 0);
  json_decref(body);
  return text;
}

static const char *done_by(const char *verb) {
  static const char *const words[][2] = {{"connect", "connected"}, {"disconnect", "disconnected"},
                                         {"ban", "banned"},        {"unban", "not banned"},
                                         {"protect", "protected"}, {"unprotect", "not protected"}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (strcmp(words[i][0], verb) == 0) {
      return words[i][1];
    }
  }
  return "done";
}

static int of_one(const daemon_call *call, const char *verb, const wpm_peer_id *id) {
  char path[PATH_ROOM];
  bool is_show = strcmp(verb, "show") == 0;
  bool is_remove = strcmp(verb, "remove") == 0;
  path_of(id, is_show || is_remove ? "" : verb, path, sizeof path);
  if (is_show) {
    return answer_get(call, path, print_peer);
  }
  if (is_remove) {
    return change(call, "DELETE", path, NULL, "removed");
  }
  char *body = body_of(call->options, verb, NULL);
  int result = body ? change(call, "POST", path, body, done_by(verb)) : complain_no_memory();
  free(body);
  return result;
}

static int of_range(const daemon_call *call, const char *verb, const char *range) {
  bool is_ban = strcmp(verb, "ban") == 0;
  char *body = body_of(call->options, verb, range);
  int result =
      body ? change(call, "POST", is_ban ? "/admin/v1/ranges/ban" : "/admin/v1/ranges/unban", body,
                    done_by(verb))
           : complain_no_memory();
  free(body);
  return result;
}

/* ---- the command ----------------------------------------------------------------------------- */

static const struct {
  const char *name;
  const char *takes;      /* NULL: nothing. */
  const char *options[2]; /* Those of its own. */
} verbs[] = {{"list", NULL, {NULL}},
             {"show", "a peer id", {NULL}},
             {"add", "a multiaddr", {NULL}},
             {"discovered", "a multiaddr", {"source", "told-by"}},
             {"connect", "a peer id", {NULL}},
             {"disconnect", "a peer id", {NULL}},
             {"remove", "a peer id", {NULL}},
             {"ban", "a peer id, or a range of addresses", {"for"}},
             {"unban", "a peer id, or a range of addresses", {NULL}},
             {"ranges", NULL, {NULL}},
             {"protect", "a peer id", {"for", "tag"}},
             {"unprotect", "a peer id", {"tag"}}};

static bool has_option(size_t verb, const char *name) {
  for (size_t i = 0; i < 2; i++) {
    if (verbs[verb].options[i] && strcmp(verbs[verb].options[i], name) == 0) {
      return true;
    }
  }
  return false;
}

/* Nothing that is asked for on the line is passed over. The environment may say it for all. */
static int check_line(const app_options *options, const char *verb) {
  static const char *const some[] = {"for", "tag", "source", "told-by"};
  size_t at = 0;
  while (strcmp(verbs[at].name, verb) != 0) {
    at++;
  }
  for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
    if (options_on_line(options, some[i]) && !has_option(at, some[i])) {
      return complain(EXIT_USAGE, "peers %s takes no --%s; see wakupeers peers --help", verb,
                      some[i]);
    }
  }
  return strcmp(verb, "discovered") == 0 ? peers_discovered_check(options) : EXIT_DONE;
}

/* EXIT_DONE where the words make a call. */
static int check_words(int count, char **words) {
  for (size_t i = 0; count > 0 && i < sizeof verbs / sizeof *verbs; i++) {
    if (strcmp(words[0], verbs[i].name) != 0) {
      continue;
    }
    if (count == (verbs[i].takes ? 2 : 1)) {
      return EXIT_DONE;
    }
    return complain(EXIT_USAGE, "peers %s takes %s; see wakupeers peers --help", verbs[i].name,
                    verbs[i].takes ? verbs[i].takes : "no more words");
  }
  return count == 0 ? EXIT_DONE
                    : complain(EXIT_USAGE, "peers has no verb \"%s\"; see wakupeers peers --help",
                               words[0]);
}

/* The peer that the word behind `verb` names. */
static int read_peer(const char *verb, const char *word, wpm_peer_id *id) {
  wpm_multiaddr address;
  wpm_bytes transport;
  wpm_bytes peer = {0};
  wpm_error error = {.text = "it has no /p2p/PEER-ID behind an address"};
  wpm_text text = {word, strlen(word)};
  if (strcmp(verb, "add") != 0 && strcmp(verb, "discovered") != 0) {
    return wpm_peer_id_parse(text, id, &error) == WPM_OK ? EXIT_DONE
                                                         : complain(EXIT_USAGE, "%s", error.text);
  }
  if (wpm_multiaddr_parse(text, &address, &error) == WPM_OK &&
      wpm_multiaddr_split_peer(wpm_multiaddr_view(&address), &transport, &peer) == WPM_OK &&
      transport.len > 0 && peer.len > 0 && wpm_peer_id_from_bytes(peer, id) == WPM_OK) {
    return EXIT_DONE;
  }
  return complain(EXIT_USAGE,
                  "\"%s\": %s; %s takes a multiaddr such as "
                  "/ip4/127.0.0.1/tcp/60000/p2p/PEER-ID",
                  word, error.text, verb);
}

/* A peer id is never a range. */
static bool is_range(const char *verb, const char *word) {
  wpm_ip_range range;
  return (strcmp(verb, "ban") == 0 || strcmp(verb, "unban") == 0) &&
         wpm_ip_range_parse((wpm_text){word, strlen(word)}, &range) == WPM_OK;
}

static int run(const app_options *options, int count, char **words) {
  daemon_call call = {.options = options};
  const char *verb = count > 0 ? words[0] : "list";
  wpm_peer_id id = {0};
  int result = check_words(count, words);
  if (result == EXIT_DONE) {
    result = check_line(options, verb);
  }
  bool of_a_range = result == EXIT_DONE && count > 1 && is_range(verb, words[1]);
  if (result == EXIT_DONE && count > 1 && !of_a_range) {
    result = read_peer(verb, words[1], &id);
  }
  if (result == EXIT_DONE) {
    result = client_find(&call.client, options);
  }
  if (result != EXIT_DONE) {
    return result;
  }
  if (strcmp(verb, "list") == 0) {
    return answer_get(&call, "/admin/v1/peers", print_list);
  }
  if (strcmp(verb, "ranges") == 0) {
    return answer_get(&call, "/admin/v1/ranges/banned", print_ranges);
  }
  if (of_a_range) {
    return of_range(&call, verb, words[1]);
  }
  return strcmp(verb, "add") == 0          ? add(&call, words[1], &id)
         : strcmp(verb, "discovered") == 0 ? peers_discovered(&call, words[1])
                                           : of_one(&call, verb, &id);
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
