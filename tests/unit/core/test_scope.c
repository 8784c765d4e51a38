/* Which addresses are dialled: nwaku's issue 1493, private addresses dialled. */
#include "core/scope.h"
#include "support/core/world.h"
#include "support/test.h"

#include <string.h>

static wpm_bytes parse(const char *text, wpm_multiaddr *out) {
  assert_int_equal(wpm_multiaddr_parse((wpm_text){text, strlen(text)}, out, NULL), WPM_OK);
  return wpm_multiaddr_view(out);
}

static void expect_scope(const char *text, wpm_scope scope) {
  wpm_multiaddr address;
  if (wpm_scope_of(parse(text, &address)) != scope) {
    fail_msg("%s", text);
  }
}

static void each_address_has_a_scope(void **state) {
  (void)state;
  expect_scope("/ip4/8.8.8.8/tcp/1", WPM_SCOPE_PUBLIC);
  expect_scope("/ip4/172.15.0.1/tcp/1", WPM_SCOPE_PUBLIC);
  expect_scope("/ip4/172.32.0.1/tcp/1", WPM_SCOPE_PUBLIC);
  expect_scope("/ip4/100.128.0.1/tcp/1", WPM_SCOPE_PUBLIC);
  expect_scope("/ip6/2001:db8::1/tcp/1", WPM_SCOPE_PUBLIC);
  expect_scope("/dns4/example.org/tcp/443/wss", WPM_SCOPE_PUBLIC);
  expect_scope("/dns4/notlocal/tcp/1", WPM_SCOPE_PUBLIC);
  expect_scope("/ip4/10.255.0.1/tcp/1", WPM_SCOPE_PRIVATE);
  expect_scope("/ip4/172.16.0.1/tcp/1", WPM_SCOPE_PRIVATE);
  expect_scope("/ip4/172.31.255.1/tcp/1", WPM_SCOPE_PRIVATE);
  expect_scope("/ip4/192.168.1.1/udp/1/quic-v1", WPM_SCOPE_PRIVATE);
  expect_scope("/ip4/100.64.0.1/tcp/1", WPM_SCOPE_PRIVATE);
  expect_scope("/ip4/169.254.9.9/tcp/1", WPM_SCOPE_PRIVATE);
  expect_scope("/ip6/fd00::1/tcp/1", WPM_SCOPE_PRIVATE);
  expect_scope("/ip6zone/eth0/ip6/fe80::1/tcp/1", WPM_SCOPE_PRIVATE);
  expect_scope("/ip6/::ffff:10.0.0.1/tcp/1", WPM_SCOPE_PRIVATE);
  expect_scope("/dns4/box.Local/tcp/1", WPM_SCOPE_PRIVATE);
  expect_scope("/dns/nas.home.arpa./tcp/1", WPM_SCOPE_PRIVATE);
  expect_scope("/ip4/127.9.9.9/tcp/1", WPM_SCOPE_LOOPBACK);
  expect_scope("/ip6/::1/tcp/1", WPM_SCOPE_LOOPBACK);
  expect_scope("/dns4/localhost/tcp/1", WPM_SCOPE_LOOPBACK);
  expect_scope("/ip4/0.0.0.0/tcp/1", WPM_SCOPE_NOWHERE);
  expect_scope("/ip6/::/tcp/1", WPM_SCOPE_NOWHERE);
  expect_scope("/ip4/239.1.1.1/tcp/1", WPM_SCOPE_NOWHERE);
  expect_scope("/ip6/ff02::1/tcp/1", WPM_SCOPE_NOWHERE);
}

/* A peer is held, and named at these addresses by another. */
static void hear(wpm_world *w, int peer, const char *const *texts, size_t count) {
  wpm_multiaddr parsed[4];
  wpm_bytes addresses[4];
  assert_true(count <= 4);
  for (size_t i = 0; i < count; i++) {
    addresses[i] = parse(texts[i], &parsed[i]);
  }
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(peer)};
  e.u.found.addresses = addresses;
  e.u.found.address_count = count;
  e.u.found.source = WPM_SOURCE_PEER_EXCHANGE;
  e.u.found.origin = WPM_ORIGIN_PEER_EXCHANGE;
  e.u.found.is_static = true;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
}

static void a_private_address_that_was_heard_is_not_dialled(void **state) {
  wpm_world *w = *state;
  hear(w, 1, (const char *const[]){"/ip4/192.168.1.9/tcp/60000", "/ip4/127.0.0.1/tcp/1"}, 2);
  wpm_world_run(w, WPM_HOUR);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_expect_plan(w, 1, WPM_HELD_BY_ADDRESS_SCOPE, WPM_SPAN_NONE, WPM_SPAN_NONE);
  hear(w, 1, (const char *const[]){"/ip4/45.0.0.9/tcp/60000"}, 1);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, 1)->address_count, 1);
  assert_int_equal(wpm_world_record(w, 1).address_count, 3); /* All are kept. */
}

