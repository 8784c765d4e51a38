#include "commands.h"

#include "datadir.h"
#include "log.h"
#include "metrics.h"
#include "options.h"
#include "rest.h"
#include "run_lists.h"
#include "text.h"

#include <wakupeers/version.h>

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char usage[] =
    "usage: wakupeers run [OPTION ...]\n\n"
    "Runs the daemon: holds connections with peers, keeps them alive, remembers them\n"
    "in its data directory and gets them back. SIGINT and SIGTERM end it. Each option\n"
    "can also be given in the environment (WAKUPEERS_TCP_PORT=60000), and in the\n"
    "--config-file (tcp-port = 60000); the command line goes first, then the\n"
    "environment. BOOL is true or false, TIME 500ms, 5s, 10m, 2h, or seconds.\n"
    "Defaults stand in [brackets].\n\n";

/* The running daemon. */
typedef struct daemon_run {
  const app_options *options;
  datadir dir;
  uv_loop_t loop;
  uv_signal_t signals[3]; /* Those of `watched`. */
  wpm_node *node;
  rest_service rest;
  http_server *rest_server;
  http_server *metrics_server;
  bool stopping;
} daemon_run;

/* ---- configuration --------------------------------------------------------------------------- */

/* `--listen-address` and `--tcp-port` as a multiaddr. */
static void listen_multiaddr(const app_options *options, char *out, size_t cap) {
  struct in6_addr address;
  const char *protocol = inet_pton(AF_INET, options->listen_address, &address) == 1    ? "ip4"
                         : inet_pton(AF_INET6, options->listen_address, &address) == 1 ? "ip6"
                                                                                       : "dns";
  (void)snprintf(out, cap, "/%s/%s/tcp/%u", protocol, options->listen_address,
                 (unsigned)options->tcp_port);
}

static int check_static_nodes(const app_options *options) {
  for (size_t i = 0; i < options->static_nodes.count; i++) {
    const char *text = options->static_nodes.items[i];
    wpm_multiaddr address;
    wpm_bytes transport;
    wpm_bytes peer = {0};
    wpm_error error = {0};
    if (wpm_multiaddr_parse((wpm_text){text, strlen(text)}, &address, &error) != WPM_OK) {
      return complain(EXIT_USAGE, "--staticnode: %s", error.text);
    }
    if (wpm_multiaddr_split_peer(wpm_multiaddr_view(&address), &transport, &peer) != WPM_OK ||
        peer.len == 0 || transport.len == 0) {
      return complain(EXIT_USAGE,
                      "--staticnode: \"%s\" names no peer; it takes a multiaddr such as "
                      "/ip4/127.0.0.1/tcp/60000/p2p/PEER-ID",
                      text);
    }
  }
  return EXIT_DONE;
}

static int check_key(const app_options *options) {
  wpm_node_key key = {0};
  wpm_error error;
  const char *text = options->nodekey;
  if (text && wpm_node_key_parse((wpm_text){text, strlen(text)}, &key, &error) != WPM_OK) {
    return complain(EXIT_USAGE, "--nodekey: %s", error.text);
  }
  wpm_node_key_wipe(&key);
  return EXIT_DONE;
}

/* "60:40": percentages that make up 100. */
static int read_ratio(const char *text, wpm_manager_config *policy) {
  uint64_t relay = 0;
  uint64_t service = 0;
  char first[8];
  const char *colon = strchr(text, ':');
  size_t length = colon ? (size_t)(colon - text) : sizeof first;
  if (strcmp(text, "none") == 0) {
    policy->relay_percent = 0;
    return EXIT_DONE;
  }
  if (length < sizeof first) {
    memcpy(first, text, length);
    first[length] = '\0';
  }
  if (length >= sizeof first || !text_to_number(first, 1, 100, &relay) ||
      !text_to_number(colon + 1, 0, 99, &service) || relay + service != 100) {
    return complain(EXIT_USAGE,
                    "--relay-service-ratio: \"%s\" is no ratio; it takes two percentages that make "
                    "100, such as 60:40, or none",
                    text);
  }
  policy->relay_percent = (uint32_t)relay;
  return EXIT_DONE;
}

