#include "net/conn.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "base/multiaddr.h"
#include "net/address.h"
#include "proto/signed_record.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG 511
#define DIAL_STAGGER (250 * WPM_MILLISECOND) /* As RFC 8305 recommends. */
#define SCRATCH_MAX 65536
#define ANNOUNCED_KEPT_MS 2000 /* How long the interfaces' addresses are believed. */

typedef struct wpm_listener {
  uv_tcp_t tcp;
  uv_tcp_t refusal; /* Takes, to close it, a connection for which there is no memory. */
  wpm_host *host;
  struct wpm_listener *next;
  unsigned handles;      /* Of the two, those that libuv holds. */
  bool refusing;         /* `refusal` is in use. */
  bool waiting;          /* Meanwhile another one came, and is not taken yet. */
  wpm_multiaddr address; /* As bound. */
} wpm_listener;

void wpm_host_config_default(wpm_host_config *config) {
  *config = (wpm_host_config){
      .upgrade_timeout_ns = 10 * WPM_SECOND,
      .stream_timeout_ns = 10 * WPM_SECOND,
      .max_inbound_upgrades = 128,
      .max_connections = 4096,
      .max_inbound_streams = 64,
      .max_unsent = 1024 * 1024,
  };
}

static void start_queues(wpm_host *host) {
  struct {
    wpm_deadline_queue *queue;
    int64_t length_ns;
    wpm_deadline_fn passed;
  } queues[] = {
      {&host->upgrades, host->config.upgrade_timeout_ns, wpm_conn_upgrade_timeout},
      {&host->streams, host->config.stream_timeout_ns, wpm_stream_timeout},
      {&host->staggers, DIAL_STAGGER, wpm_dial_stagger_passed},
      {&host->failures, 0, wpm_dial_failure_due},
      {&host->idle_pings, WPM_PING_STREAM_KEPT, wpm_pinger_idle},
  };
  for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
    wpm_deadline_queue_init(queues[i].queue, host->config.loop, queues[i].length_ns,
                            queues[i].passed);
  }
}

int wpm_host_new(const wpm_host_config *config, wpm_host **out) {
  wpm_host *host = calloc(1, sizeof *host);
  if (!host) {
    return WPM_ERR_NO_MEMORY;
  }
  host->config = *config;
  wpm_buffer_init(&host->wire, 2 * config->max_unsent);
  wpm_buffer_init(&host->scratch, SCRATCH_MAX);
  wpm_buffer_init(&host->record, WPM_IDENTIFY_SEND_MAX);
  for (; wpm_muxer_types[host->muxer_count]; host->muxer_count++) {
    assert(host->muxer_count < WPM_PROTOCOLS_MAX);
    const wpm_muxer_type *type = wpm_muxer_types[host->muxer_count];
    host->muxer_types[host->muxer_count] = type;
    host->muxers[host->muxer_count] = wpm_text_of(type->protocol_id);
  }
  for (; wpm_security_types[host->security_count]; host->security_count++) {
    assert(host->security_count < WPM_PROTOCOLS_MAX);
    host->securities[host->security_count] =
        wpm_text_of(wpm_security_types[host->security_count]->protocol_id);
  }
  uint8_t secret[32];
  config->random(config->user, secret, sizeof secret);
  int err = wpm_noise_static_init(config->crypto, config->identity, secret, &host->noise_static);
  wpm_wipe(secret, sizeof secret);
  if (err == WPM_OK) {
    err = wpm_link_pool_init(&host->links, config->loop, config->max_unsent);
  }
  if (err != WPM_OK) {
    wpm_noise_static_fini(&host->noise_static);
    free(host);
    return err;
  }
  start_queues(host); /* Last: from here on the loop knows of the host. */
  *out = host;
  return WPM_OK;
}

void wpm_host_free(wpm_host *host) {
  if (!host) {
    return;
  }
  wpm_link_pool_fini(&host->links);
  wpm_noise_static_fini(&host->noise_static);
  wpm_buffer_wipe(&host->wire);
  wpm_buffer_wipe(&host->scratch);
  wpm_buffer_fini(&host->record);
  free(host);
}

/* ---- stopping -------------------------------------------------------------------------------- */

