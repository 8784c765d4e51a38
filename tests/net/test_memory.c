/* Want of memory at any point: no crash, no leak, nothing told twice; and once there is memory again,
 * all is well. What an idle connection costs. */
#include "pair.h"

#include "net/conn.h"
#include "support/alloc_fail.h"
#include "support/allocated.h"

#define PATIENCE_MS 30 /* What does not come within it will not come. */

typedef enum shortage { FAIL_ONE, FAIL_ALL_LATER } shortage;

static void arm(shortage mode, size_t n) {
  if (mode == FAIL_ONE) {
    wpm_alloc_fail_once_at(n);
  } else {
    wpm_alloc_fail_at(n);
  }
}

static void patience_over(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

/* Turns the loop until `condition` holds, or will not any more. */
#define WAIT_FOR(pair, condition)                                                                  \
  do {                                                                                             \
    bool over_ = false;                                                                            \
    uv_timer_t timer_;                                                                             \
    uv_timer_init(&(pair)->loop, &timer_);                                                         \
    timer_.data = &over_;                                                                          \
    uv_timer_start(&timer_, patience_over, PATIENCE_MS, 0);                                        \
    while (!(condition) && !over_) {                                                               \
      uv_run(&(pair)->loop, UV_RUN_ONCE);                                                          \
    }                                                                                              \
    uv_close((uv_handle_t *)&timer_, NULL);                                                        \
    uv_run(&(pair)->loop, UV_RUN_NOWAIT);                                                          \
  } while (0)

static int start_side(pair_side *side) {
  wpm_multiaddr any;
  assert_int_equal(wpm_multiaddr_parse(WPM_TEXT("/ip4/127.0.0.1/tcp/0"), &any, NULL), WPM_OK);
  int err = wpm_host_new(&side->config, &side->host);
  if (err != WPM_OK) {
    side->host = NULL;
    return err;
  }
  side->host->links.lingering.length_ms = 10;
  wpm_error error;
  err = wpm_host_listen(side->host, wpm_multiaddr_view(&any), &error);
  assert_true(err == WPM_OK || (err == WPM_ERR_NO_MEMORY && strlen(error.text) > 0));
  return err;
}

/* A dial is told of exactly once, unless it does not begin. */
static bool meet(host_pair *pair) {
  wpm_bytes address = side_address(&pair->a);
  wpm_dial *dial = NULL;
  size_t told = pair->b.connected + pair->b.failed;
  size_t up = pair->b.connected;
  int err = wpm_host_dial(pair->b.host, wpm_peer_id_view(&pair->a.identity.peer_id), &address, 1,
                          NULL, &dial);
  if (err != WPM_OK) {
    assert_int_equal(err, WPM_ERR_NO_MEMORY);
    return false;
  }
  RUN_UNTIL(&pair->loop, pair->b.connected + pair->b.failed > told);
  assert_int_equal(pair->b.connected + pair->b.failed, told + 1);
  WAIT_FOR(pair, pair->b.connected == up || pair->a.conn);
  return pair->b.connected > up;
}

/* What was asked without an error is told of once, whatever the answer. */
static void exchange(host_pair *pair) {
  pair_side *sides[] = {&pair->a, &pair->b};
  for (size_t i = 0; i < 2; i++) {
    pair_side *side = sides[i];
    if (side->conn && wpm_conn_identify(side->conn) == WPM_OK) {
      size_t told = side->identified - side->pushed + side->unidentified;
      RUN_UNTIL(&pair->loop,
                !side->conn || side->identified - side->pushed + side->unidentified > told);
      assert_true(!side->conn || side->identified - side->pushed + side->unidentified == told + 1);
    }
    if (side->conn && wpm_conn_request_metadata(side->conn) == WPM_OK) {
      size_t told = side->metadata + side->no_metadata;
      RUN_UNTIL(&pair->loop, !side->conn || side->metadata + side->no_metadata > told);
    }
    if (side->conn && wpm_conn_push_identify(side->conn) == WPM_OK) {
      WAIT_FOR(pair, !side->conn || sides[1 - i]->pushed > 0);
    }
    for (size_t k = 0; k < 2; k++) {
      if (side->conn && wpm_conn_ping(side->conn, true) == WPM_OK) {
        WAIT_FOR(pair, !side->conn || side->pongs > k);
      }
    }
  }
}

static void stop(host_pair *pair) {
  side_stop(&pair->a);
  side_stop(&pair->b);
  RUN_UNTIL(&pair->loop, (pair->a.stopped || !pair->a.host) && (pair->b.stopped || !pair->b.host));
}

/* The whole run, with the n-th allocation failing. True where none failed and all was done: on a
 * busy machine the short time-outs may end a run before its n-th allocation. */
static bool run(shortage mode, size_t n) {
  host_pair pair;
  /* Without any memory nobody can even say that it fails: then it is the time-out that ends it. */
  int64_t timeout_ns = mode == FAIL_ONE ? WPM_SECOND : PATIENCE_MS / 2 * WPM_MILLISECOND;
  pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_SECP256K1);
  pair_side *sides[] = {&pair.a, &pair.b};
  for (size_t i = 0; i < 2; i++) {
    sides[i]->config.upgrade_timeout_ns = timeout_ns;
    sides[i]->config.stream_timeout_ns = timeout_ns;
  }
  arm(mode, n);
  bool started = start_side(&pair.a) == WPM_OK && start_side(&pair.b) == WPM_OK;
  if (started && meet(&pair)) {
    exchange(&pair);
  }
  if (started && pair.b.conn) {
    wpm_conn_close(pair.b.conn, WPM_GO_AWAY_NORMAL);
    pair.b.conn = NULL;
    WAIT_FOR(&pair, !pair.a.conn);
  }
  if (mode == FAIL_ALL_LATER) {
    stop(&pair);
  }
  bool none_failed = wpm_alloc_failed() == 0 && pair.a.identified > pair.a.pushed &&
                     pair.b.identified > pair.b.pushed;
  wpm_alloc_fail_off();
  if (mode == FAIL_ONE && started) {
    /* There is memory again: the two meet as if nothing had been. */
    pair.a.host->upgrades.length_ms = pair.b.host->upgrades.length_ms = 10000;
    pair.a.host->streams.length_ms = pair.b.host->streams.length_ms = 10000;
    pair_connect(&pair);
    pair_ping(&pair);
  }
  pair_fini(&pair);
  return none_failed;
}

