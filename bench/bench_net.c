/* Our side of the network's benchmark: hosts of src/net on one loop. README.md says what each
 * command does and prints; the rivals' programs do the same. */
#include "base/bytes.h"
#include "bench/measure.h"
#include "net/host.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_AHEAD 4096 /* Random bytes drawn at once. */
#define NO_LIMIT 1000000  /* Connections; the rivals run without limits too. */
#define IDLE_PARALLEL 8   /* Dials at once while connections are gathered. */

/* A host with an identity of its own. */
typedef struct peer {
  wpm_host *host;
  wpm_identity identity;
  wpm_metadata metadata;
} peer;

static struct {
  wpm_bench_options options;
  uv_loop_t *loop;
  wpm_crypto *crypto;
  wpm_multiaddr addr; /* --addr, and its two parts. */
  wpm_bytes transport, remote;
} bench;

static void check(int err, const char *what) {
  if (err != WPM_OK) {
    wpm_bench_fail("%s: %s", what, wpm_strerror(err));
  }
}

static void draw_random(void *user, uint8_t *out, size_t len) {
  (void)user;
  static uint8_t ahead[RANDOM_AHEAD];
  static size_t left;
  while (len > 0) {
    if (left == 0) {
      wpm_bench_check(uv_random(NULL, NULL, ahead, sizeof ahead, 0, NULL), "random bytes");
      left = sizeof ahead;
    }
    size_t taken = len < left ? len : left;
    memcpy(out, ahead + sizeof ahead - left, taken);
    left -= taken;
    out += taken;
    len -= taken;
  }
}

static void peer_init(peer *p, const wpm_host_callbacks *callbacks) {
  uint8_t secret[32];
  draw_random(NULL, secret, sizeof secret);
  wpm_key_type type =
      strcmp(bench.options.key, "ed25519") == 0 ? WPM_KEY_ED25519 : WPM_KEY_SECP256K1;
  check(wpm_identity_init(bench.crypto, type, secret, &p->identity), "identity");
  wpm_host_config config;
  wpm_host_config_default(&config);
  config.loop = bench.loop;
  config.crypto = bench.crypto;
  config.identity = &p->identity;
  config.random = draw_random;
  config.callbacks = callbacks;
  config.user = p;
  config.agent = WPM_TEXT("wakupeers-bench");
  config.protocol_version = WPM_TEXT("ipfs/0.1.0");
  config.metadata = &p->metadata;
  config.max_connections = NO_LIMIT;
  config.max_inbound_upgrades = NO_LIMIT;
  check(wpm_host_new(&config, &p->host), "host");
}

static void dial_listener(peer *p, void *user) {
  wpm_dial *dial;
  check(wpm_host_dial(p->host, bench.remote, &bench.transport, 1, user, &dial), "dial");
}

/* ---- callbacks that all commands share ------------------------------------------------------- */

static void ask_identify(wpm_conn *conn) {
  check(wpm_conn_identify(conn), "identify");
}

static void dial_failed(void *user, wpm_dial *dial, const wpm_end *end,
                        const wpm_dial_attempt *attempts, size_t count) {
  (void)user;
  (void)dial;
  (void)attempts;
  (void)count;
  wpm_bench_fail("dial failed: %s at %s: %s", wpm_reason_name(end->reason),
                 wpm_step_name(end->step), end->detail);
}

static void inbound_failed(void *user, const wpm_end *end) {
  (void)user;
  wpm_bench_fail("inbound connection failed: %s at %s: %s", wpm_reason_name(end->reason),
                 wpm_step_name(end->step), end->detail);
}

static void closed_unasked(void *user, wpm_conn *conn, const wpm_end *end) {
  (void)user;
  (void)conn;
  wpm_bench_fail("the listener ended a connection: %s: %s", wpm_reason_name(end->reason),
                 end->detail);
}

static void ignore_received(void *user, wpm_conn *conn) {
  (void)user;
  (void)conn;
}

static void ignore_metadata(void *user, wpm_conn *conn, const wpm_metadata *message) {
  (void)user;
  (void)conn;
  (void)message;
}

static void ignore_pong(void *user, wpm_conn *conn, int64_t rtt_ns) {
  (void)user;
  (void)conn;
  (void)rtt_ns;
}

/* ---- listen ---------------------------------------------------------------------------------- */

static struct {
  peer self;
  uint64_t accepted, open, identified;
} listener;

static void listener_connected(void *user, wpm_conn *conn, wpm_dial *dial) {
  (void)user;
  (void)dial;
  listener.accepted++;
  listener.open++;
  ask_identify(conn);
}

static void listener_closed(void *user, wpm_conn *conn, const wpm_end *end) {
  (void)user;
  (void)conn;
  (void)end;
  listener.open--;
}

static void listener_identified(void *user, wpm_conn *conn, const wpm_identify *message,
                                bool pushed) {
  (void)user;
  (void)conn;
  if (message && !pushed) {
    listener.identified++;
  }
}