void wpm_host_check_stopped(wpm_host *host) {
  if (!host->stopping || host->links.open > 0 || host->resolves > 0) {
    return;
  }
  if (!host->queues_closing) {
    host->queues_closing = true;
    wpm_deadline_queue *queues[] = {&host->upgrades, &host->streams,    &host->staggers,
                                    &host->failures, &host->idle_pings, &host->links.lingering};
    host->handles += sizeof queues / sizeof *queues;
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) {
      wpm_deadline_queue_close(queues[i], wpm_host_handle_closed, host);
    }
  }
  if (host->handles == 0 && host->stopped) {
    void (*stopped)(void *user) = host->stopped;
    host->stopped = NULL;
    stopped(host->stopped_user);
  }
}

void wpm_host_handle_closed(uv_handle_t *handle) {
  wpm_host *host = handle->data;
  host->handles--;
  wpm_host_check_stopped(host);
}

static void listener_handle_closed(uv_handle_t *handle) {
  wpm_listener *listener = handle->data;
  wpm_host *host = listener->host;
  if (--listener->handles == 0) {
    free(listener);
  }
  host->handles--;
  wpm_host_check_stopped(host);
}

static void links_emptied(void *user) {
  wpm_host_check_stopped(user);
}

void wpm_host_stop(wpm_host *host, void (*stopped)(void *user), void *user) {
  host->stopping = true;
  host->stopped = stopped;
  host->stopped_user = user;
  host->links.emptied = links_emptied;
  host->links.user = host;
  while (host->dials) {
    wpm_dial_cancel(host->dials);
  }
  while (host->connections) {
    wpm_conn_close(host->connections, WPM_GO_AWAY_NORMAL);
  }
  while (host->listeners) {
    wpm_listener *listener = host->listeners;
    host->listeners = listener->next;
    uv_close((uv_handle_t *)&listener->tcp, listener_handle_closed);
  }
  wpm_host_check_stopped(host);
}

/* ---- listening ------------------------------------------------------------------------------- */

static void take_connection(wpm_listener *listener);

static void refusal_closed(uv_handle_t *handle) {
  wpm_listener *listener = handle->data;
  bool waiting = listener->waiting;
  listener->refusing = false;
  listener->waiting = false;
  if (waiting && !uv_is_closing((uv_handle_t *)&listener->tcp)) {
    take_connection(listener);
  }
  listener_handle_closed(handle);
}

void wpm_host_note_shortage(wpm_host *host, int uv_error) {
  switch (uv_error) {
  case UV_EMFILE:
  case UV_ENFILE:
    host->counters.shortages[WPM_SHORTAGE_DESCRIPTORS]++;
    break;
  case UV_ENOMEM:
  case UV_ENOBUFS:
    host->counters.shortages[WPM_SHORTAGE_MEMORY]++;
    break;
  default: /* Any other error of libuv's. */
    break;
  }
}

/* Takes a connection and closes it, without memory: libuv hears of no further one while one is not
 * taken. */
static void refuse_connection(wpm_listener *listener) {
  wpm_host *host = listener->host;
  if (listener->refusing || uv_tcp_init(host->config.loop, &listener->refusal) != 0) {
    listener->waiting = true;
    return;
  }
  listener->refusing = true;
  listener->refusal.data = listener;
  listener->handles++;
  host->handles++;
  host->counters.inbound_accepted++;
  host->counters.inbound_refused++;
  (void)uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&listener->refusal);
  uv_close((uv_handle_t *)&listener->refusal, refusal_closed);
}

static void take_connection(wpm_listener *listener) {
  if (!wpm_conn_accept(listener->host, (uv_stream_t *)&listener->tcp)) {
    wpm_host_note_shortage(listener->host, UV_ENOMEM);
    refuse_connection(listener);
  }
}

static void connection_waits(uv_stream_t *server, int status) {
  wpm_listener *listener = server->data;
  if (status != 0) {
    wpm_host_note_shortage(listener->host, status);
    WPM_LOG(listener->host->config.logger, WPM_LOG_WARN, "net",
            "cannot accept a connection: %s; raise the limit of open files if this goes on",
            uv_strerror(status));
    return;
  }
  if (!listener->host->stopping) {
    take_connection(listener);
  }
}

