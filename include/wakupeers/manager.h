/* The peer manager: level 2 of the library: the store and the policy, with no I/O.
 *
 * The host (a client with its own libp2p, or `wpm_node`) feeds it facts by wpm_manager_handle, each
 * with the time; it answers with actions to pull by wpm_manager_next_action and with the next
 * deadline, at which the host calls wpm_manager_advance. So no call re-enters, and a run can be
 * replayed: same config, same facts, same times, same actions.
 *
 * The rules, in plain English (27/WAKU2-PEERS, Peer management):
 * - `relay_outbound` relay peers are held outbound, chosen among those known so that no network and no
 *   flood of addresses decides; no two are of one network group, and places rotate. Those connected when
 *   we stopped, or died, come first. More are dialled while one of our shards, or a service
 *   that we use, has too few.
 * - Of those that one network told us of, and of those of one network that others told us of, only a share
 *   is taken in until they were reached, and what a discouraged peer tells is left out. Those of a network
 *   of many that only ever dialled us are chosen seldom. Nobody that we held and that did not fail since
 *   leaves the store for somebody merely heard of. While there are enough outbound relay peers one that
 *   nobody reached yet is tried now and then, and let go again (a feeler). A peer of whose addresses hardly
 *   any is good loses score.
 * - A static node comes back by itself however its connection ended, except one that a person disconnected
 *   (until a person connects it) and one of another cluster (not for `mismatch_delay`); another peer that
 *   we held does where more like it are wanted, and where `relay_outbound` is 0, always. One that we dialled
 *   on our own account, and that turns out to be of no use to us, is let go.
 * - Two delays run side by side, and the later decides. The retry delay grows exponentially, with
 *   jitter, over the failed attempts since the last stable connection; a connection of ours that the
 *   peer ended, or that was lost, before it was stable lengthens it as one. The GossipSub prune
 *   backoff (gossipsub v1.1) holds for every peer that speaks, or may speak, GossipSub: disconnect
 *   time + backoff + slack + up to 1 s of jitter, longer where the peer's PRUNE said so, never
 *   shortened, at most a day.
 * - A connect that a person asks for goes at once. Configuration is not a person: a known peer
 *   waits.
 * - After a restart the relay-capable peers that were connected come first, the last connected
 *   first, all in parallel, each at its own earliest time, and places are kept for them until then;
 *   then the others, as places are free. Where outbound relay peers are chosen, those that had been inbound
 *   are candidates as others are; whoever was connected and comes by itself has the place of an inbound
 *   stranger, where there is none. A place is a peer that is connected or being dialled;
 *   there are max_connections. An inbound connection that finds none takes that of the inbound peer that
 *   is worth least, or is refused; those that outbound relay peers are missing for are kept from it, up to
 *   half of all. Above a high-water mark those worth least go. Relay peers and others each have a share of
 *   the places, and who has more than that goes first.
 * - When descriptors or memory run short some connections go, those worth least, and for some minutes there
 *   are fewer places.
 * - Of one IP address, and of one network, only so many may be connected inbound, and their attempts
 *   are paced, as are those of one peer; the newcomer is refused. Ranges can be exempt.
 * - A private or loopback address is dialled where it is configured or a person's, or where we met the
 *   peer there before; or by option.
 * - From a banned range of addresses nobody comes in, whoever it is; what is connected from or to there
 *   ends, and addresses in it are dialled by a person alone. A ban ends by itself, or lasts for good.
 * - Of a peer's addresses at most 16 go into a dial: what worked last first, then the surer, in turns of
 *   IPv6 and IPv4 (RFC 8305), what failed last. One that failed is left out, while another is not, for
 *   as long as it has been failing, from 5 s to an hour; where all failed, all are tried. A connection
 *   that the peer drops before it is stable is a failure of its address.
 * - A path (a transport of one family of IP) over which 100 attempts in a row met with silence while
 *   others worked is a black hole: its addresses are left out, peers with no others are held but for one
 *   attempt a minute, and its silence counts against nobody.
 * - A score fades, half of it in `score_half_life`; a broken protocol lowers it, unanswered pings do a little. Who is at
 *   `discouraged_at` or below is dialled by a person alone, takes nobody's place, and gives its own up
 *   first; static nodes aside.
 * - A tag may have an end, and goes then, its protection with it; the value of one may fade.
 * - After a sleep, which shows as a call long after a deadline, and when the network is back, every
 *   connection is pinged, and those that stay silent end; they count as ended when the sleep began, and
 *   their backoffs run from there. Retry delays of before are void then, prune backoffs are not. Without
 *   a network nothing is dialled and nobody blamed.
 * - Keep-alive: a ping at most half the idle timeout after the last received byte. Where the paths of a
 *   transport turn out to forget silent connections sooner (their peers are lost, and answer when they
 *   are dialled again), its pings go more often, and after a while less often again. A miss is
 *   silence: no byte from the peer within the ping timeout, which follows the round trips of the
 *   connection. After one miss the next ping goes at once; two end the connection as lost.
 * - Two connections with one peer: two of opposite direction that came up within the dial timeout
 *   of each other race: the one dialled by the peer with the smaller binary id stays, the other
 *   gets a go-away after a second if both still live. Any other second connection is accepted and
 *   the older pinged at once: silent, it ends as lost; alive, the newer is closed. A third is
 *   refused. None of this is a disconnect of the peer, and the second takes no place of its own.
 * - A connection that we decide to close has ended at that moment: its peer's state changes with
 *   the DISCONNECT action, and what the host says of it later is late.
 * - Actions are bounded by design: each is a mark at its peer or connection, so asking for what is
 *   asked for already changes nothing. Round trips alone make a record be stored at most once a
 *   minute; received bytes never do.
 */
