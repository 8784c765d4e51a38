#include "base/bytes.h"
#include "base/multiaddr.h"
#include "support/test.h"
#include "support/vectors.h"
#include "unit/base/multiaddr_vectors.h"

#include <stdio.h>

#define ID "16Uiu2HAmPLe7Mzm8TsYUubgCAW1aJoeFScxrLj8ppHFivPo97bUZ"
#define OTHER_ID "QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"

/* Parses a copy that ends where the text does, so that reading on is seen. */
static int parse_exact(const char *text, wpm_multiaddr *addr, wpm_error *error) {
  size_t size = strlen(text);
  char *exact = malloc(size + !size);
  assert_non_null(exact);
  memcpy(exact, text, size);
  int err = wpm_multiaddr_parse((wpm_text){exact, size}, addr, error);
  free(exact);
  return err;
}

static wpm_multiaddr parsed(const char *text) {
  wpm_multiaddr addr;
  wpm_error error = {0};
  int err = parse_exact(text, &addr, &error);
  if (err) {
    fail_msg("%s: %s", text, error.text);
  }
  return addr;
}

static void assert_text(wpm_bytes addr, const char *expected) {
  char text[WPM_MULTIADDR_TEXT];
  size_t len;
  assert_int_equal(wpm_multiaddr_format(addr, text, sizeof(text), &len, NULL), WPM_OK);
  assert_string_equal(text, expected);
  assert_int_equal(len, strlen(expected));
}

/* ---- text and binary ------------------------------------------------------------------------- */

static void good_texts_become_what_go_makes_of_them(void **state) {
  (void)state;
  for (size_t i = 0; i < VECTOR_COUNT(multiaddr_good); i++) {
    const multiaddr_vector *vector = &multiaddr_good[i];
    wpm_multiaddr addr = parsed(vector->text);
    wpm_test_bytes expected = wpm_test_hex(vector->hex);
    assert_int_equal(addr.len, expected.len);
    assert_memory_equal(addr.bytes, expected.data, expected.len);
    assert_int_equal(wpm_multiaddr_check(wpm_multiaddr_view(&addr)), WPM_OK);
    const char *canonical = vector->canonical ? vector->canonical : vector->text;
    assert_text(wpm_multiaddr_view(&addr), canonical);
    wpm_multiaddr again = parsed(canonical);
    assert_true(wpm_bytes_equal(wpm_multiaddr_view(&addr), wpm_multiaddr_view(&again)));
    free(expected.data);
  }
}

static void bad_texts_are_refused_with_a_reason(void **state) {
  (void)state;
  for (size_t i = 0; i < VECTOR_COUNT(multiaddr_bad); i++) {
    wpm_multiaddr addr;
    wpm_error error = {0};
    int err = parse_exact(multiaddr_bad[i], &addr, &error);
    if (err != WPM_ERR_INVALID && err != WPM_ERR_UNSUPPORTED) {
      fail_msg("%s: %d", multiaddr_bad[i], err);
    }
    assert_int_equal(error.code, err);
    assert_true(strlen(error.text) > 20);
    assert_int_equal(addr.len, 0);
    assert_int_equal(parse_exact(multiaddr_bad[i], &addr, NULL), err);
  }
}

static void foreign_protocols_are_named(void **state) {
  (void)state;
  for (size_t i = 0; i < VECTOR_COUNT(multiaddr_unsupported); i++) {
    wpm_multiaddr addr;
    wpm_error error;
    assert_int_equal(wpm_multiaddr_parse(wpm_text_of(multiaddr_unsupported[i]), &addr, &error),
                     WPM_ERR_UNSUPPORTED);
    assert_non_null(strstr(error.text, "unknown protocol \""));
  }
}

