#include "net/deadline.h"

static void unlink_deadline(wpm_deadline *deadline) {
  deadline->previous->next = deadline->next;
  deadline->next->previous = deadline->previous;
  deadline->previous = deadline->next = NULL;
}

static void link_last(wpm_deadline_queue *queue, wpm_deadline *deadline) {
  deadline->previous = queue->head.previous;
  deadline->next = &queue->head;
  deadline->previous->next = deadline;
  deadline->next->previous = deadline;
}

static void timer_fired(uv_timer_t *timer) {
  wpm_deadline_queue *queue = timer->data;
  uint64_t now = uv_now(timer->loop);
  /* What those told now set comes behind the mark: it waits for a later turn. */
  link_last(queue, &queue->mark);
  while (queue->head.next != &queue->mark && queue->head.next->at <= now) {
    wpm_deadline *deadline = queue->head.next;
    unlink_deadline(deadline);
    queue->passed(deadline);
  }
  unlink_deadline(&queue->mark);
  /* What was cleared meanwhile left the timer as it was: it is set anew here, lazily. */
  if (queue->head.next != &queue->head && !uv_is_closing((uv_handle_t *)timer)) {
    /* Not 0: libuv would run it within the present turn. */
    uint64_t next = queue->head.next->at;
    (void)uv_timer_start(timer, timer_fired, next > now ? next - now : 1, 0);
  }
}

void wpm_deadline_queue_init(wpm_deadline_queue *queue, uv_loop_t *loop, int64_t length_ns,
                             wpm_deadline_fn passed) {
  queue->head = (wpm_deadline){.previous = &queue->head, .next = &queue->head};
  queue->mark = (wpm_deadline){.at = 0};
  queue->length_ms = (uint64_t)(length_ns / WPM_MILLISECOND);
  queue->passed = passed;
  (void)uv_timer_init(loop, &queue->timer); /* Cannot fail (libuv's manual). */
  queue->timer.data = queue;
}

void wpm_deadline_queue_close(wpm_deadline_queue *queue, uv_close_cb closed, void *data) {
  queue->timer.data = data;
  uv_close((uv_handle_t *)&queue->timer, closed);
}

void wpm_deadline_set(wpm_deadline_queue *queue, wpm_deadline *deadline) {
  if (deadline->next) {
    unlink_deadline(deadline);
  }
  /* The loop's clock stands still while it works, or is not run. */
  uv_update_time(queue->timer.loop);
  deadline->at = uv_now(queue->timer.loop) + queue->length_ms;
  link_last(queue, deadline);
  if (!uv_is_active((uv_handle_t *)&queue->timer)) {
    (void)uv_timer_start(&queue->timer, timer_fired, queue->length_ms, 0);
  }
}

void wpm_deadline_clear(wpm_deadline *deadline) {
  if (deadline->next) {
    unlink_deadline(deadline);
  }
}

wpm_deadline *wpm_deadline_first(const wpm_deadline_queue *queue) {
  wpm_deadline *first = queue->head.next;
  if (first == &queue->mark) {
    first = first->next;
  }
  return first == &queue->head ? NULL : first;
}
