/* POST /admin/v1/peers/import: peers of another store, as `db export` writes them (json_record.h). */
#include "rest.h"

#include "json_record.h"
#include "text.h"

#include <stdlib.h>

/* An answer that waits until what it says is on disk. */
typedef struct import_answer {
  rest_service *rest;
  http_request *request;
  json_t *results;
  const char *done; /* What says of a result that it was taken in. */
} import_answer;

/* Says of each peer that was taken in whether it is on disk, and where not, why. */
static void add_durable(const import_answer *answer, bool durable) {
  wpm_node_status status;
  wpm_node_get_status(answer->rest->node, &status);
  char why[REST_STORAGE_TEXT];
  rest_storage_text(&status, why);
  for (size_t i = 0; i < json_array_size(answer->results); i++) {
    json_t *result = json_array_get(answer->results, i);
    if (!json_is_true(json_object_get(result, answer->done))) {
      continue;
    }
    (void)json_object_set_new(result, "durable", json_boolean(durable));
    if (!durable) {
      (void)json_object_set_new(result, "storage", json_string(why));
      (void)json_object_set_new(result, "memoryOnly", json_boolean(status.memory_only));
    }
  }
}

static void is_durable(void *user, bool durable) {
  import_answer *answer = user;
  add_durable(answer, durable);
  rest_answer_json(answer->request, 200, answer->results);
  free(answer);
}

static void add_reason(void *user, const char *what, const char *why) {
  (void)what; /* The peer, which the result names. */
  (void)json_array_append_new(user, json_string(why));
}

static const char *refusal(int err, wpm_bytes id) {
  return err == WPM_ERR_FULL
             ? "the store is full, and no peer that is held gives way to one that is "
               "imported"
         : err != WPM_ERR_INVALID ? wpm_strerror(err)
         : id.len == 0            ? "it has no id"
                                  : "it is this node itself, which is no peer of its own";
}

/* {"peerId", "imported", "skipped": [reasons]}; what add_durable says comes later. */
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
      add_reason(reasons, "", refusal(err, read.record.id));
    }
  }
  read_record_free(&read);
  return json_pack("{s:O?, s:b, s:o}", "peerId", json_object_get(object, "peerId"), "imported",
                   imported, "skipped", reasons);
}

static void take_all(rest_service *rest, http_request *request, const json_t *list,
                     rest_take_fn take, const char *done) {
  import_answer *answer = calloc(1, sizeof *answer);
  json_t *results = json_array();
  if (!answer || !results) {
    free(answer);
    json_decref(results);
    rest_answer_text(request, 500, "Out of memory");
    return;
  }
  for (size_t i = 0; i < json_array_size(list); i++) {
    (void)json_array_append_new(results, take(rest, json_array_get(list, i)));
  }
  *answer = (import_answer){rest, request, results, done};
  http_wait(request);
  if (wpm_node_when_durable(rest->node, is_durable, answer) != WPM_OK) {
    is_durable(answer, false);
  }
}

void rest_take_list(rest_service *rest, http_request *request, rest_take_fn take, const char *done,
                    const char *shape) {
  json_error_t error;
  size_t len = 0;
  const char *body = http_body(request, &len);
  json_t *list = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  if (json_is_array(list)) {
    take_all(rest, request, list, take, done);
  } else {
    rest_answer_text(request, 400, "Failed to decode request: %s", list ? shape : error.text);
  }
  json_decref(list);
}

void rest_post_import(rest_service *rest, http_request *request, const char *word) {
  (void)word;
  rest_take_list(rest, request, import_one, "imported",
                 "it must be [{\"peerId\": ..., \"multiaddrs\": [...]}, ...]");
}