#ifndef WAKUPEERS_MANAGER_H
#define WAKUPEERS_MANAGER_H

#include <wakupeers/store.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wpm_manager wpm_manager;

/* Places reserved for peers of one service. */
typedef struct wpm_service {
  wpm_text protocol;  /* The protocol id that they announce; not empty. */
  uint8_t capability; /* The bit (0 … 7) of an ENR's `waku2` that promises it (31/WAKU2-ENR);
                         WPM_NO_CAPABILITY: none does. */
  uint32_t slots;     /* Peers wanted. */
} wpm_service;

#define WPM_NO_CAPABILITY UINT8_MAX
#define WPM_SERVICES_MAX 32u /* Most services. */

typedef struct wpm_manager_config {
  size_t size;                  /* sizeof(wpm_manager_config), as the caller was compiled. */
  wpm_peer_id local_peer;       /* Our own peer id: decides races, and is never dialled. */
  uint64_t seed;                /* Seed of all jitter and choice. */
  wpm_store_config store;       /* The store's configuration. */
  size_t max_connections;       /* Most connections at once. Default 300. */
  size_t max_dials;             /* Most dials in flight. Default 256. */
  uint32_t cluster_id;          /* Our cluster; 0: none is a mismatch. Default 1 (the public Waku
                                network). */
  int64_t dial_timeout_ns;      /* How long a dial may take; the window of a race. Default 10 s. */
  bool keep_alive;              /* Send pings. Default true. */
  int64_t ping_interval_ns;     /* Longest silence before a ping; at most half the shortest idle
                                timeout on the path. Default 5 min (half of 10 min). */
  int64_t ping_interval_min_ns; /* What the interval of a transport may fall to where its silent
                                connections get lost; at or above the interval: it never does.
                                Default 15 s. */
  int64_t ping_timeout_ns;  /* Longest silence after a ping that is no miss; less where round trips
                                are known. Default 10 s. */
  int64_t prune_backoff_ns; /* GossipSub prune backoff. Default 60 s. */
  int64_t backoff_slack_ns; /* Added to every prune backoff. Default 2 s. */
  int64_t reconnect_min_ns; /* First retry delay. Default 1 s. */
  int64_t reconnect_max_ns; /* Longest retry delay; below the first, it lowers it. Default 5 min. */
  int64_t stable_after_ns;  /* A connection this old is stable. Default 60 s. */
  int64_t mismatch_delay_ns; /* How long a peer of another cluster is left alone. Default 6 h. */
  int64_t sleep_gap_ns;      /* Called later than this after a deadline, we slept. Default 30 s. */
  int64_t probe_timeout_ns;  /* Silence after the ping that follows a sleep, or the return of the
                                network, by which a connection has ended. Default 4 s. */
  size_t relay_outbound; /* Outbound relay peers wanted, chosen among all candidates; 0: every peer
                            that was held is dialled again, and no other. Default 10, whatever
                            max_connections is: what nwaku has with its own default of 50 connections, and
                            go-waku at least. It is more than GossipSub's mesh needs (D = 6), and each
                            more takes an inbound place of another node: a node that serves many serves
                            those who come in. */
  size_t
      relay_inbound; /* Most inbound relay peers: those beyond go; 0: as many as there are places.
                           Default 0. */
  uint32_t relay_percent; /* Of max_connections, in percent, those meant for relay peers, the others
                             for peers of services and for clients: where a place must become free, it
                             is of those who have more than that; 0: no such rule. Default 60, as nwaku
                             has it. */
  int64_t rotate_ns; /* One of them is let go so often, for another; 0: never. Default 30 min. */
  int64_t
      feeler_ns; /* Mean time between trial connections with peers that nobody reached yet, while
                        relay_outbound is met; 0: none. Default 2 min, as Bitcoin Core has it. */
  bool dial_private;     /* Dial private and loopback addresses of any peer. Default false. */
  size_t inbound_per_ip; /* Most inbound connections from one IP address (IPv6: one /64); 0: any
                                number. Default 5, as nwaku and go-waku have it. */
  size_t inbound_per_network; /* The same of one network (IPv4 /24, IPv6 /48). Default 32. */
  bool inbound_paced; /* Pace the attempts of each address, network and peer. Default true. */
  size_t high_water, low_water; /* Above so many connections, those worth least go until so many are
                                   left; 0: no such rule. Default 0: max_connections alone. */
  int64_t grace_ns;             /* One younger than this does not go for it. Default 20 s. */
  int64_t score_half_life_ns;   /* After it half of a score is left; 0: it stays. Default 10 h. */
  int32_t discouraged_at;       /* A peer with this score or less is discouraged; 0: nobody is.
                                 Default -100. */
  const wpm_ip_range *inbound_allow; /* Ranges without these limits (copied). Default: loopback. */
  size_t inbound_allow_count;        /* Their number. */
  const uint16_t *shards; /* Shards whose peers we want (copied); relay peers of no other. */
  size_t shard_count;     /* Their number; 0: any shard. */
  size_t
      relay_per_shard; /* Relay peers wanted of each of these, where relay_outbound is not 0; 0: no
                             rule. Of the first 32. Default 4: GossipSub's D_low. */
  const wpm_service
      *services;        /* Services that we use of others (copied). Default: none, as a relay node
                                  has it. */
  size_t service_count; /* Their number, at most WPM_SERVICES_MAX. */
  size_t max_history;   /* Most events kept (<wakupeers/explain.h>), 88 bytes each, as they come; of
                             these, of one peer, WPM_HISTORY_PEER_MOST; 0: none. Default 16384. */
} wpm_manager_config;

