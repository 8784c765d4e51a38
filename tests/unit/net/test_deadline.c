/* Queues of deadlines. */
#include "support/test.h"

#include "net/deadline.h"

#include <string.h>

#define COUNT 5
#define LENGTH_MS 20

typedef struct entry {
  wpm_deadline deadline;
  unsigned passed;
} entry;

static struct {
  uv_loop_t loop;
  wpm_deadline_queue queue;
  entry entries[COUNT];
  size_t order[16]; /* Who was told, in order. */
  size_t told;
  void (*then)(size_t who); /* What is done from inside; may be NULL. */
} t;

static void passed(wpm_deadline *deadline) {
  entry *e = WPM_DEADLINE_OWNER(deadline, entry, deadline);
  size_t who = (size_t)(e - t.entries);
  e->passed++;
  assert_true(t.told < sizeof t.order / sizeof *t.order);
  t.order[t.told++] = who;
  if (t.then) {
    t.then(who);
  }
}

static int begin_with(int64_t length_ns) {
  memset(&t, 0, sizeof t);
  assert_int_equal(uv_loop_init(&t.loop), 0);
  wpm_deadline_queue_init(&t.queue, &t.loop, length_ns, passed);
  return 0;
}

static void end(void) {
  wpm_deadline_queue_close(&t.queue, NULL, NULL);
  uv_run(&t.loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&t.loop), 0);
}

static void set(size_t who) {
  wpm_deadline_set(&t.queue, &t.entries[who].deadline);
}

/* Until nothing is set any more, which is when the timer no longer runs. */
static void run(void) {
  uv_run(&t.loop, UV_RUN_DEFAULT);
  assert_ptr_equal(wpm_deadline_first(&t.queue), NULL);
}

static void they_come_due_in_the_order_they_were_set(void **state) {
  (void)state;
  begin_with(LENGTH_MS * WPM_MILLISECOND);
  uint64_t began = uv_now(&t.loop);
  for (size_t i = 0; i < COUNT; i++) {
    set(i);
  }
  set(1); /* Anew: it is the last now. */
  wpm_deadline_clear(&t.entries[3].deadline);
  wpm_deadline_clear(&t.entries[3].deadline);
  assert_ptr_equal(wpm_deadline_first(&t.queue), &t.entries[0].deadline);
  run();
  static const size_t expected[] = {0, 2, 4, 1};
  assert_int_equal(t.told, 4);
  assert_memory_equal(t.order, expected, sizeof expected);
  assert_true(uv_now(&t.loop) - began >= LENGTH_MS);
  end();
}

/* One that is set while the timer runs for an earlier one gets its whole length. */
static uint64_t second_set;

static void set_second(size_t who) {
  if (who == 0) {
    second_set = uv_now(&t.loop);
    set(1);
  }
}

static void a_later_one_gets_its_whole_length(void **state) {
  (void)state;
  begin_with(LENGTH_MS * WPM_MILLISECOND);
  t.then = set_second;
  set(0);
  run();
  assert_int_equal(t.told, 2);
  assert_true(uv_now(&t.loop) - second_set >= LENGTH_MS);
  end();
}

/* The first to be told clears, and sets anew, others that are due as well. */
static void clear_and_set(size_t who) {
  if (who == 0 && t.entries[0].passed == 1) {
    wpm_deadline_clear(&t.entries[1].deadline);
    set(2);
    set(0);
  }
}

static void those_told_change_the_queue(void **state) {
  (void)state;
  begin_with(0);
  t.then = clear_and_set;
  for (size_t i = 0; i < 4; i++) {
    set(i);
  }
  run();
  static const size_t expected[] = {0, 3, 2, 0};
  assert_int_equal(t.told, 4);
  assert_memory_equal(t.order, expected, sizeof expected);
  end();
}

static void set_again(size_t who) {
  if (t.told < 10) {
    set(who);
  }
}

static void count_turn(uv_check_t *check) {
  ++*(unsigned *)check->data;
}

/* Setting oneself anew, at length 0, waits for a later turn of the loop each time. */
static void the_loop_turns_in_between(void **state) {
  (void)state;
  begin_with(0);
  unsigned turns = 0;
  uv_check_t check;
  uv_check_init(&t.loop, &check);
  check.data = &turns;
  uv_check_start(&check, count_turn);
  uv_unref((uv_handle_t *)&check);
  t.then = set_again;
  set(0);
  run();
  assert_int_equal(t.told, 10);
  assert_true(turns >= 9);
  uv_close((uv_handle_t *)&check, NULL);
  end();
}

static void close_queue(size_t who) {
  (void)who;
  wpm_deadline_queue_close(&t.queue, NULL, NULL);
}

static void it_is_closed_from_inside(void **state) {
  (void)state;
  begin_with(0);
  t.then = close_queue;
  set(0);
  uv_run(&t.loop, UV_RUN_DEFAULT);
  assert_int_equal(t.told, 1);
  set(1); /* Without effect: the timer is gone. */
  assert_int_equal(uv_run(&t.loop, UV_RUN_DEFAULT), 0);
  assert_int_equal(t.told, 1);
  assert_int_equal(uv_loop_close(&t.loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(they_come_due_in_the_order_they_were_set),
      cmocka_unit_test(a_later_one_gets_its_whole_length),
      cmocka_unit_test(those_told_change_the_queue),
      cmocka_unit_test(the_loop_turns_in_between),
      cmocka_unit_test(it_is_closed_from_inside),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
