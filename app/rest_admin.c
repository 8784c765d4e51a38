#include "rest.h"

#include "json_peer.h"
#include "log.h"
#include "rest_list.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const wpm_store *store_of(const rest_service *rest) {
  return wpm_manager_store(wpm_node_manager(rest->node));
}

/* ---- listings -------------------------------------------------------------------------------- */

/* Waku's service protocols (field for /peers/service). */
static bool is_service(const char *protocol) {
  static const char *const codecs[] = {"/vac/waku/store-query/3.0.0",
                                       "/vac/waku/store/2.0.0-beta4",
                                       "/vac/waku/filter-subscribe/2.0.0-beta1",
                                       "/vac/waku/filter-push/2.0.0-beta1",
                                       "/vac/waku/lightpush/3.0.0",
                                       "/vac/waku/lightpush/2.0.0-beta1",
                                       "/vac/waku/peer-exchange/2.0.0-alpha1",
                                       "/vac/waku/reconciliation/1.0.0",
                                       "/vac/waku/transfer/1.0.0",
                                       "/vac/waku/rendezvous/1.0.0"};
  for (size_t i = 0; i < sizeof codecs / sizeof *codecs; i++) {
    if (strcmp(protocol, codecs[i]) == 0) {
      return true;
    }
  }
  return false;
}

/* Leaves a peer its service protocols. False: it has none. */
static bool keep_services(json_t *peer) {
  json_t *protocols = json_object_get(peer, "protocols");
  for (size_t i = json_array_size(protocols); i-- > 0;) {
    if (!is_service(json_string_value(json_array_get(protocols, i)))) {
      (void)json_array_remove(protocols, i);
    }
  }
  return json_array_size(protocols) > 0;
}

/* A listing that is being sent. A peer that comes or goes meanwhile may be in it or not. */
typedef struct listing {
  const rest_service *rest;
  wpm_term terms[2]; /* Which peers; terms that are not used ask for any. */
  bool services;     /* Only peers with service protocols, and of those only these. */
  uint64_t cursor;
} listing;

static json_t *next_peer(void *state, bool *is_over) {
  listing *list = state;
  const wpm_store *store = store_of(list->rest);
  wpm_query query = {list->terms, sizeof list->terms / sizeof *list->terms};
  wpm_peer_record record;
  wpm_peer_ref ref;
  size_t found;
  while (wpm_store_query_page(store, &query, &list->cursor, &ref, 1, &found) == WPM_OK &&
         found > 0 && wpm_store_at(store, ref, &record) == WPM_OK) {
    json_t *peer = json_peer(list->rest->node, &record);
    if (!peer || !list->services || keep_services(peer)) {
      return peer;
    }
    json_decref(peer);
  }
  *is_over = true;
  return NULL;
}

static const wpm_term connected = {.kind = WPM_TERM_CONNECTIVITY, .number = WPM_CONNECTED};
static const wpm_term any = {.kind = WPM_TERM_ALL};

static void answer_listing(const rest_service *rest, http_request *request, wpm_term one,
                           wpm_term two, bool services) {
  listing *list = calloc(1, sizeof *list);
  if (list) {
    *list = (listing){.rest = rest, .terms = {one, two}, .services = services};
  }
  rest_answer_list(request, next_peer, list);
}

static void get_peers(rest_service *rest, http_request *request, const char *word) {
  (void)word;
  answer_listing(rest, request, any, any, false);
}

static void get_connected(rest_service *rest, http_request *request, const char *word) {
  (void)word;
  answer_listing(rest, request, connected, any, false);
}

static void get_service(rest_service *rest, http_request *request, const char *word) {
  (void)word;
  answer_listing(rest, request, any, any, true);
}

/* Reads the shard in the path; answers where it is none. */
static bool read_shard(http_request *request, const char *word, uint16_t *shard) {
  uint64_t value = 0;
  if (!text_to_number(word, 0, UINT16_MAX, &value)) {
    rest_answer_text(request, 400, "Invalid shardId: %.40s; it takes 0 to 65535", word);
    return false;
  }
  *shard = (uint16_t)value;
  return true;
}

