#include "commands.h"

#include "json_peer.h"
#include "log.h"
#include "options.h"
#include "text.h"

#include <wakupeers/node.h>
#include <wakupeers/version.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static const char usage[] =
    "usage: wakupeers ping MULTIADDR [OPTION ...]\n\n"
    "Connects, identifies, asks Waku metadata and pings. Without /p2p/ID any identity\n"
    "is accepted and printed. The data directory is not touched. Exit code 0:\n"
    "reachable, 1: not, 2: wrong usage.\n\n";

/* One run of the command. */
typedef struct ping_run {
  const app_options *options;
  const char *multiaddr;
  uv_loop_t loop;
  uv_signal_t interrupt, terminate;
  wpm_node *node;
  bool introduced;  /* The peer was printed. */
  bool interrupted; /* By a signal. */
  int result;
} ping_run;

/* ---- printing -------------------------------------------------------------------------------- */

static json_t *pings_of(const wpm_probe_result *result) {
  json_t *list = json_array();
  for (size_t i = 0; i < result->ping_count; i++) {
    (void)json_array_append_new(list, json_span_ms(result->rtt_ns[i]));
  }
  return list;
}

static json_t *reason_of(const wpm_probe_result *result) {
  return result->err == WPM_OK               ? json_null()
         : result->reason == WPM_REASON_NONE ? json_string(result->detail)
                                             : json_string(wpm_reason_name(result->reason));
}

static void print_json(const wpm_probe_result *result) {
  const wpm_identified *identified = result->identified;
  json_t *protocols = json_array();
  json_t *addresses = json_array();
  json_t *shards = json_array();
  for (size_t i = 0; identified && i < identified->protocol_count; i++) {
    (void)json_array_append_new(protocols, json_text(identified->protocols[i]));
  }
  for (size_t i = 0; identified && i < identified->address_count; i++) {
    (void)json_array_append_new(addresses, json_multiaddr(identified->addresses[i]));
  }
  for (size_t i = 0; i < result->shard_count; i++) {
    (void)json_array_append_new(shards, json_integer(result->shards[i]));
  }
  json_t *object = json_pack(
      "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s?, s:s?, s:o, s:o, s:o, s:o, s:o}", "peerId",
      result->peer.len > 0 ? json_peer_id(result->peer) : json_null(), "agent",
      identified ? json_text(*identified->agent) : json_null(), "protocolVersion",
      identified ? json_text(*identified->protocol_version) : json_null(), "protocols", protocols,
      "addresses", addresses, "clusterId",
      result->metadata_known && result->has_cluster_id ? json_integer(result->cluster_id)
                                                       : json_null(),
      "shards", shards, "security", result->security, "muxer", result->muxer, "handshakeMs",
      json_span_ms(result->handshake_ns), "pings", pings_of(result), "error", reason_of(result),
      "step", result->err == WPM_OK ? json_null() : json_string(wpm_step_name(result->step)),
      "detail", result->err == WPM_OK ? json_null() : json_string(result->detail));
  (void)json_dumpf(object, stdout, JSON_DIGITS);
  (void)fputc('\n', stdout);
  json_decref(object);
}

static void print_text(const char *name, wpm_text text) {
  char *shown = text_copy(text.data, text.len);
  if (shown) {
    text_clean(shown); /* It came from the wire: no terminal codes. */
    (void)printf("%-11s %s\n", name, shown);
  }
  free(shown);
}

static double milliseconds(int64_t ns) {
  return (double)ns / (double)WPM_MILLISECOND;
}

static void print_peer(const wpm_probe_result *result) {
  char text[WPM_MULTIADDR_TEXT];
  if (wpm_peer_id_format(result->peer, text, sizeof text, NULL) == WPM_OK) {
    (void)printf("peer id     %s\n", text);
  }
  (void)printf("connection  %s, %s, %.1f ms\n", result->security, result->muxer,
               milliseconds(result->handshake_ns));
  const wpm_identified *identified = result->identified;
  if (identified) {
    print_text("agent", *identified->agent);
    print_text("version", *identified->protocol_version);
    for (size_t i = 0; i < identified->protocol_count; i++) {
      print_text(i == 0 ? "protocols" : "", identified->protocols[i]);
    }
    for (size_t i = 0; i < identified->address_count; i++) {
      if (wpm_multiaddr_format(identified->addresses[i], text, sizeof text, NULL, NULL) == WPM_OK) {
        (void)printf("%-11s %s\n", i == 0 ? "addresses" : "", text);
      }
    }
  }
  if (result->metadata_known && !result->has_cluster_id) {
    (void)puts("cluster     none named");
  } else if (result->metadata_known) {
    (void)printf("cluster     %u, shards", (unsigned)result->cluster_id);
    for (size_t i = 0; i < result->shard_count; i++) {
      (void)printf(" %u", (unsigned)result->shards[i]);
    }
    (void)puts(result->shard_count == 0 ? " none" : "");
  }
}

