/* Level 1: the peer store alone. A client keeps what it learns of its peers in one place, and asks
 * it who is there. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <wakupeers/store.h>

/* Time is an argument: the library reads no clock below level 3. */
static wpm_wall now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (wpm_wall){(int64_t)time.tv_sec * WPM_SECOND + time.tv_nsec};
}

static wpm_text text(const char *from) {
  return (wpm_text){from, strlen(from)};
}

int main(void) {
  wpm_store_config config;
  wpm_store *store = NULL;
  wpm_peer_id id;
  wpm_multiaddr address;
  wpm_error error;

  wpm_store_config_default(&config);
  FILE *random = fopen("/dev/urandom", "rb"); /* So that nobody can choose ids that collide. */
  if (!random || fread(config.hash_key, sizeof config.hash_key, 1, random) != 1) {
    return 1;
  }
  fclose(random);
  if (wpm_store_new(&config, &store) != WPM_OK) {
    return 1;
  }

  /* A peer, and an address of it that a person gave us. */
  if (wpm_peer_id_parse(text("16Uiu2HAmRfTQQFTxLYE8xuS1rxmwk2NTgvqA9E2Czqdrea6uLEdn"), &id,
                        &error) != WPM_OK ||
      wpm_multiaddr_parse(text("/ip4/192.0.2.7/tcp/60000"), &address, &error) != WPM_OK) {
    fprintf(stderr, "%s\n", error.text);
    return 1;
  }
  wpm_bytes peer = wpm_peer_id_view(&id);
  wpm_bytes remote = wpm_multiaddr_view(&address);
  if (wpm_store_add(store, peer, WPM_ORIGIN_STATIC) != WPM_OK ||
      wpm_store_add_address(store, peer, remote, WPM_SOURCE_PERSON) != WPM_OK) {
    return 1;
  }

  /* We dialled it, identify told its protocols, and it closed the connection. */
  wpm_text protocols[] = {text("/ipfs/ping/1.0.0"), text("/vac/waku/relay/2.0.0")};
  wpm_identified identified = {.protocols = protocols, .protocol_count = 2};
  if (wpm_store_connected(store, peer, WPM_OUTBOUND, remote, now()) != WPM_OK ||
      wpm_store_identified(store, peer, &identified) != WPM_OK ||
      wpm_store_disconnected(store, peer, WPM_REASON_GO_AWAY, now()) != WPM_OK) {
    return 1;
  }

  /* Who may relay, and is not connected? */
  wpm_store_filter filter = {.connectivity = 1U << WPM_CAN_CONNECT | 1U << WPM_CANNOT_CONNECT,
                             .relay_capable = true};
  wpm_peer_record record;
  uint64_t cursor = 0;
  while (wpm_store_next(store, &filter, &cursor, &record)) {
    char name[WPM_PEER_ID_TEXT];
    char at[WPM_MULTIADDR_TEXT];
    if (wpm_peer_id_format(record.id, name, sizeof name, NULL) == WPM_OK &&
        wpm_multiaddr_format(record.addresses[0].multiaddr, at, sizeof at, NULL, NULL) == WPM_OK) {
      printf("%s at %s: %s, %s\n", name, at, wpm_connectivity_name(record.connectivity),
             wpm_reason_name(record.reason));
    }
  }
  wpm_store_free(store);
  return 0;
}
