#include "rest.h"

#include <jansson.h>
#include <string.h>

/* The tag that a person's protection has where none is named. */
#define PERSONS_TAG "person"

json_t *rest_read_object(http_request *request) {
  size_t len = 0;
  const char *body = http_body(request, &len);
  json_error_t error;
  json_t *object = len > 0 ? json_loadb(body, len, JSON_REJECT_DUPLICATES, &error) : json_object();
  if (json_is_object(object)) {
    return object;
  }
  rest_answer_text(request, 400, "Failed to decode request: %s",
                   object ? "it must be an object" : error.text);
  json_decref(object);
  return NULL;
}

static bool is_self(const rest_service *rest, wpm_bytes peer) {
  wpm_bytes own = wpm_peer_id_view(wpm_node_peer_id(rest->node));
  return peer.len == own.len && memcmp(peer.data, own.data, own.len) == 0;
}

/* A score and a tag are of a peer that is held: where it is not, what makes it so. */
static void not_yet_held(http_request *request, const char *word, wpm_bytes peer) {
  if (is_self(http_user(request), peer)) {
    rest_answer_text(request, 400, "Invalid argument: it is this node itself");
  } else {
    rest_answer_text(
        request, 404,
        "Peer with ID %.120s not found; add it first: wakupeers peers add MULTIADDR, or "
        "POST /admin/v1/peers",
        word);
  }
}

/* A tag that is to go, and is not there. */
static void no_such_tag(http_request *request, const char *word, wpm_bytes peer, wpm_text tag) {
  const rest_service *rest = http_user(request);
  wpm_peer_record record;
  if (wpm_store_get(wpm_manager_store(wpm_node_manager(rest->node)), peer, &record) != WPM_OK) {
    rest_not_held(request, word);
  } else {
    rest_answer_text(request, 404, "Peer with ID %.120s has no tag \"%.*s\"", word,
                     (int)(tag.len < 120 ? tag.len : 120), tag.data);
  }
}

static void answer(http_request *request, int err, const char *word) {
  if (err == WPM_OK) {
    rest_answer_when_durable(request);
  } else if (err == WPM_ERR_NOT_FOUND) {
    rest_not_held(request, word);
  } else if (err == WPM_ERR_INVALID) {
    rest_answer_text(request, 400,
                     "Invalid argument: it is this node itself, or the tag has no name");
  } else if (err == WPM_ERR_TOO_LARGE || err == WPM_ERR_FULL || err == WPM_ERR_NO_VICTIM) {
    rest_answer_text(request, 503, "%s; raise --peer-store-capacity, or take tags or peers away",
                     wpm_strerror(err));
  } else {
    rest_answer_text(request, 500, "%s", wpm_strerror(err));
  }
}

bool rest_read_length(http_request *request, const json_t *body, int64_t *length_ns) {
  const json_t *span = json_object_get(body, "forMs");
  json_int_t ms = json_integer_value(span);
  if (span && (!json_is_integer(span) || ms <= 0 || ms > INT64_MAX / WPM_MILLISECOND)) {
    rest_answer_text(request, 400,
                     "Invalid argument: forMs takes a whole number of milliseconds, at "
                     "least 1; without it there is no end");
    return false;
  }
  *length_ns = span ? (int64_t)ms * WPM_MILLISECOND : INT64_MAX;
  return true;
}

void rest_post_ban(rest_service *rest, http_request *request, const char *word) {
  wpm_peer_id id;
  json_t *body = rest_read_peer(request, word, &id) ? rest_read_object(request) : NULL;
  if (!body) {
    return;
  }
  int64_t length = 0;
  if (rest_read_length(request, body, &length)) {
    answer(request, wpm_node_ban(rest->node, wpm_peer_id_view(&id), length), word);
  }
  json_decref(body);
}

void rest_post_unban(rest_service *rest, http_request *request, const char *word) {
  wpm_peer_id id;
  if (rest_read_peer(request, word, &id)) {
    answer(request, wpm_node_ban(rest->node, wpm_peer_id_view(&id), 0), word);
  }
}

/* Never, for a span without end or beyond the end of time. */
static wpm_wall end_of(wpm_wall now, int64_t length_ns) {
  bool is_endless = length_ns == INT64_MAX || now.ns > INT64_MAX - length_ns;
  return is_endless ? WPM_WALL_NONE : (wpm_wall){now.ns + length_ns};
}

/* {"tag": name, "forMs": milliseconds}; without, a person's own, and until it is taken away. */
static void change_protection(rest_service *rest, http_request *request, const char *word,
                              bool protects) {
  wpm_peer_id id;
  json_t *body = rest_read_peer(request, word, &id) ? rest_read_object(request) : NULL;
  if (!body) {
    return;
  }
  const json_t *name = json_object_get(body, "tag");
  wpm_tag tag = {
      .name = {PERSONS_TAG, strlen(PERSONS_TAG)}, .protects = true, .expires = WPM_WALL_NONE};
  int64_t length = INT64_MAX;
  if (name && !json_is_string(name)) {
    rest_answer_text(request, 400, "Invalid argument: tag takes a string");
  } else if (!protects || rest_read_length(request, body, &length)) {
    tag.expires = end_of(wpm_node_now(rest->node).wall, length);
    if (name) {
      tag.name = (wpm_text){json_string_value(name), json_string_length(name)};
    }
    wpm_bytes peer = wpm_peer_id_view(&id);
    int err = protects ? wpm_node_set_tag(rest->node, peer, &tag)
                       : wpm_node_remove_tag(rest->node, peer, tag.name);
    if (err != WPM_ERR_NOT_FOUND) {
      answer(request, err, word);
    } else if (protects) {
      not_yet_held(request, word, peer);
    } else {
      no_such_tag(request, word, peer, tag.name);
    }
  }
  json_decref(body);
}

void rest_post_protect(rest_service *rest, http_request *request, const char *word) {
  change_protection(rest, request, word, true);
}

void rest_post_unprotect(rest_service *rest, http_request *request, const char *word) {
  change_protection(rest, request, word, false);
}

/* {"score": N}, or {"add": N}. */
void rest_post_score(rest_service *rest, http_request *request, const char *word) {
  wpm_peer_id id;
  json_t *body = rest_read_peer(request, word, &id) ? rest_read_object(request) : NULL;
  if (!body) {
    return;
  }
  const json_t *whole = json_object_get(body, "score");
  const json_t *more = json_object_get(body, "add");
  const json_t *number = whole ? whole : more;
  json_int_t value = json_integer_value(number);
  wpm_bytes peer = wpm_peer_id_view(&id);
  if (!json_is_integer(number) || (whole && more) || value < INT32_MIN || value > INT32_MAX) {
    rest_answer_text(request, 400,
                     "Invalid argument: it takes either score or add, a whole number from %d to %d",
                     INT32_MIN, INT32_MAX);
  } else {
    int err = whole ? wpm_node_set_score(rest->node, peer, (int32_t)value)
                    : wpm_node_add_score(rest->node, peer, (int32_t)value);
    if (err == WPM_ERR_NOT_FOUND) {
      not_yet_held(request, word, peer);
    } else {
      answer(request, err, word);
    }
  }
  json_decref(body);
}
