/* The REST interface: nwaku's paths and JSON, and calls of ours beside them (docs/rest.md). */
#ifndef APP_REST_H
#define APP_REST_H

#include "http_server.h"

#include <wakupeers/node.h>

typedef struct rest_service {
  wpm_node *node;
  bool admin; /* Serve the /admin/ calls. */
} rest_service;

/* An http_handler whose user is a `rest_service`. */
void rest_handle(void *user, http_request *request);

/* Answers with JSON; takes `value` over. NULL: out of memory, answered 500. */
struct json_t;
void rest_answer_json(http_request *request, unsigned status, struct json_t *value);
/* Answers with plain text. */
void rest_answer_text(http_request *request, unsigned status, const char *format, ...)
    WPM_PRINTF(3, 4);

/* Why nothing is stored, and whether that lasts until the next start. */
#define REST_STORAGE_TEXT 320
void rest_storage_text(const wpm_node_status *status, char out[REST_STORAGE_TEXT]);

/* Reads the peer id in the path; answers where it is not one. */
bool rest_read_peer(http_request *request, const char *word, wpm_peer_id *id);
/* Answers that there is no such peer. */
void rest_not_held(http_request *request, const char *word);

/* Answers "OK" once what was done is on disk, or where there is no database by choice; 503 where there is one
 * that does not take it. */
void rest_answer_when_durable(http_request *request);

/* The body as an object, {} where there is none; answers where it is none: NULL. */
struct json_t *rest_read_object(http_request *request);
/* {"forMs": milliseconds}; without, INT64_MAX: for good. Answers where it is none. */
bool rest_read_length(http_request *request, const struct json_t *body, int64_t *length_ns);

/* rest_ranges.c: GET /admin/v1/ranges/banned, POST /admin/v1/ranges/ban, unban. */
void rest_get_banned_ranges(rest_service *rest, http_request *request, const char *word);
void rest_post_ban_range(rest_service *rest, http_request *request, const char *word);
void rest_post_unban_range(rest_service *rest, http_request *request, const char *word);

/* rest_judge.c: POST /admin/v1/peer/{peerId}/ban, unban, protect, unprotect, score. */
void rest_post_ban(rest_service *rest, http_request *request, const char *word);
void rest_post_unban(rest_service *rest, http_request *request, const char *word);
void rest_post_protect(rest_service *rest, http_request *request, const char *word);
void rest_post_unprotect(rest_service *rest, http_request *request, const char *word);
void rest_post_score(rest_service *rest, http_request *request, const char *word);

/* rest_admin.c: the /admin/v1/ calls. False: there is no such call. */
bool rest_admin_handle(rest_service *rest, http_request *request);

/* rest_import.c: POST /admin/v1/peers/import. */
void rest_post_import(rest_service *rest, http_request *request, const char *word);

/* Takes in each of the list that the body is (400 where it is none: `shape` says what it must be); `take`
 * returns its result, in which `done` says whether it was. Answered with the results when that is on disk. */
typedef struct json_t *(*rest_take_fn)(rest_service *rest, const struct json_t *object);
void rest_take_list(rest_service *rest, http_request *request, rest_take_fn take, const char *done,
                    const char *shape);

/* rest_discovered.c: POST /admin/v1/peers/discovered. */
void rest_post_discovered(rest_service *rest, http_request *request, const char *word);

/* rest_explain.c: GET /admin/v1/peer/{peerId}/explain, /admin/v1/plan, /admin/v1/history,
 * /admin/v1/peer/{peerId}/history. */
void rest_get_explain(rest_service *rest, http_request *request, const char *word);
void rest_get_plan(rest_service *rest, http_request *request, const char *word);
void rest_get_history(rest_service *rest, http_request *request, const char *word);
void rest_get_history_of(rest_service *rest, http_request *request, const char *word);

#endif
