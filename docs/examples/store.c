/* Level 1: the peer store alone. A client keeps what it learns of its peers in one place, asks it who is
 * there, and is told what changes. */
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

static const char *name_of(wpm_bytes id) {
  static char name[WPM_PEER_ID_TEXT];
  return wpm_peer_id_format(id, name, sizeof name, NULL) == WPM_OK ? name : "?";
}

/* Keeps a peer, and an address of it that a person gave us. */
static int add(wpm_store *store, const char *id_text, const char *address_text, wpm_peer_id *id,
               wpm_multiaddr *address) {
  wpm_error error;
  if (wpm_peer_id_parse(text(id_text), id, &error) != WPM_OK ||
      wpm_multiaddr_parse(text(address_text), address, &error) != WPM_OK) {
    fprintf(stderr, "%s\n", error.text);
    return error.code;
  }
  wpm_offer offer = {.source = WPM_SOURCE_PERSON, .ttl_ns = WPM_TTL_QUALITY, .now = now()};
  wpm_bytes view = wpm_multiaddr_view(address);
  int err = wpm_store_add(store, wpm_peer_id_view(id), WPM_ORIGIN_STATIC);
  return err ? err : wpm_store_add_addresses(store, wpm_peer_id_view(id), &view, 1, &offer, NULL);
}

/* We dialled it, identify told its protocols, and it closed the connection. */
static int meet(wpm_store *store, wpm_bytes peer, wpm_bytes remote) {
  wpm_text protocols[] = {text("/ipfs/ping/1.0.0"), text("/vac/waku/relay/2.0.0")};
  wpm_identified told = {.protocols = protocols, .protocol_count = 2, .now = now()};
  int err = wpm_store_connected(store, peer, WPM_OUTBOUND, remote, now());
  if (!err) {
    err = wpm_store_identified(store, peer, &told);
  }
  return err ? err : wpm_store_disconnected(store, peer, WPM_REASON_GO_AWAY, now());
}

/* Who may relay, and is not connected? Terms in postfix order; what is left over is ANDed. */
static int list_relays(const wpm_store *store) {
  wpm_term terms[] = {{.kind = WPM_TERM_RELAY},
                      {.kind = WPM_TERM_CONNECTIVITY, .number = WPM_CONNECTED},
                      {.kind = WPM_TERM_NOT}};
  wpm_query query = {terms, sizeof terms / sizeof *terms};
  wpm_peer_ref found[10];
  size_t count = 0;
  uint64_t cursor = 0;
  do {
    int err = wpm_store_query_page(store, &query, &cursor, found, 10, &count);
    if (err) {
      return err;
    }
    for (size_t i = 0; i < count; i++) {
      wpm_peer_record record;
      char at[WPM_MULTIADDR_TEXT];
      if (wpm_store_at(store, found[i], &record) == WPM_OK &&
          wpm_multiaddr_format(record.addresses[0].multiaddr, at, sizeof at, NULL, NULL) ==
              WPM_OK) {
        printf("%s at %s (%s): %s, %s\n", name_of(record.id), at,
               wpm_confidence_name(record.addresses[0].confidence),
               wpm_connectivity_name(record.connectivity), wpm_reason_name(record.reason));
      }
    }
  } while (count == 10);
  return WPM_OK;
}

/* One that can be dialled now, each with the same chance. The caller brings the chance. */
static int pick(const wpm_store *store, uint64_t seed) {
  wpm_term dialable = {.kind = WPM_TERM_DIALABLE};
  wpm_query query = {&dialable, 1};
  wpm_peer_ref ref;
  wpm_peer_record record;
  size_t found = 0;
  int err = wpm_store_query_pick(store, &query, seed, &ref, 1, &found);
  if (!err && found > 0 && wpm_store_at(store, ref, &record) == WPM_OK) {
    printf("next to dial: %s\n", name_of(record.id));
  }
  return err;
}

/* A consumer of the feed is nothing but its cursor. One that is too slow is told so, and reads anew. */
static void follow(const wpm_store *store, uint64_t *cursor) {
  static const char *const kinds[] = {"added", "updated", "removed"};
  wpm_store_change change;
  int err;
  while ((err = wpm_store_feed_next(store, cursor, &change)) != WPM_ERR_NOT_FOUND) {
    if (err == WPM_ERR_TRUNCATED) {
      printf("missed some\n");
    } else {
      printf("%s %s, by %s\n", kinds[change.kind], name_of(change.id),
             wpm_cause_name(change.cause));
    }
  }
}

int main(void) {
  wpm_store_config config;
  wpm_store *store = NULL;
  wpm_peer_id id;
  wpm_multiaddr address;
  uint64_t seed;
  wpm_store_config_default(&config);
  config.max_peers = 1000000;                 /* Over it the least useful goes. */
  FILE *random = fopen("/dev/urandom", "rb"); /* So that nobody can choose ids that collide. */
  if (!random || fread(config.hash_key, sizeof config.hash_key, 1, random) != 1 ||
      fread(&seed, sizeof seed, 1, random) != 1) {
    return 1;
  }
  fclose(random);
  if (wpm_store_new(&config, &store) != WPM_OK) {
    return 1;
  }
  uint64_t cursor = wpm_store_feed_end(store);
  int err = add(store, "16Uiu2HAmRfTQQFTxLYE8xuS1rxmwk2NTgvqA9E2Czqdrea6uLEdn",
                "/ip4/192.0.2.7/tcp/60000", &id, &address);
  wpm_bytes peer = wpm_peer_id_view(&id);
  if (!err) {
    err = meet(store, peer, wpm_multiaddr_view(&address));
  }
  if (!err) {
    err = list_relays(store);
  }
  if (!err) {
    err = pick(store, seed);
  }
  follow(store, &cursor);
  if (!err) {
    err = wpm_store_remove(store, peer);
  }
  follow(store, &cursor);
  wpm_store_free(store);
  if (err) {
    fprintf(stderr, "%s\n", wpm_strerror(err));
  }
  return err != WPM_OK;
}
