/* What the machine itself costs: 32 bytes there and back over TCP_NODELAY between two processes on
 * libuv, read and written as src/net/link.c does it. Listens as `raw_echo listen`, measures as
 * `raw_echo ping --addr HOST:PORT`. */
#include "bench/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD 32

static char read_buffer[65536];

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)handle;
  (void)suggested;
  *buffer = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void send_bytes(uv_stream_t *stream, char *bytes, size_t len) {
  uv_buf_t buffer = uv_buf_init(bytes, (unsigned)len);
  int sent = uv_try_write(stream, &buffer, 1);
  if (sent < 0 || (size_t)sent != len) {
    wpm_bench_fail("sending %zu bytes fell short", len);
  }
}

static void closed(uv_handle_t *handle) {
  free(handle);
}

/* ---- the listener ---------------------------------------------------------------------------- */

static void echo(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  if (count > 0) {
    send_bytes(stream, buffer->base, (size_t)count);
  } else if (count < 0) {
    uv_close((uv_handle_t *)stream, closed);
  }
}

static void connection_came(uv_stream_t *listener, int status) {
  wpm_bench_check(status, "listen");
  uv_tcp_t *tcp = malloc(sizeof *tcp);
  if (!tcp) {
    wpm_bench_fail("out of memory");
  }
  wpm_bench_check(uv_tcp_init(listener->loop, tcp), "socket");
  wpm_bench_check(uv_accept(listener, (uv_stream_t *)tcp), "accept");
  wpm_bench_check(uv_tcp_nodelay(tcp, 1), "TCP_NODELAY");
  wpm_bench_check(uv_read_start((uv_stream_t *)tcp, give_buffer, echo), "read");
}

static void line_came(const char *line) {
  if (!line) {
    wpm_bench_end(0);
  }
}

static void run_listener(uv_loop_t *loop) {
  static uv_tcp_t listener;
  struct sockaddr_in any;
  wpm_bench_check(uv_ip4_addr("127.0.0.1", 0, &any), "address");
  wpm_bench_check(uv_tcp_init(loop, &listener), "socket");
  wpm_bench_check(uv_tcp_bind(&listener, (struct sockaddr *)&any, 0), "bind");
  wpm_bench_check(uv_listen((uv_stream_t *)&listener, 128, connection_came), "listen");
  int len = sizeof any;
  wpm_bench_check(uv_tcp_getsockname(&listener, (struct sockaddr *)&any, &len), "port");
  wpm_bench_say("{\"addr\":\"127.0.0.1:%u\"}", (unsigned)ntohs(any.sin_port));
  wpm_bench_read_lines(loop, line_came);
}

/* ---- the one who measures -------------------------------------------------------------------- */

static struct {
  const wpm_bench_options *options;
  uv_tcp_t tcp;
  uv_connect_t connect;
  wpm_bench_pings pings;
  uint64_t sent_at, number;
  char payload[PAYLOAD];
  size_t received;
} pinger;

static void send_ping(void) {
  pinger.number++;
  memcpy(pinger.payload, &pinger.number, sizeof pinger.number);
  pinger.received = 0;
  pinger.sent_at = uv_hrtime();
  send_bytes((uv_stream_t *)&pinger.tcp, pinger.payload, PAYLOAD);
}

static void answer_came(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  wpm_bench_check((int)count, "read");
  size_t len = (size_t)count;
  if (len > PAYLOAD - pinger.received ||
      memcmp(buffer->base, pinger.payload + pinger.received, len) != 0) {
    wpm_bench_fail("the answer differs from the question");
  }
  pinger.received += len;
  if (pinger.received < PAYLOAD) {
    return;
  }
  if (wpm_bench_pings_add(&pinger.pings, pinger.options, uv_hrtime() - pinger.sent_at)) {
    send_ping();
  } else {
    uv_close((uv_handle_t *)stream, NULL);
  }
}

static void connected(uv_connect_t *request, int status) {
  wpm_bench_check(status, "connect");
  wpm_bench_check(uv_tcp_nodelay(&pinger.tcp, 1), "TCP_NODELAY");
  wpm_bench_check(uv_read_start(request->handle, give_buffer, answer_came), "read");
  wpm_bench_pings_begin(&pinger.pings, pinger.options);
  send_ping();
}

static void run_pinger(uv_loop_t *loop, const wpm_bench_options *options) {
  const char *colon = strchr(options->addr, ':');
  char host[INET_ADDRSTRLEN] = "";
  if (colon && (size_t)(colon - options->addr) < sizeof host) {
    memcpy(host, options->addr, (size_t)(colon - options->addr));
  }
  unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
  struct sockaddr_in to;
  if (port == 0 || port > UINT16_MAX || uv_ip4_addr(host, (int)port, &to) != 0) {
    wpm_bench_fail("--addr takes HOST:PORT, not '%s'", options->addr);
  }
  pinger.options = options;
  wpm_bench_check(uv_tcp_init(loop, &pinger.tcp), "socket");
  wpm_bench_check(
      uv_tcp_connect(&pinger.connect, &pinger.tcp, (const struct sockaddr *)&to, connected),
      "connect");
}

int main(int argc, char **argv) {
  wpm_bench_options options;
  wpm_bench_options_read(argc, argv, &options);
  uv_loop_t *loop = uv_default_loop();
  bool listens = strcmp(options.command, "listen") == 0;
  if (listens) {
    run_listener(loop);
  } else if (strcmp(options.command, "ping") == 0) {
    run_pinger(loop, &options);
  } else {
    wpm_bench_fail("use: listen | ping");
  }
  uv_run(loop, UV_RUN_DEFAULT);
  if (!listens) {
    wpm_bench_pings_report(&pinger.pings);
  }
  return 0;
}
