#include "rest.h"

#include "json_peer.h"
#include "rest_list.h"

#include <stdlib.h>

/* ---- the list ---------------------------------------------------------------------------------- */

typedef struct listing {
  const rest_service *rest;
  uint64_t cursor;
} listing;

static json_t *next_range(void *state, bool *is_over) {
  listing *list = state;
  wpm_instant now = wpm_node_now(list->rest->node);
  char text[WPM_IP_RANGE_TEXT];
  wpm_range_ban ban;
  if (!wpm_manager_next_range_ban(wpm_node_manager(list->rest->node), &list->cursor, &ban) ||
      wpm_ip_range_format(&ban.range, text, sizeof text) != WPM_OK) {
    *is_over = true;
    return NULL;
  }
  bool is_endless = ban.ban.length_ns == INT64_MAX;
  return json_pack("{s:s, s:o}", "range", text, "bannedUntil",
                   json_moment(is_endless ? WPM_NEVER : wpm_wait_end(&ban.ban, now), now));
}

void rest_get_banned_ranges(rest_service *rest, http_request *request, const char *word) {
  listing *list = calloc(1, sizeof *list);
  (void)word;
  if (list) {
    list->rest = rest;
  }
  rest_answer_list(request, next_range, list);
}

/* ---- changing it ------------------------------------------------------------------------------- */

/* {"range": text}. Answers where it is none. */
static bool read_range(http_request *request, const json_t *body, wpm_ip_range *out) {
  const json_t *range = json_object_get(body, "range");
  const wpm_text text = {json_string_value(range), json_string_length(range)};
  if (json_is_string(range) && wpm_ip_range_parse(text, out) == WPM_OK) {
    return true;
  }
  rest_answer_text(request, 400,
                   "Invalid argument: range takes a range of IP addresses, as 10.0.0.0/8 or "
                   "2001:db8::/32, or one address");
  return false;
}

static void change(rest_service *rest, http_request *request, const wpm_ip_range *range,
                   int64_t length_ns) {
  char text[WPM_IP_RANGE_TEXT] = "";
  (void)!wpm_ip_range_format(range, text, sizeof text);
  int err = wpm_node_ban_range(rest->node, range, length_ns);
  if (err == WPM_OK) {
    rest_answer_when_durable(request);
  } else if (err == WPM_ERR_NOT_FOUND) {
    rest_answer_text(request, 404, "Range %s is not banned", text);
  } else if (err == WPM_ERR_RANGES_FULL) {
    rest_answer_text(request, 503, "%s (%u); lift one that is not needed any more",
                     wpm_strerror(err), WPM_RANGE_BANS_MAX);
  } else {
    rest_answer_text(request, 500, "%s", wpm_strerror(err));
  }
}

void rest_post_ban_range(rest_service *rest, http_request *request, const char *word) {
  json_t *body = rest_read_object(request);
  wpm_ip_range range;
  int64_t length = 0;
  (void)word;
  if (body && read_range(request, body, &range) && rest_read_length(request, body, &length)) {
    change(rest, request, &range, length);
  }
  json_decref(body);
}

void rest_post_unban_range(rest_service *rest, http_request *request, const char *word) {
  json_t *body = rest_read_object(request);
  wpm_ip_range range;
  (void)word;
  if (body && read_range(request, body, &range)) {
    change(rest, request, &range, 0);
  }
  json_decref(body);
}
