#include "sim/queue.h"

#include <stdlib.h>
#include <string.h>

enum { CHILDREN = 4, FEWEST = 256 };

#define BUCKET_BITS 27                 /* 134 ms. */
#define MOST_BUCKETS ((size_t)1 << 23) /* 13 days; what is later is in the last one. */
#define MOST_BLOCKS ((uint32_t)1 << 30)

void sim_queue_fini(sim_queue *queue) {
  free(queue->near);
  free(queue->buckets);
  free(queue->blocks);
  *queue = (sim_queue){0};
}

static bool before(const sim_event *a, const sim_event *b) {
  return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

/* ---- the heap of those near -------------------------------------------------------------------- */

static bool reserve_near(sim_queue *queue) {
  if (queue->count < queue->near_capacity) {
    return true;
  }
  size_t capacity = queue->near_capacity > 0 ? 2 * queue->near_capacity : FEWEST;
  sim_event *events = capacity <= SIZE_MAX / sizeof(*events)
                          ? realloc(queue->near, capacity * sizeof(*events))
                          : NULL;
  if (!events) {
    return false;
  }
  queue->near = events;
  queue->near_capacity = capacity;
  return true;
}

static void push(sim_queue *queue, const sim_event *event) {
  size_t at = queue->near_count++;
  while (at > 0 && before(event, &queue->near[(at - 1) / CHILDREN])) {
    queue->near[at] = queue->near[(at - 1) / CHILDREN];
    at = (at - 1) / CHILDREN;
  }
  queue->near[at] = *event;
}

/* The first of the children of `at`; near_count or beyond where there are none. */
static size_t first_child(const sim_queue *queue, size_t at) {
  size_t child = CHILDREN * at + 1;
  size_t end = child + CHILDREN < queue->near_count ? child + CHILDREN : queue->near_count;
  size_t first = child;
  for (; child < end; child++) {
    first = before(&queue->near[child], &queue->near[first]) ? child : first;
  }
  return first;
}

static void pop(sim_queue *queue) {
  sim_event last = queue->near[--queue->near_count];
  size_t at = 0;
  for (;;) {
    size_t child = first_child(queue, at);
    if (child >= queue->near_count || !before(&queue->near[child], &last)) {
      break;
    }
    queue->near[at] = queue->near[child];
    at = child;
  }
  if (queue->near_count > 0) {
    queue->near[at] = last;
  }
}

/* ---- the buckets of the others ----------------------------------------------------------------- */

static size_t bucket_of(int64_t at) {
  uint64_t bucket = at > 0 ? (uint64_t)at >> BUCKET_BITS : 0;
  return bucket < MOST_BUCKETS ? (size_t)bucket : MOST_BUCKETS - 1;
}

static bool reserve_bucket(sim_queue *queue, size_t bucket) {
  if (bucket < queue->bucket_count) {
    return true;
  }
  size_t wanted = bucket + bucket / 2 + FEWEST;
  uint32_t *buckets = realloc(queue->buckets, wanted * sizeof(*buckets));
  if (!buckets) {
    return false;
  }
  memset(buckets + queue->bucket_count, 0, (wanted - queue->bucket_count) * sizeof(*buckets));
  queue->buckets = buckets;
  queue->bucket_count = wanted;
  return true;
}

static bool grow_blocks(sim_queue *queue) {
  uint32_t capacity = queue->block_capacity > 0 ? 2 * queue->block_capacity : FEWEST;
  sim_queue_block *blocks =
      capacity <= MOST_BLOCKS ? realloc(queue->blocks, (size_t)capacity * sizeof(*blocks)) : NULL;
  if (!blocks) {
    return false;
  }
  queue->blocks = blocks;
  queue->block_capacity = capacity;
  return true;
}

/* One more block in front of the bucket's. */
static bool add_block(sim_queue *queue, size_t bucket) {
  uint32_t number = queue->free_block;
  if (number > 0) {
    queue->free_block = queue->blocks[number - 1].next;
  } else if (queue->block_count < queue->block_capacity || grow_blocks(queue)) {
    number = ++queue->block_count;
  } else {
    return false;
  }
  queue->blocks[number - 1].next = queue->buckets[bucket];
  queue->blocks[number - 1].count = 0;
  queue->buckets[bucket] = number;
  return true;
}

static bool append(sim_queue *queue, size_t bucket, const sim_event *event) {
  if (!reserve_bucket(queue, bucket)) {
    return false;
  }
  uint32_t number = queue->buckets[bucket];
  bool has_room = number > 0 && queue->blocks[number - 1].count < SIM_QUEUE_BLOCK;
  if (!has_room && !add_block(queue, bucket)) {
    return false;
  }
  sim_queue_block *block = &queue->blocks[queue->buckets[bucket] - 1];
  block->events[block->count++] = *event;
  return true;
}

/* All of the bucket move to the heap, which has room for them. */
static void move_bucket(sim_queue *queue, size_t bucket) {
  while (queue->buckets[bucket] > 0) {
    uint32_t number = queue->buckets[bucket];
    sim_queue_block *block = &queue->blocks[number - 1];
    for (uint32_t i = 0; i < block->count; i++) {
      push(queue, &block->events[i]);
    }
    queue->buckets[bucket] = block->next;
    block->next = queue->free_block;
    queue->free_block = number;
  }
}

/* The first of all is in the heap, where there is any. */
static void come_near(sim_queue *queue) {
  while (queue->near_count == 0 && queue->count > 0) {
    move_bucket(queue, ++queue->current);
  }
}

/* ---- the queue --------------------------------------------------------------------------------- */

bool sim_queue_put(sim_queue *queue, const sim_event *event) {
  sim_event entered = *event;
  size_t bucket = bucket_of(event->at);
  entered.sequence = queue->next_sequence;
  if (!reserve_near(queue)) {
    return false;
  }
  if (bucket <= queue->current) {
    push(queue, &entered);
  } else if (!append(queue, bucket, &entered)) {
    return false;
  }
  queue->next_sequence++;
  queue->count++;
  return true;
}

int64_t sim_queue_next(sim_queue *queue) {
  come_near(queue);
  return queue->count > 0 ? queue->near[0].at : INT64_MAX;
}

bool sim_queue_take(sim_queue *queue, sim_event *out) {
  come_near(queue);
  if (queue->count == 0) {
    return false;
  }
  *out = queue->near[0];
  pop(queue);
  queue->count--;
  return true;
}