WPM_API void wpm_manager_config_default(wpm_manager_config *config);

/* WPM_ERR_NO_MEMORY, WPM_ERR_INVALID (sizes, negative durations). */
WPM_API WPM_MUST_USE int wpm_manager_new(const wpm_manager_config *config, wpm_manager **out);
WPM_API void wpm_manager_free(wpm_manager *manager); /* NULL is allowed. */

/* ---- who may come in ------------------------------------------------------------------------- */

/* By which rule an inbound connection is refused. Names are a closed set. */
typedef enum wpm_inbound_rule {
  WPM_INBOUND_ADMITTED = 0,
  WPM_INBOUND_PER_IP,      /* As many from its address are connected as may be. */
  WPM_INBOUND_PER_NETWORK, /* As many from its network are. */
  WPM_INBOUND_PACE, /* Its address, its network or the peer itself makes too many attempts. */
  WPM_INBOUND_BAN   /* Its address is in a banned range. */
} wpm_inbound_rule;
#define WPM_INBOUND_RULE_COUNT 5

/* "admitted", "per_ip", "per_network", "pace", "ban". */
WPM_API const char *wpm_inbound_rule_name(wpm_inbound_rule rule);

typedef struct wpm_inbound_counters {
  uint64_t by_rule[WPM_INBOUND_RULE_COUNT]; /* Refused by each. */
} wpm_inbound_counters;

