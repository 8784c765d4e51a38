/* Dials: many addresses, names, cancelling at any moment, shortage. */
#include "scene.h"

#include "base/multiaddr.h"
#include "support/loopback.h"
#include "support/net/names.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define STAGGER_NS (250 * (uint64_t)WPM_MILLISECOND) /* RFC 8305's, as host.c has it. */
#define CLOCK_SLACK (50 * (uint64_t)WPM_MILLISECOND) /* The loop's clock may lag behind. */

/* Waits while no attempt is begun because the one before it is slow. */
#define RUN_WITHOUT_STAGGER(pair, condition)                                                       \
  RUN_UNTIL(&(pair)->loop, (uv_timer_stop(&(pair)->b.host->staggers.timer) == 0) && (condition))

/* ---- addresses ------------------------------------------------------------------------------- */

static wpm_multiaddr parse(const char *text) {
  wpm_multiaddr out;
  wpm_error error;
  if (wpm_multiaddr_parse(wpm_text_of(text), &out, &error) != WPM_OK) {
    fail_msg("%s", error.text);
  }
  return out;
}

/* A TCP socket bound to a port of `host` (an IPv4 address). */
static int bound_socket(const char *host, uint16_t port, uint16_t *bound) {
  struct sockaddr_in address;
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(uv_ip4_addr(host, port, &address), 0);
  assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
  *bound = ntohs(address.sin_port);
  return fd;
}

static wpm_multiaddr address_of(const char *host, uint16_t port) {
  char text[80];
  (void)snprintf(text, sizeof text, "/ip4/%s/tcp/%u", host, port);
  return parse(text);
}

/* Nobody listens there, as long as the socket is open. */
typedef struct refuser {
  int fd;
  wpm_multiaddr address;
} refuser;

static refuser refuser_open(void) {
  uint16_t port = 0;
  char host[LOOPBACK_TEXT];
  loopback_own(0, host);
  int fd = bound_socket(host, 0, &port);
  return (refuser){fd, address_of(host, port)};
}

/* A listener whose queue is full: the kernel answers nothing to those who connect. */
typedef struct black_hole {
  int fd, fill;
  uint16_t port;
  wpm_multiaddr address;
} black_hole;

static black_hole black_hole_open(void) {
  black_hole hole;
  struct sockaddr_in address;
  char host[LOOPBACK_TEXT];
  loopback_own(0, host);
  hole.fd = bound_socket(host, 0, &hole.port);
  assert_int_equal(listen(hole.fd, 0), 0);
  hole.fill = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(uv_ip4_addr(host, hole.port, &address), 0);
  assert_int_equal(connect(hole.fill, (const struct sockaddr *)&address, sizeof address), 0);
  hole.address = address_of(host, hole.port);
  return hole;
}

static void black_hole_close(black_hole *hole) {
  close(hole->fill);
  close(hole->fd);
}

/* Host `b` dials host `a`'s id at these addresses. */
static wpm_dial *dial(host_pair *pair, const wpm_multiaddr *const *addresses, size_t count) {
  wpm_bytes views[8];
  wpm_dial *out = NULL;
  assert_true(count <= 8);
  for (size_t i = 0; i < count; i++) {
    views[i] = wpm_multiaddr_view(addresses[i]);
  }
  size_t told = pair->b.connected + pair->b.failed;
  assert_int_equal(wpm_host_dial(pair->b.host, wpm_peer_id_view(&pair->a.identity.peer_id), views,
                                 count, pair, &out),
                   WPM_OK);
  assert_int_equal(pair->b.connected + pair->b.failed, told); /* Never before it returns. */
  assert_ptr_equal(wpm_dial_user(out), pair);
  return out;
}

