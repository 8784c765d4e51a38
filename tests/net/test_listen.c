/* Listening: every kind of address, what goes wrong, and what is announced. */
#include "pair.h"

#include "base/multiaddr.h"
#include "support/net/names.h"

static wpm_multiaddr parse(const char *text) {
  wpm_multiaddr out;
  wpm_error error;
  if (wpm_multiaddr_parse(wpm_text_of(text), &out, &error) != WPM_OK) {
    fail_msg("%s", error.text);
  }
  return out;
}

static int listen_on(wpm_host *host, const char *text, wpm_error *error) {
  wpm_multiaddr address = parse(text);
  return wpm_host_listen(host, wpm_multiaddr_view(&address), error);
}

/* Host `a` listens on nothing yet; `b` is there to dial it. */
static void begin(host_pair *pair) {
  pair_init(pair, WPM_KEY_ED25519, WPM_KEY_ED25519);
  assert_int_equal(wpm_host_new(&pair->a.config, &pair->a.host), WPM_OK);
  side_start(&pair->b);
}

static bool has_ipv6(void) {
  struct sockaddr_in6 address;
  uv_loop_t loop;
  uv_tcp_t tcp;
  assert_int_equal(uv_loop_init(&loop), 0);
  assert_int_equal(uv_tcp_init(&loop, &tcp), 0);
  assert_int_equal(uv_ip6_addr("::1", 0, &address), 0);
  bool has = uv_tcp_bind(&tcp, (const struct sockaddr *)&address, 0) == 0 &&
             uv_listen((uv_stream_t *)&tcp, 1, NULL) == 0;
  uv_close((uv_handle_t *)&tcp, NULL);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  return has;
}

static wpm_tcp_target bound(const host_pair *pair, size_t index) {
  wpm_bytes address;
  wpm_tcp_target target;
  assert_true(wpm_host_listen_address(pair->a.host, index, &address));
  assert_int_equal(wpm_multiaddr_tcp_target(address, &target), WPM_OK);
  return target;
}

/* `b` dials `a` at the `index`-th address it listens on. */
static void dial_at(host_pair *pair, size_t index) {
  wpm_bytes address;
  wpm_dial *dial = NULL;
  size_t before = pair->a.connected;
  assert_true(wpm_host_listen_address(pair->a.host, index, &address));
  assert_int_equal(wpm_host_dial(pair->b.host, wpm_peer_id_view(&pair->a.identity.peer_id),
                                 &address, 1, NULL, &dial),
                   WPM_OK);
  RUN_UNTIL(&pair->loop, pair->a.connected > before && pair->b.connected > before);
  assert_true(wpm_bytes_equal(wpm_conn_remote(pair->b.conn), address));
  assert_true(wpm_bytes_equal(wpm_conn_local(pair->a.conn), address));
  assert_true(wpm_bytes_equal(wpm_conn_remote(pair->a.conn), wpm_conn_local(pair->b.conn)));
}

static void both_families_listen_on_one_port(void **state) {
  (void)state;
  host_pair pair;
  wpm_error error;
  char text[80];
  if (!has_ipv6()) {
    skip();
  }
  begin(&pair);
  /* IPv6 first: its wildcard must leave IPv4 free. */
  assert_int_equal(listen_on(pair.a.host, "/ip6/::/tcp/0", &error), WPM_OK);
  uint16_t port = bound(&pair, 0).port;
  (void)snprintf(text, sizeof text, "/ip4/0.0.0.0/tcp/%u", port);
  assert_int_equal(listen_on(pair.a.host, text, &error), WPM_OK);
  assert_int_equal(bound(&pair, 1).port, port);
  assert_int_equal(listen_on(pair.a.host, "/ip6/::1/tcp/0", &error), WPM_OK);
  dial_at(&pair, 2);
  wpm_bytes address;
  assert_false(wpm_host_listen_address(pair.a.host, 3, &address));
  pair_fini(&pair);
}

static void a_name_is_listened_on(void **state) {
  (void)state;
  static const char *const addresses[] = {"127.0.0.3", "127.0.0.4"};
  host_pair pair;
  wpm_error error;
  begin(&pair);
  names_set("here.test", addresses, 2);
  assert_int_equal(listen_on(pair.a.host, "/dns4/here.test/tcp/0", &error), WPM_OK);
  assert_int_equal(listen_on(pair.a.host, "/dns/here.test/tcp/0", &error), WPM_OK);
  assert_int_equal(bound(&pair, 0).host.data[3], 3); /* Its first address. */
  dial_at(&pair, 0);
  dial_at(&pair, 1);
  pair_fini(&pair);
}

