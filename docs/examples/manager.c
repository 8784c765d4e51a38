/* Level 2: the manager, for a client that has its own libp2p. This host has no network at all: it
 * pretends, on a clock that it moves itself, and prints what the manager asks of it. */
#include <stdio.h>
#include <string.h>
#include <wakupeers/manager.h>

typedef struct host {
  wpm_manager *manager;
  wpm_instant now; /* Jumps from deadline to deadline; a real host reads its clocks. */
  wpm_connection_id last_connection;
  int dials;
} host;

static void say(const host *self, const char *what) {
  printf("%5.1f s  %s\n", (double)self->now.mono.ns / (double)WPM_SECOND, what);
}

/* Feeds a fact. */
static void tell(host *self, wpm_event event) {
  int err = wpm_manager_handle(self->manager, &event, self->now);
  if (err != WPM_OK) {
    fprintf(stderr, "a fact was not taken: %s\n", wpm_strerror(err));
  }
}

/* The first dial fails, the second makes a connection. */
static void dial(host *self, const wpm_action *action) {
  wpm_peer_id peer; /* The views in an action last until the next call on the manager. */
  wpm_multiaddr remote = {.len = (uint16_t)action->u.dial.addresses[0].len};
  memcpy(remote.bytes, action->u.dial.addresses[0].data, remote.len);
  if (wpm_peer_id_from_bytes(action->peer, &peer) != WPM_OK) {
    return;
  }
  if (++self->dials == 1) {
    say(self, "dial: refused");
    tell(self,
         (wpm_event){.type = WPM_EVENT_DIAL_FAILED,
                     .peer = wpm_peer_id_view(&peer),
                     .u.dial_failed = {.dial = action->u.dial.dial, .reason = WPM_REASON_REFUSED}});
    return;
  }
  say(self, "dial: connected");
  tell(self, (wpm_event){.type = WPM_EVENT_CONNECTED,
                         .peer = wpm_peer_id_view(&peer),
                         .u.connected = {.connection = ++self->last_connection,
                                         .dial = action->u.dial.dial,
                                         .direction = WPM_OUTBOUND,
                                         .remote = wpm_multiaddr_view(&remote)}});
}

/* Does what the manager wants. */
static void act(host *self) {
  wpm_action action;
  while (wpm_manager_next_action(self->manager, &action)) {
    switch (action.type) {
    case WPM_ACTION_DIAL:
      dial(self, &action);
      break;
    case WPM_ACTION_PING:
      say(self, "ping");
      break;
    case WPM_ACTION_NOTIFY:
      printf("         %s -> %s\n", wpm_connectivity_name(action.u.notify.from),
             wpm_connectivity_name(action.u.notify.to));
      break;
    case WPM_ACTION_DISCONNECT:
      say(self, "disconnect");
      break;
    case WPM_ACTION_IDENTIFY:         /* Ask, and tell WPM_EVENT_IDENTIFIED. */
    case WPM_ACTION_REQUEST_METADATA: /* Ask, and tell WPM_EVENT_METADATA. */
    case WPM_ACTION_PERSIST:          /* Store wpm_store_get's record. */
    case WPM_ACTION_FORGET:           /* Delete it. */
    case WPM_ACTION_PERSIST_RANGE_BAN: /* Store it. */
    case WPM_ACTION_CANCEL_DIAL:
      break;
    }
  }
}

/* Sleeps until the next deadline, which here is instant. */
static void wait(host *self) {
  wpm_mono next = wpm_manager_next_deadline(self->manager);
  if (next.ns > self->now.mono.ns && next.ns != WPM_NEVER.ns) {
    self->now.wall.ns += next.ns - self->now.mono.ns;
    self->now.mono = next;
  }
  if (wpm_manager_advance(self->manager, self->now) != WPM_OK) {
    fprintf(stderr, "something due was put off\n");
  }
  act(self);
}

int main(void) {
  static const char at[] = "/ip4/192.0.2.7/tcp/60000/p2p/"
                           "16Uiu2HAmRfTQQFTxLYE8xuS1rxmwk2NTgvqA9E2Czqdrea6uLEdn";
  host self = {.now = {.boot_id = 1}};
  wpm_manager_config config;
  wpm_multiaddr address;
  wpm_bytes transport;
  wpm_bytes peer;
  wpm_error error;

  wpm_manager_config_default(&config);
  config.local_peer = (wpm_peer_id){.len = 2}; /* Our own id; here the empty identity hash. */
  config.ping_timeout_ns = 5 * WPM_SECOND;
  config.seed = 1; /* Random in a real host, and so is config.store.hash_key. */
  if (wpm_manager_new(&config, &self.manager) != WPM_OK ||
      wpm_multiaddr_parse((wpm_text){at, strlen(at)}, &address, &error) != WPM_OK ||
      wpm_multiaddr_split_peer(wpm_multiaddr_view(&address), &transport, &peer) != WPM_OK) {
    return 1;
  }
  tell(&self, (wpm_event){.type = WPM_EVENT_FOUND,
                          .peer = peer,
                          .u.found = {.addresses = &transport,
                                      .address_count = 1,
                                      .source = WPM_SOURCE_CONFIG,
                                      .origin = WPM_ORIGIN_STATIC,
                                      .is_static = true}});
  act(&self);
  wpm_peer_record record;
  do { /* Until the peer, which answers no ping, is given up as lost. */
    wait(&self);
  } while (wpm_store_get(wpm_manager_store(self.manager), peer, &record) == WPM_OK &&
           record.reason != WPM_REASON_PING_TIMEOUT);
  wpm_plan plan;
  if (wpm_manager_plan(self.manager, peer, self.now, &plan) == WPM_OK) {
    printf("         next dial in %.0f s, held back by %s\n",
           (double)(plan.next_dial.ns - self.now.mono.ns) / (double)WPM_SECOND,
           wpm_held_by_name(plan.held_by));
  }
  wpm_manager_stop(self.manager, self.now);
  act(&self);
  wpm_manager_free(self.manager);
  return 0;
}
