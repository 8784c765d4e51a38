/* A manager under virtual time, with the host's part played by the test: peers by number, a log of
 * the actions pulled, and a disk that holds what PERSIST, FORGET and PERSIST_RANGE_BAN said.
 *
 * Each call that hands the manager a fact pulls all actions afterwards, as a host does. */
#pragma once

#include <wakupeers/manager.h>

enum {
  WPM_WORLD_PEERS = 2048,   /* Peers are numbered 0 … 2047. */
  WPM_WORLD_RANGES = 64,    /* Most banned ranges on the disk. */
  WPM_WORLD_ACTIONS = 8192, /* Most actions in the log. */
  WPM_WORLD_ADDRESSES = 20  /* Most addresses in a call that takes them as text. */
};

/* One action as pulled, with its views copied. */
typedef struct wpm_world_action {
  wpm_action_type type;
  int peer;                                /* Its number; -1: of no peer. */
  wpm_mono at;                             /* When it was pulled. */
  wpm_dial_id dial;                        /* DIAL, CANCEL_DIAL. */
  size_t address_count;                    /* DIAL. */
  uint16_t first_port;                     /* DIAL: port of the first address. */
  uint16_t ports[WPM_DIAL_ADDRESSES_MAX];  /* DIAL: those of all, in order. */
  uint8_t ips[WPM_DIAL_ADDRESSES_MAX][16]; /* DIAL: the IP addresses, IPv4 mapped; zeros: none. */
  wpm_connection_id connection;
  wpm_reason reason;         /* DISCONNECT, NOTIFY. */
  uint32_t go_away_code;     /* DISCONNECT. */
  wpm_connectivity from, to; /* NOTIFY. */
  bool taken;                /* The test has looked at it. */
} wpm_world_action;

typedef struct wpm_world {
  wpm_manager *manager;
  wpm_manager_config config;
  wpm_instant now;
  wpm_mono called;                        /* When the manager was called last; INT64_MIN: never. */
  wpm_connection_id next_connection;      /* Number of the next connection. */
  wpm_peer_record *disk[WPM_WORLD_PEERS]; /* Stored records; NULL: none. */
  wpm_tombstone buried[WPM_WORLD_PEERS];  /* What outlives those forgotten; no spans: nothing. */
  wpm_range_ban ranges[WPM_WORLD_RANGES]; /* Stored bans of ranges. */
  size_t range_count;                     /* Their number. */
  size_t count;                           /* Actions in the log. */
  wpm_world_action log[WPM_WORLD_ACTIONS];
} wpm_world;

/* A world whose own peer id is that of number `local`, with defaults; change `config`, then start.
 * Time begins at 1000 s since boot, 2025-01-01, boot 1. */
wpm_world *wpm_world_new(int local);
void wpm_world_start(wpm_world *w);
void wpm_world_free(wpm_world *w);

/* For cmocka: a started world of peer 100 with the defaults, and its end. */
int wpm_world_setup(void **state);
int wpm_world_teardown(void **state);

/* The id of a peer; ids are ordered as the numbers. Lasts for ever. */
wpm_bytes wpm_world_id(int peer);
/* /ip4/45.x.y.1/tcp/PORT, x.y from the peer's number. Lasts until the 8th next call. With `groups` given, that of
 * peer p is 45 + p % groups in place of 45, from now on. */
void wpm_world_scatter(unsigned groups);
wpm_bytes wpm_world_address(int peer, uint16_t port);
/* /ip4/46.GROUP.z.w/tcp/60000, z.w from the peer's number, so of a network group of the caller's choice
 * (below 256). Lasts until the 8th next call of either. */
wpm_bytes wpm_world_address_in(unsigned group, int peer);
/* The multiaddr of an IP address (IPv4 mapped) with a TCP port. Lasts as long. */
wpm_bytes wpm_world_address_of(const uint8_t ip[16], uint16_t port);
/* The event that the peer is heard of at that one address, by that means. */
wpm_event wpm_world_heard(int peer, const wpm_bytes *address, wpm_address_source source);

/* The peer is told of by peer exchange at wpm_world_address_in(group, peer). */
void wpm_world_hear_in(wpm_world *w, int peer, unsigned group);

/* A multiaddr in text, which must be one; a view of *out. */
wpm_bytes wpm_world_parse(const char *text, wpm_multiaddr *out);

/* Lets time pass without a call. */
void wpm_world_pass(wpm_world *w, int64_t ns);
/* Lets time pass, advancing at each deadline and at the end. */
void wpm_world_run(wpm_world *w, int64_t ns);

/* Facts; each returns what the manager said. */
int wpm_world_handle(wpm_world *w, const wpm_event *event);
int wpm_world_found(wpm_world *w, int peer, uint16_t port,
                    bool is_static); /* Port 0: no address. */