static int fill_policy(const app_options *options, wpm_manager_config *policy) {
  int64_t longest = options->idle_timeout_ns / 2;
  policy->max_connections = (size_t)options->max_connections;
  policy->max_dials = (size_t)options->max_dials;
  policy->max_history = (size_t)options->max_history;
  policy->store.max_peers = (size_t)options->peer_store_capacity;
  policy->cluster_id = (uint32_t)options->cluster_id;
  policy->dial_timeout_ns = options->dial_timeout_ns;
  policy->keep_alive = options->keep_alive;
  policy->ping_timeout_ns = options->ping_timeout_ns;
  policy->ping_interval_ns = longest;
  if (options_given(options, "ping-interval")) {
    if (options->ping_interval_ns > longest) {
      char most[32];
      text_of_duration(longest, most, sizeof most);
      return complain(EXIT_USAGE,
                      "--ping-interval: it takes at most half of --idle-timeout, %s, or "
                      "connections would be cut between two pings",
                      most);
    }
    policy->ping_interval_ns = options->ping_interval_ns;
  }
  if (policy->ping_interval_ns < WPM_MILLISECOND) {
    return complain(EXIT_USAGE, "%s",
                    options_given(options, "ping-interval")
                        ? "--ping-interval: it takes at least 1ms"
                        : "--idle-timeout: it takes at least 2ms, since pings go twice as often");
  }
  policy->ping_interval_min_ns = options->ping_interval_min_ns;
  policy->sleep_gap_ns = options->sleep_gap_ns;
  policy->probe_timeout_ns = options->probe_timeout_ns;
  policy->prune_backoff_ns = options->prune_backoff_ns;
  policy->backoff_slack_ns = options->backoff_slack_ns;
  policy->reconnect_min_ns = options->reconnect_min_ns;
  policy->reconnect_max_ns = options->reconnect_max_ns;
  policy->stable_after_ns = options->stable_after_ns;
  policy->mismatch_delay_ns = options->mismatch_delay_ns;
  policy->dial_private = options->dial_private_addresses;
  policy->high_water = (size_t)options->high_water;
  policy->low_water =
      options_given(options, "low-water") ? (size_t)options->low_water : policy->high_water * 5 / 6;
  if (policy->low_water > policy->high_water) {
    return complain(EXIT_USAGE, "--low-water: it takes at most --high-water, %zu",
                    policy->high_water);
  }
  policy->grace_ns = options->grace_ns;
  policy->score_half_life_ns = options->score_half_life_ns;
  policy->discouraged_at = (int32_t)options->discouraged_at;
  policy->relay_outbound = (size_t)options->relay_outbound;
  policy->rotate_ns = options->rotate_ns;
  policy->feeler_ns = options->feeler_ns;
  policy->relay_per_shard = (size_t)options->relay_per_shard;
  policy->inbound_per_ip = (size_t)options->inbound_per_ip;
  policy->inbound_per_network = (size_t)options->inbound_per_network;
  policy->inbound_paced = options->inbound_pace;
  policy->relay_inbound = (size_t)options->relay_inbound;
  return read_ratio(options->relay_service_ratio, policy);
}

/* The node key: the option's, the data directory's, or a new one, which is kept there. */
static int find_key(daemon_run *run, wpm_node_key *key) {
  const char *given = run->options->nodekey;
  bool found = false;
  wpm_error error;
  if (given) {
    if (wpm_node_key_parse((wpm_text){given, strlen(given)}, key, &error) != WPM_OK) {
      return complain(EXIT_USAGE, "--nodekey: %s", error.text);
    }
    return EXIT_DONE;
  }
  int result = datadir_read_key(&run->dir, key, &found);
  if (result != EXIT_DONE || found) {
    return result;
  }
  int err = wpm_node_key_new(WPM_NODE_KEY_SECP256K1, key);
  if (err != WPM_OK) {
    return complain(EXIT_FAILED, "no node key can be made: %s", wpm_strerror(err));
  }
  return datadir_write_key(&run->dir, key);
}

static int make_node(daemon_run *run, const wpm_logger *logger) {
  const app_options *options = run->options;
  wpm_node_config config;
  wpm_node_key key = {0};
  wpm_error error = {0};
  char agent[64];
  char listen[400];
  char database[PATH_MAX];
  wpm_node_config_default(&config);
  (void)snprintf(agent, sizeof agent, "wakupeers/%s", wpm_version());
  listen_multiaddr(options, listen, sizeof listen);
  wpm_text listen_text = {listen, strlen(listen)};
  run_lists lists;
  int result = run_lists_make(options, &lists);
  if (result == EXIT_DONE) {
    result = fill_policy(options, &config.manager);
  }
  if (result == EXIT_DONE) {
    result = find_key(run, &key);
  }
  if (result == EXIT_DONE && datadir_file(&run->dir, "peers.db", database)) {
    config.loop = &run->loop;
    config.logger = *logger;
    config.key = &key;
    config.agent = (wpm_text){agent, strlen(agent)};
    config.listen = &listen_text;
    config.listen_count = 1;
    config.database = database;
    run_lists_use(&lists, &config);
    int err = wpm_node_new(&config, &run->node, &error);
    if (err != WPM_OK) {
      result = complain(EXIT_FAILED, "%s", error.text);
    }
  }
  wpm_node_key_wipe(&key);
  run_lists_free(&lists);
  return result;
}

