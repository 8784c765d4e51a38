/* The whole node as a listener: manager, peer store and metadata on top of the connections that
 * bench_net measures. Knows `listen` alone; bench_net is its dialler. */
#include "bench/measure.h"

#include <wakupeers/node.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_LIMIT 1000000 /* Connections and peers; the rivals run without limits too. */

static wpm_node *node;

static void told(const char *line) {
  if (!line) {
    wpm_bench_end(0);
  }
  wpm_node_counters counters;
  wpm_node_get_counters(node, &counters);
  uint64_t accepted = counters.connections_opened[WPM_INBOUND];
  uint64_t ended = 0;
  for (size_t i = 0; i < WPM_REASON_COUNT; i++) {
    ended += counters.connections_ended[i];
  }
  wpm_bench_say("{\"cpu_s\":%.6f,\"accepted\":%llu,\"open\":%llu,\"identified\":%llu}",
                wpm_bench_cpu_seconds(), (unsigned long long)accepted,
                (unsigned long long)(accepted - ended), (unsigned long long)counters.identified);
}

int main(int argc, char **argv) {
  static const wpm_text any = {"/ip4/127.0.0.1/tcp/0", sizeof "/ip4/127.0.0.1/tcp/0" - 1};
  wpm_bench_options options;
  wpm_bench_options_read(argc, argv, &options);
  if (strcmp(options.command, "listen") != 0) {
    wpm_bench_fail("use: listen");
  }
  wpm_node_key_type type =
      strcmp(options.key, "ed25519") == 0 ? WPM_NODE_KEY_ED25519 : WPM_NODE_KEY_SECP256K1;
  wpm_node_key key;
  int err = wpm_node_key_new(type, &key);
  if (err != WPM_OK) {
    wpm_bench_fail("key: %s", wpm_strerror(err));
  }

  wpm_node_config config;
  wpm_node_config_default(&config);
  config.loop = uv_default_loop();
  config.key = &key;
  config.listen = &any;
  config.listen_count = 1;
  config.max_inbound_upgrades = NO_LIMIT;
  config.manager.max_connections = NO_LIMIT;
  config.manager.store.max_peers = NO_LIMIT;
  wpm_error error;
  if (wpm_node_new(&config, &node, &error) != WPM_OK || wpm_node_start(node, &error) != WPM_OK) {
    wpm_bench_fail("%s", error.text);
  }

  wpm_bytes bound;
  wpm_multiaddr whole;
  char text[WPM_MULTIADDR_TEXT];
  if (!wpm_node_listen_address(node, 0, &bound) ||
      wpm_multiaddr_with_peer(bound, wpm_peer_id_view(wpm_node_peer_id(node)), &whole) != WPM_OK ||
      wpm_multiaddr_format(wpm_multiaddr_view(&whole), text, sizeof text, NULL, &error) != WPM_OK) {
    wpm_bench_fail("no address was bound");
  }
  wpm_bench_say("{\"addr\":\"%s\"}", text);
  wpm_bench_read_lines(config.loop, told);
  return uv_run(config.loop, UV_RUN_DEFAULT);
}