static void listener_told(const char *line) {
  if (!line) {
    wpm_bench_end(0);
  }
  wpm_bench_say("{\"cpu_s\":%.6f,\"accepted\":%llu,\"open\":%llu,\"identified\":%llu}",
                wpm_bench_cpu_seconds(), (unsigned long long)listener.accepted,
                (unsigned long long)listener.open, (unsigned long long)listener.identified);
}

static void run_listen(void) {
  static const wpm_host_callbacks callbacks = {.connected = listener_connected,
                                               .dial_failed = dial_failed,
                                               .inbound_failed = inbound_failed,
                                               .closed = listener_closed,
                                               .received = ignore_received,
                                               .identified = listener_identified,
                                               .metadata = ignore_metadata,
                                               .pong = ignore_pong};
  peer_init(&listener.self, &callbacks);
  wpm_multiaddr any;
  wpm_error error;
  check(wpm_multiaddr_parse(WPM_TEXT("/ip4/127.0.0.1/tcp/0"), &any, &error), "address");
  if (wpm_host_listen(listener.self.host, wpm_multiaddr_view(&any), &error) != WPM_OK) {
    wpm_bench_fail("%s", error.text);
  }
  wpm_bytes bound;
  wpm_multiaddr whole;
  char text[WPM_MULTIADDR_TEXT];
  if (!wpm_host_listen_address(listener.self.host, 0, &bound)) {
    wpm_bench_fail("no address was bound");
  }
  check(wpm_multiaddr_with_peer(bound, wpm_peer_id_view(&listener.self.identity.peer_id), &whole),
        "address");
  check(wpm_multiaddr_format(wpm_multiaddr_view(&whole), text, sizeof text, NULL, &error),
        "address");
  wpm_bench_say("{\"addr\":\"%s\"}", text);
  wpm_bench_read_lines(bench.loop, listener_told);
}

/* ---- dial ------------------------------------------------------------------------------------ */

static struct {
  peer *peers;
  bool warm;         /* The warm-up is over. */
  uint64_t begun;    /* When this round began. */
  double seconds;    /* How long it lasts; 0: until count. */
  uint64_t count;    /* How many dials it makes; 0: as many as the time allows. */
  uint64_t started;  /* Dials begun. */
  uint64_t finished; /* Dials ended. */
  unsigned busy;     /* Peers that dial. */
  double cpu;        /* CPU time when it began. */
} dials;

static void dial_next(peer *p);

static void begin_round(double seconds, uint64_t count) {
  dials.begun = uv_hrtime();
  dials.cpu = wpm_bench_cpu_seconds();
  dials.seconds = seconds;
  dials.count = count;
  dials.started = dials.finished = 0;
  dials.busy = bench.options.parallel;
  for (unsigned i = 0; i < bench.options.parallel; i++) {
    dial_next(&dials.peers[i]);
  }
}

static void begin_measuring(void) {
  dials.warm = true;
  wpm_bench_say("{\"event\":\"start\"}");
  begin_round(bench.options.seconds, bench.options.count);
}

static void end_round(void) {
  if (!dials.warm) {
    begin_measuring();
    return;
  }
  double seconds = wpm_bench_seconds_since(dials.begun);
  wpm_bench_say("{\"event\":\"result\",\"count\":%llu,\"seconds\":%.6f,\"cpu_s\":%.6f}",
                (unsigned long long)dials.finished, seconds, wpm_bench_cpu_seconds() - dials.cpu);
  wpm_bench_end(0);
}

static void dial_next(peer *p) {
  bool late = dials.seconds > 0 && wpm_bench_seconds_since(dials.begun) >= dials.seconds;
  if (late || (dials.count > 0 && dials.started >= dials.count)) {
    if (--dials.busy == 0) {
      end_round();
    }
    return;
  }
  dials.started++;
  dial_listener(p, NULL);
}

static void dialler_connected(void *user, wpm_conn *conn, wpm_dial *dial) {
  (void)user;
  (void)dial;
  ask_identify(conn);
}

static void dialler_identified(void *user, wpm_conn *conn, const wpm_identify *message,
                               bool pushed) {
  if (pushed) {
    return;
  }
  if (!message) {
    wpm_bench_fail("the listener did not answer identify");
  }
  wpm_conn_close(conn, 0);
  dials.finished++;
  dial_next(user);
}

static void run_dial(void) {
  static const wpm_host_callbacks callbacks = {.connected = dialler_connected,
                                               .dial_failed = dial_failed,
                                               .inbound_failed = inbound_failed,
                                               .closed = closed_unasked,
                                               .received = ignore_received,
                                               .identified = dialler_identified,
                                               .metadata = ignore_metadata,
                                               .pong = ignore_pong};
  if (bench.options.seconds <= 0 && bench.options.count == 0) {
    wpm_bench_fail("dial needs --seconds or --count");
  }
  dials.peers = calloc(bench.options.parallel, sizeof *dials.peers);
  if (!dials.peers) {
    wpm_bench_fail("out of memory");
  }
  for (unsigned i = 0; i < bench.options.parallel; i++) {
    peer_init(&dials.peers[i], &callbacks);
  }
  if (bench.options.warmup > 0) {
    begin_round(bench.options.warmup, 0);
  } else {
    begin_measuring();
  }
}

