#include "rest.h"

#include "json_peer.h"
#include "text.h"

#include <wakupeers/version.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rest_answer_text(http_request *request, unsigned status, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  text_clean(text);
  http_answer(request, status, "text/plain", text, strlen(text));
}

void rest_answer_json(http_request *request, unsigned status, json_t *value) {
  char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_DIGITS) : NULL;
  json_decref(value);
  if (text) {
    http_answer(request, status, "application/json", text, strlen(text));
  } else {
    rest_answer_text(request, 500, "Out of memory");
  }
  free(text);
}

static void add_own_address(json_t *list, const wpm_node *node, wpm_bytes address) {
  wpm_multiaddr whole;
  if (wpm_multiaddr_with_peer(address, wpm_peer_id_view(wpm_node_peer_id(node)), &whole) ==
      WPM_OK) {
    (void)json_array_append_new(list, json_multiaddr(wpm_multiaddr_view(&whole)));
  }
}

/* As nwaku: the addresses we announce, so that each can be dialled. */
static void get_info(rest_service *rest, http_request *request) {
  json_t *addresses = json_array();
  wpm_bytes address;
  for (size_t i = 0; wpm_node_announced_address(rest->node, i, &address); i++) {
    add_own_address(addresses, rest->node, address);
  }
  for (size_t i = 0;
       json_array_size(addresses) == 0 && wpm_node_listen_address(rest->node, i, &address); i++) {
    add_own_address(addresses, rest->node, address);
  }
  wpm_text enr = wpm_node_enr(rest->node);
  rest_answer_json(
      request, 200,
      json_pack("{s:o, s:s%}", "listenAddresses", addresses, "enrUri", enr.data, enr.len));
}

static void get_version(rest_service *rest, http_request *request) {
  (void)rest;
  rest_answer_text(request, 200, "%s", wpm_version());
}

void rest_storage_text(const wpm_node_status *status, char out[REST_STORAGE_TEXT]) {
  (void)snprintf(out, REST_STORAGE_TEXT, "%s%s",
                 status->storage_text[0] ? status->storage_text : "the storage does not work",
                 status->memory_only ? "; until its next start the daemon runs from memory" : "");
}

static json_t *protocol_health(const char *protocol, const char *health, const char *description) {
  json_t *entry = json_pack("{s:s}", protocol, health);
  if (description) {
    (void)json_object_set_new(entry, "desc", json_string(description));
  }
  return entry;
}

#define LAG_WORTH_SAYING WPM_SECOND /* The bound of what a crash may lose. */

/* nwaku's list of protocols; this node serves none of Waku's. Storage and peer management are
 * ours. */
static void get_health(rest_service *rest, http_request *request) {
  static const char *const not_mounted[] = {
      "Relay",        "Rln Relay",     "Lightpush",          "Legacy Lightpush",
      "Filter",       "Store",         "Legacy Store",       "Peer Exchange",
      "Rendezvous",   "Mix",           "Lightpush Client",   "Legacy Lightpush Client",
      "Store Client", "Filter Client", "Legacy Store Client"};
  wpm_node_status status;
  wpm_node_get_status(rest->node, &status);
  json_t *protocols = json_array();
  for (size_t i = 0; i < sizeof not_mounted / sizeof *not_mounted; i++) {
    (void)json_array_append_new(protocols, protocol_health(not_mounted[i], "NOT_MOUNTED", NULL));
  }
  const char *node = status.stopping ? "SHUTTING_DOWN" : "READY";
  (void)json_array_append_new(protocols, protocol_health("Peer Manager", node, NULL));
  const char *storage = !status.persistent               ? "NOT_MOUNTED"
                        : status.storage_error == WPM_OK ? "READY"
                                                         : "NOT_READY";
  char behind[80] = "";
  if (status.storage_lag_ns > LAG_WORTH_SAYING) {
    (void)snprintf(behind, sizeof behind,
                   "the disk is slow: changes of the last %.1f s are not durable",
                   (double)status.storage_lag_ns / 1e9);
  }
  char broken[REST_STORAGE_TEXT] = "";
  rest_storage_text(&status, broken);
  const char *why = status.storage_error != WPM_OK ? broken : behind;
  (void)json_array_append_new(protocols, protocol_health("Storage", storage, *why ? why : NULL));
  rest_answer_json(request, 200,
                   json_pack("{s:s, s:o}", "nodeHealth", node, "protocolsHealth", protocols));
}

static const struct {
  const char *path;
  void (*get)(rest_service *rest, http_request *request);
} routes[] = {{"/info", get_info},
              {"/debug/v1/info", get_info},
              {"/version", get_version},
              {"/debug/v1/version", get_version},
              {"/health", get_health}};

void rest_handle(void *user, http_request *request) {
  rest_service *rest = user;
  const char *path = http_path(request);
  for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
    if (strcmp(path, routes[i].path) != 0) {
      continue;
    }
    if (strcmp(http_method(request), "GET") == 0) {
      routes[i].get(rest, request);
    } else {
      http_allow(request, "GET, HEAD");
      rest_answer_text(request, 405, "%s takes GET, HEAD", path);
    }
    return;
  }
  bool is_admin = strncmp(path, "/admin/", 7) == 0;
  if (is_admin && !rest->admin) {
    rest_answer_text(request, 404,
                     "/admin endpoints are not available. Please check your configuration: "
                     "--rest-admin=true");
  } else if (!is_admin || !rest_admin_handle(rest, request)) {
    rest_answer_text(request, 404, "There is no %s", path);
  }
}
