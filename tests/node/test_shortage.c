/* Descriptors run short: the node goes on, with fewer connections. */
#include "lab.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/* No descriptor can be had any more; returns the limit of before. */
static struct rlimit take_descriptors(void) {
  struct rlimit before;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  assert_true(next >= 0);
  assert_int_equal(close(next), 0);
  struct rlimit none = {(rlim_t)next, before.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
  return before;
}

static void one_who_is_not_static_goes(void **state) {
  (void)state;
  lab l;
  lab_init(&l);
  lab_node *us = &l.nodes[0];
  lab_node *client = &l.nodes[1];
  lab_node *wanted = &l.nodes[2];
  lab_start(us);
  lab_start(wanted);
  lab_hold(client, us);
  lab_start(client);
  LAB_CONNECTED(us, client);
  struct rlimit before = take_descriptors();
  wpm_error error;
  assert_int_equal(wpm_node_add(us->node, wpm_text_of(wanted->address), NULL, &error), WPM_OK);
  RUN_UNTIL(&l.loop, us->downs == 1);
  assert_int_equal(us->down.reason, WPM_REASON_CROWDED);
  assert_true(lab_counters(us).shortages[WPM_SHORTAGE_DESCRIPTORS] > 0);
  assert_true(lab_counters(us).dials_failed[WPM_REASON_LOCAL_FAILURE] > 0);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  LAB_CONNECTED(us, wanted);
  lab_fini(&l);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(one_who_is_not_static_goes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
