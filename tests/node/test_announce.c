/* What a node says of itself: its node record holds its key and where it listens. */
#include "support/test.h"

#include <wakupeers/node.h>

#include "base/bytes.h"
#include "proto/enr.h"

#include <uv.h>

static wpm_crypto *crypto;

static void has_stopped(void *user) {
  *(bool *)user = true;
}

/* A node that listens on `listen` ("": nowhere), started. */
static wpm_node *start_node(uv_loop_t *loop, wpm_node_key_type type, const char *listen) {
  wpm_node_config config;
  wpm_node_key key;
  wpm_node *node = NULL;
  wpm_error error;
  wpm_text address = wpm_text_of(listen);
  assert_int_equal(wpm_node_key_new(type, &key), WPM_OK);
  wpm_node_config_default(&config);
  config.loop = loop;
  config.key = &key;
  config.listen = &address;
  config.listen_count = address.len > 0;
  assert_int_equal(uv_loop_init(loop), 0);
  assert_int_equal(wpm_node_new(&config, &node, &error), WPM_OK);
  wpm_node_key_wipe(&key);
  assert_int_equal(wpm_node_enr(node).len, 0);
  assert_int_equal(wpm_node_start(node, &error), WPM_OK);
  return node;
}

static void end_node(uv_loop_t *loop, wpm_node *node) {
  bool stopped = false;
  wpm_node_stop(node, has_stopped, &stopped);
  assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
  assert_true(stopped);
  wpm_node_free(node);
  assert_int_equal(uv_loop_close(loop), 0);
}

/* Opens the node's record; views of *out lead into `bytes`. */
static void open_record(const wpm_node *node, uint8_t bytes[WPM_ENR_MAX], wpm_enr *out) {
  size_t len = 0;
  assert_int_equal(wpm_enr_parse(wpm_node_enr(node), bytes, &len), WPM_OK);
  assert_int_equal(wpm_enr_open(crypto, (wpm_bytes){bytes, len}, out), WPM_OK);
  assert_true(
      wpm_bytes_equal(wpm_peer_id_view(&out->peer_id), wpm_peer_id_view(wpm_node_peer_id(node))));
}

static void record_names_key_and_address(void **state) {
  (void)state;
  uv_loop_t loop;
  wpm_node *node = start_node(&loop, WPM_NODE_KEY_SECP256K1, "/ip4/127.0.0.1/tcp/0");
  uint8_t bytes[WPM_ENR_MAX];
  wpm_enr enr;
  wpm_enr_addresses walk;
  wpm_multiaddr address;
  wpm_bytes listening;
  open_record(node, bytes, &enr);
  assert_true(enr.sequence > 0);
  wpm_enr_addresses_begin(&walk, &enr);
  assert_true(wpm_enr_addresses_next(&walk, &address));
  assert_true(wpm_node_listen_address(node, 0, &listening));
  assert_true(wpm_bytes_equal(wpm_multiaddr_view(&address), listening));
  assert_false(wpm_enr_addresses_next(&walk, &address));
  end_node(&loop, node);
}

static void record_without_address(void **state) {
  (void)state;
  uv_loop_t loop;
  wpm_node *node = start_node(&loop, WPM_NODE_KEY_SECP256K1, "");
  uint8_t bytes[WPM_ENR_MAX];
  wpm_enr enr;
  wpm_enr_addresses walk;
  wpm_multiaddr address;
  open_record(node, bytes, &enr);
  wpm_enr_addresses_begin(&walk, &enr);
  assert_false(wpm_enr_addresses_next(&walk, &address));
  end_node(&loop, node);
}

static void no_record_of_an_ed25519_key(void **state) {
  (void)state;
  uv_loop_t loop;
  wpm_node *node = start_node(&loop, WPM_NODE_KEY_ED25519, "/ip4/127.0.0.1/tcp/0");
  assert_int_equal(wpm_node_enr(node).len, 0);
  end_node(&loop, node);
}

static int start(void **state) {
  (void)state;
  static const uint8_t seed[32] = {1};
  return wpm_crypto_init(seed, &crypto);
}

static int stop(void **state) {
  (void)state;
  wpm_crypto_free(crypto);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(record_names_key_and_address),
      cmocka_unit_test(record_without_address),
      cmocka_unit_test(no_record_of_an_ed25519_key),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