static void get_connected_on(rest_service *rest, http_request *request, const char *word) {
  uint16_t shard;
  if (read_shard(request, word, &shard)) {
    wpm_term of_shard = {.kind = WPM_TERM_SHARD, .number = shard};
    answer_listing(rest, request, connected, of_shard, false);
  }
}

/* ---- what this node does not do -------------------------------------------------------------- */

static void no_relay(rest_service *rest, http_request *request, const char *word) {
  uint16_t shard = 0;
  (void)rest;
  if (*word == '\0' || read_shard(request, word, &shard)) {
    rest_answer_text(request, 503, "Error: Relay Protocol is not mounted to the node");
  }
}

static void no_filter(rest_service *rest, http_request *request, const char *word) {
  (void)rest;
  (void)word;
  rest_answer_text(request, 400, "Error: Filter Protocol is not mounted to the node");
}

/* ---- counting -------------------------------------------------------------------------------- */

static json_t *count_connectivity(const rest_service *rest) {
  json_t *counts = json_object();
  for (unsigned i = 0; i < WPM_CONNECTIVITY_COUNT; i++) {
    wpm_term state = {.kind = WPM_TERM_CONNECTIVITY, .number = i};
    size_t count = 0;
    if (wpm_store_query_count(store_of(rest), &(wpm_query){&state, 1}, &count) != WPM_OK) {
      json_decref(counts);
      return NULL;
    }
    (void)json_object_set_new(counts, wpm_connectivity_name((wpm_connectivity)i),
                              json_integer((json_int_t)count));
  }
  return counts;
}

static void add_one(json_t *counts, json_t *key) {
  const char *name = json_string_value(key);
  if (name) {
    (void)json_object_set_new(counts, name,
                              json_integer(json_integer_value(json_object_get(counts, name)) + 1));
  }
  json_decref(key);
}

/* The protocols that nwaku always names, also where nobody speaks them. */
static json_t *no_peers_yet(void) {
  static const char *const named[] = {"/vac/waku/relay/2.0.0",
                                      "/vac/waku/filter-subscribe/2.0.0-beta1",
                                      "/vac/waku/filter-push/2.0.0-beta1",
                                      "/vac/waku/store-query/3.0.0",
                                      "/vac/waku/store/2.0.0-beta4",
                                      "/vac/waku/lightpush/3.0.0",
                                      "/vac/waku/lightpush/2.0.0-beta1",
                                      "/vac/waku/peer-exchange/2.0.0-alpha1",
                                      "/vac/waku/reconciliation/1.0.0"};
  json_t *counts = json_object();
  for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
    (void)json_object_set_new(counts, named[i], json_integer(0));
  }
  return counts;
}

/* Counts each protocol's peers, by the store's own index. */
static void count_protocols(const wpm_store *store, json_t *counts) {
  wpm_text protocol;
  uint64_t cursor = 0;
  size_t peers;
  while (wpm_store_next_protocol(store, &cursor, &protocol, &peers) == WPM_OK) {
    json_t *key = json_text(protocol);
    const char *name = json_string_value(key);
    if (name && peers > 0) {
      (void)json_object_set_new(counts, name, json_integer((json_int_t)peers));
    }
    json_decref(key);
  }
}

/* Counts connected relay peers by shard; returns how many there are. */
static json_int_t count_relay_peers(const wpm_store *store, json_t *shards) {
  const wpm_term terms[] = {connected, {.kind = WPM_TERM_RELAY}};
  wpm_query query = {terms, sizeof terms / sizeof *terms};
  wpm_peer_record record;
  wpm_peer_ref ref;
  uint64_t cursor = 0;
  size_t found;
  json_int_t relay = 0;
  while (wpm_store_query_page(store, &query, &cursor, &ref, 1, &found) == WPM_OK && found > 0 &&
         wpm_store_at(store, ref, &record) == WPM_OK) {
    relay++;
    for (size_t i = 0; i < record.shard_count; i++) {
      add_one(shards, json_sprintf("%u", (unsigned)record.shards[i]));
    }
  }
  return relay;
}

