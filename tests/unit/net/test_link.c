/* Links: slow readers, gentle ends, lingering, counters. The other side is a plain socket. */
#include "support/test.h"

#include "net/link.h"
#include "support/allocated.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_UNSENT ((size_t)256 * 1024)
#define SMALL 4096 /* Socket buffers, so that little is enough to fill them. */

/* A link and the socket it leads to. */
static struct {
  uv_loop_t loop;
  wpm_link_pool pool;
  wpm_link *link;
  int fd;        /* The plain side; not blocking. */
  int listener;  /* Where it came from. */
  int connected; /* 1: not told yet. */
  int ended;
  uint8_t received[1024];
  size_t received_len;
  size_t emptied;
  bool late;
} t;

static void on_connected(void *user, int uv_error) {
  (void)user;
  t.connected = uv_error;
}
static void on_received(void *user, uint8_t *data, size_t len) {
  (void)user;
  assert_true(len <= sizeof t.received - t.received_len);
  memcpy(t.received + t.received_len, data, len);
  t.received_len += len;
}
static void on_ended(void *user, int uv_error) {
  (void)user;
  t.ended = uv_error;
}

static const wpm_link_owner owner = {on_connected, on_received, on_ended};

static void on_emptied(void *user) {
  (void)user;
  t.emptied++;
}

static void too_late(uv_timer_t *timer) {
  (void)timer;
  t.late = true;
}

#define RUN_UNTIL(condition)                                                                       \
  do {                                                                                             \
    uv_timer_t limit_;                                                                             \
    uv_timer_init(&t.loop, &limit_);                                                               \
    uv_timer_start(&limit_, too_late, 10000, 0);                                                   \
    while (!(condition) && !t.late) {                                                              \
      uv_run(&t.loop, UV_RUN_NOWAIT);                                                              \
    }                                                                                              \
    uv_close((uv_handle_t *)&limit_, NULL);                                                        \
    uv_run(&t.loop, UV_RUN_NOWAIT);                                                                \
    assert_false(t.late);                                                                          \
  } while (0)

static void set_size(int fd, int option) {
  int size = SMALL;
  assert_int_equal(setsockopt(fd, SOL_SOCKET, option, &size, sizeof size), 0);
}

