/* POST /admin/v1/peers/discovered: what somebody's discovery found, and which peer told of it. */
#include "rest.h"

#include <jansson.h>
#include <string.h>

/* Where a discovery finds peers; what is trusted more comes by other ways. */
static const struct {
  wpm_address_source source;
  wpm_origin origin;
} means[] = {
    {WPM_SOURCE_PEER_EXCHANGE, WPM_ORIGIN_PEER_EXCHANGE},
    {WPM_SOURCE_DISCV5, WPM_ORIGIN_DISCV5},
    {WPM_SOURCE_DNS, WPM_ORIGIN_DNS},
};

/* One entry of the list, read. */
typedef struct found_peer {
  wpm_text multiaddr;
  wpm_address_source source;
  wpm_origin origin;
  wpm_peer_id teller;
  wpm_bytes told_by; /* Empty: nobody. */
} found_peer;

static bool read_means(const json_t *value, found_peer *out) {
  const char *name = json_string_value(value);
  for (size_t i = 0; name && i < sizeof means / sizeof *means; i++) {
    if (strcmp(name, wpm_address_source_name(means[i].source)) == 0) {
      out->source = means[i].source;
      out->origin = means[i].origin;
      return true;
    }
  }
  return false;
}

static bool read_teller(const json_t *value, found_peer *out, wpm_error *error) {
  if (!value || json_is_null(value)) {
    return true;
  }
  const char *text = json_string_value(value);
  if (!text) {
    *error = (wpm_error){.text = "toldBy takes a peer id"};
    return false;
  }
  if (wpm_peer_id_parse((wpm_text){text, json_string_length(value)}, &out->teller, error) !=
      WPM_OK) {
    return false;
  }
  out->told_by = wpm_peer_id_view(&out->teller);
  return true;
}

/* On failure false, and a sentence in *error. */
static bool read_found(const json_t *object, found_peer *out, wpm_error *error) {
  const json_t *multiaddr = json_object_get(object, "multiaddr");
  *out = (found_peer){.told_by = {NULL, 0}};
  if (!json_is_string(multiaddr)) {
    *error = (wpm_error){.text = "multiaddr takes an address with /p2p/PEER-ID"};
    return false;
  }
  if (!read_means(json_object_get(object, "source"), out)) {
    *error = (wpm_error){.text = "source takes peer_exchange, discv5 or dns"};
    return false;
  }
  out->multiaddr = (wpm_text){json_string_value(multiaddr), json_string_length(multiaddr)};
  return read_teller(json_object_get(object, "toldBy"), out, error);
}

/* {"multiaddr", "taken", "skipped": [why not]}. */
static json_t *take_one(rest_service *rest, const json_t *object) {
  found_peer found;
  wpm_intake_rule rule = WPM_INTAKE_TAKEN;
  wpm_error error = {.text = ""};
  const char *why = NULL;
  if (!read_found(object, &found, &error) ||
      wpm_node_discovered(rest->node, found.multiaddr, found.source, found.origin, found.told_by,
                          &rule, &error) != WPM_OK) {
    why = error.text;
  } else if (rule != WPM_INTAKE_TAKEN) {
    why = wpm_intake_rule_name(rule);
  }
  json_t *skipped = json_array();
  if (why) {
    (void)json_array_append_new(skipped, json_string(why));
  }
  return json_pack("{s:O?, s:b, s:o}", "multiaddr", json_object_get(object, "multiaddr"), "taken",
                   why == NULL, "skipped", skipped);
}

void rest_post_discovered(rest_service *rest, http_request *request, const char *word) {
  (void)word;
  rest_take_list(rest, request, take_one, "taken",
                 "it must be [{\"multiaddr\": ..., \"source\": ..., \"toldBy\": ...}, ...]");
}
