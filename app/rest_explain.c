/* The calls that tell why and what next: …/explain, /plan, /history. */
#include "json_explain.h"
#include "rest.h"
#include "rest_list.h"

#include <stdlib.h>

void rest_get_explain(rest_service *rest, http_request *request, const char *word) {
  wpm_peer_id id;
  wpm_explanation explanation;
  wpm_instant now = wpm_node_now(rest->node);
  if (!rest_read_peer(request, word, &id)) {
    return;
  }
  wpm_bytes peer = wpm_peer_id_view(&id);
  if (wpm_manager_explain(wpm_node_manager(rest->node), peer, now, &explanation) != WPM_OK) {
    rest_not_held(request, word);
    return;
  }
  rest_answer_json(request, 200, json_explanation(peer, &explanation, now));
}

void rest_get_plan(rest_service *rest, http_request *request, const char *word) {
  wpm_planned_dial dials[WPM_PREVIEW_MAX];
  wpm_preview preview;
  wpm_instant now = wpm_node_now(rest->node);
  (void)word;
  const wpm_manager *manager = wpm_node_manager(rest->node);
  int err = wpm_manager_preview(manager, now, dials, WPM_PREVIEW_MAX, &preview);
  rest_answer_json(request, 200,
                   err == WPM_OK ? json_preview(manager, &preview, dials, now) : NULL);
}

/* A history that is being sent, the latest first. What comes meanwhile is not in it; what gives way
 * meanwhile ends it. */
typedef struct listing {
  const wpm_manager *manager;
  wpm_peer_id peer; /* Whose; empty: everybody's. */
  uint64_t cursor;
} listing;

static bool next_entry(listing *list, wpm_history_entry *entry) {
  return list->peer.len > 0
             ? wpm_manager_next_history_of(list->manager, wpm_peer_id_view(&list->peer),
                                           &list->cursor, entry)
             : wpm_manager_next_history(list->manager, &list->cursor, entry);
}

static json_t *next(void *state, bool *is_over) {
  wpm_history_entry entry;
  if (next_entry(state, &entry)) {
    return json_history_entry(&entry);
  }
  *is_over = true;
  return NULL;
}

static void answer_history(const rest_service *rest, http_request *request,
                           const wpm_peer_id *peer) {
  listing *list = calloc(1, sizeof *list);
  if (list) {
    list->manager = wpm_node_manager(rest->node);
    list->peer = *peer;
  }
  rest_answer_list(request, next, list);
}

void rest_get_history(rest_service *rest, http_request *request, const char *word) {
  static const wpm_peer_id everybody = {.len = 0};
  (void)word;
  answer_history(rest, request, &everybody);
}

void rest_get_history_of(rest_service *rest, http_request *request, const char *word) {
  const wpm_manager *manager = wpm_node_manager(rest->node);
  wpm_history_entry entry;
  wpm_peer_id id;
  wpm_peer_record record;
  uint64_t cursor = 0;
  if (!rest_read_peer(request, word, &id)) {
    return;
  }
  wpm_bytes peer = wpm_peer_id_view(&id);
  /* One that is gone may have a history still. */
  if (wpm_store_get(wpm_manager_store(manager), peer, &record) != WPM_OK &&
      !wpm_manager_next_history_of(manager, peer, &cursor, &entry)) {
    rest_not_held(request, word);
    return;
  }
  answer_history(rest, request, &id);
}
