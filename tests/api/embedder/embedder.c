#include <stdio.h>
#include <wakupeers/wakupeers.h>

int main(void) {
  wpm_store_config config;
  wpm_store *store;
  wpm_node_key key;
  wpm_peer_id id;
  wpm_store_config_default(&config);
  if (wpm_node_key_new(WPM_NODE_KEY_SECP256K1, &key) || wpm_node_key_peer_id(&key, &id, NULL) ||
      wpm_store_new(&config, &store) ||
      wpm_store_add(store, wpm_peer_id_view(&id), WPM_ORIGIN_STATIC)) {
    return 1;
  }
  printf("wakupeers %s holds %zu peer\n", wpm_version(), wpm_store_count(store));
  wpm_node_key_wipe(&key);
  wpm_store_free(store);
  return 0;
}
