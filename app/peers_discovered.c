#include "peers_discovered.h"

#include <stdlib.h>
#include <string.h>

int peers_discovered_check(const app_options *options) {
  wpm_peer_id id;
  wpm_error error = {.text = ""};
  const char *teller = options->told_by;
  if (!options->source) {
    return complain(EXIT_USAGE, "peers discovered takes --source: peer_exchange, discv5 or dns");
  }
  return !teller || wpm_peer_id_parse((wpm_text){teller, strlen(teller)}, &id, &error) == WPM_OK
             ? EXIT_DONE
             : complain(EXIT_USAGE, "--told-by: %s", error.text);
}

/* The daemon's words for its rules, in full; any other reason is a sentence. */
static const char *left_out_since(const char *why) {
  static const char *const rules[][2] = {
      {"per_source",
       "of those that the teller, or its network, told of, as many are untried as may be"},
      {"per_network", "of its network, as many that others told of are untried as may be"},
      {"discouraged", "the teller's score is too low"}};
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    if (strcmp(rules[i][0], why) == 0) {
      return rules[i][1];
    }
  }
  return why;
}

/* The one entry of the answer. */
static int say_taken(const daemon_call *call, const json_t *entry) {
  const char *why = json_string_value(json_array_get(json_object_get(entry, "skipped"), 0));
  if (call->options->json) {
    (void)json_dumpf(entry, stdout, JSON_INDENT(2));
    (void)fputc('\n', stdout);
  }
  if (!json_is_true(json_object_get(entry, "taken"))) {
    return complain(EXIT_FAILED, "left out: %s", left_out_since(why ? why : "?"));
  }
  if (json_is_false(json_object_get(entry, "durable"))) {
    return complain(EXIT_FAILED, "taken in, but not on disk: %s", answer_text(entry, "storage"));
  }
  if (!call->options->json) {
    (void)puts("taken in");
  }
  return EXIT_DONE;
}

int peers_discovered(const daemon_call *call, const char *address) {
  json_t *list = json_pack("[{s:s, s:s, s:s?}]", "multiaddr", address, "source",
                           call->options->source, "toldBy", call->options->told_by);
  char *body = list ? json_dumps(list, 0) : NULL;
  json_decref(list);
  char *answer = NULL;
  long status = 0;
  int result = body ? client_call(&call->client, "POST", "/admin/v1/peers/discovered", body,
                                  &answer, &status)
                    : complain_no_memory();
  if (result == EXIT_DONE && status != 200) {
    result = complain(EXIT_FAILED, "%s", answer);
  } else if (result == EXIT_DONE) {
    json_t *entries = json_loads(answer, 0, NULL);
    result = say_taken(call, json_array_get(entries, 0));
    json_decref(entries);
  }
  free(answer);
  free(body);
  return result;
}