static void bad_binaries_are_refused(void **state) {
  (void)state;
  for (size_t i = 0; i < VECTOR_COUNT(multiaddr_bad_hex); i++) {
    wpm_test_bytes bytes = wpm_test_hex(multiaddr_bad_hex[i]);
    char text[WPM_MULTIADDR_TEXT];
    wpm_error error = {0};
    int err = wpm_multiaddr_check(wpm_test_view(bytes));
    assert_true(err == WPM_ERR_INVALID || err == WPM_ERR_UNSUPPORTED);
    assert_int_equal(wpm_multiaddr_format(wpm_test_view(bytes), text, sizeof(text), NULL, &error),
                     err);
    assert_int_equal(error.code, err);
    assert_true(strlen(error.text) > 20);
    free(bytes.data);
  }
}

/* Each cut of a good address is truncated or, at the end of a component, a shorter one. */
static void cut_binaries_are_refused(void **state) {
  (void)state;
  wpm_multiaddr addr = parsed("/ip4/192.0.2.1/udp/1/quic-v1/p2p/" ID "/p2p-circuit/p2p/" OTHER_ID);
  static const size_t ends[] = {0, 5, 9, 11, 53, 55, 92};
  for (size_t cut = 0; cut <= addr.len; cut++) {
    int expected = WPM_ERR_TRUNCATED;
    for (size_t i = 0; i < VECTOR_COUNT(ends); i++) {
      if (cut == ends[i]) {
        expected = cut ? WPM_OK : WPM_ERR_INVALID;
      }
    }
    uint8_t *exact = malloc(cut + 1);
    assert_non_null(exact);
    memcpy(exact, addr.bytes, cut);
    assert_int_equal(wpm_multiaddr_check((wpm_bytes){exact, cut}), expected);
    free(exact);
  }
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void check_message(const char *text, const char *names) {
  wpm_multiaddr addr;
  wpm_error error = {0};
  assert_int_not_equal(wpm_multiaddr_parse(wpm_text_of(text), &addr, &error), WPM_OK);
  if (!strstr(error.text, names)) {
    fail_msg("%s: \"%s\" does not name \"%s\"", text, error.text, names);
  }
}

static void messages_name_the_part_and_what_it_takes(void **state) {
  (void)state;
  check_message("", "/ip4/192.0.2.1/tcp/60000");
  check_message("192.0.2.1:60000", "\"192.0.2.1:60000\"");
  check_message("/ip4/192.0.2/tcp/1", "\"192.0.2\"");
  check_message("/ip4/192.0.2/tcp/1", "an IPv4 address");
  check_message("/ip4/192.0.2.1/tcp/65536", "a port from 0 to 65535");
  check_message("/ip4/192.0.2.1/tcp", "ends after /tcp");
  check_message("/ip4/192.0.2.1//tcp/1", "two slashes");
  check_message("/ip4/192.0.2.1/p2p/" ID "x", "/p2p, which takes a peer id");
  check_message("/ip4/192.0.2.1/foo/1", "unknown protocol \"foo\"");
  check_message("/\x1b[31m\n", "unknown protocol \"?[31m?\"");
}

static void an_unknown_code_is_named_in_text(void **state) {
  (void)state;
  static const uint8_t unknown[] = {4, 192, 0, 2, 1, 0xe7, 0x07, 1, 'x'}; /* 999 */
  char text[WPM_MULTIADDR_TEXT];
  wpm_error error;
  assert_int_equal(wpm_multiaddr_check((wpm_bytes){unknown, sizeof(unknown)}), WPM_ERR_UNSUPPORTED);
  assert_int_equal(
      wpm_multiaddr_format((wpm_bytes){unknown, sizeof(unknown)}, text, sizeof(text), NULL, &error),
      WPM_ERR_UNSUPPORTED);
  assert_non_null(strstr(error.text, "999"));
}

static void messages_name_the_fault_of_a_binary(void **state) {
  (void)state;
  static const struct {
    const char *hex;
    const char *names;
  } faults[] = {
      {"-", "empty"},
      {"04c00002", "ends inside"},
      {"04c00002018400", "malformed protocol code"},
      {"04c00002013600", "malformed /dns4"},
      {"a503020001", "malformed /p2p"},
  };
  for (size_t i = 0; i < VECTOR_COUNT(faults); i++) {
    wpm_test_bytes bytes = wpm_test_hex(faults[i].hex);
    char text[WPM_MULTIADDR_TEXT];
    wpm_error error;
    assert_int_not_equal(
        wpm_multiaddr_format(wpm_test_view(bytes), text, sizeof(text), NULL, &error), WPM_OK);
    assert_non_null(strstr(error.text, faults[i].names));
    free(bytes.data);
  }
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* The text of any multiaddr fits into WPM_MULTIADDR_TEXT: the worst are many long names, and bytes
 * of an http-path that all are escaped. */
static void the_longest_texts_fit(void **state) {
  (void)state;
  wpm_multiaddr addr = {.len = 0};
  for (size_t i = 0; i < WPM_MULTIADDR_PARTS_MAX - 1; i++) {
    memcpy(addr.bytes + addr.len, "\x98\x02", 2); /* webrtc-direct */
    addr.len += 2;
  }
  size_t path = WPM_MULTIADDR_MAX - addr.len - 4u;
  uint8_t header[] = {0xe1, 0x03, (uint8_t)(path | 0x80), (uint8_t)(path >> 7)};
  memcpy(addr.bytes + addr.len, header, sizeof(header));
  memset(addr.bytes + addr.len + sizeof(header), 0xff, path);
  addr.len = WPM_MULTIADDR_MAX;
  char text[WPM_MULTIADDR_TEXT];
  size_t len;
  assert_int_equal(wpm_multiaddr_format(wpm_multiaddr_view(&addr), text, sizeof(text), &len, NULL),
                   WPM_OK);
  assert_int_equal(wpm_multiaddr_check(wpm_multiaddr_view(&addr)), WPM_OK);
  wpm_multiaddr again;
  assert_int_equal(wpm_multiaddr_parse((wpm_text){text, len}, &again, NULL), WPM_OK);
  assert_true(wpm_bytes_equal(wpm_multiaddr_view(&addr), wpm_multiaddr_view(&again)));

  /* One byte, and one component, more than the limit. */
  memcpy(text + len, "a", 2);
  wpm_error error;
  assert_int_equal(wpm_multiaddr_parse((wpm_text){text, len + 1}, &again, &error),
                   WPM_ERR_TOO_LARGE);
  size_t name = WPM_MULTIADDR_MAX - 4;
  memcpy(text, "/dns4/", 6);
  memset(text + 6, 'a', name);
  memcpy(text + 6 + name, "/ws", 4);
  assert_int_equal(wpm_multiaddr_parse((wpm_text){text, 6 + name}, &again, NULL), WPM_OK);
  assert_int_equal(wpm_multiaddr_parse((wpm_text){text, 6 + name + 3}, &again, &error),
                   WPM_ERR_TOO_LARGE);
  assert_non_null(strstr(error.text, "longer than 1024 bytes"));
  uint8_t big[WPM_MULTIADDR_MAX + 1] = {0};
  memcpy(big, addr.bytes, addr.len);
  assert_int_equal(wpm_multiaddr_check((wpm_bytes){big, sizeof(big)}), WPM_ERR_TOO_LARGE);
  assert_int_equal(
      wpm_multiaddr_format((wpm_bytes){big, sizeof(big)}, text, sizeof(text), NULL, &error),
      WPM_ERR_TOO_LARGE);
}

static void components_are_capped(void **state) {
  (void)state;
  char text[WPM_MULTIADDR_TEXT] = "";
  wpm_multiaddr addr;
  for (size_t i = 0; i < WPM_MULTIADDR_PARTS_MAX; i++) {
    memcpy(text + 3 * i, "/ws", 4);
  }
  assert_int_equal(wpm_multiaddr_parse(wpm_text_of(text), &addr, NULL), WPM_OK);
  memcpy(text + 3 * (size_t)WPM_MULTIADDR_PARTS_MAX, "/ws", 4);
  wpm_error error;
  assert_int_equal(wpm_multiaddr_parse(wpm_text_of(text), &addr, &error), WPM_ERR_TOO_LARGE);
  uint8_t binary[2 * (WPM_MULTIADDR_PARTS_MAX + 1)];
  for (size_t i = 0; i < sizeof(binary); i += 2) {
    memcpy(binary + i, "\xdd\x03", 2);
  }
  assert_int_equal(wpm_multiaddr_check((wpm_bytes){binary, sizeof(binary) - 2}), WPM_OK);
  assert_int_equal(wpm_multiaddr_check((wpm_bytes){binary, sizeof(binary)}), WPM_ERR_TOO_LARGE);
  assert_int_equal(
      wpm_multiaddr_format((wpm_bytes){binary, sizeof(binary)}, text, sizeof(text), NULL, NULL),
      WPM_ERR_TOO_LARGE);
}

static void text_of_a_megabyte_is_refused(void **state) {
  (void)state;
  static const char *const beginnings[] = {"/dns4/",       "/p2p/1",      "/p2p/z", "/unix/",
                                           "/tcp/0",       "/certhash/u", "/ip6/1", "/http-path/%",
                                           "/http-path/1", "/garlic64/",  "/"};
  size_t size = 1 << 20;
  char *text = malloc(size);
  assert_non_null(text);
  for (size_t i = 0; i < VECTOR_COUNT(beginnings); i++) {
    memset(text, '1', size);
    memcpy(text, beginnings[i], strlen(beginnings[i]));
    wpm_multiaddr addr;
    wpm_error error;
    assert_int_not_equal(wpm_multiaddr_parse((wpm_text){text, size}, &addr, &error), WPM_OK);
  }
  free(text);
}

static void a_short_buffer_is_refused_at_each_length(void **state) {
  (void)state;
  for (size_t i = 0; i < VECTOR_COUNT(multiaddr_good); i++) {
    wpm_multiaddr addr = parsed(multiaddr_good[i].text);
    const char *canonical =
        multiaddr_good[i].canonical ? multiaddr_good[i].canonical : multiaddr_good[i].text;
    size_t len = strlen(canonical);
    for (size_t cap = 0; cap <= len + 1; cap += len > 200 && cap > 10 && cap < len - 3 ? 7 : 1) {
      char *out = malloc(cap + 1);
      assert_non_null(out);
      int err = wpm_multiaddr_format(wpm_multiaddr_view(&addr), out, cap, NULL, NULL);
      assert_int_equal(err, cap > len ? WPM_OK : WPM_ERR_NO_SPACE);
      free(out);
    }
  }
}

/* go-multiaddr, transcoders.go: an I2P destination has at least 386 bytes. */
static void an_i2p_destination_is_long(void **state) {
  (void)state;
  uint8_t binary[4 + 386] = {0xbe, 0x03, (386 & 0x7f) | 0x80, 386 >> 7};
  assert_int_equal(wpm_multiaddr_check((wpm_bytes){binary, sizeof(binary)}), WPM_OK);
  binary[2] = (385 & 0x7f) | 0x80;
  assert_int_equal(wpm_multiaddr_check((wpm_bytes){binary, sizeof(binary) - 1}), WPM_ERR_INVALID);
}

/* What libp2p/specs and rust-libp2p forbid though go-multiaddr lets it pass. */
static void values_that_are_text_must_be_clean(void **state) {
  (void)state;
  static const char *const unclean[] = {"a\nb",
                                        "\x7f",
                                        "\xc2\x85",
                                        "\xff",
                                        "\xc0\x80",
                                        "\xed\xa0\x80",
                                        "\xf4\x90\x80\x80",
                                        "\xe2\x82",
                                        "\xe0\x9f\xbf",
                                        "\xf0\x8f\xbf\xbf",
                                        "\xc1\xbf",
                                        "\xf5\x80\x80\x80",
                                        "\x80"};
  static const char *const names[] = {"dns", "dns4", "dns6", "dnsaddr", "sni", "ip6zone", "unix"};
  for (size_t i = 0; i < VECTOR_COUNT(unclean); i++) {
    for (size_t j = 0; j < VECTOR_COUNT(names); j++) {
      char text[64];
      wpm_multiaddr addr;
      snprintf(text, sizeof(text), "/%s/%s", names[j], unclean[i]);
      assert_int_equal(wpm_multiaddr_parse(wpm_text_of(text), &addr, NULL), WPM_ERR_INVALID);
    }
  }
  static const uint8_t nul[] = {54, 3, 'a', 0, 'b'};
  assert_int_equal(wpm_multiaddr_check((wpm_bytes){nul, sizeof(nul)}), WPM_ERR_INVALID);
  /* The first and last characters of each length. */
  parsed("/dns4/\xe0\xa0\x80\xf0\x90\x80\x80\xef\xbf\xbf\xdf\xbf/tcp/1");
  parsed("/dns4/\xc2\xa0\xe2\x82\xac\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf/tcp/1");
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void next_walks_through_the_parts(void **state) {
  (void)state;
  wpm_multiaddr addr = parsed("/ip4/192.0.2.1/tcp/8000/ws/p2p/" OTHER_ID);
  static const uint32_t codes[] = {WPM_P_IP4, WPM_P_TCP, WPM_P_WS, WPM_P_P2P};
  static const size_t values[] = {4, 2, 0, 34};
  wpm_bytes rest = wpm_multiaddr_view(&addr);
  wpm_multiaddr_part part;
  size_t walked = 0;
  for (size_t i = 0; i < 4; i++) {
    assert_true(wpm_multiaddr_next(&rest, &part));
    assert_int_equal(part.code, codes[i]);
    assert_int_equal(part.value.len, values[i]);
    assert_ptr_equal(part.whole.data, addr.bytes + walked);
    assert_ptr_equal(part.value.data + part.value.len, part.whole.data + part.whole.len);
    walked += part.whole.len;
  }
  assert_int_equal(walked, addr.len);
  assert_false(wpm_multiaddr_next(&rest, &part));
  wpm_bytes broken = {addr.bytes, 3};
  assert_false(wpm_multiaddr_next(&broken, &part));
}

static void check_split(const char *text, const char *transport_text, const char *peer_text) {
  wpm_multiaddr addr = parsed(text);
  wpm_bytes transport;
  wpm_bytes peer;
  assert_int_equal(wpm_multiaddr_split_peer(wpm_multiaddr_view(&addr), &transport, &peer), WPM_OK);
  if (*transport_text) {
    assert_text(transport, transport_text);
  } else {
    assert_int_equal(transport.len, 0);
  }
  if (*peer_text) {
    char id[WPM_PEER_ID_TEXT];
    assert_int_equal(wpm_peer_id_format(peer, id, sizeof(id), NULL), WPM_OK);
    assert_string_equal(id, peer_text);
    wpm_multiaddr joined;
    assert_int_equal(wpm_multiaddr_with_peer(transport, peer, &joined), WPM_OK);
    assert_true(wpm_bytes_equal(wpm_multiaddr_view(&joined), wpm_multiaddr_view(&addr)));
  } else {
    assert_int_equal(peer.len, 0);
    assert_int_equal(transport.len, addr.len);
  }
}

static void a_trailing_peer_is_split_off(void **state) {
  (void)state;
  check_split("/ip4/192.0.2.1/tcp/1/p2p/" ID, "/ip4/192.0.2.1/tcp/1", ID);
  check_split("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/1", "");
  check_split("/p2p/" ID, "", ID);
  check_split("/ip4/192.0.2.1/tcp/1/p2p/" OTHER_ID "/p2p-circuit",
              "/ip4/192.0.2.1/tcp/1/p2p/" OTHER_ID "/p2p-circuit", "");
  check_split("/ip4/192.0.2.1/tcp/1/p2p/" OTHER_ID "/p2p-circuit/p2p/" ID,
              "/ip4/192.0.2.1/tcp/1/p2p/" OTHER_ID "/p2p-circuit", ID);
  check_split("/ip4/192.0.2.1/tcp/1/p2p/" ID "/http-path/x",
              "/ip4/192.0.2.1/tcp/1/p2p/" ID "/http-path/x", "");
  wpm_bytes transport;
  wpm_bytes peer;
  assert_int_equal(wpm_multiaddr_split_peer((wpm_bytes){NULL, 0}, &transport, &peer),
                   WPM_ERR_INVALID);
}

static void a_peer_is_appended_within_the_limit(void **state) {
  (void)state;
  wpm_multiaddr id = parsed("/p2p/" OTHER_ID);
  wpm_bytes peer = {id.bytes + 3, id.len - 3u};
  wpm_multiaddr out = {.len = 0};
  uint8_t big[WPM_MULTIADDR_MAX + 1] = {0};
  assert_int_equal(wpm_multiaddr_with_peer((wpm_bytes){big, WPM_MULTIADDR_MAX - 37u}, peer, &out),
                   WPM_OK);
  assert_int_equal(out.len, WPM_MULTIADDR_MAX);
  assert_int_equal(wpm_multiaddr_with_peer((wpm_bytes){big, WPM_MULTIADDR_MAX - 36u}, peer, &out),
                   WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_multiaddr_with_peer((wpm_bytes){big, sizeof(big)}, peer, &out),
                   WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_multiaddr_with_peer((wpm_bytes){big, 1}, (wpm_bytes){NULL, 0}, &out),
                   WPM_ERR_INVALID);
  /* In place: the transport may lie in `out` itself. */
  out = parsed("/ip4/192.0.2.1/tcp/1");
  assert_int_equal(wpm_multiaddr_with_peer(wpm_multiaddr_view(&out), peer, &out), WPM_OK);
  assert_text(wpm_multiaddr_view(&out), "/ip4/192.0.2.1/tcp/1/p2p/" OTHER_ID);
}

/* ---- TCP addresses --------------------------------------------------------------------------- */

static wpm_tcp_target target_of(wpm_multiaddr *addr, const char *text) {
  wpm_tcp_target target;
  *addr = parsed(text);
  assert_int_equal(wpm_multiaddr_tcp_target(wpm_multiaddr_view(addr), &target), WPM_OK);
  return target;
}

static void tcp_targets_are_recognised(void **state) {
  (void)state;
  wpm_multiaddr addr;
  wpm_tcp_target target = target_of(&addr, "/ip4/192.0.2.1/tcp/60000");
  assert_int_equal(target.host_code, WPM_P_IP4);
  assert_int_equal(target.host.len, 4);
  assert_memory_equal(target.host.data, "\xc0\x00\x02\x01", 4);
  assert_int_equal(target.port, 60000);
  assert_int_equal(target.peer.len, 0);
  assert_int_equal(target.zone.len, 0);

  target = target_of(&addr, "/ip6zone/eth0/ip6/fe80::1/tcp/1/p2p/" OTHER_ID);
  assert_int_equal(target.host_code, WPM_P_IP6);
  assert_int_equal(target.host.len, 16);
  assert_true(wpm_text_equal(target.zone, WPM_TEXT("eth0")));
  assert_int_equal(target.peer.len, 34);

  static const char *const named[] = {"/dns/example.com/tcp/443", "/dns4/example.com/tcp/443",
                                      "/dns6/example.com/tcp/443"};
  static const uint32_t codes[] = {WPM_P_DNS, WPM_P_DNS4, WPM_P_DNS6};
  for (size_t i = 0; i < 3; i++) {
    target = target_of(&addr, named[i]);
    assert_int_equal(target.host_code, codes[i]);
    assert_int_equal(target.host.len, 11);
    assert_memory_equal(target.host.data, "example.com", 11);
    assert_int_equal(target.port, 443);
  }
}

static void other_addresses_are_no_tcp_target(void **state) {
  (void)state;
  static const char *const others[] = {
      "/ip4/192.0.2.1/udp/1/quic-v1",
      "/ip4/192.0.2.1/tcp/1/ws",
      ("/ip4/192.0.2.1/tcp/1/p2p/" ID "/p2p-circuit"),
      ("/ip4/192.0.2.1/tcp/1/p2p/" ID "/p2p/" ID),
      "/ip4/192.0.2.1",
      "/ip4/192.0.2.1/ipcidr/24",
      "/ip6zone/eth0/ip4/192.0.2.1/tcp/1",
      "/ip6zone/eth0",
      "/dnsaddr/example.com/tcp/1",
      "/tcp/1",
      ("/p2p/" ID),
      "/unix/a/b",
      "/p2p-circuit",
  };
  for (size_t i = 0; i < VECTOR_COUNT(others); i++) {
    wpm_tcp_target target;
    wpm_multiaddr addr = parsed(others[i]);
    assert_int_equal(wpm_multiaddr_tcp_target(wpm_multiaddr_view(&addr), &target),
                     WPM_ERR_UNSUPPORTED);
  }
  wpm_tcp_target target;
  assert_int_equal(wpm_multiaddr_tcp_target((wpm_bytes){(const uint8_t *)"\x04\x01", 2}, &target),
                   WPM_ERR_TRUNCATED);
  assert_int_equal(wpm_multiaddr_tcp_target((wpm_bytes){NULL, 0}, &target), WPM_ERR_INVALID);
}

static void tcp_addresses_are_written(void **state) {
  (void)state;
  static const uint8_t ip6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
  static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
  wpm_multiaddr addr;
  assert_int_equal(wpm_multiaddr_from_tcp((wpm_bytes){mapped + 12, 4}, 60000, &addr), WPM_OK);
  assert_text(wpm_multiaddr_view(&addr), "/ip4/192.0.2.1/tcp/60000");
  assert_int_equal(wpm_multiaddr_from_tcp((wpm_bytes){mapped, 16}, 1, &addr), WPM_OK);
  assert_text(wpm_multiaddr_view(&addr), "/ip4/192.0.2.1/tcp/1");
  assert_int_equal(wpm_multiaddr_from_tcp((wpm_bytes){ip6, 16}, 65535, &addr), WPM_OK);
  assert_text(wpm_multiaddr_view(&addr), "/ip6/2001:db8::1/tcp/65535");
  assert_int_equal(wpm_multiaddr_from_tcp((wpm_bytes){ip6, 5}, 1, &addr), WPM_ERR_INVALID);
  assert_int_equal(wpm_multiaddr_from_tcp((wpm_bytes){NULL, 0}, 1, &addr), WPM_ERR_INVALID);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(good_texts_become_what_go_makes_of_them),
      cmocka_unit_test(bad_texts_are_refused_with_a_reason),
      cmocka_unit_test(foreign_protocols_are_named),
      cmocka_unit_test(bad_binaries_are_refused),
      cmocka_unit_test(cut_binaries_are_refused),
      cmocka_unit_test(messages_name_the_part_and_what_it_takes),
      cmocka_unit_test(an_unknown_code_is_named_in_text),
      cmocka_unit_test(messages_name_the_fault_of_a_binary),
      cmocka_unit_test(the_longest_texts_fit),
      cmocka_unit_test(components_are_capped),
      cmocka_unit_test(text_of_a_megabyte_is_refused),
      cmocka_unit_test(a_short_buffer_is_refused_at_each_length),
      cmocka_unit_test(an_i2p_destination_is_long),
      cmocka_unit_test(values_that_are_text_must_be_clean),
      cmocka_unit_test(next_walks_through_the_parts),
      cmocka_unit_test(a_trailing_peer_is_split_off),
      cmocka_unit_test(a_peer_is_appended_within_the_limit),
      cmocka_unit_test(tcp_targets_are_recognised),
      cmocka_unit_test(other_addresses_are_no_tcp_target),
      cmocka_unit_test(tcp_addresses_are_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
