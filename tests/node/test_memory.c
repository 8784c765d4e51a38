/* Want of memory at any point of a node's life: no crash, no leak; where only one allocation failed,
 * the two nodes are connected in the end. */
#include "lab.h"

#include "net/conn.h"
#include "node/internal.h"
#include "support/alloc_fail.h"
#include "support/records.h"
#include "support/seed.h"

#define PATIENCE_MS 30

typedef enum shortage { FAIL_ONE, FAIL_ALL_LATER } shortage;

static void patience_over(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

static void turn_for_a_while(lab *l) {
  bool over = false;
  uv_timer_t timer;
  uv_timer_init(&l->loop, &timer);
  timer.data = &over;
  uv_timer_start(&timer, patience_over, PATIENCE_MS, 0);
  while (!over) {
    uv_run(&l->loop, UV_RUN_ONCE);
  }
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&l->loop, UV_RUN_NOWAIT);
}

/* Node `b`, which holds `a`. False: there is no memory to make or start it. */
static bool make(lab_node *b) {
  wpm_error error = {0};
  int err = wpm_node_new(&b->config, &b->node, &error);
  if (err != WPM_OK) {
    b->node = NULL;
  } else {
    err = wpm_node_start(b->node, &error);
  }
  assert_true(err == WPM_OK || err == WPM_ERR_NO_MEMORY);
  assert_int_equal(error.code, err);
  return err == WPM_OK;
}

static bool both_connected(const lab_node *a, const lab_node *b) {
  return lab_connectivity(a, b) == WPM_CONNECTED && lab_connectivity(b, a) == WPM_CONNECTED;
}

/* True where no allocation failed. */
static bool run(shortage mode, size_t n) {
  lab l;
  lab_node *a;
  lab_node *b;
  lab_open(&l, &a, &b);
  lab_hold(b, a);
  if (mode == FAIL_ONE) {
    wpm_alloc_fail_once_at(n);
  } else {
    wpm_alloc_fail_at(n);
  }
  bool made = make(b);
  if (made && mode == FAIL_ONE) {
    lab_outcome outcome;
    RUN_UNTIL(&l.loop, both_connected(a, b));
    int err = lab_connect(b, a, &outcome);
    assert_true(err == WPM_OK || (err == WPM_ERR_NO_MEMORY && outcome.told == 0));
    RUN_UNTIL(&l.loop, err != WPM_OK || outcome.told == 1);
    RUN_UNTIL(&l.loop, both_connected(a, b));
  } else if (made) {
    turn_for_a_while(&l);
    lab_outcome outcome;
    wpm_error error;
    if (lab_connect(b, a, &outcome) == WPM_OK) {
      turn_for_a_while(&l);
    }
    int err = wpm_node_disconnect(b->node, wpm_peer_id_view(&a->id));
    assert_true(err == WPM_OK || err == WPM_ERR_NOT_FOUND || err == WPM_ERR_NO_MEMORY);
    err = wpm_node_add(b->node, wpm_text_of(a->address), NULL, &error);
    assert_true(err == WPM_OK || err == WPM_ERR_NO_MEMORY);
    err = wpm_node_add_and_connect(b->node, wpm_text_of(a->address), NULL, NULL, &error);
    assert_true(err == WPM_OK || err == WPM_ERR_NO_MEMORY);
  }
  lab_stop(b);
  bool none_failed = wpm_alloc_failed() == 0;
  wpm_alloc_fail_off();
  lab_fini(&l);
  return none_failed;
}

/* Every STRIDE-th allocation, other ones in each run of the program. */
static void fail_each(shortage mode) {
  enum { STRIDE = 16, LEAST = 50 };
  uint64_t seed = wpm_test_seed();
  size_t n = 1 + wpm_test_random_below(&seed, STRIDE);
  assert_false(run(mode, n)); /* Allocations do fail. */
  /* On a busy machine a run may end before it comes to its n-th allocation: go some way first. */
  while (!run(mode, n) || n <= LEAST) {
    n += STRIDE;
    assert_true(n < 2000);
  }
}

static void one_failing_allocation_is_survived(void **state) {
  (void)state;
  fail_each(FAIL_ONE);
}

static void no_memory_at_all_is_survived(void **state) {
  (void)state;
  fail_each(FAIL_ALL_LATER);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_failing_allocation_is_survived),
      cmocka_unit_test(no_memory_at_all_is_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