/* A connection from this remote multiaddr waits to be accepted: whether it may, before its handshake
 * costs anything. A host that asks asks always; the rules count at CONNECTED all the same. */
WPM_API wpm_inbound_rule wpm_manager_admit(wpm_manager *manager, wpm_bytes remote, wpm_instant now);

/* What was refused so far. */
WPM_API wpm_inbound_counters wpm_manager_inbound_refused(const wpm_manager *manager);

/* ---- whom we are told of ---------------------------------------------------------------------- */

/* By which rule what a peer tells of another is left out. Names are a closed set. */
typedef enum wpm_intake_rule {
  WPM_INTAKE_TAKEN = 0,
  WPM_INTAKE_PER_SOURCE, /* Of those that peers of its network told us of, as many are untried as may
                             be. */
  WPM_INTAKE_PER_NETWORK, /* Of the network of the peer that it tells of. */
  WPM_INTAKE_DISCOURAGED  /* Its score is too low. */
} wpm_intake_rule;
#define WPM_INTAKE_RULE_COUNT 4

/* "taken", "per_source", "per_network", "discouraged". */
WPM_API const char *wpm_intake_rule_name(wpm_intake_rule rule);

typedef struct wpm_intake_counters {
  uint64_t by_rule[WPM_INTAKE_RULE_COUNT]; /* Left out by each. */
} wpm_intake_counters;

/* What was left out so far. */
WPM_API wpm_intake_counters wpm_manager_intake_left_out(const wpm_manager *manager);

/* Trial connections so far. */
typedef struct wpm_feeler_counters {
  uint64_t dialled; /* Peers that were tried. */
  uint64_t reached; /* Of these, those that were there. */
} wpm_feeler_counters;

WPM_API wpm_feeler_counters wpm_manager_feelers(const wpm_manager *manager);

/* ---- facts ----------------------------------------------------------------------------------- */

/* Connections and dials are named by numbers that are never used twice in the life of a manager:
 * the manager numbers dials, the host numbers connections. A fact about one that is over is
 * dropped, so late results do no harm. */
typedef uint64_t wpm_connection_id;
typedef uint64_t wpm_dial_id;

/* One address of a failed dial. */
typedef struct wpm_failed_address {
  wpm_bytes multiaddr; /* As given in the dial action. */
  wpm_reason reason;   /* Why it failed. */
} wpm_failed_address;

typedef enum wpm_event_type {
  WPM_EVENT_FOUND = 1,         /* A peer was configured or discovered. */
  WPM_EVENT_PERSON_CONNECT,    /* A person wants a connection now. */
  WPM_EVENT_PERSON_DISCONNECT, /* A person wants none: not dialled, and refused when it dials, until a
                                  person connects it. */
  WPM_EVENT_PERSON_REMOVE,     /* A person wants the peer forgotten; ends its connections. */
  WPM_EVENT_CONNECTED,         /* A connection is up: secured and multiplexed. */
  WPM_EVENT_DIAL_FAILED,       /* A dial made no connection. */
  WPM_EVENT_DISCONNECTED,      /* A connection has ended. */
  WPM_EVENT_RECEIVED,          /* Bytes came on a connection. */
  WPM_EVENT_PONG,              /* A ping was answered (also `na`: it proves life). */
  WPM_EVENT_IDENTIFIED,        /* Identify, or an identify push, arrived. */
  WPM_EVENT_METADATA,          /* Waku metadata arrived. */
  WPM_EVENT_PRUNED,            /* The peer sent us a GossipSub PRUNE, or we sent it one. */
  WPM_EVENT_IMPORTED,          /* Another store knows of the peer. */
  WPM_EVENT_NETWORK,           /* What became of our network; of no peer. */
  WPM_EVENT_SHORTAGE,          /* Our machine ran short of something; of no peer. */
  WPM_EVENT_BAN,               /* Banned, or not any more: ends its connections, refuses it, is not
                                  dialled but by a person. A peer that is not held is entered. */
  WPM_EVENT_BAN_RANGE,         /* A range of addresses is banned, or not any more; of no peer. */
  WPM_EVENT_TAG,               /* A tag was put on the peer, or taken off. */
  WPM_EVENT_SCORE,             /* The host's judgement, which fades. */
  WPM_EVENT_NOTE               /* An entry of the peer's application map. */
} wpm_event_type;

