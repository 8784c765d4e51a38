/* A JSON array that is made piece by piece while it is sent, so that neither a long one nor a slow
 * reader holds up the loop. */
#ifndef APP_REST_LIST_H
#define APP_REST_LIST_H

#include "http_server.h"

#include <jansson.h>

/* The next element; NULL with *is_over: there is none, without: out of memory. */
typedef json_t *(*rest_list_next)(void *state, bool *is_over);

/* Answers with what `next` gives; takes `state` (of malloc; NULL: out of memory) over. */
void rest_answer_list(http_request *request, rest_list_next next, void *state);

#endif