/* Looks a name up at once: only while the host is being set up. */
static int look_up(wpm_host *host, const wpm_tcp_target *target, struct sockaddr_storage *out) {
  char name[256];
  if (target->host.len >= sizeof name) {
    return UV_EINVAL;
  }
  memcpy(name, target->host.data, target->host.len);
  name[target->host.len] = '\0';
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                           .ai_flags = AI_PASSIVE,
                           .ai_family = target->host_code == WPM_P_DNS4   ? AF_INET
                                        : target->host_code == WPM_P_DNS6 ? AF_INET6
                                                                          : AF_UNSPEC};
  uv_getaddrinfo_t request;
  int err = uv_getaddrinfo(host->config.loop, &request, NULL, name, NULL, &hints);
  if (err != 0) {
    return err;
  }
  memset(out, 0, sizeof *out);
  memcpy(out, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
  ((struct sockaddr_in *)out)->sin_port = htons(target->port);
  uv_freeaddrinfo(request.addrinfo);
  return 0;
}

static int bind_and_listen(wpm_listener *listener, const struct sockaddr *address) {
  /* IPv6 apart from IPv4, so that both can be listened on at one port. */
  unsigned flags = address->sa_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0;
  int err = uv_tcp_bind(&listener->tcp, address, flags);
  if (err == 0) {
    err = uv_listen((uv_stream_t *)&listener->tcp, BACKLOG, connection_waits);
  }
  struct sockaddr_storage bound;
  int len = sizeof bound;
  if (err == 0) {
    err = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&bound, &len);
  }
  if (err == 0 &&
      wpm_address_from_socket((struct sockaddr *)&bound, &listener->address) != WPM_OK) {
    err = UV_EAFNOSUPPORT;
  }
  return err;
}

int wpm_host_listen(wpm_host *host, wpm_bytes multiaddr, wpm_error *error) {
  char text[WPM_MULTIADDR_TEXT];
  int err = wpm_multiaddr_format(multiaddr, text, sizeof text, NULL, error);
  if (err != WPM_OK) {
    return err;
  }
  wpm_tcp_target target;
  if (wpm_multiaddr_tcp_target(multiaddr, &target) != WPM_OK) {
    return wpm_fail(error, WPM_ERR_UNSUPPORTED,
                    "cannot listen on %s: it must be /ip4|ip6|dns|dns4|dns6/HOST/tcp/PORT", text);
  }
  struct sockaddr_storage address;
  int uv_err = 0;
  if (target.host_code == WPM_P_IP4 || target.host_code == WPM_P_IP6) {
    uv_err = wpm_address_to_socket(&target, &address) == WPM_OK ? 0 : UV_EINVAL;
  } else {
    uv_err = look_up(host, &target, &address);
  }
  if (uv_err != 0) {
    return wpm_fail(error, WPM_ERR_IO, "cannot listen on %s: %s", text, uv_strerror(uv_err));
  }
  wpm_listener *listener = calloc(1, sizeof *listener);
  if (!listener) {
    return wpm_fail(error, WPM_ERR_NO_MEMORY, "cannot listen on %s: out of memory", text);
  }
  uv_err = uv_tcp_init(host->config.loop, &listener->tcp);
  if (uv_err != 0) {
    free(listener);
    return wpm_fail(error, WPM_ERR_IO, "cannot listen on %s: %s", text, uv_strerror(uv_err));
  }
  listener->tcp.data = listener;
  listener->host = host;
  listener->handles = 1;
  host->handles++;
  uv_err = bind_and_listen(listener, (struct sockaddr *)&address);
  if (uv_err != 0) {
    uv_close((uv_handle_t *)&listener->tcp, listener_handle_closed);
    return wpm_fail(error, WPM_ERR_IO, "cannot listen on %s: %s; choose another address or port%s",
                    text, uv_strerror(uv_err),
                    uv_err == UV_EADDRINUSE ? ", or wait a minute if an outgoing connection of "
                                              "another program has it"
                                            : "");
  }
  host->announced_until = 0;
  wpm_listener **last = &host->listeners;
  while (*last) {
    last = &(*last)->next;
  }
  *last = listener;
  return WPM_OK;
}

bool wpm_host_listen_address(const wpm_host *host, size_t index, wpm_bytes *out) {
  const wpm_listener *listener = host->listeners;
  while (listener && index > 0) {
    listener = listener->next;
    index--;
  }
  if (!listener) {
    return false;
  }
  *out = wpm_multiaddr_view(&listener->address);
  return true;
}