static void errors_name_the_address(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int err;
  } cases[] = {
      {"/ip4/127.0.0.1/udp/4001/quic-v1", WPM_ERR_UNSUPPORTED},
      {"/ip4/127.0.0.1/tcp/0/ws", WPM_ERR_UNSUPPORTED},
      {"/dns4/nobody.test/tcp/0", WPM_ERR_IO},
      {"/dns6/here.test/tcp/0", WPM_ERR_IO},
      {"/ip4/192.0.2.1/tcp/0", WPM_ERR_IO}, /* Of no machine (RFC 5737). */
      {"/ip6zone/nosuch0/ip6/fe80::1/tcp/0", WPM_ERR_IO},
  };
  host_pair pair;
  wpm_error error;
  begin(&pair);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(listen_on(pair.a.host, cases[i].text, &error), cases[i].err);
    assert_int_equal(error.code, cases[i].err);
    assert_non_null(strstr(error.text, cases[i].text));
  }
  /* A port in use. */
  char text[80];
  assert_int_equal(listen_on(pair.a.host, "/ip4/127.0.0.1/tcp/0", &error), WPM_OK);
  (void)snprintf(text, sizeof text, "/ip4/127.0.0.1/tcp/%u", bound(&pair, 0).port);
  assert_int_equal(listen_on(pair.a.host, text, &error), WPM_ERR_IO);
  assert_non_null(strstr(error.text, text));
  assert_non_null(strstr(error.text, "another address or port"));
  static const uint8_t unknown[] = {0x7f, 1};
  assert_int_not_equal(wpm_host_listen(pair.a.host, (wpm_bytes){unknown, sizeof unknown}, &error),
                       WPM_OK);
  assert_true(strlen(error.text) > 0);
  wpm_bytes address;
  assert_false(wpm_host_listen_address(pair.a.host, 1, &address)); /* Only one came about. */
  dial_at(&pair, 0);
  pair_fini(&pair);
}

static void wildcards_announce_the_interfaces(void **state) {
  (void)state;
  host_pair pair;
  wpm_error error;
  const wpm_multiaddr *announced = NULL;
  begin(&pair);
  assert_int_equal(wpm_host_announced_addresses(pair.a.host, &announced), 0);
  assert_int_equal(listen_on(pair.a.host, "/ip4/0.0.0.0/tcp/0", &error), WPM_OK);
  uint16_t port = bound(&pair, 0).port;
  size_t count = wpm_host_announced_addresses(pair.a.host, &announced);
  assert_in_range(count, 1, WPM_HOST_ANNOUNCED_MAX);
  bool loopback = false;
  for (size_t i = 0; i < count; i++) {
    wpm_tcp_target target;
    assert_int_equal(wpm_multiaddr_tcp_target(wpm_multiaddr_view(&announced[i]), &target), WPM_OK);
    assert_int_equal(target.host_code, WPM_P_IP4);
    assert_int_equal(target.port, port);
    assert_true(target.host.data[0] != 0);
    loopback |= target.host.data[0] == 127;
  }
  assert_true(!loopback || count == 1); /* Only where there is nothing else. */
  /* A wildcard is no address to dial, the announced ones are. */
  wpm_bytes view = wpm_multiaddr_view(&announced[0]);
  wpm_dial *dial = NULL;
  assert_int_equal(
      wpm_host_dial(pair.b.host, wpm_peer_id_view(&pair.a.identity.peer_id), &view, 1, NULL, &dial),
      WPM_OK);
  RUN_UNTIL(&pair.loop, pair.a.connected == 1 && pair.b.connected == 1);
  pair_fini(&pair);
}

static void announced_addresses_are_capped(void **state) {
  (void)state;
  host_pair pair;
  wpm_error error;
  const wpm_multiaddr *announced = NULL;
  begin(&pair);
  for (size_t i = 0; i < WPM_HOST_ANNOUNCED_MAX + 2; i++) {
    assert_int_equal(listen_on(pair.a.host, "/ip4/127.0.0.1/tcp/0", &error), WPM_OK);
  }
  assert_int_equal(wpm_host_announced_addresses(pair.a.host, &announced), WPM_HOST_ANNOUNCED_MAX);
  for (size_t i = 0; i < WPM_HOST_ANNOUNCED_MAX; i++) {
    wpm_bytes address;
    assert_true(wpm_host_listen_address(pair.a.host, i, &address));
    assert_true(wpm_bytes_equal(address, wpm_multiaddr_view(&announced[i])));
  }
  dial_at(&pair, 0);
  assert_int_equal(wpm_conn_identify(pair.b.conn), WPM_OK);
  RUN_UNTIL(&pair.loop, pair.b.identified == 1);
  assert_int_equal(pair.b.address_count, WPM_HOST_ANNOUNCED_MAX);
  pair_fini(&pair);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(both_families_listen_on_one_port),
      cmocka_unit_test(a_name_is_listened_on),
      cmocka_unit_test(errors_name_the_address),
      cmocka_unit_test(wildcards_announce_the_interfaces),
      cmocka_unit_test(announced_addresses_are_capped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