/* What the host knows of our network; as long as it says nothing, there is one. */
typedef enum wpm_network_state {
  WPM_NETWORK_ONLINE = 0, /* There is one (again). */
  WPM_NETWORK_OFFLINE,    /* There is none. */
  WPM_NETWORK_CHANGED     /* An interface or an address of ours came, went or changed. */
} wpm_network_state;

/* One fact. `peer` is set but for a fact of none; the views in it last for the call. */
typedef struct wpm_event {
  wpm_event_type type;
  wpm_bytes peer; /* Binary peer id. */
  union {
    struct {
      const wpm_bytes *addresses; /* Checked, without its own /p2p/. */
      size_t address_count;
      wpm_address_source source;
      wpm_origin origin;
      bool is_static; /* Configured as, or made by a person, a static node. */
      bool connect; /* A person wants a connection with it now: as by PERSON_CONNECT, which for one
                         that is new would come too late to be the first that is asked. */
      wpm_bytes
          told_by; /* Binary id of the peer that told us of it, by peer exchange or the like; empty:
                            none did. Where it, or its network, has told more than its share it is
                            left out: WPM_OK, and counted (wpm_manager_intake_left_out). */
      wpm_intake_rule *intake; /* Where it is WPM_OK, gets the rule by which it was left out, or
                                  WPM_INTAKE_TAKEN; NULL: nobody asks. */
    } found;
    struct {
      wpm_connection_id connection; /* Chosen by the host. */
      wpm_dial_id dial;             /* The dial action it came from; 0: inbound, or made by the
                                       host on its own account. */
      wpm_direction direction;
      wpm_bytes remote;     /* Remote multiaddr, without /p2p/; for an outbound one the address
                               dialled. */
      wpm_bytes public_key; /* Encoded PublicKey, proven in the handshake. */
      const wpm_failed_address *failed; /* Of an outbound one: addresses of the same dial that had
                                           failed before. None that was given up for this one. */
      size_t failed_count;
    } connected;
    struct {
      wpm_dial_id dial;
      wpm_reason reason; /* Of the dial as a whole. */
      const wpm_failed_address *addresses;
      size_t address_count;
    } dial_failed;
    struct {
      wpm_connection_id connection;
      wpm_reason reason;
    } disconnected;
    struct {
      wpm_connection_id connection;
    } received;
    struct {
      wpm_connection_id connection;
      int64_t rtt_ns; /* WPM_SPAN_NONE: answered, but not by an echo. */
    } pong;
    struct {
      wpm_connection_id connection;
      const wpm_identified *identified; /* Its `now` is not read. */
      const wpm_certified *certified;   /* The signed peer record in it, opened and verified; NULL:
                                           none. One that is not newer is passed over. */
    } identified;
    struct {
      wpm_connection_id connection;
      bool has_cluster_id;
      uint32_t cluster_id;
      const uint16_t *shards;
      size_t shard_count;
    } metadata;
    struct {
      int64_t backoff_ns; /* Backoff that the PRUNE names; 0: it names none. */
    } pruned;
    struct {
      const wpm_peer_record *record; /* What is to be known of the peer from now on: what is known
                                        of it now, if anything, is already in it
                                        (wpm_exchange_take). Where it is new and the store holds
                                        max_peers already: WPM_ERR_FULL, nobody gives way. */
    } imported;
    struct {
      wpm_network_state state;
    } network;
    struct {
      wpm_shortage of;
    } shortage;
    struct {
      int64_t length_ns; /* From now on; INT64_MAX: for good; 0: the ban is lifted. */
    } ban;
    struct {
      wpm_ip_range range; /* What is behind its first bits says nothing. */
      int64_t length_ns;  /* As of a ban. */
    } ban_range;
    struct {
      wpm_tag tag;
      bool remove; /* Only its name is read. */
    } tag;
    struct {
      int32_t score;
      bool add; /* To what is left of the score that it has, within the range of an int32_t. */
    } score;
    struct {
      wpm_text key;
      wpm_bytes value; /* `data` NULL: the entry goes. */
    } note;
  } u;
} wpm_event;