static void get_stats(rest_service *rest, http_request *request, const char *word) {
  (void)word;
  json_t *protocols = no_peers_yet();
  json_t *shards = json_object();
  count_protocols(store_of(rest), protocols);
  json_int_t relay = count_relay_peers(store_of(rest), shards);
  (void)json_object_set_new(shards, "Total relay peers", json_integer(relay));
  rest_answer_json(request, 200,
                   json_pack("{s:{s:I}, s:o, s:o, s:{s:I}, s:o}", "Sum", "Total peers",
                             (json_int_t)wpm_store_count(store_of(rest)), "By Connectedness",
                             count_connectivity(rest), "Relay peers", shards, "Mesh peers",
                             "Total mesh peers", (json_int_t)0, "By Protocols", protocols));
}

/* ---- one peer -------------------------------------------------------------------------------- */

bool rest_read_peer(http_request *request, const char *word, wpm_peer_id *id) {
  wpm_error error;
  if (wpm_peer_id_parse((wpm_text){word, strlen(word)}, id, &error) == WPM_OK) {
    return true;
  }
  rest_answer_text(request, 400, "Invalid argument: %s", error.text);
  return false;
}

void rest_not_held(http_request *request, const char *word) {
  rest_answer_text(request, 404, "Peer with ID %.120s not found", word);
}

static void get_peer(rest_service *rest, http_request *request, const char *word) {
  wpm_peer_id id;
  wpm_peer_record record;
  if (!rest_read_peer(request, word, &id)) {
    return;
  }
  if (wpm_store_get(store_of(rest), wpm_peer_id_view(&id), &record) != WPM_OK) {
    rest_not_held(request, word);
    return;
  }
  rest_answer_json(request, 200, json_peer(rest->node, &record));
}

static void is_durable(void *user, bool durable) {
  http_request *request = user;
  const rest_service *rest = http_user(request);
  wpm_node_status status;
  wpm_node_get_status(rest->node, &status);
  if (durable || !status.persistent) {
    rest_answer_text(request, 200, "OK");
  } else {
    char why[REST_STORAGE_TEXT];
    rest_storage_text(&status, why);
    rest_answer_text(request, 503, "done, but not on disk: %s", why);
  }
}

void rest_answer_when_durable(http_request *request) {
  const rest_service *rest = http_user(request);
  http_wait(request);
  if (wpm_node_when_durable(rest->node, is_durable, request) != WPM_OK) {
    is_durable(request, false);
  }
}

static void delete_peer(rest_service *rest, http_request *request, const char *word) {
  wpm_peer_id id;
  if (!rest_read_peer(request, word, &id)) {
    return;
  }
  if (wpm_node_remove(rest->node, wpm_peer_id_view(&id)) == WPM_OK) {
    rest_answer_when_durable(request);
  } else {
    rest_not_held(request, word);
  }
}

static void post_disconnect(rest_service *rest, http_request *request, const char *word) {
  wpm_peer_id id;
  if (!rest_read_peer(request, word, &id)) {
    return;
  }
  if (wpm_node_disconnect(rest->node, wpm_peer_id_view(&id)) == WPM_OK) {
    rest_answer_when_durable(request);
  } else {
    rest_not_held(request, word);
  }
}

/* Why an attempt failed, in one line for a person. */
static void describe_attempt(const wpm_attempt *attempt, char *out, size_t cap) {
  (void)snprintf(out, cap, "%s at %s%s%s", wpm_reason_name(attempt->reason),
                 wpm_step_name(attempt->step), attempt->detail[0] ? ": " : "", attempt->detail);
}

static void connect_ended(void *user, wpm_bytes peer, const wpm_attempt *attempt) {
  http_request *request = user;
  char why[300];
  (void)peer;
  if (attempt->err == WPM_OK) {
    rest_answer_when_durable(request);
    return;
  }
  describe_attempt(attempt, why, sizeof why);
  rest_answer_text(request, attempt->err == WPM_ERR_FULL ? 503 : 502, "Failed to connect: %s", why);
}

static void post_connect(rest_service *rest, http_request *request, const char *word) {
  wpm_peer_id id;
  if (!rest_read_peer(request, word, &id)) {
    return;
  }
  http_wait(request);
  int err = wpm_node_connect(rest->node, wpm_peer_id_view(&id), connect_ended, request);
  if (err == WPM_ERR_NOT_FOUND) {
    rest_not_held(request, word);
  } else if (err != WPM_OK) {
    rest_answer_text(request, 500, "%s", wpm_strerror(err));
  }
}

/* ---- adding ---------------------------------------------------------------------------------- */