/* Adds the interfaces' addresses in place of a wildcard; loopback only where nothing else is. */
static size_t announce_interfaces(uint32_t code, uint16_t port, wpm_multiaddr *out, size_t cap) {
  uv_interface_address_t *interfaces = NULL;
  int total = 0;
  size_t count = 0;
  if (uv_interface_addresses(&interfaces, &total) != 0) {
    return 0;
  }
  for (int internal = 0; internal <= 1 && count == 0; internal++) {
    for (int i = 0; i < total && count < cap; i++) {
      const struct sockaddr *socket = (const struct sockaddr *)&interfaces[i].address;
      wpm_tcp_target target;
      wpm_multiaddr address;
      if (interfaces[i].is_internal != internal ||
          wpm_address_from_socket(socket, &address) != WPM_OK ||
          wpm_multiaddr_tcp_target(wpm_multiaddr_view(&address), &target) != WPM_OK ||
          target.host_code != code) {
        continue;
      }
      bool link_local =
          code == WPM_P_IP6 && target.host.data[0] == 0xfe && (target.host.data[1] & 0xc0) == 0x80;
      if (!link_local && wpm_multiaddr_from_tcp(target.host, port, &out[count]) == WPM_OK) {
        count++;
      }
    }
  }
  uv_free_interface_addresses(interfaces, total);
  return count;
}

static size_t announce(const wpm_host *host, wpm_multiaddr *out, size_t cap) {
  size_t count = 0;
  for (const wpm_listener *listener = host->listeners; listener && count < cap;
       listener = listener->next) {
    wpm_tcp_target target;
    if (wpm_multiaddr_tcp_target(wpm_multiaddr_view(&listener->address), &target) != WPM_OK) {
      continue;
    }
    if (wpm_address_is_wildcard(target.host)) {
      count += announce_interfaces(target.host_code, target.port, out + count, cap - count);
    } else {
      out[count++] = listener->address;
    }
  }
  return count;
}

size_t wpm_host_announced_addresses(wpm_host *host, const wpm_multiaddr **out) {
  uint64_t now = uv_now(host->config.loop);
  if (host->announced_until <= now) {
    host->announced_count = announce(host, host->announced, WPM_HOST_ANNOUNCED_MAX);
    host->announced_until = now + ANNOUNCED_KEPT_MS;
  }
  *out = host->announced;
  return host->announced_count;
}

int wpm_host_sign_record(wpm_host *host, uint64_t sequence) {
  const wpm_multiaddr *announced = NULL;
  wpm_bytes addresses[WPM_HOST_ANNOUNCED_MAX];
  size_t count = wpm_host_announced_addresses(host, &announced);
  for (size_t i = 0; i < count; i++) {
    addresses[i] = wpm_multiaddr_view(&announced[i]);
  }
  wpm_buffer_clear(&host->record);
  return count == 0 ? WPM_OK
                    : wpm_signed_record_seal(host->config.crypto, host->config.identity, sequence,
                                             addresses, count, &host->record);
}

/* ---- counters -------------------------------------------------------------------------------- */

wpm_host_counters wpm_host_get_counters(const wpm_host *host) {
  wpm_host_counters counters = host->counters;
  counters.bytes_received = host->links.bytes_received;
  counters.bytes_sent = host->links.bytes_sent;
  return counters;
}

void wpm_host_count_streams(const wpm_host *host,
                            void (*fn)(void *user, wpm_text protocol, wpm_direction direction,
                                       size_t count),
                            void *user) {
  for (size_t i = 0; i < wpm_stream_handler_count(); i++) {
    size_t counts[WPM_DIRECTION_COUNT] = {0};
    for (const wpm_conn *conn = host->connections; conn; conn = conn->next) {
      for (const wpm_stream *stream = conn->streams; stream; stream = stream->next) {
        if (stream->type && wpm_text_equal(stream->type->protocol, wpm_stream_handler_ids[i])) {
          counts[stream->direction]++;
        }
      }
    }
    for (size_t direction = 0; direction < WPM_DIRECTION_COUNT; direction++) {
      if (counts[direction] > 0) {
        fn(user, wpm_stream_handler_ids[i], (wpm_direction)direction, counts[direction]);
      }
    }
  }
}