static int start_node(daemon_run *run) {
  wpm_error error = {0};
  int err = wpm_node_start(run->node, &error);
  if (err == WPM_OK) {
    return EXIT_DONE;
  }
  bool is_usage = err == WPM_ERR_INVALID || err == WPM_ERR_UNSUPPORTED;
  return complain(is_usage ? EXIT_USAGE : EXIT_FAILED, "--listen-address, --tcp-port: %s",
                  error.text);
}

/* Descriptors are what limits connections: take what the system lets us have. */
static void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
      log_line(WPM_LOG_WARN, "run", "the limit of open files cannot be raised: %s",
               strerror(errno));
    }
  }
}

/* ---- servers --------------------------------------------------------------------------------- */

static int start_rest(daemon_run *run) {
  const app_options *options = run->options;
  char error[200];
  if (!options->rest) {
    return EXIT_DONE;
  }
  run->rest = (rest_service){.node = run->node, .admin = options->rest_admin};
  http_server_config config = {.loop = &run->loop,
                               .address = options->rest_address,
                               .port = (uint16_t)options->rest_port,
                               .handler = rest_handle,
                               .user = &run->rest};
  run->rest_server = http_server_start(&config, error, sizeof error);
  if (!run->rest_server) {
    return complain(EXIT_FAILED, "REST: %s; choose another --rest-address or --rest-port", error);
  }
  return EXIT_DONE;
}

static int start_metrics(daemon_run *run) {
  const app_options *options = run->options;
  char error[200];
  if (!options->metrics_server) {
    return EXIT_DONE;
  }
  /* On loopback only this machine's browsers could be tricked into asking; elsewhere Prometheus
   * comes by whatever name it knows. */
  http_server_config config = {.loop = &run->loop,
                               .address = options->metrics_server_address,
                               .port = (uint16_t)options->metrics_server_port,
                               .any_host = !text_is_loopback(options->metrics_server_address),
                               .handler = metrics_handle,
                               .user = run->node};
  run->metrics_server = http_server_start(&config, error, sizeof error);
  if (!run->metrics_server) {
    return complain(EXIT_FAILED,
                    "metrics: %s; choose another --metrics-server-address or "
                    "--metrics-server-port",
                    error);
  }
  return EXIT_DONE;
}

/* A server's address as a URL. */
static void url_of(const char *address, const http_server *server, char *out, size_t cap) {
  bool is_ipv6 = strchr(address, ':') != NULL;
  (void)snprintf(out, cap, "http://%s%s%s:%u", is_ipv6 ? "[" : "", address, is_ipv6 ? "]" : "",
                 (unsigned)http_server_port(server));
}

/* Says where the servers are to be found, once there is something to ask. */
static void tell_servers(const daemon_run *run) {
  const app_options *options = run->options;
  char url[300];
  if (run->rest_server) {
    url_of(options->rest_address, run->rest_server, url, sizeof url);
    log_line(WPM_LOG_NOTICE, "run", "REST at %s", url);
    datadir_write_rest(&run->dir, url);
  } else {
    datadir_remove_rest(&run->dir);
  }
  if (run->metrics_server) {
    url_of(options->metrics_server_address, run->metrics_server, url, sizeof url);
    log_line(WPM_LOG_NOTICE, "run", "metrics at %s/metrics", url);
  }
}

/* ---- life ------------------------------------------------------------------------------------ */

/* A terminal that closes ends the daemon as cleanly as a person does. */
static const struct {
  int number;
  const char *name;
} watched[] = {{SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGHUP, "SIGHUP"}};

#define WATCHED_COUNT (sizeof watched / sizeof *watched)

static void close_signals(daemon_run *run) {
  for (size_t i = 0; i < WATCHED_COUNT; i++) {
    uv_close((uv_handle_t *)&run->signals[i], NULL);
  }
}

static void node_stopped(void *user) {
  daemon_run *run = user;
  http_server_stop(run->rest_server);
  http_server_stop(run->metrics_server);
  close_signals(run);
}

static void stop(daemon_run *run) {
  if (run->stopping) {
    return;
  }
  run->stopping = true;
  datadir_remove_rest(&run->dir);
  wpm_node_stop(run->node, node_stopped, run);
}