static void print_summary(const wpm_probe_result *result) {
  size_t answered = 0;
  double least = INFINITY;
  double most = 0;
  double total = 0;
  for (size_t i = 0; i < result->ping_count; i++) {
    if (result->rtt_ns[i] == WPM_SPAN_NONE) {
      continue;
    }
    double rtt = milliseconds(result->rtt_ns[i]);
    answered++;
    total += rtt;
    least = rtt < least ? rtt : least;
    most = rtt > most ? rtt : most;
  }
  (void)printf("%zu ping%s, %zu answered", result->ping_count, result->ping_count == 1 ? "" : "s",
               answered);
  if (answered > 0) {
    (void)printf(", round trip %.3f / %.3f / %.3f ms (least, mean, most)", least,
                 total / (double)answered, most);
  }
  (void)putchar('\n');
}

static void print_progress(ping_run *run, const wpm_probe_result *result, bool last) {
  if (!run->introduced && result->muxer) {
    run->introduced = true;
    print_peer(result);
  }
  if (result->ping_count > 0 &&
      !(last && result->err != WPM_OK && result->rtt_ns[result->ping_count - 1] != WPM_SPAN_NONE)) {
    int64_t rtt = result->rtt_ns[result->ping_count - 1];
    if (rtt == WPM_SPAN_NONE) {
      (void)printf("ping %-6zu no answer\n", result->ping_count);
    } else {
      (void)printf("ping %-6zu %.3f ms\n", result->ping_count, milliseconds(rtt));
    }
  }
  if (last && result->ping_count > 0) {
    print_summary(result);
  }
  (void)fflush(stdout);
}

/* ---- running --------------------------------------------------------------------------------- */

static void close_signals(void *user) {
  ping_run *run = user;
  uv_close((uv_handle_t *)&run->interrupt, NULL);
  uv_close((uv_handle_t *)&run->terminate, NULL);
}

static bool answered_a_ping(const wpm_probe_result *result) {
  for (size_t i = 0; i < result->ping_count; i++) {
    if (result->rtt_ns[i] != WPM_SPAN_NONE) {
      return true;
    }
  }
  return false;
}

/* A person who stops a ping that was answered has seen what was asked for. */
static wpm_probe_result as_interrupted(const wpm_probe_result *result) {
  wpm_probe_result own = *result;
  if (result->reason == WPM_REASON_SHUTDOWN) {
    own.reason = WPM_REASON_NONE;
    own.detail = "interrupted";
    own.err = answered_a_ping(result) ? WPM_OK : result->err;
  }
  return own;
}

/* Who answered, and who was asked for. */
static bool name_both(const ping_run *run, wpm_bytes peer, char *out, size_t cap) {
  wpm_multiaddr address;
  wpm_bytes transport;
  wpm_bytes asked;
  char is[WPM_PEER_ID_TEXT];
  char was_asked[WPM_PEER_ID_TEXT];
  bool known =
      wpm_multiaddr_parse((wpm_text){run->multiaddr, strlen(run->multiaddr)}, &address, NULL) ==
          WPM_OK &&
      wpm_multiaddr_split_peer(wpm_multiaddr_view(&address), &transport, &asked) == WPM_OK &&
      wpm_peer_id_format(peer, is, sizeof is, NULL) == WPM_OK &&
      wpm_peer_id_format(asked, was_asked, sizeof was_asked, NULL) == WPM_OK;
  if (known) {
    (void)snprintf(out, cap, "it is %s, not %s", is, was_asked);
  }
  return known;
}

static void say_why(const ping_run *run, const wpm_probe_result *result) {
  bool named = result->reason != WPM_REASON_NONE;
  (void)complain(EXIT_FAILED, "%s is not reachable: %s%s%s (step: %s)", run->multiaddr,
                 named ? wpm_reason_name(result->reason) : "",
                 named && result->detail[0] ? ", " : "", result->detail,
                 wpm_step_name(result->step));
}

