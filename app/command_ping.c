#include "commands.h"

#include "json_peer.h"
#include "log.h"
#include "options.h"

#include <wakupeers/node.h>
#include <wakupeers/version.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static const char usage[] =
    "usage: wakupeers ping MULTIADDR [OPTION …]\n\n"
    "Connects, identifies, asks Waku metadata and pings. Without /p2p/ID any identity is accepted\n"
    "and printed. Exit code 0: reachable, 1: not, 2: wrong usage.\n\n";

/* One run of the command. */
typedef struct ping_run {
  const app_options *options;
  const char *multiaddr;
  uv_loop_t loop;
  uv_signal_t interrupt;
  wpm_node *node;
  bool introduced; /* The peer was printed. */
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
  (void)printf("%-11s ", name);
  for (size_t i = 0; i < text.len; i++) { /* It came from the wire: no terminal codes. */
    unsigned char byte = (unsigned char)text.data[i];
    (void)putchar(byte >= 0x20 && byte < 0x7f ? byte : '?');
  }
  (void)putchar('\n');
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
  if (result->metadata_known) {
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
  (void)printf("%zu pings, %zu answered", result->ping_count, answered);
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

static void close_interrupt(void *user) {
  ping_run *run = user;
  uv_close((uv_handle_t *)&run->interrupt, NULL);
}

static void print_failure(const char *multiaddr, const wpm_probe_result *result) {
  char who[WPM_PEER_ID_TEXT] = "";
  if (result->reason == WPM_REASON_PEER_ID_MISMATCH &&
      wpm_peer_id_format(result->peer, who, sizeof who, NULL) != WPM_OK) {
    who[0] = '\0';
  }
  bool named = result->reason != WPM_REASON_NONE;
  (void)fprintf(stderr, "wakupeers: %s is not reachable: %s%s%s%s%s (step: %s)\n", multiaddr,
                named ? wpm_reason_name(result->reason) : "",
                named && result->detail[0] ? ", " : "", result->detail, who[0] ? "; it is " : "",
                who, wpm_step_name(result->step));
}

static void probed(void *user, const wpm_probe_result *result, bool last) {
  ping_run *run = user;
  if (!run->options->json) {
    print_progress(run, result, last);
  }
  if (!last) {
    return;
  }
  run->result = result->err == WPM_OK ? EXIT_DONE : EXIT_FAILED;
  if (run->options->json) {
    print_json(result);
  } else if (result->err != WPM_OK) {
    print_failure(run->multiaddr, result);
  }
  wpm_node_stop(run->node, close_interrupt, run);
}

static void interrupted(uv_signal_t *handle, int signal) {
  ping_run *run = handle->data;
  (void)signal;
  wpm_node_stop(run->node, close_interrupt, run); /* Ends the probe, which tells what it has. */
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
      (void)fprintf(stderr, "wakupeers: --nodekey: %s\n", error.text);
      return EXIT_USAGE;
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
  if (err != WPM_OK) {
    (void)fprintf(stderr, "wakupeers: %s\n", error.text);
    return EXIT_FAILED;
  }
  return EXIT_DONE;
}

static int ping(const app_options *options, const char *multiaddr) {
  ping_run run = {.options = options, .multiaddr = multiaddr, .result = EXIT_FAILED};
  wpm_error error;
  if (uv_loop_init(&run.loop) != 0) {
    (void)fputs("wakupeers: the event loop cannot be made\n", stderr);
    return EXIT_FAILED;
  }
  int result = make_node(&run);
  if (result == EXIT_DONE) {
    (void)uv_signal_init(&run.loop, &run.interrupt);
    run.interrupt.data = &run;
    (void)uv_signal_start(&run.interrupt, interrupted, SIGINT);
    int err = wpm_node_probe(run.node, (wpm_text){multiaddr, strlen(multiaddr)},
                             (size_t)options->count, options->interval_ns, probed, &run, &error);
    if (err != WPM_OK) {
      (void)fprintf(stderr, "wakupeers: %s\n", error.text);
      run.result = EXIT_USAGE;
      wpm_node_stop(run.node, close_interrupt, &run);
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
    (void)fputs(usage, stderr);
    result = EXIT_USAGE;
  } else if (result == EXIT_DONE) {
    result = ping(&options, argv[words]);
  }
  options_free(&options);
  return result;
}
