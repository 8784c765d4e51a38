#include "sim/queue.h"

#include <stdlib.h>

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
  while (at > 0 && before(&entered, &queue->events[(at - 1) / 2])) {
    queue->events[at] = queue->events[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  queue->events[at] = entered;
  return true;
}

int64_t sim_queue_next(const sim_queue *queue) {
  return queue->count > 0 ? queue->events[0].at : INT64_MAX;
}

bool sim_queue_take(sim_queue *queue, sim_event *out) {
  if (queue->count == 0) {
    return false;
  }
  *out = queue->events[0];
  sim_event last = queue->events[--queue->count];
  size_t at = 0;
  for (;;) {
    size_t child = 2 * at + 1;
    if (child >= queue->count) {
      break;
    }
    if (child + 1 < queue->count && before(&queue->events[child + 1], &queue->events[child])) {
      child++;
    }
    if (!before(&queue->events[child], &last)) {
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