static void begin(host_pair *pair, int64_t upgrade_timeout_ns) {
  pair_init(pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
  pair->b.config.upgrade_timeout_ns = upgrade_timeout_ns;
  pair_start(pair);
}

static wpm_multiaddr address_a(const host_pair *pair) {
  wpm_multiaddr out = {0};
  wpm_bytes view = side_address(&pair->a);
  memcpy(out.bytes, view.data, view.len);
  out.len = (uint16_t)view.len;
  return out;
}

/* Nothing is left of any dial of `b`. */
static void all_gone(const host_pair *pair, size_t connections) {
  assert_ptr_equal(pair->b.host->dials, NULL);
  assert_int_equal(pair->b.host->connection_count, connections);
}

/* ---- many addresses -------------------------------------------------------------------------- */

static void the_next_address_follows_a_refusal_at_once(void **state) {
  (void)state;
  host_pair pair;
  begin(&pair, 10 * WPM_SECOND);
  refuser refusing = refuser_open();
  wpm_multiaddr good = address_a(&pair);
  const wpm_multiaddr *addresses[] = {&refusing.address, &refusing.address, &good};
  dial(&pair, addresses, 3);
  RUN_WITHOUT_STAGGER(&pair, pair.b.connected == 1);
  assert_true(wpm_bytes_equal(wpm_conn_dialled(pair.b.conn), wpm_multiaddr_view(&good)));
  assert_true(wpm_bytes_equal(wpm_conn_remote(pair.b.conn), wpm_multiaddr_view(&good)));
  assert_ptr_equal(pair.b.dial_user, &pair);
  assert_true(wpm_conn_upgrade_ns(pair.b.conn) > 0);
  all_gone(&pair, 1);
  close(refusing.fd);
  pair_fini(&pair);
}

static void a_slow_address_holds_the_next_up_for_a_moment(void **state) {
  (void)state;
  host_pair pair;
  begin(&pair, 10 * WPM_SECOND);
  black_hole hole = black_hole_open();
  attacker silent; /* It accepts, and says nothing. */
  wpm_multiaddr silent_address;
  attacker_init(&silent, &pair.loop, pair.crypto, 0x33);
  silent.cut_at = 0;
  attacker_listen(&silent, &silent_address);
  wpm_multiaddr good = address_a(&pair);
  const wpm_multiaddr *addresses[] = {&hole.address, &silent_address, &good};
  uint64_t began = uv_hrtime();
  dial(&pair, addresses, 3);
  RUN_UNTIL(&pair.loop, pair.b.connected == 1);
  assert_true(uv_hrtime() - began >= 2 * STAGGER_NS - CLOCK_SLACK);
  assert_true(wpm_bytes_equal(wpm_conn_dialled(pair.b.conn), wpm_multiaddr_view(&good)));
  all_gone(&pair, 1);
  RUN_UNTIL(&pair.loop, silent.ended != 0); /* The other attempts were dropped. */
  assert_int_equal(pair.b.failed, 0);
  attacker_fini(&silent);
  black_hole_close(&hole);
  pair_fini(&pair);
}

/* What had failed by then; not what was given up for the one that won, nor what was never tried. */
static void a_dial_that_is_won_tells_what_had_failed(void **state) {
  (void)state;
  host_pair pair;
  begin(&pair, 10 * WPM_SECOND);
  black_hole hole = black_hole_open();
  refuser refusing = refuser_open();
  wpm_multiaddr quic = parse("/ip4/127.0.0.1/udp/4001/quic-v1");
  wpm_multiaddr good = address_a(&pair);
  wpm_multiaddr spare = parse("/ip4/127.0.0.1/tcp/1");
  const wpm_multiaddr *addresses[] = {&quic, &hole.address, &refusing.address, &good, &spare};
  dial(&pair, addresses, 5);
  RUN_UNTIL(&pair.loop, pair.b.connected == 1);
  assert_int_equal(pair.b.attempt_count, 2);
  assert_int_equal(pair.b.attempts[0], WPM_REASON_UNSUPPORTED_ADDRESS);
  assert_int_equal(pair.b.attempts[1], WPM_REASON_REFUSED);
  all_gone(&pair, 1);
  close(refusing.fd);
  black_hole_close(&hole);
  pair_fini(&pair);
}

static void every_address_has_its_reason(void **state) {
  (void)state;
  host_pair pair;
  begin(&pair, 200 * WPM_MILLISECOND);
  black_hole hole = black_hole_open();
  refuser refusing = refuser_open();
  attacker silent;
  wpm_multiaddr silent_address;
  attacker_init(&silent, &pair.loop, pair.crypto, 0x33);
  silent.cut_at = 0;
  attacker_listen(&silent, &silent_address);
  wpm_multiaddr quic = parse("/ip4/127.0.0.1/udp/4001/quic-v1");
  wpm_multiaddr nobody = parse("/dns4/nobody.test/tcp/1");
  const wpm_multiaddr *addresses[] = {&quic, &refusing.address, &nobody, &silent_address,
                                      &hole.address};
  dial(&pair, addresses, 5);
  RUN_UNTIL(&pair.loop, pair.b.failed == 1);
  static const wpm_reason reasons[] = {WPM_REASON_UNSUPPORTED_ADDRESS, WPM_REASON_REFUSED,
                                       WPM_REASON_NAME_NOT_FOUND, WPM_REASON_DIAL_TIMEOUT,
                                       WPM_REASON_DIAL_TIMEOUT};
  assert_int_equal(pair.b.attempt_count, 5);
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(pair.b.attempts[i], reasons[i]);
  }
  /* The dial's own reason is that of the attempt which came furthest. */
  assert_int_equal(pair.b.last_end.step, WPM_STEP_SECURITY);
  assert_int_equal(pair.b.last_end.reason, WPM_REASON_DIAL_TIMEOUT);
  all_gone(&pair, 0);
  attacker_fini(&silent);
  close(refusing.fd);
  black_hole_close(&hole);
  pair_fini(&pair);
}