/* One POST of multiaddrs. */
typedef struct addition {
  http_request *request;
  json_t *addresses;
  size_t count;
  size_t pending; /* Attempts not ended, and one while they are being started. */
  size_t failed;  /* Least index that failed; `count`: none. */
  char why[300];  /* Why that one failed. */
  struct added {
    struct addition *owner;
    size_t index;
  } * peers;
} addition;

static void finish_addition(addition *add) {
  if (--add->pending > 0) {
    return;
  }
  if (add->failed < add->count) {
    rest_answer_text(add->request, 400, "Failed to connect to peer at index: %zu - %.200s (%s)",
                     add->failed, json_string_value(json_array_get(add->addresses, add->failed)),
                     add->why);
  } else {
    rest_answer_when_durable(add->request);
  }
  json_decref(add->addresses);
  free(add->peers);
  free(add);
}

static void fail_addition(addition *add, size_t index, const char *why) {
  if (index < add->failed) {
    add->failed = index;
    (void)snprintf(add->why, sizeof add->why, "%s", why);
  }
}

static void added_ended(void *user, wpm_bytes peer, const wpm_attempt *attempt) {
  const struct added *added = user;
  addition *add = added->owner;
  char why[300];
  (void)peer;
  if (attempt->err != WPM_OK) {
    describe_attempt(attempt, why, sizeof why);
    fail_addition(add, added->index, why);
  }
  finish_addition(add);
}

/* Checks every address before any is added. Answers where one is wrong. */
static bool check_addresses(http_request *request, const json_t *addresses) {
  for (size_t i = 0; i < json_array_size(addresses); i++) {
    const json_t *item = json_array_get(addresses, i);
    wpm_multiaddr address;
    wpm_bytes transport;
    wpm_bytes peer;
    wpm_error error = {.text = "it must be a string"};
    if (!json_is_string(item) ||
        wpm_multiaddr_parse((wpm_text){json_string_value(item), json_string_length(item)}, &address,
                            &error) != WPM_OK) {
      rest_answer_text(request, 400, "Couldn't parse remote peer info: %s", error.text);
      return false;
    }
    if (wpm_multiaddr_split_peer(wpm_multiaddr_view(&address), &transport, &peer) != WPM_OK ||
        peer.len == 0 || transport.len == 0) {
      rest_answer_text(request, 400,
                       "Couldn't parse remote peer info: %.400s names no peer: give it as "
                       "/ip4/ADDRESS/tcp/PORT/p2p/PEER-ID",
                       json_string_value(item));
      return false;
    }
  }
  return true;
}

static void start_addition(rest_service *rest, addition *add) {
  for (size_t i = 0; i < add->count; i++) {
    const json_t *item = json_array_get(add->addresses, i);
    struct added *added = &add->peers[i];
    wpm_error error;
    *added = (struct added){.owner = add, .index = i};
    wpm_text address = {json_string_value(item), json_string_length(item)};
    add->pending++;
    if (wpm_node_add_and_connect(rest->node, address, added_ended, added, &error) != WPM_OK) {
      add->pending--;
      fail_addition(add, i, error.text);
    }
  }
}

static void post_peers(rest_service *rest, http_request *request, const char *word) {
  (void)word;
  size_t len = 0;
  const char *body = http_body(request, &len);
  json_error_t error;
  json_t *addresses = json_loadb(body, len, JSON_REJECT_DUPLICATES, &error);
  if (!json_is_array(addresses)) {
    rest_answer_text(request, 400, "Failed to decode request: %s",
                     addresses ? "it must be [\"multiaddr\", ...]" : error.text);
    json_decref(addresses);
    return;
  }
  if (!check_addresses(request, addresses)) {
    json_decref(addresses);
    return;
  }
  addition *add = calloc(1, sizeof *add);
  struct added *peers = calloc(json_array_size(addresses) + 1, sizeof *peers);
  if (!add || !peers) {
    free(add);
    free(peers);
    json_decref(addresses);
    rest_answer_text(request, 500, "Out of memory");
    return;
  }
  add->request = request;
  add->addresses = addresses;
  add->peers = peers;
  add->count = add->failed = json_array_size(addresses);
  add->pending = 1;
  http_wait(request);
  start_addition(rest, add);
  finish_addition(add);
}