/* Takes in one fact. WPM_ERR_INVALID (malformed event; our own id; a tag whose end has passed), WPM_ERR_NOT_FOUND (a person, or a
 * judgement but a ban, names a peer that is not held; a tag, note or ban of a range to be taken away
 * that is not there), WPM_ERR_RANGES_FULL (WPM_RANGE_BANS_MAX are banned), WPM_ERR_FULL,
 * WPM_ERR_NO_VICTIM (the store is full, of peers that do not go for this one; a CONNECTED peer is then to be
 * disconnected, and a disconnect action says so), WPM_ERR_NO_MEMORY (the fact is lost, the state is
 * as before; DISCONNECTED and PERSON_REMOVE never lack memory). Where CONNECTED lacks memory the
 * host closes the connection itself and reports its dial, if any, as failed (LOCAL_FAILURE). A fact
 * about a connection or dial that is over is WPM_OK and does nothing; a connection that comes of a
 * dial that is over is refused by a disconnect action. Every dial action is answered by CONNECTED or
 * DIAL_FAILED, unless it was cancelled, and every connection's end by DISCONNECTED, also one that a
 * disconnect action asked for. `now` must not run backwards on its monotonic clock. */
WPM_API WPM_MUST_USE int wpm_manager_handle(wpm_manager *manager, const wpm_event *event,
                                            wpm_instant now);

/* Takes a record from disk, before the first event. `heartbeat`: the last instant at which the
 * previous run is known to have lived (NULL: none): spans of its boot are placed by it, whatever was
 * done to the wall clock meanwhile. Of a prune backoff of an earlier boot no more has passed than its boot
 * up to the heartbeat, and `now.mono`, the time since this boot, tell, whatever the wall clock says; a
 * wall clock by which more is left is believed. A record stored as Connected is of a peer that
 * was connected when that run died: it becomes CannotConnect, reason `crash`, disconnected at the
 * earlier of heartbeat + 5 s and now within one boot, at now after a reboot. Errors as
 * wpm_store_put; WPM_ERR_STATE after the first event or advance. */
WPM_API WPM_MUST_USE int wpm_manager_restore(wpm_manager *manager, const wpm_peer_record *record,
                                             const wpm_instant *heartbeat, wpm_instant now);

/* Takes a tombstone from disk, before the first event; `heartbeat` as wpm_manager_restore. Its spans
 * are brought into this boot: where that changed them, it is to be stored anew. WPM_ERR_STALE: it is
 * over, and need not be stored any longer; WPM_ERR_INVALID, WPM_ERR_FULL, WPM_ERR_NO_MEMORY as
 * wpm_store_put_tombstone; WPM_ERR_STATE after the first event or advance. */
WPM_API WPM_MUST_USE int wpm_manager_restore_tombstone(wpm_manager *manager,
                                                       wpm_tombstone *tombstone,
                                                       const wpm_instant *heartbeat,
                                                       wpm_instant now);

/* Takes a ban of a range from disk, before the first event; `heartbeat`, what changes in it, and
 * WPM_ERR_STALE as wpm_manager_restore_tombstone. WPM_ERR_INVALID, WPM_ERR_RANGES_FULL,
 * WPM_ERR_NO_MEMORY; WPM_ERR_STATE after the first event or advance. */
WPM_API WPM_MUST_USE int wpm_manager_restore_range_ban(wpm_manager *manager, wpm_range_ban *ban,
                                                       const wpm_instant *heartbeat,
                                                       wpm_instant now);

/* We are shutting down: every connected peer is recorded as disconnected now, reason `shutdown`, a
 * disconnect action is made for each connection, and nothing is dialled any more. */
