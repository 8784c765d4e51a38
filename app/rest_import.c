/* POST /admin/v1/peers/import: peers of another store, as `db export` writes them (json_record.h). */
#include "rest.h"

#include "json_record.h"
#include "text.h"

#include <stdlib.h>

/* An answer that waits until what it says is on disk. */
typedef struct import_answer {
  http_request *request;
  json_t *results;
} import_answer;

static void is_durable(void *user, bool durable) {
  import_answer *answer = user;
  (void)durable; /* Where it is not: /health says that the storage fails. */
  rest_answer_json(answer->request, 200, answer->results);
  free(answer);
}

static void add_reason(void *user, const char *what, const char *why) {
  (void)what; /* The peer, which the result names. */
  (void)json_array_append_new(user, json_string(why));
}

static const char *refusal(int err) {
  return err == WPM_ERR_FULL      ? "the store is full, and no peer that is held gives way to one "
                                    "that is imported"
         : err == WPM_ERR_INVALID ? "it is this node itself, or has no id"
                                  : wpm_strerror(err);
}

/* {"peerId", "imported", "skipped": [reasons]} */
static json_t *import_one(rest_service *rest, const json_t *object) {
  read_record read;
  wpm_error error = {.text = ""};
  json_t *reasons = json_array();
  bool imported = false;
  if (!json_record_read(object, wpm_node_now(rest->node).wall, &read, &error)) {
    add_reason(reasons, "", error.text);
  } else {
    int err = wpm_node_import(rest->node, &read.record, add_reason, reasons);
    imported = err == WPM_OK;
    if (!imported) {
      add_reason(reasons, "", refusal(err));
    }
  }
  read_record_free(&read);
  return json_pack("{s:O?, s:b, s:o}", "peerId", json_object_get(object, "peerId"), "imported",
                   imported, "skipped", reasons);
}

static void import_all(rest_service *rest, http_request *request, const json_t *list) {
  import_answer *answer = calloc(1, sizeof *answer);
  json_t *results = json_array();
  if (!answer || !results) {
    free(answer);
    json_decref(results);
    rest_answer_text(request, 500, "Out of memory");
    return;
  }
  for (size_t i = 0; i < json_array_size(list); i++) {
    (void)json_array_append_new(results, import_one(rest, json_array_get(list, i)));
  }
  *answer = (import_answer){request, results};
  http_wait(request);
  if (wpm_node_when_durable(rest->node, is_durable, answer) != WPM_OK) {
    is_durable(answer, false);
  }
}

void rest_post_import(rest_service *rest, http_request *request, const char *word) {
  json_error_t error;
  size_t len = 0;
  const char *body = http_body(request, &len);
  (void)word;
  json_t *list = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  if (json_is_array(list)) {
    import_all(rest, request, list);
  } else {
    rest_answer_text(request, 400, "Failed to decode request: %s",
                     list ? "it must be [{\"peerId\": ..., \"multiaddrs\": [...]}, ...]"
                          : error.text);
  }
  json_decref(list);
}