static void post_log_level(rest_service *rest, http_request *request, const char *word) {
  (void)rest;
  if (log_set_level(word)) {
    rest_answer_text(request, 200, "OK");
  } else {
    rest_answer_text(request, 400,
                     "Invalid log-level: %.40s. Please specify one of TRACE, DEBUG, INFO, NOTICE, "
                     "WARN, ERROR or FATAL",
                     word);
  }
}

/* ---- routes ---------------------------------------------------------------------------------- */

/* `*` in a path stands for one word, which the function gets. The first match counts. */
static const struct {
  const char *method;
  const char *path;
  void (*answer)(rest_service *rest, http_request *request, const char *word);
} routes[] = {
    {"GET", "/admin/v1/peers", get_peers},
    {"POST", "/admin/v1/peers", post_peers},
    {"POST", "/admin/v1/peers/import", rest_post_import},
    {"POST", "/admin/v1/peers/discovered", rest_post_discovered},
    {"GET", "/admin/v1/peers/stats", get_stats},
    {"GET", "/admin/v1/peers/service", get_service},
    {"GET", "/admin/v1/peers/connected", get_connected},
    {"GET", "/admin/v1/peers/connected/on/*", get_connected_on},
    {"GET", "/admin/v1/peers/relay", no_relay},
    {"GET", "/admin/v1/peers/mesh", no_relay},
    {"GET", "/admin/v1/peers/relay/on/*", no_relay},
    {"GET", "/admin/v1/peers/mesh/on/*", no_relay},
    {"GET", "/admin/v1/filter/subscriptions", no_filter},
    {"GET", "/admin/v1/peer/*", get_peer},
    {"DELETE", "/admin/v1/peer/*", delete_peer},
    {"POST", "/admin/v1/peer/*/connect", post_connect},
    {"POST", "/admin/v1/peer/*/disconnect", post_disconnect},
    {"POST", "/admin/v1/peer/*/ban", rest_post_ban},
    {"POST", "/admin/v1/peer/*/unban", rest_post_unban},
    {"POST", "/admin/v1/peer/*/protect", rest_post_protect},
    {"POST", "/admin/v1/peer/*/unprotect", rest_post_unprotect},
    {"POST", "/admin/v1/peer/*/score", rest_post_score},
    {"GET", "/admin/v1/ranges/banned", rest_get_banned_ranges},
    {"POST", "/admin/v1/ranges/ban", rest_post_ban_range},
    {"POST", "/admin/v1/ranges/unban", rest_post_unban_range},
    {"GET", "/admin/v1/peer/*/explain", rest_get_explain},
    {"GET", "/admin/v1/peer/*/history", rest_get_history_of},
    {"GET", "/admin/v1/plan", rest_get_plan},
    {"GET", "/admin/v1/history", rest_get_history},
    {"POST", "/admin/v1/log-level/*", post_log_level},
};

/* Holds `path` against a pattern; what `*` stands for goes to `word`. */
static bool matches(const char *pattern, const char *path, char *word, size_t cap) {
  word[0] = '\0';
  while (*pattern) {
    if (*pattern != '*') {
      if (*pattern++ != *path++) {
        return false;
      }
      continue;
    }
    size_t len = strcspn(path, "/");
    if (len == 0 || len >= cap) {
      return false;
    }
    memcpy(word, path, len);
    word[len] = '\0';
    path += len;
    pattern++;
  }
  return *path == '\0';
}

bool rest_admin_handle(rest_service *rest, http_request *request) {
  char word[400];
  char methods[64] = "";
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
    if (!matches(routes[i].path, http_path(request), word, sizeof word)) {
      continue;
    }
    if (strcmp(routes[i].method, http_method(request)) == 0) {
      routes[i].answer(rest, request, word);
      return true;
    }
    size_t len = strlen(methods);
    (void)snprintf(methods + len, sizeof methods - len, "%s%s%s", len > 0 ? ", " : "",
                   routes[i].method, strcmp(routes[i].method, "GET") == 0 ? ", HEAD" : "");
  }
  if (methods[0]) {
    http_allow(request, methods);
    rest_answer_text(request, 405, "%s takes %s", http_path(request), methods);
  }
  return methods[0] != '\0';
}