WPM_API void wpm_manager_stop(wpm_manager *manager, wpm_instant now);

/* ---- deadlines and actions ------------------------------------------------------------------- */

/* When wpm_manager_advance is to be called next; WPM_NEVER when idle. It may be past, right after a call
 * too: what there is much of is done in steps, so that no call takes long. */
WPM_API wpm_mono wpm_manager_next_deadline(const wpm_manager *manager);

/* Does what is due. WPM_ERR_NO_MEMORY: something due was put off and will be tried again. */
WPM_API WPM_MUST_USE int wpm_manager_advance(wpm_manager *manager, wpm_instant now);

#define WPM_DIAL_ADDRESSES_MAX 16u /* Most addresses in one dial. */

typedef enum wpm_action_type {
  WPM_ACTION_DIAL = 1,         /* Dial the peer. */
  WPM_ACTION_CANCEL_DIAL,      /* That dial is no longer wanted; no answer is needed. */
  WPM_ACTION_DISCONNECT,       /* Close the connection, with a go-away. */
  WPM_ACTION_PING,             /* Send one libp2p ping (after `na`: what else proves life). */
  WPM_ACTION_IDENTIFY,         /* Ask identify. */
  WPM_ACTION_REQUEST_METADATA, /* Ask Waku metadata. */
  WPM_ACTION_PERSIST,          /* The peer's record changed: store it. */
  WPM_ACTION_FORGET,           /* The peer is gone: delete its stored record. */
  WPM_ACTION_NOTIFY,           /* Its connectivity changed: tell who wants to know. */
  WPM_ACTION_PERSIST_RANGE_BAN /* A ban of a range changed: store it; of no peer. */
} wpm_action_type;

/* One action. `peer` and other views last until the next call on the manager. */
typedef struct wpm_action {
  wpm_action_type type;
  wpm_bytes peer; /* Binary peer id. */
  union {
    struct {
      wpm_dial_id dial;
      const wpm_bytes *addresses; /* In the order to try, the most promising first; to be begun a
                                     little apart (RFC 8305: 250 ms), or as the one before failed. */
      size_t address_count;       /* At most WPM_DIAL_ADDRESSES_MAX. */
    } dial;
    struct {
      wpm_dial_id dial;
    } cancel_dial;
    struct {
      wpm_connection_id connection;
      wpm_reason reason;     /* Why we close it. */
      uint32_t go_away_code; /* WPM_GO_AWAY_… of the muxer. */
    } disconnect;
    struct {
      wpm_connection_id connection;
    } ping; /* Also identify and request_metadata. */
    struct {
      uint32_t fields; /* WPM_FIELD_… that changed since it was last given. */
    } persist;
    struct {
      wpm_tombstone
          tombstone; /* What is to be stored in place of the record: both spans 0, nothing. */
    } forget;
    struct {
      wpm_connectivity from, to;
      wpm_reason reason; /* NONE while Connected. */
    } notify;
    struct {
      wpm_range_ban ban; /* length_ns 0: it is over, delete what is stored of it. */
    } persist_range_ban;
  } u;
} wpm_action;

/* Takes the next action; false where there is none. Pull all after each handle and advance. */
WPM_API bool wpm_manager_next_action(wpm_manager *manager, wpm_action *out);

/* ---- looking --------------------------------------------------------------------------------- */

/* The store, for reading. Lasts as the manager does. */
WPM_API const wpm_store *wpm_manager_store(const wpm_manager *manager);