static void probed(void *user, const wpm_probe_result *found, bool last) {
  ping_run *run = user;
  char both[2 * WPM_PEER_ID_TEXT + 40];
  wpm_probe_result own = run->interrupted ? as_interrupted(found) : *found;
  if (own.reason == WPM_REASON_PEER_ID_MISMATCH && name_both(run, own.peer, both, sizeof both)) {
    own.detail = both;
  }
  if (!run->options->json) {
    print_progress(run, &own, last);
  }
  if (!last) {
    return;
  }
  run->result = own.err == WPM_OK ? EXIT_DONE : EXIT_FAILED;
  if (run->options->json) {
    print_json(&own);
  } else if (own.err != WPM_OK) {
    say_why(run, &own);
  }
  wpm_node_stop(run->node, close_signals, run);
}

static void signalled(uv_signal_t *handle, int signal) {
  ping_run *run = handle->data;
  (void)signal;
  run->interrupted = true;
  wpm_node_stop(run->node, close_signals, run); /* Ends the probe, which tells what it has. */
}

static void watch_signals(ping_run *run) {
  (void)uv_signal_init(&run->loop, &run->interrupt);
  (void)uv_signal_init(&run->loop, &run->terminate);
  run->interrupt.data = run;
  run->terminate.data = run;
  (void)uv_signal_start(&run->interrupt, signalled, SIGINT);
  (void)uv_signal_start(&run->terminate, signalled, SIGTERM);
}

static int make_node(ping_run *run) {
  const app_options *options = run->options;
  wpm_node_config config;
  wpm_node_key key;
  wpm_error error;
  char agent[64];
  wpm_node_config_default(&config);
  (void)snprintf(agent, sizeof agent, "wakupeers/%s", wpm_version());
  config.loop = &run->loop;
  config.agent = (wpm_text){agent, strlen(agent)};
  config.manager.cluster_id = (uint32_t)options->cluster_id;
  config.manager.dial_timeout_ns = options->dial_timeout_ns;
  config.manager.ping_timeout_ns = options->ping_timeout_ns;
  log_open(options->log_level ? options->log_level : "warn", false, &config.logger);
  if (options->nodekey) {
    if (wpm_node_key_parse((wpm_text){options->nodekey, strlen(options->nodekey)}, &key, &error) !=
        WPM_OK) {
      return complain(EXIT_USAGE, "--nodekey: %s", error.text);
    }
    config.key = &key;
  }
  int err = wpm_node_new(&config, &run->node, &error);
  if (config.key) {
    wpm_node_key_wipe(&key);
  }
  if (err == WPM_OK) {
    err = wpm_node_start(run->node, &error);
  }
  return err == WPM_OK ? EXIT_DONE : complain(EXIT_FAILED, "%s", error.text);
}

/* A multiaddr that none can be reached by is a wrong command line; JSON is told all the same. */
static void refuse(ping_run *run, int err, const wpm_error *error) {
  wpm_probe_result none = {
      .err = err, .step = WPM_STEP_ADDRESS, .detail = error->text, .handshake_ns = WPM_SPAN_NONE};
  run->result = complain(EXIT_USAGE, "%s", error->text);
  if (run->options->json) {
    print_json(&none);
  }
  wpm_node_stop(run->node, close_signals, run);
}

static int ping(const app_options *options, const char *multiaddr) {
  ping_run run = {.options = options, .multiaddr = multiaddr, .result = EXIT_FAILED};
  wpm_error error;
  if (uv_loop_init(&run.loop) != 0) {
    return complain(EXIT_FAILED, "the event loop cannot be made");
  }
  int result = make_node(&run);
  if (result == EXIT_DONE) {
    watch_signals(&run);
    int err = wpm_node_probe(run.node, (wpm_text){multiaddr, strlen(multiaddr)},
                             (size_t)options->count, options->interval_ns, probed, &run, &error);
    if (err != WPM_OK) {
      refuse(&run, err, &error);
    }
    (void)uv_run(&run.loop, UV_RUN_DEFAULT);
    result = run.result;
  } else if (run.node) {
    wpm_node_stop(run.node, NULL, NULL);
    (void)uv_run(&run.loop, UV_RUN_DEFAULT);
  }
  wpm_node_free(run.node);
  (void)uv_loop_close(&run.loop);
  return result;
}

int command_ping(int argc, char **argv) {
  app_options options;
  int words = argc;
  int result = options_read(FOR_PING, argc, argv, &options, &words);
  if (result == EXIT_DONE && options.help) {
    (void)fputs(usage, stdout);
    options_print(FOR_PING, stdout);
  } else if (result == EXIT_DONE && argc - words != 1) {
    result = complain(EXIT_USAGE, "ping takes one multiaddr, such as /ip4/127.0.0.1/tcp/60000; see "
                                  "wakupeers ping --help");
  } else if (result == EXIT_DONE) {
    result = ping(&options, argv[words]);
  }
  options_free(&options);
  return result;
}
