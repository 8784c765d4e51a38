#include "sim/queue.h"

#include <stdlib.h>

enum { CHILDREN = 4 };

void sim_queue_fini(sim_queue *queue) {
  free(queue->events);
  *queue = (sim_queue){0};
}

static bool before(const sim_event *a, const sim_event *b) {
  return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

static bool grow(sim_queue *queue) {
  size_t capacity = queue->capacity > 0 ? 2 * queue->capacity : 256;
  if (capacity > SIZE_MAX / sizeof(*queue->events)) {
    return false;
  }
  sim_event *events = realloc(queue->events, capacity * sizeof(*events));
  if (!events) {
    return false;
  }
  queue->events = events;
  queue->capacity = capacity;
  return true;
}

bool sim_queue_put(sim_queue *queue, const sim_event *event) {
  if (queue->count == queue->capacity && !grow(queue)) {
    return false;
  }
  sim_event entered = *event;
  entered.sequence = queue->next_sequence++;
  size_t at = queue->count++;
  while (at > 0 && before(&entered, &queue->events[(at - 1) / CHILDREN])) {
    queue->events[at] = queue->events[(at - 1) / CHILDREN];
    at = (at - 1) / CHILDREN;
  }
  queue->events[at] = entered;
  return true;
}

int64_t sim_queue_next(const sim_queue *queue) {
  return queue->count > 0 ? queue->events[0].at : INT64_MAX;
}

/* The first of the children of `at`; `count` where there are none. */
static size_t first_child(const sim_queue *queue, size_t at) {
  size_t child = CHILDREN * at + 1;
  size_t end = child + CHILDREN < queue->count ? child + CHILDREN : queue->count;
  size_t first = child;
  for (; child < end; child++) {
    first = before(&queue->events[child], &queue->events[first]) ? child : first;
  }
  return first;
}

bool sim_queue_take(sim_queue *queue, sim_event *out) {
  if (queue->count == 0) {
    return false;
  }
  *out = queue->events[0];
  sim_event last = queue->events[--queue->count];
  size_t at = 0;
  for (;;) {
    size_t child = first_child(queue, at);
    if (child >= queue->count || !before(&queue->events[child], &last)) {
      break;
    }
    queue->events[at] = queue->events[child];
    at = child;
  }
  if (queue->count > 0) {
    queue->events[at] = last;
  }
  return true;
}
