/* Level 3: a node in a program of one's own: our own libp2p connections on the caller's loop, and
 * peers kept in SQLite. Prints every change until the peer that is named is connected.
 *
 * usage: node MULTIADDR DATABASE */
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <wakupeers/node.h>

static wpm_node *node;

static void log_line(void *user, wpm_log_level level, const char *topic, const char *text) {
  (void)user;
  fprintf(stderr, "%s %s: %s\n", wpm_log_level_name(level), topic, text);
}

static void stopped(void *user) {
  (void)user;
  printf("stopped\n");
}

/* A peer's connectivity changed. */
static void changed(void *user, const wpm_node_change *change) {
  char id[WPM_PEER_ID_TEXT];
  (void)user;
  if (wpm_peer_id_format(change->peer, id, sizeof id, NULL) == WPM_OK) {
    printf("%s: %s -> %s\n", id, wpm_connectivity_name(change->from),
           wpm_connectivity_name(change->to));
  }
}

/* The attempt has ended, one way or the other. */
static void attempted(void *user, wpm_bytes peer, const wpm_attempt *attempt) {
  (void)user;
  (void)peer;
  if (attempt->err == WPM_OK) {
    printf("connected\n");
  } else {
    printf("not connected: %s at %s\n", wpm_reason_name(attempt->reason),
           wpm_step_name(attempt->step));
  }
  wpm_node_stop(node, stopped, NULL); /* Says goodbye, and stores what is not yet on disk. */
}

int main(int argc, char **argv) {
  wpm_node_config config;
  wpm_peer_id peer;
  wpm_error error = {.text = "usage: node MULTIADDR DATABASE"};
  wpm_text listen = {"/ip4/127.0.0.1/tcp/0", 20};
  uv_loop_t loop;

  wpm_node_config_default(&config);
  config.loop = &loop;
  config.logger = (wpm_logger){.log = log_line, .minimum = WPM_LOG_WARN};
  config.agent = (wpm_text){"example/1.0", 11};
  config.listen = &listen;
  config.listen_count = 1;
  config.database = argc == 3 ? argv[2] : NULL;
  config.changed = changed; /* No config.key: a new one. A real node keeps its key. */
  if (argc != 3 || uv_loop_init(&loop) != 0 || wpm_node_new(&config, &node, &error) != WPM_OK) {
    fprintf(stderr, "%s\n", error.text);
    return 2;
  }
  int err = wpm_node_start(node, &error);
  if (err == WPM_OK) {
    err = wpm_node_add(node, (wpm_text){argv[1], strlen(argv[1])}, &peer, &error);
  }
  if (err == WPM_OK) {
    err = wpm_node_connect(node, wpm_peer_id_view(&peer), attempted, NULL);
  }
  if (err != WPM_OK) {
    fprintf(stderr, "%s\n", error.text);
    wpm_node_stop(node, stopped, NULL);
  }
  uv_run(&loop, UV_RUN_DEFAULT);
  wpm_node_free(node);
  return uv_loop_close(&loop) == 0 && err == WPM_OK ? 0 : 1;
}