static void fail_each(shortage mode) {
  size_t n = 1;
  while (!run(mode, n)) {
    n++;
    assert_true(n < 1000);
  }
  assert_true(n > (mode == FAIL_ONE ? 30 : 10)); /* It is a long way. */
}

static void one_failing_allocation_is_survived(void **state) {
  (void)state;
  fail_each(FAIL_ONE);
}

static void no_memory_at_all_is_survived(void **state) {
  (void)state;
  fail_each(FAIL_ALL_LATER);
}

/* ---- idle connections ------------------------------------------------------------------------ */

/* Memory of established connections over which each side identified the other, and which nothing
 * uses now. */
static void an_idle_connection_is_small(void **state) {
  (void)state;
  enum { CONNECTIONS = 50, MOST = 2048 };
  host_pair pair;
  pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_SECP256K1);
  pair_start(&pair);
  size_t memory = 0;
  for (size_t i = 0; i <= CONNECTIONS; i++) {
    pair_connect(&pair);
    assert_int_equal(wpm_conn_identify(pair.a.conn), WPM_OK);
    assert_int_equal(wpm_conn_identify(pair.b.conn), WPM_OK);
    RUN_UNTIL(&pair.loop, pair.a.identified == i + 1 && pair.b.identified == i + 1 &&
                              wpm_conn_stream_count(pair.a.conn) == 0 &&
                              wpm_conn_stream_count(pair.b.conn) == 0);
    if (i == 0) { /* What the hosts hold once for all is there by now. */
      memory = wpm_test_allocated();
    }
  }
  size_t each = (wpm_test_allocated() - memory) / CONNECTIONS / 2;
  print_message("%zu bytes for each side of an idle connection\n", each);
  assert_in_range(each, 1, MOST);
  pair_fini(&pair);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_failing_allocation_is_survived),
      cmocka_unit_test(no_memory_at_all_is_survived),
      cmocka_unit_test(an_idle_connection_is_small),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