static struct sockaddr_in listen_plain(void) {
  struct sockaddr_in address;
  socklen_t len = sizeof address;
  assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &address), 0);
  t.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(t.listener >= 0);
  set_size(t.listener, SO_RCVBUF);
  assert_int_equal(bind(t.listener, (const struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(t.listener, 1), 0);
  assert_int_equal(getsockname(t.listener, (struct sockaddr *)&address, &len), 0);
  return address;
}

/* The link's own buffer too: its handle is the loop's only socket. */
static void make_small(uv_handle_t *handle, void *user) {
  int size = SMALL;
  (void)user;
  if (handle->type == UV_TCP && !uv_is_closing(handle)) {
    assert_int_equal(uv_send_buffer_size(handle, &size), 0);
  }
}

static int begin(void **state) {
  (void)state;
  memset(&t, 0, sizeof t);
  (void)signal(SIGPIPE, SIG_IGN);
  assert_int_equal(uv_loop_init(&t.loop), 0);
  assert_int_equal(wpm_link_pool_init(&t.pool, &t.loop, MAX_UNSENT), WPM_OK);
  t.pool.emptied = on_emptied;
  struct sockaddr_in address = listen_plain();
  t.connected = 1;
  assert_int_equal(wpm_link_new(&t.pool, &owner, NULL, &t.link), WPM_OK);
  assert_int_equal(wpm_link_connect(t.link, (const struct sockaddr *)&address), 0);
  RUN_UNTIL(t.connected != 1);
  assert_int_equal(t.connected, 0);
  t.fd = accept4(t.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  assert_true(t.fd >= 0);
  uv_walk(&t.loop, make_small, NULL);
  assert_int_equal(wpm_link_read(t.link), 0);
  return 0;
}

/* The link is closed by then. */
static int end(void **state) {
  (void)state;
  RUN_UNTIL(t.pool.open == 0);
  assert_int_equal(t.emptied, 1);
  close(t.fd);
  close(t.listener);
  wpm_deadline_queue_close(&t.pool.lingering, NULL, NULL);
  uv_run(&t.loop, UV_RUN_DEFAULT);
  wpm_link_pool_fini(&t.pool);
  assert_int_equal(uv_loop_close(&t.loop), 0);
  return 0;
}

/* The `i`-th byte of what is sent. */
static uint8_t byte_at(size_t i) {
  return (uint8_t)(i * 7 + (i >> 8));
}

static void send_bytes(size_t from, size_t count) {
  static uint8_t bytes[MAX_UNSENT];
  for (size_t i = 0; i < count; i++) {
    bytes[i] = byte_at(from + i);
  }
  assert_int_equal(wpm_link_send(t.link, (wpm_bytes){bytes, count}), WPM_OK);
}

/* Reads what is there and checks it; returns the number of bytes read so far, -1 at the end. */
static ssize_t drain(size_t *total) {
  uint8_t bytes[3000];
  ssize_t len = recv(t.fd, bytes, sizeof bytes, 0);
  for (ssize_t i = 0; i < len; i++) {
    assert_int_equal(bytes[i], byte_at(*total + (size_t)i));
  }
  *total += len > 0 ? (size_t)len : 0;
  return len == 0 ? -1 : (ssize_t)*total;
}

/* ---------------------------------------------------------------------------------------------- */

static void a_slow_reader_gets_every_byte_in_order(void **state) {
  (void)state;
  size_t sent = 0;
  size_t memory = wpm_test_allocated();
  static const size_t sizes[] = {1, 1000, 65536, 3, 40000, 100000, 17};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    send_bytes(sent, sizes[i]);
    sent += sizes[i];
  }
  assert_true(wpm_test_allocated() > memory + 100000); /* Most of it waits. */
  size_t total = 0;
  /* Others come behind while it goes on. */
  RUN_UNTIL(drain(&total) >= 100000);
  send_bytes(sent, 30000);
  sent += 30000;
  RUN_UNTIL(drain(&total) == (ssize_t)sent);
  RUN_UNTIL(t.pool.bytes_sent == sent);
  assert_int_equal(wpm_test_allocated(), memory); /* An idle link holds no buffer. */
  /* And the other way. */
  assert_int_equal(send(t.fd, "hello", 5, 0), 5);
  RUN_UNTIL(t.received_len == 5);
  assert_memory_equal(t.received, "hello", 5);
  assert_int_equal(t.pool.bytes_received, 5);
  wpm_link_close(t.link, false);
}

static void what_waits_is_capped(void **state) {
  (void)state;
  static uint8_t bytes[16384];
  size_t taken = 0;
  int err = WPM_OK;
  size_t memory = wpm_test_allocated();
  while (err == WPM_OK) {
    err = wpm_link_send(t.link, (wpm_bytes){bytes, sizeof bytes});
    taken += err == WPM_OK ? sizeof bytes : 0;
    assert_true(taken < 16 * MAX_UNSENT);
    if (taken % 65536 == 0) {
      uv_run(&t.loop, UV_RUN_NOWAIT);
    }
  }
  assert_int_equal(err, WPM_ERR_FULL);
  assert_true(taken >= MAX_UNSENT - sizeof bytes);
  /* One buffer being written, one behind it, both with room to grow. */
  assert_true(wpm_test_allocated() - memory <= 3 * MAX_UNSENT);
  wpm_link_close(t.link, false);
}

static void a_gentle_end_delivers_the_last_bytes(void **state) {
  (void)state;
  size_t sent = MAX_UNSENT - 1000;
  send_bytes(0, sent);
  wpm_link_close(t.link, true);
  size_t total = 0;
  RUN_UNTIL(drain(&total) == -1);
  assert_int_equal(total, sent);
  assert_int_equal(t.pool.open, 1); /* It waits for our end. */
  assert_int_equal(send(t.fd, "unread", 6, 0), 6);
  assert_int_equal(shutdown(t.fd, SHUT_WR), 0);
  RUN_UNTIL(t.pool.open == 0);
  assert_int_equal(t.received_len, 0);
  assert_int_equal(t.ended, 0);
}

/* The other side neither ends its stream nor, the second time, reads. */
static void lingering_is_bounded(void **state) {
  assert_int_equal(t.pool.lingering.length_ms, WPM_LINK_LINGER / WPM_MILLISECOND);
  for (size_t i = 0; i < 2; i++) {
    if (i == 1) {
      assert_int_equal(end(state), 0);
      assert_int_equal(begin(state), 0);
    }
    t.pool.lingering.length_ms = 30;
    send_bytes(0, i == 0 ? 100 : MAX_UNSENT);
    uint64_t began = uv_now(&t.loop);
    wpm_link_close(t.link, true);
    RUN_UNTIL(t.pool.open == 0);
    assert_true(uv_now(&t.loop) - began >= 30);
  }
}

static void a_lingering_link_gives_way(void **state) {
  (void)state;
  wpm_link_close(t.link, true);
  assert_int_equal(t.pool.open, 1);
  wpm_link_pool_give_way(&t.pool);
  wpm_link_pool_give_way(&t.pool); /* Nothing is left to give way. */
  RUN_UNTIL(t.pool.open == 0);
}

static void ends_are_told(void **state) {
  (void)state;
  assert_int_equal(send(t.fd, "bye", 3, 0), 3);
  assert_int_equal(shutdown(t.fd, SHUT_WR), 0);
  RUN_UNTIL(t.ended != 0);
  assert_int_equal(t.ended, UV_EOF);
  assert_int_equal(t.received_len, 3);
  wpm_link_close(t.link, true);
}

static void reset_plain(void) {
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  assert_int_equal(setsockopt(t.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
  close(t.fd);
  t.fd = -1;
}

static void a_reset_is_told_behind_what_came_before(void **state) {
  (void)state;
  assert_int_equal(send(t.fd, "last", 4, 0), 4);
  reset_plain();
  /* Two writes fail; neither decides anything. */
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(wpm_link_send(t.link, (wpm_bytes){(const uint8_t *)"x", 1}), WPM_OK);
  }
  RUN_UNTIL(t.ended != 0);
  assert_int_equal(t.ended, UV_ECONNRESET);
  assert_int_equal(t.received_len, 4);
  wpm_link_close(t.link, true);
}

/* They end the stream and then reset it, when we write: it ended as they had ended it. */
static void an_end_before_a_failed_write_stays_an_end(void **state) {
  (void)state;
  close(t.fd);
  t.fd = -1;
  for (size_t i = 0; i < 3; i++) { /* The first is what they answer with a reset. */
    assert_int_equal(wpm_link_send(t.link, (wpm_bytes){(const uint8_t *)"x", 1}), WPM_OK);
  }
  RUN_UNTIL(t.ended != 0);
  assert_int_equal(t.ended, UV_EOF);
  wpm_link_close(t.link, false);
}

static void a_write_that_waits_ends_with_a_reset(void **state) {
  (void)state;
  send_bytes(0, MAX_UNSENT);
  reset_plain();
  RUN_UNTIL(t.ended != 0);
  assert_int_equal(t.ended, UV_ECONNRESET);
  assert_int_equal(wpm_link_send(t.link, (wpm_bytes){(const uint8_t *)"x", 1}), WPM_OK);
  wpm_link_close(t.link, true);
}

static void nobody_there_is_told(void **state) {
  (void)state;
  struct sockaddr_in address;
  socklen_t len = sizeof address;
  wpm_link *other = NULL;
  assert_int_equal(getsockname(t.listener, (struct sockaddr *)&address, &len), 0);
  close(t.listener);
  t.listener = -1;
  t.connected = 1;
  assert_int_equal(wpm_link_new(&t.pool, &owner, NULL, &other), WPM_OK);
  assert_int_equal(wpm_link_connect(other, (const struct sockaddr *)&address), 0);
  RUN_UNTIL(t.connected != 1);
  assert_int_equal(t.connected, UV_ECONNREFUSED);
  wpm_link_close(other, true);
  /* One that is closed while it connects tells nothing. */
  t.connected = 1;
  assert_int_equal(wpm_link_new(&t.pool, &owner, NULL, &other), WPM_OK);
  assert_int_equal(wpm_link_connect(other, (const struct sockaddr *)&address), 0);
  wpm_link_close(other, true);
  wpm_link_close(t.link, false);
  RUN_UNTIL(t.pool.open == 0);
  assert_int_equal(t.connected, 1);
}

#define LINK_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      LINK_TEST(a_slow_reader_gets_every_byte_in_order),
      LINK_TEST(what_waits_is_capped),
      LINK_TEST(a_gentle_end_delivers_the_last_bytes),
      LINK_TEST(lingering_is_bounded),
      LINK_TEST(a_lingering_link_gives_way),
      LINK_TEST(ends_are_told),
      LINK_TEST(a_reset_is_told_behind_what_came_before),
      LINK_TEST(an_end_before_a_failed_write_stays_an_end),
      LINK_TEST(a_write_that_waits_ends_with_a_reset),
      LINK_TEST(nobody_there_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
