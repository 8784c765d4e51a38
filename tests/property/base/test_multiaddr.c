/* Random multiaddrs, built from random parts or bent out of good ones: text and binary agree, and
 * whatever is accepted in one form has exactly one canonical other. */
#include "base/bytes.h"
#include "base/multiaddr.h"
#include "base/rng.h"
#include "support/seed.h"
#include "support/test.h"
#include "unit/base/multiaddr_vectors.h"

static void assert_round_trip(wpm_bytes addr) {
  char text[WPM_MULTIADDR_TEXT];
  size_t len;
  wpm_multiaddr again;
  assert_int_equal(wpm_multiaddr_format(addr, text, sizeof(text), &len, NULL), WPM_OK);
  assert_int_equal(strlen(text), len);
  assert_int_equal(wpm_multiaddr_parse((wpm_text){text, len}, &again, NULL), WPM_OK);
  assert_true(wpm_bytes_equal(addr, wpm_multiaddr_view(&again)));

  /* Its parts make up the whole. */
  wpm_bytes rest = addr;
  wpm_multiaddr_part part;
  size_t walked = 0;
  while (wpm_multiaddr_next(&rest, &part)) {
    walked += part.whole.len;
  }
  assert_int_equal(walked, addr.len);

  /* What is split off can be put back. */
  wpm_bytes transport;
  wpm_bytes peer;
  assert_int_equal(wpm_multiaddr_split_peer(addr, &transport, &peer), WPM_OK);
  if (peer.len) {
    assert_int_equal(wpm_peer_id_check(peer), WPM_OK);
    assert_int_equal(wpm_multiaddr_with_peer(transport, peer, &again), WPM_OK);
    assert_true(wpm_bytes_equal(addr, wpm_multiaddr_view(&again)));
  } else {
    assert_int_equal(transport.len, addr.len);
  }
}

/* Changes, drops or inserts up to three bytes. */
static size_t bend(wpm_rng *rng, uint8_t *data, size_t len) {
  for (uint64_t changes = wpm_rng_below(rng, 4); changes > 0 && len > 1; changes--) {
    size_t at = wpm_rng_below(rng, len);
    switch (wpm_rng_below(rng, 3)) {
    case 0:
      data[at] = (uint8_t)wpm_rng_next(rng);
      break;
    case 1:
      memmove(data + at, data + at + 1, --len - at);
      break;
    default:
      memmove(data + at + 1, data + at, len++ - at);
      data[at] = (uint8_t) "/:.%=1aA\x80"[wpm_rng_below(rng, 9)];
      break;
    }
  }
  return len;
}

/* Some good vectors behind one another. */
static size_t chain(wpm_rng *rng, wpm_multiaddr *out) {
  size_t parts = 1 + wpm_rng_below(rng, 3);
  out->len = 0;
  for (size_t i = 0; i < parts; i++) {
    const char *text = multiaddr_good[wpm_rng_below(rng, VECTOR_COUNT(multiaddr_good))].text;
    wpm_multiaddr next;
    assert_int_equal(wpm_multiaddr_parse(wpm_text_of(text), &next, NULL), WPM_OK);
    if (out->len + next.len < WPM_MULTIADDR_MAX - 8) {
      memcpy(out->bytes + out->len, next.bytes, next.len);
      out->len = (uint16_t)(out->len + next.len);
    }
  }
  return out->len;
}

static void bent_binaries(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  size_t accepted = 0;
  for (size_t round = 0; round < 8000; round++) {
    wpm_multiaddr addr;
    size_t len = bend(&rng, addr.bytes, chain(&rng, &addr));
    uint8_t *exact = malloc(len + 1);
    assert_non_null(exact);
    memcpy(exact, addr.bytes, len);
    wpm_bytes view = {exact, len};
    int err = wpm_multiaddr_check(view);
    if (err) {
      char text[WPM_MULTIADDR_TEXT];
      assert_int_equal(wpm_multiaddr_format(view, text, sizeof(text), NULL, NULL), err);
    } else {
      accepted++;
      assert_round_trip(view);
    }
    free(exact);
  }
  assert_true(accepted > 1000);
}