int wpm_world_found_at(wpm_world *w, int peer, wpm_bytes address,
                       bool is_static); /* Empty: none. */
/* A static node is named at these multiaddrs. */
int wpm_world_named(wpm_world *w, int peer, wpm_address_source source, const char *const *texts,
                    size_t count);
int wpm_world_person(wpm_world *w, int peer, wpm_event_type type);
int wpm_world_connected(wpm_world *w, int peer, wpm_direction direction, wpm_dial_id dial,
                        wpm_connection_id *connection);
/* The same; the other end is there. */
int wpm_world_connected_from(wpm_world *w, int peer, wpm_direction direction, wpm_dial_id dial,
                             wpm_bytes remote, wpm_connection_id *connection);
int wpm_world_dial_failed(wpm_world *w, int peer, wpm_dial_id dial, wpm_reason reason);
/* A dial whose address `won` came up (NULL: none did; else the connection is returned), after those of
 * `failed` had failed for this reason. */
wpm_connection_id wpm_world_dial_ended(wpm_world *w, int peer, wpm_dial_id dial, const char *won,
                                       const char *const *failed, size_t count, wpm_reason reason);
int wpm_world_disconnected(wpm_world *w, int peer, wpm_connection_id connection, wpm_reason reason);
int wpm_world_received(wpm_world *w, int peer, wpm_connection_id connection);
int wpm_world_pong(wpm_world *w, int peer, wpm_connection_id connection, int64_t rtt_ns);
int wpm_world_identified(wpm_world *w, int peer, wpm_connection_id connection, bool relay,
                         uint16_t port); /* Port 0: no addresses sent. */
/* The same of one that offers a service, too. */
#define WPM_WORLD_SERVICE "/vac/waku/store-query/3.0.0"
int wpm_world_identified_serving(wpm_world *w, int peer, wpm_connection_id connection, bool relay,
                                 uint16_t port);
/* The same, that tells of an address of the caller's choice; empty: of none. */
int wpm_world_identified_at(wpm_world *w, int peer, wpm_connection_id connection, bool relay,
                            bool serves, wpm_bytes address);
int wpm_world_metadata(wpm_world *w, int peer, wpm_connection_id connection, int64_t cluster_id,
                       int shard); /* Cluster or shard -1: none. */
int wpm_world_pruned(wpm_world *w, int peer, int64_t backoff_ns);

/* The next action of that type for that peer not taken yet (peer -1: any), or NULL; takes it. */
wpm_world_action *wpm_world_take(wpm_world *w, wpm_action_type type, int peer);
/* The same; fails the test where there is none. */
wpm_world_action *wpm_world_expect(wpm_world *w, wpm_action_type type, int peer);
/* Fails the test where there is one. */
void wpm_world_expect_none(wpm_world *w, wpm_action_type type, int peer);
/* Takes all there are. */
void wpm_world_forget_log(wpm_world *w);
/* How many of that type are not taken yet. */
size_t wpm_world_count(const wpm_world *w, wpm_action_type type);

/* Dials the peer (the dial must have been asked for) and comes up; identify follows where
 * `relay` is 0 or 1 (-1: none). Returns the connection. */
wpm_connection_id wpm_world_come_up(wpm_world *w, int peer, int relay);
/* The peer dials us; else as above. */
wpm_connection_id wpm_world_come_in(wpm_world *w, int peer, int relay);
/* A record of another store that knows no more of the peer than this address, which *address takes. */
wpm_peer_record wpm_world_imported(int peer, wpm_bytes multiaddr, wpm_address *address);

wpm_peer_record wpm_world_record(const wpm_world *w, int peer);
wpm_connectivity wpm_world_state(const wpm_world *w, int peer);
wpm_plan wpm_world_plan(const wpm_world *w, int peer);
/* Fails the test unless held_by and the time from now (WPM_SPAN_NONE: never) are these. */
void wpm_world_expect_plan(const wpm_world *w, int peer, wpm_held_by held_by, int64_t from,
                           int64_t to);
/* The same of one that may be chosen once that is over, and is not dialled for its own sake. */
void wpm_world_expect_candidate(const wpm_world *w, int peer, wpm_held_by held_by, int64_t from,
                                int64_t to);

/* Ends the manager: by wpm_manager_stop where `clean`, else as a crash does. */
void wpm_world_end(wpm_world *w, bool clean);
/* Starts a new manager on what is on the disk, records in the order of their numbers. */
void wpm_world_restart(wpm_world *w, const wpm_instant *heartbeat);

/* wpm_store_check. */
void wpm_world_check(const wpm_world *w);