/* ---- ping ------------------------------------------------------------------------------------ */

static struct {
  peer self;
  wpm_bench_pings pings;
  uint64_t sent_at;
} pinger;

static void send_ping(wpm_conn *conn) {
  pinger.sent_at = uv_hrtime();
  check(wpm_conn_ping(conn, !bench.options.fresh), "ping");
}

static void pinger_identified(void *user, wpm_conn *conn, const wpm_identify *message,
                              bool pushed) {
  (void)user;
  if (pushed) {
    return;
  }
  if (!message) {
    wpm_bench_fail("the listener did not answer identify");
  }
  wpm_bench_pings_begin(&pinger.pings, &bench.options);
  send_ping(conn);
}

static void pong_came(void *user, wpm_conn *conn, int64_t rtt_ns) {
  (void)user;
  uint64_t took = uv_hrtime() - pinger.sent_at;
  if (rtt_ns == WPM_SPAN_NONE) {
    wpm_bench_fail("the listener does not speak ping");
  }
  if (wpm_bench_pings_add(&pinger.pings, &bench.options, took)) {
    send_ping(conn);
    return;
  }
  wpm_bench_pings_report(&pinger.pings);
  wpm_bench_end(0);
}

static void run_ping(void) {
  static const wpm_host_callbacks callbacks = {.connected = dialler_connected,
                                               .dial_failed = dial_failed,
                                               .inbound_failed = inbound_failed,
                                               .closed = closed_unasked,
                                               .received = ignore_received,
                                               .identified = pinger_identified,
                                               .metadata = ignore_metadata,
                                               .pong = pong_came};
  peer_init(&pinger.self, &callbacks);
  dial_listener(&pinger.self, NULL);
}

/* ---- idle ------------------------------------------------------------------------------------ */

static struct {
  peer *peers;
  uint64_t started, identified;
} idle;

static void idle_identified(void *user, wpm_conn *conn, const wpm_identify *message, bool pushed) {
  (void)user;
  (void)conn;
  if (pushed) {
    return;
  }
  if (!message) {
    wpm_bench_fail("the listener did not answer identify");
  }
  idle.identified++;
  if (idle.started < bench.options.count) {
    dial_listener(&idle.peers[idle.started++], NULL);
  }
  if (idle.identified == bench.options.count) {
    wpm_bench_say("{\"event\":\"connected\",\"count\":%llu}",
                  (unsigned long long)bench.options.count);
  }
}

static void idle_told(const char *line) {
  if (!line) {
    wpm_bench_end(0);
  }
}

static void run_idle(void) {
  static const wpm_host_callbacks callbacks = {.connected = dialler_connected,
                                               .dial_failed = dial_failed,
                                               .inbound_failed = inbound_failed,
                                               .closed = closed_unasked,
                                               .received = ignore_received,
                                               .identified = idle_identified,
                                               .metadata = ignore_metadata,
                                               .pong = ignore_pong};
  if (bench.options.count == 0) {
    wpm_bench_fail("idle needs --count");
  }
  idle.peers = calloc(bench.options.count, sizeof *idle.peers);
  if (!idle.peers) {
    wpm_bench_fail("out of memory");
  }
  for (uint64_t i = 0; i < bench.options.count; i++) {
    peer_init(&idle.peers[i], &callbacks);
  }
  while (idle.started < bench.options.count && idle.started < IDLE_PARALLEL) {
    dial_listener(&idle.peers[idle.started++], NULL);
  }
  wpm_bench_read_lines(bench.loop, idle_told);
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } commands[] = {
      {"listen", run_listen}, {"dial", run_dial}, {"ping", run_ping}, {"idle", run_idle}};

  wpm_bench_options_read(argc, argv, &bench.options);
  signal(SIGPIPE, SIG_IGN);
  bench.loop = uv_default_loop();
  uint8_t seed[32];
  draw_random(NULL, seed, sizeof seed);
  check(wpm_crypto_init(seed, &bench.crypto), "crypto");
  if (bench.options.addr) {
    wpm_error error;
    if (wpm_multiaddr_parse(wpm_text_of(bench.options.addr), &bench.addr, &error) != WPM_OK) {
      wpm_bench_fail("--addr: %s", error.text);
    }
    check(
        wpm_multiaddr_split_peer(wpm_multiaddr_view(&bench.addr), &bench.transport, &bench.remote),
        "--addr");
  }
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(commands[i].name, bench.options.command) == 0) {
      commands[i].run();
      return uv_run(bench.loop, UV_RUN_DEFAULT);
    }
  }
  wpm_bench_fail("use: listen | dial | ping | idle");
}