static void bent_texts(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  size_t accepted = 0;
  for (size_t round = 0; round < 8000; round++) {
    wpm_multiaddr addr;
    char text[WPM_MULTIADDR_TEXT];
    size_t len;
    chain(&rng, &addr);
    if (wpm_multiaddr_format(wpm_multiaddr_view(&addr), text, sizeof(text) - 8, &len, NULL)) {
      continue; /* A path stood in the middle. */
    }
    len = bend(&rng, (uint8_t *)text, len);
    if (wpm_multiaddr_parse((wpm_text){text, len}, &addr, NULL) == WPM_OK) {
      accepted++;
      assert_int_equal(wpm_multiaddr_check(wpm_multiaddr_view(&addr)), WPM_OK);
      assert_round_trip(wpm_multiaddr_view(&addr));
    }
  }
  assert_true(accepted > 1000);
}

static void random_ip_addresses(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  for (size_t round = 0; round < 8000; round++) {
    uint8_t ip[16];
    for (size_t i = 0; i < sizeof(ip); i++) { /* Mostly zeros, to meet each place of `::`. */
      ip[i] = wpm_rng_below(&rng, 4) ? 0 : (uint8_t)wpm_rng_next(&rng);
    }
    uint16_t port = (uint16_t)wpm_rng_next(&rng);
    size_t len = round % 2 ? 4 : 16;
    wpm_multiaddr addr;
    wpm_tcp_target target;
    assert_int_equal(wpm_multiaddr_from_tcp((wpm_bytes){ip, len}, port, &addr), WPM_OK);
    assert_round_trip(wpm_multiaddr_view(&addr));
    assert_int_equal(wpm_multiaddr_tcp_target(wpm_multiaddr_view(&addr), &target), WPM_OK);
    assert_int_equal(target.port, port);
    assert_memory_equal(target.host.data, ip + len - target.host.len, target.host.len);
  }
}

/* Most addresses are told by their bytes alone; the long way round says the same. */
static void common_forms_are_checked_as_all_others(void **state) {
  (void)state;
  static const uint8_t parts[][3] = {{1, 4},          {1, 41},         {1, 6},
                                     {2, 0x91, 0x02}, {2, 0xdd, 0x03}, {2, 0xde, 0x03},
                                     {2, 0xcd, 0x03}, {1, 0},          {2, 0x04, 0xd2}};
  wpm_rng rng;
  size_t good = 0;
  wpm_rng_init(&rng, wpm_test_seed());
  for (size_t round = 0; round < 400000; round++) {
    /* Random bytes behind a length that is exact, so that reading past it is seen. */
    uint8_t bytes[32];
    size_t len = 0;
    for (size_t i = 0; i < 6 && len < 24; i++) {
      const uint8_t *part = parts[wpm_rng_below(&rng, sizeof(parts) / sizeof(parts[0]))];
      size_t filler = i == 1 && wpm_rng_below(&rng, 2) ? (bytes[0] == 41 ? 16 : 4) : 0;
      memset(bytes + len, 7, filler);
      len += filler;
      memcpy(bytes + len, part + 1, part[0]);
      len += part[0];
      if (wpm_rng_below(&rng, 6) == 0) {
        break;
      }
    }
    len -= wpm_rng_below(&rng, 8) == 0;
    uint8_t *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, len);
    wpm_bytes transport;
    wpm_bytes peer;
    int whole = wpm_multiaddr_split_peer((wpm_bytes){exact, len}, &transport, &peer);
    assert_int_equal(wpm_multiaddr_check((wpm_bytes){exact, len}), whole);
    good += whole == WPM_OK;
    free(exact);
  }
  assert_true(good > 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bent_binaries),
      cmocka_unit_test(bent_texts),
      cmocka_unit_test(random_ip_addresses),
      cmocka_unit_test(common_forms_are_checked_as_all_others),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