static void it_is_by_option(void **state) {
  (void)state;
  wpm_world *w = wpm_world_new(100);
  w->config.dial_private = true;
  wpm_world_start(w);
  hear(w, 1, (const char *const[]){"/ip4/10.0.0.9/tcp/60000", "/ip4/0.0.0.0/tcp/60000"}, 2);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, 1)->address_count, 1);
  wpm_world_free(w);
}

static void it_is_where_a_person_gave_it(void **state) {
  wpm_world *w = *state;
  wpm_multiaddr address;
  wpm_bytes given = parse("/ip4/10.0.0.9/tcp/60000", &address);
  wpm_event e = {.type = WPM_EVENT_FOUND, .peer = wpm_world_id(1)};
  e.u.found.addresses = &given;
  e.u.found.address_count = 1;
  e.u.found.source = WPM_SOURCE_PERSON;
  e.u.found.is_static = true;
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  wpm_world_expect(w, WPM_ACTION_DIAL, 1);
}

/* It came from our own network; what it says of itself there is believed, what is on our machine not. */
static void it_is_where_the_peer_was_met_there(void **state) {
  wpm_world *w = *state;
  wpm_multiaddr address;
  wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = wpm_world_id(1)};
  e.u.connected.connection = w->next_connection++;
  e.u.connected.direction = WPM_INBOUND;
  e.u.connected.remote = parse("/ip4/192.168.1.77/tcp/45678", &address);
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  hear(w, 1, (const char *const[]){"/ip4/192.168.1.77/tcp/60000", "/ip4/127.0.0.1/tcp/60000"}, 2);
  wpm_world_disconnected(w, 1, e.u.connected.connection, WPM_REASON_EOF);
  wpm_world_run(w, 2 * WPM_MINUTE);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, 1)->address_count, 1);
}

/* Who came from there names itself at these addresses, and leaves: how many of them are dialled. */
static size_t dialled_after(wpm_world *w, const char *from, const char *const *texts,
                            size_t count) {
  wpm_multiaddr address;
  wpm_event e = {.type = WPM_EVENT_CONNECTED, .peer = wpm_world_id(1)};
  e.u.connected.connection = w->next_connection++;
  e.u.connected.direction = WPM_INBOUND;
  e.u.connected.remote = parse(from, &address);
  assert_int_equal(wpm_world_handle(w, &e), WPM_OK);
  hear(w, 1, texts, count);
  wpm_world_disconnected(w, 1, e.u.connected.connection, WPM_REASON_EOF);
  wpm_world_run(w, 2 * WPM_MINUTE);
  return wpm_world_expect(w, WPM_ACTION_DIAL, 1)->address_count;
}

/* It is on our machine, so our private networks are its own, too. */
static void who_was_on_our_loopback_is_dialled_at_private_addresses(void **state) {
  wpm_world *w = *state;
  const char *const texts[] = {"/ip4/127.0.0.1/tcp/60000", "/ip4/192.168.1.9/tcp/60000"};
  assert_int_equal(dialled_after(w, "/ip4/127.0.0.1/tcp/45678", texts, 2), 2);
}

/* Not even where a host says that a connection came from such an address. */
static void what_nobody_can_have_is_never_dialled(void **state) {
  wpm_world *w = *state;
  const char *const texts[] = {"/ip4/0.0.0.0/tcp/60000", "/ip4/45.0.0.9/tcp/60000"};
  assert_int_equal(dialled_after(w, "/ip4/0.0.0.0/tcp/45678", texts, 2), 1);
}

/* A person's wish goes to whatever is known. */
static void a_person_connects_anywhere(void **state) {
  wpm_world *w = *state;
  hear(w, 1, (const char *const[]){"/ip4/10.0.0.9/tcp/60000"}, 1);
  wpm_world_expect_none(w, WPM_ACTION_DIAL, 1);
  wpm_world_person(w, 1, WPM_EVENT_PERSON_CONNECT);
  assert_int_equal(wpm_world_expect(w, WPM_ACTION_DIAL, 1)->address_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, wpm_world_setup, wpm_world_teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_address_has_a_scope),
      TEST(a_private_address_that_was_heard_is_not_dialled),
      cmocka_unit_test(it_is_by_option),
      TEST(it_is_where_a_person_gave_it),
      TEST(it_is_where_the_peer_was_met_there),
      TEST(who_was_on_our_loopback_is_dialled_at_private_addresses),
      TEST(what_nobody_can_have_is_never_dialled),
      TEST(a_person_connects_anywhere),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