#define CIRCUIT                                                                                    \
  "/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA/p2p-circuit"

static void a_dial_that_cannot_begin_fails_at_the_next_turn(void **state) {
  (void)state;
  static const char *const texts[] = {"/ip4/127.0.0.1/udp/4001/quic-v1",
                                      "/ip4/127.0.0.1/tcp/4001/ws",
                                      "/unix/tmp",
                                      CIRCUIT,
                                      "/dnsaddr/a.test",
                                      "/ip6zone/nosuch0/ip6/fe80::1/tcp/4001"};
  host_pair pair;
  begin(&pair, 10 * WPM_SECOND);
  for (size_t i = 0; i <= sizeof texts / sizeof *texts; i++) {
    bool any = i < sizeof texts / sizeof *texts;
    wpm_multiaddr address = any ? parse(texts[i]) : (wpm_multiaddr){0};
    const wpm_multiaddr *list[] = {&address};
    dial(&pair, list, any);
    RUN_UNTIL(&pair.loop, pair.b.failed == i + 1);
    assert_int_equal(pair.b.last_end.reason, WPM_REASON_UNSUPPORTED_ADDRESS);
    assert_int_equal(pair.b.last_end.step, WPM_STEP_ADDRESS);
    assert_true(strlen(pair.b.detail) > 0);
    assert_int_equal(pair.b.attempt_count, any);
  }
  wpm_dial *out = NULL;
  uint8_t id[WPM_PEER_ID_MAX + 1] = {0};
  assert_int_equal(wpm_host_dial(pair.b.host, (wpm_bytes){id, sizeof id}, NULL, 0, NULL, &out),
                   WPM_ERR_TOO_LARGE);
  all_gone(&pair, 0);
  pair_fini(&pair);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Host `a` listens on the port of a black hole that is at another address. */
static void a_name_stands_for_all_its_addresses(void **state) {
  (void)state;
  char first[LOOPBACK_TEXT];
  char second[LOOPBACK_TEXT];
  const char *const two[] = {first, second};
  loopback_own(0, first);
  loopback_own(1, second);
  host_pair pair;
  pair_init(&pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
  side_start(&pair.b);
  black_hole hole = black_hole_open();
  wpm_multiaddr listen = address_of(second, hole.port);
  wpm_error error;
  assert_int_equal(wpm_host_new(&pair.a.config, &pair.a.host), WPM_OK);
  assert_int_equal(wpm_host_listen(pair.a.host, wpm_multiaddr_view(&listen), &error), WPM_OK);
  names_set("two.test", two, 2);
  char text[80];
  (void)snprintf(text, sizeof text, "/dns4/two.test/tcp/%u", hole.port);
  wpm_multiaddr name = parse(text);
  const wpm_multiaddr *addresses[] = {&name};

  /* The first is silent. */
  uint64_t began = uv_hrtime();
  dial(&pair, addresses, 1);
  RUN_UNTIL(&pair.loop, pair.b.connected == 1);
  assert_true(uv_hrtime() - began >= STAGGER_NS - CLOCK_SLACK);
  assert_true(wpm_bytes_equal(wpm_conn_dialled(pair.b.conn), wpm_multiaddr_view(&name)));
  assert_true(wpm_bytes_equal(wpm_conn_remote(pair.b.conn), wpm_multiaddr_view(&listen)));
  all_gone(&pair, 1);

  /* The first refuses; both do. */
  black_hole_close(&hole);
  dial(&pair, addresses, 1);
  RUN_WITHOUT_STAGGER(&pair, pair.b.connected == 2);
  assert_int_equal(pair.b.attempt_count, 0); /* The name has not failed: it won. */
  names_set("two.test", two, 1);
  dial(&pair, addresses, 1);
  RUN_UNTIL(&pair.loop, pair.b.failed == 1);
  assert_int_equal(pair.b.last_end.reason, WPM_REASON_REFUSED);
  assert_int_equal(pair.b.attempt_count, 1);
  names_set("two.test", two, 0);
  dial(&pair, addresses, 1);
  RUN_UNTIL(&pair.loop, pair.b.failed == 2);
  assert_int_equal(pair.b.last_end.reason, WPM_REASON_NAME_NOT_FOUND);
  assert_int_equal(pair.b.last_end.step, WPM_STEP_RESOLVE);
  pair_fini(&pair);
}

/* More addresses than are tried of one name, between two other addresses that fail. */
static void a_long_list_of_a_name_is_cut(void **state) {
  (void)state;
  static const char *const many[16] = {"127.0.0.3", "127.0.0.3", "127.0.0.3", "127.0.0.3",
                                       "127.0.0.3", "127.0.0.3", "127.0.0.3", "127.0.0.3",
                                       "127.0.0.3", "127.0.0.3", "127.0.0.3", "127.0.0.3",
                                       "127.0.0.3", "127.0.0.3", "127.0.0.3", "127.0.0.1"};
  host_pair pair;
  begin(&pair, 10 * WPM_SECOND);
  wpm_tcp_target target;
  assert_int_equal(wpm_multiaddr_tcp_target(side_address(&pair.a), &target), WPM_OK);
  char text[80];
  (void)snprintf(text, sizeof text, "/dns/many.test/tcp/%u", target.port);
  names_set("many.test", many, 16);
  wpm_multiaddr name = parse(text);
  wpm_multiaddr good = address_a(&pair);
  const wpm_multiaddr *addresses[] = {&name, &good};
  dial(&pair, addresses, 1);
  RUN_WITHOUT_STAGGER(&pair, pair.b.failed == 1); /* Its last address would be right. */
  assert_int_equal(pair.b.last_end.reason, WPM_REASON_REFUSED);
  dial(&pair, addresses, 2);
  RUN_UNTIL(&pair.loop, pair.b.connected == 1);
  assert_true(wpm_bytes_equal(wpm_conn_dialled(pair.b.conn), wpm_multiaddr_view(&good)));
  pair_fini(&pair);
}

/* ---- cancelling ------------------------------------------------------------------------------ */

static void nothing_is_told_of_a_cancelled_dial(host_pair *pair, wpm_dial *dial) {
  size_t told = pair->b.connected + pair->b.failed;
  wpm_dial_cancel(dial);
  all_gone(pair, 0);
  while (pair->b.host->links.open > 0 || pair->b.host->resolves > 0) {
    uv_run(&pair->loop, UV_RUN_ONCE);
  }
  uv_run(&pair->loop, UV_RUN_NOWAIT);
  assert_int_equal(pair->b.connected + pair->b.failed, told);
}

static void a_dial_is_cancelled_at_any_step(void **state) {
  (void)state;
  /* What a listener sends: its header, the answer, message 2, and so on. */
  static const struct {
    size_t cut_at;
    wpm_step step;
  } cuts[] = {{0, WPM_STEP_SECURITY}, {28, WPM_STEP_HANDSHAKE}, {100, WPM_STEP_HANDSHAKE}};
  host_pair pair;
  begin(&pair, 10 * WPM_SECOND);
  for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
    attacker a;
    wpm_multiaddr address;
    attacker_init(&a, &pair.loop, pair.crypto, 0x33);
    a.cut_at = cuts[i].cut_at;
    attacker_listen(&a, &address);
    const wpm_multiaddr *addresses[] = {&address};
    wpm_dial *cancelled = dial(&pair, addresses, 1);
    RUN_UNTIL(&pair.loop,
              pair.b.host->connections->upgrade->step == cuts[i].step && a.phase == ATTACKER_CUT);
    nothing_is_told_of_a_cancelled_dial(&pair, cancelled);
    attacker_fini(&a);
  }
  black_hole hole = black_hole_open();
  wpm_multiaddr quic = parse("/ip4/127.0.0.1/udp/4001/quic-v1");
  wpm_multiaddr name = parse("/dns4/two.test/tcp/1");
  const wpm_multiaddr *lists[] = {&hole.address, &quic, &name};
  for (size_t i = 0; i < 3; i++) {
    nothing_is_told_of_a_cancelled_dial(&pair, dial(&pair, &lists[i], 1));
  }
  /* Two attempts under way at once. */
  const wpm_multiaddr *both[] = {&hole.address, &hole.address};
  wpm_dial *cancelled = dial(&pair, both, 2);
  RUN_UNTIL(&pair.loop, pair.b.host->connection_count == 2);
  nothing_is_told_of_a_cancelled_dial(&pair, cancelled);
  /* The look-up is on its way, and cannot be taken back. */
  names_wait();
  size_t asked = names_asked();
  cancelled = dial(&pair, &lists[2], 1);
  while (names_asked() == asked) {
    uv_run(&pair.loop, UV_RUN_NOWAIT);
  }
  wpm_dial_cancel(cancelled);
  assert_int_equal(pair.b.host->resolves, 1);
  names_go_on();
  RUN_UNTIL(&pair.loop, pair.b.host->resolves == 0);
  assert_int_equal(pair.b.failed + pair.b.connected, 0);
  black_hole_close(&hole);
  pair_fini(&pair);
}

/* ---- more than one --------------------------------------------------------------------------- */

static void two_dials_to_one_peer_make_two_connections(void **state) {
  (void)state;
  host_pair pair;
  begin(&pair, 10 * WPM_SECOND);
  wpm_multiaddr good = address_a(&pair);
  const wpm_multiaddr *addresses[] = {&good};
  dial(&pair, addresses, 1);
  dial(&pair, addresses, 1);
  RUN_UNTIL(&pair.loop, pair.b.connected == 2 && pair.a.connected == 2);
  all_gone(&pair, 2);
  pair_fini(&pair);
}

/* Who dials anew from inside the failure does not keep the loop from its other work. */
static void dial_again(pair_side *side) {
  wpm_dial *out = NULL;
  assert_int_equal(wpm_host_dial(side->host, (wpm_bytes){0}, NULL, 0, NULL, &out), WPM_OK);
}

static void dialling_anew_from_a_failure_leaves_the_loop_free(void **state) {
  (void)state;
  host_pair pair;
  begin(&pair, 10 * WPM_SECOND);
  pair.b.in_dial_failed = dial_again;
  dial_again(&pair.b);
  size_t turns = 0;
  while (pair.b.failed < 10) {
    size_t before = pair.b.failed;
    uv_run(&pair.loop, UV_RUN_ONCE);
    assert_true(pair.b.failed <= before + 2); /* It runs timers twice a turn. */
    turns++;
  }
  assert_true(turns >= 5);
  pair_connect(&pair);
  pair.b.in_dial_failed = NULL;
  pair_fini(&pair);
}

/* ---- shortage -------------------------------------------------------------------------------- */

/* Lets the process open no further descriptor. */
static rlim_t allow_no_descriptor(void) {
  struct rlimit limit;
  int next = dup(STDOUT_FILENO);
  assert_true(next >= 0);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  rlim_t before = limit.rlim_cur;
  limit.rlim_cur = (rlim_t)next;
  close(next);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  return before;
}

static void allow_descriptors(rlim_t count) {
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = count;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void want_of_descriptors_is_a_failure_of_ours(void **state) {
  (void)state;
  host_pair pair;
  begin(&pair, 10 * WPM_SECOND);
  pair_connect(&pair);
  wpm_multiaddr good = address_a(&pair);
  const wpm_multiaddr *addresses[] = {&good, &good};
  rlim_t before = allow_no_descriptor();
  dial(&pair, addresses, 2);
  RUN_UNTIL(&pair.loop, pair.b.failed == 1);
  allow_descriptors(before);
  assert_int_equal(pair.b.last_end.reason, WPM_REASON_LOCAL_FAILURE);
  assert_int_equal(pair.b.last_end.step, WPM_STEP_CONNECT);
  assert_int_equal(pair.b.attempts[0], WPM_REASON_LOCAL_FAILURE);
  pair_still_works(&pair);

  /* And where somebody connects to us: it is closed, or waits; the listener lives on. */
  attacker a;
  attacker_init(&a, &pair.loop, pair.crypto, 0x33);
  attacker_dial(&a, side_address(&pair.a));
  before = allow_no_descriptor();
  for (size_t i = 0; i < 20; i++) {
    uv_run(&pair.loop, UV_RUN_NOWAIT);
  }
  assert_int_not_equal(a.phase, ATTACKER_UP);
  allow_descriptors(before);
  pair_still_works(&pair);
  attacker_fini(&a);
  pair_fini(&pair);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_next_address_follows_a_refusal_at_once),
      cmocka_unit_test(a_slow_address_holds_the_next_up_for_a_moment),
      cmocka_unit_test(a_dial_that_is_won_tells_what_had_failed),
      cmocka_unit_test(every_address_has_its_reason),
      cmocka_unit_test(a_dial_that_cannot_begin_fails_at_the_next_turn),
      cmocka_unit_test(a_name_stands_for_all_its_addresses),
      cmocka_unit_test(a_long_list_of_a_name_is_cut),
      cmocka_unit_test(a_dial_is_cancelled_at_any_step),
      cmocka_unit_test(two_dials_to_one_peer_make_two_connections),
      cmocka_unit_test(dialling_anew_from_a_failure_leaves_the_loop_free),
      cmocka_unit_test(want_of_descriptors_is_a_failure_of_ours),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
