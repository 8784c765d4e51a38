#include "rest_list.h"

#include "json_peer.h"
#include "rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A list that is being sent. */
typedef struct sending {
  rest_list_next next;
  void *state;
  size_t listed;
  char *text; /* What is to be sent next, from `sent` to `len`. */
  size_t len, sent;
  bool is_over;
} sending;

static void release(void *user) {
  sending *list = user;
  free(list->state);
  free(list->text);
  free(list);
}

/* Makes the next piece of text: an element with what separates it from the one before, or the end. */
static bool make_text(sending *list) {
  json_t *element = list->next(list->state, &list->is_over);
  if (!element && !list->is_over) {
    return false;
  }
  char *json = element ? json_dumps(element, JSON_COMPACT | JSON_DIGITS) : NULL;
  json_decref(element);
  if (!json && !list->is_over) {
    return false;
  }
  const char *before = list->listed == 0 ? "[" : list->is_over ? "" : ",";
  char *text = NULL;
  int len = asprintf(&text, "%s%s", before, json ? json : "]");
  free(json);
  if (len < 0) {
    return false;
  }
  free(list->text);
  list->text = text;
  list->len = (size_t)len;
  list->sent = 0;
  list->listed++;
  return true;
}

static ssize_t source(void *user, char *out, size_t cap) {
  sending *list = user;
  size_t filled = 0;
  while (filled < cap) {
    if (list->sent == list->len && (list->is_over || !make_text(list))) {
      return list->is_over ? (ssize_t)filled : -1;
    }
    size_t len = list->len - list->sent < cap - filled ? list->len - list->sent : cap - filled;
    memcpy(out + filled, list->text + list->sent, len);
    list->sent += len;
    filled += len;
  }
  return (ssize_t)filled;
}

void rest_answer_list(http_request *request, rest_list_next next, void *state) {
  sending *list = state ? calloc(1, sizeof *list) : NULL;
  if (!list) {
    free(state);
    rest_answer_text(request, 500, "Out of memory");
    return;
  }
  list->next = next;
  list->state = state;
  http_answer_pieces(request, "application/json", source, list, release);
}