/* A second signal changes nothing: the shutdown it would cut short stores what is not yet durable. */
static void signalled(uv_signal_t *handle, int signal) {
  daemon_run *run = handle->data;
  (void)signal;
  log_line(WPM_LOG_NOTICE, "run", "%s: %s", watched[handle - run->signals].name,
           run->stopping ? "already shutting down" : "shutting down");
  stop(run);
}

/* nohup's wish is heeded. (Shells ignore SIGINT for what runs in the background; that is none.) */
static bool is_to_be_ignored(int signal) {
  struct sigaction before = {0};
  return signal == SIGHUP && sigaction(signal, NULL, &before) == 0 && before.sa_handler == SIG_IGN;
}

/* From here on a signal waits until the loop runs. */
static void watch_signals(daemon_run *run) {
  for (size_t i = 0; i < WATCHED_COUNT; i++) {
    (void)uv_signal_init(&run->loop, &run->signals[i]);
    run->signals[i].data = run;
    if (!is_to_be_ignored(watched[i].number)) {
      (void)uv_signal_start(&run->signals[i], signalled, watched[i].number);
    }
  }
}

static void say_who_we_are(const daemon_run *run) {
  char id[WPM_PEER_ID_TEXT];
  char text[WPM_MULTIADDR_TEXT];
  wpm_bytes address;
  wpm_multiaddr whole;
  wpm_bytes peer = wpm_peer_id_view(wpm_node_peer_id(run->node));
  if (wpm_peer_id_format(peer, id, sizeof id, NULL) == WPM_OK) {
    log_line(WPM_LOG_NOTICE, "run", "wakupeers %s, peer id %s, data in %s", wpm_version(), id,
             run->dir.path);
  }
  for (size_t i = 0; wpm_node_listen_address(run->node, i, &address); i++) {
    if (wpm_multiaddr_with_peer(address, peer, &whole) == WPM_OK &&
        wpm_multiaddr_format(wpm_multiaddr_view(&whole), text, sizeof text, NULL, NULL) == WPM_OK) {
      log_line(WPM_LOG_NOTICE, "run", "listening on %s", text);
    }
  }
}

static int run_daemon(daemon_run *run, const wpm_logger *logger) {
  raise_descriptor_limit();
  if (uv_loop_init(&run->loop) != 0) {
    return complain(EXIT_FAILED, "the event loop cannot be made");
  }
  watch_signals(run);
  int result = make_node(run, logger);
  /* The ports first: a daemon that cannot have them dials nobody. */
  if (result == EXIT_DONE) {
    result = start_rest(run);
  }
  if (result == EXIT_DONE) {
    result = start_metrics(run);
  }
  if (result == EXIT_DONE) {
    result = start_node(run);
  }
  if (result == EXIT_DONE) {
    say_who_we_are(run);
    tell_servers(run);
  }
  if (!run->node) {
    close_signals(run);
  } else if (result != EXIT_DONE) {
    stop(run);
  }
  (void)uv_run(&run->loop, UV_RUN_DEFAULT);
  wpm_node_free(run->node);
  (void)uv_loop_close(&run->loop);
  return result;
}

static int run_command(const app_options *options) {
  daemon_run run = {.options = options};
  wpm_manager_config policy;
  wpm_logger logger;
  log_open(options->log_level ? options->log_level : "info",
           strcmp(options->log_format, "json") == 0, &logger);
  /* What is typed wrong is said before anything is made or touched. */
  wpm_manager_config_default(&policy);
  int result = check_static_nodes(options);
  if (result == EXIT_DONE) {
    result = check_key(options);
  }
  if (result == EXIT_DONE) {
    result = fill_policy(options, &policy);
  }
  if (result == EXIT_DONE) {
    result = datadir_find(&run.dir, options->data_dir);
  }
  if (result == EXIT_DONE) {
    result = datadir_create(&run.dir);
  }
  if (result == EXIT_DONE) {
    result = datadir_lock(&run.dir);
  }
  if (result == EXIT_DONE) {
    result = run_daemon(&run, &logger);
    datadir_unlock(&run.dir);
  }
  return result;
}

int command_run(int argc, char **argv) {
  app_options options;
  int words = argc;
  int result = options_read(FOR_RUN, argc, argv, &options, &words);
  if (result == EXIT_DONE && options.help) {
    (void)fputs(usage, stdout);
    options_print(FOR_RUN, stdout);
  } else if (result == EXIT_DONE && words < argc) {
    result = complain(EXIT_USAGE, "run takes no word such as \"%s\"; see wakupeers run --help",
                      argv[words]);
  } else if (result == EXIT_DONE) {
    result = run_command(&options);
  }
  options_free(&options);
  return result;
}