/* Which rule keeps a peer from being dialled now. Names are a closed set. */
typedef enum wpm_held_by {
  WPM_HELD_BY_NOTHING = 0,
  WPM_HELD_BY_CONNECTED,        /* It is connected. */
  WPM_HELD_BY_DIALLING,         /* A dial is under way. */
  WPM_HELD_BY_PRUNE_BACKOFF,    /* GossipSub prune backoff. */
  WPM_HELD_BY_RETRY_DELAY,      /* Delay after failed attempts. */
  WPM_HELD_BY_CLUSTER_MISMATCH, /* It is of another cluster. */
  WPM_HELD_BY_PERSON,           /* A person disconnected it. */
  WPM_HELD_BY_NO_ADDRESS,       /* No dialable address is known. */
  WPM_HELD_BY_NO_PLACE,         /* max_connections or max_dials is reached. */
  WPM_HELD_BY_NOT_WANTED,       /* Neither static nor ever held, but for a trial; or a relay peer of
                                   other shards. */
  WPM_HELD_BY_SHUTDOWN,         /* We are stopping. */
  WPM_HELD_BY_BAN,              /* It is banned. */
  WPM_HELD_BY_OFFLINE,          /* There is no network. */
  WPM_HELD_BY_ADDRESS_SCOPE,    /* Its addresses are private or loopback ones, and it was never met
                                   there. */
  WPM_HELD_BY_DISCOURAGED,      /* Its score is too low. */
  WPM_HELD_BY_TARGET,    /* It is one of those from whom relay peers, or those of a service, are
                                   chosen as they are wanted. */
  WPM_HELD_BY_BLACK_HOLE /* The paths to all of its addresses are blocked (wpm_path), and one
                                   peer at a time tries whether they still are. */
} wpm_held_by;
#define WPM_HELD_BY_COUNT 17

/* "none", "connected", "prune_backoff", … */
WPM_API const char *wpm_held_by_name(wpm_held_by value);

typedef struct wpm_plan {
  wpm_mono next_dial;  /* When it will be dialled, if it finds a place; WPM_NEVER: not by time, but
                          when what holds it back changes, or when it is chosen of others, if ever. */
  wpm_held_by held_by; /* What holds it back. */
  wpm_mono until; /* When that ends; WPM_NEVER: not by time. It is next_dial, but for a peer that
                          may be chosen then, and is not dialled for its own sake. */
} wpm_plan;

/* What is planned for `peer`. WPM_ERR_NOT_FOUND. */
WPM_API WPM_MUST_USE int wpm_manager_plan(const wpm_manager *manager, wpm_bytes peer,
                                          wpm_instant now, wpm_plan *out);

#define WPM_RANGE_BANS_MAX 65536u /* Most banned ranges. */

/* Takes the next banned range, in no order that means anything; start with *cursor 0. False at the
 * end. One that is banned meanwhile may be passed over. */
WPM_API bool wpm_manager_next_range_ban(const wpm_manager *manager, uint64_t *cursor,
                                        wpm_range_ban *out);
/* How many there are. */
WPM_API size_t wpm_manager_range_ban_count(const wpm_manager *manager);

/* A path: a transport over one family of IP. A firewall, a router or a provider may swallow all that
 * goes over one: then it is a *black hole*. Names are a closed set. */
typedef enum wpm_path {
  WPM_PATH_TCP_IP4 = 0,
  WPM_PATH_TCP_IP6,
  WPM_PATH_WS_IP4, /* WebSocket without TLS. */
  WPM_PATH_WS_IP6,
  WPM_PATH_WSS, /* WebSocket over TLS, of either family. */
  WPM_PATH_QUIC_IP4,
  WPM_PATH_QUIC_IP6
} wpm_path;
#define WPM_PATH_COUNT 7

/* "tcp_ip4", "tcp_ip6", "ws_ip4", "ws_ip6", "wss", "quic_ip4", "quic_ip6"; "?" outside the set. */
WPM_API const char *wpm_path_name(wpm_path value);

typedef struct wpm_path_state {
  bool is_blocked; /* It is taken for a black hole. */
  uint32_t silent; /* Attempts in a row at public addresses that met with silence, as far as they
                           count: others worked meanwhile. At WPM_PATH_SILENT_MAX it is blocked. */
  uint32_t
      connections; /* Live ones that we dialled over it. While there are any it is not blocked. */
} wpm_path_state;
#define WPM_PATH_SILENT_MAX 100u

/* What is known of a path since the network last changed. `path` is of the set. */
WPM_API wpm_path_state wpm_manager_path(const wpm_manager *manager, wpm_path path);

/* Live connections, and dials in flight. */
WPM_API size_t wpm_manager_connection_count(const wpm_manager *manager);
WPM_API size_t wpm_manager_dial_count(const wpm_manager *manager);

#ifdef __cplusplus
}
#endif

#endif
