/* Socket addresses and multiaddrs; what libuv's errors mean. */
#include "support/test.h"

#include "base/bytes.h"
#include "net/address.h"

#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

static wpm_multiaddr parse(const char *text) {
  wpm_multiaddr out;
  assert_int_equal(wpm_multiaddr_parse(wpm_text_of(text), &out, NULL), WPM_OK);
  return out;
}

static int to_socket(const char *text, struct sockaddr_storage *out) {
  wpm_multiaddr address = parse(text);
  wpm_tcp_target target;
  assert_int_equal(wpm_multiaddr_tcp_target(wpm_multiaddr_view(&address), &target), WPM_OK);
  return wpm_address_to_socket(&target, out);
}

static void there_and_back(void **state) {
  (void)state;
  static const char *const texts[] = {"/ip4/127.0.0.1/tcp/60000", "/ip4/255.1.2.3/tcp/1",
                                      "/ip6/::1/tcp/65535", "/ip6/2001:db8::7/tcp/0"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct sockaddr_storage socket;
    wpm_multiaddr back;
    wpm_multiaddr address = parse(texts[i]);
    assert_int_equal(to_socket(texts[i], &socket), WPM_OK);
    assert_int_equal(wpm_address_from_socket((const struct sockaddr *)&socket, &back), WPM_OK);
    assert_true(wpm_bytes_equal(wpm_multiaddr_view(&address), wpm_multiaddr_view(&back)));
  }
}

static void the_zone_names_an_interface(void **state) {
  (void)state;
  char name[IF_NAMESIZE];
  char text[80];
  struct sockaddr_storage socket;
  struct sockaddr_in6 in;
  assert_int_equal(to_socket("/ip6zone/nosuch0/ip6/fe80::1/tcp/1", &socket), WPM_ERR_INVALID);
  assert_int_equal(
      to_socket("/ip6zone/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/ip6/fe80::1/tcp/1", &socket),
      WPM_ERR_INVALID);
  if (!if_indextoname(1, name)) {
    skip(); /* No interface at all. */
  }
  (void)snprintf(text, sizeof text, "/ip6zone/%s/ip6/fe80::1/tcp/1", name);
  assert_int_equal(to_socket(text, &socket), WPM_OK);
  memcpy(&in, &socket, sizeof in);
  assert_int_equal(in.sin6_scope_id, 1);
}

static void names_and_other_families_are_no_socket_addresses(void **state) {
  (void)state;
  struct sockaddr_storage socket = {.ss_family = AF_UNIX};
  wpm_multiaddr out;
  assert_int_equal(wpm_address_from_socket((const struct sockaddr *)&socket, &out),
                   WPM_ERR_UNSUPPORTED);
  assert_int_equal(to_socket("/dns4/localhost/tcp/1", &socket), WPM_ERR_UNSUPPORTED);
}

static void wildcards_are_all_zero(void **state) {
  (void)state;
  static const uint8_t zero[16] = {0};
  static const uint8_t loopback[16] = {[15] = 1};
  assert_true(wpm_address_is_wildcard((wpm_bytes){zero, 4}));
  assert_true(wpm_address_is_wildcard((wpm_bytes){zero, 16}));
  assert_false(wpm_address_is_wildcard((wpm_bytes){loopback, 16}));
}

static void errors_of_a_connect_have_their_reasons(void **state) {
  (void)state;
  static const struct {
    int error;
    wpm_reason reason;
  } cases[] = {{UV_ECONNREFUSED, WPM_REASON_REFUSED},
               {UV_ETIMEDOUT, WPM_REASON_TIMED_OUT},
               {UV_EHOSTUNREACH, WPM_REASON_UNREACHABLE},
               {UV_ENETUNREACH, WPM_REASON_UNREACHABLE},
               {UV_ECONNRESET, WPM_REASON_UPGRADE_CLOSED},
               {UV_EINVAL, WPM_REASON_UNSUPPORTED_ADDRESS},
               {UV_EAFNOSUPPORT, WPM_REASON_UNSUPPORTED_ADDRESS},
               {UV_EMFILE, WPM_REASON_LOCAL_FAILURE},
               {UV_ENFILE, WPM_REASON_LOCAL_FAILURE},
               {UV_ENOMEM, WPM_REASON_LOCAL_FAILURE},
               {UV_EADDRNOTAVAIL, WPM_REASON_LOCAL_FAILURE},
               {UV_ENETDOWN, WPM_REASON_LOCAL_FAILURE},
               {UV_EPERM, WPM_REASON_LOCAL_FAILURE}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    wpm_reason reason = wpm_reason_of_connect(cases[i].error);
    assert_int_equal(reason, cases[i].reason);
    /* A dial that failed never says that a connection was ended on purpose. */
    assert_int_not_equal(wpm_reason_leaves(reason), WPM_CAN_CONNECT);
  }
}

static void ends_on_purpose_are_told_from_losses(void **state) {
  (void)state;
  static const struct {
    int error;
    wpm_reason between, inside; /* Two frames; one. */
  } cases[] = {{UV_EOF, WPM_REASON_EOF, WPM_REASON_TRUNCATED},
               {UV_ECONNRESET, WPM_REASON_RESET, WPM_REASON_TRUNCATED},
               {UV_EPIPE, WPM_REASON_RESET, WPM_REASON_TRUNCATED},
               {UV_ETIMEDOUT, WPM_REASON_TIMED_OUT, WPM_REASON_TIMED_OUT},
               {UV_EHOSTUNREACH, WPM_REASON_UNREACHABLE, WPM_REASON_UNREACHABLE},
               {UV_ENETUNREACH, WPM_REASON_UNREACHABLE, WPM_REASON_UNREACHABLE},
               {UV_ENETDOWN, WPM_REASON_LOCAL_FAILURE, WPM_REASON_LOCAL_FAILURE},
               {UV_ENOBUFS, WPM_REASON_LOCAL_FAILURE, WPM_REASON_LOCAL_FAILURE}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(wpm_reason_of_end(cases[i].error, false), cases[i].between);
    assert_int_equal(wpm_reason_of_end(cases[i].error, true), cases[i].inside);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(there_and_back),
      cmocka_unit_test(the_zone_names_an_interface),
      cmocka_unit_test(names_and_other_families_are_no_socket_addresses),
      cmocka_unit_test(wildcards_are_all_zero),
      cmocka_unit_test(errors_of_a_connect_have_their_reasons),
      cmocka_unit_test(ends_on_purpose_are_told_from_losses),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
