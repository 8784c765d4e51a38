#include "http_server.h"

#include <microhttpd.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct http_server {
  struct MHD_Daemon *daemon;
  http_handler handler;
  void *user;
  uint16_t port;
  uv_poll_t poll;   /* On the daemon's epoll descriptor. */
  uv_timer_t timer; /* What the daemon wants done though no socket is ready. */
  http_request *requests;
  int handles;
  bool stopping;
};

struct http_request {
  http_server *server;
  struct MHD_Connection *connection; /* NULL once the connection is gone. */
  http_request *previous, *next;
  char *method, *path;
  char *body;
  size_t body_len;
  bool too_large;
  bool handled;    /* The handler was called. */
  bool waiting;    /* It answers later. */
  bool suspended;  /* The connection is suspended until then. */
  unsigned status; /* 0: not answered yet. */
  struct MHD_Response *response;
};

static void run(http_server *server);

static void timer_fired(uv_timer_t *timer) {
  run(timer->data);
}

static void socket_ready(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  run(poll->data);
}

/* Lets the daemon do what it can, and says when it wants to be called again. */
static void run(http_server *server) {
  MHD_UNSIGNED_LONG_LONG timeout = 0;
  if (server->stopping) {
    return;
  }
  (void)MHD_run(server->daemon);
  if (server->stopping) {
    return;
  }
  if (MHD_get_timeout(server->daemon, &timeout) == MHD_YES) {
    (void)uv_timer_start(&server->timer, timer_fired, timeout, 0);
  } else {
    (void)uv_timer_stop(&server->timer);
  }
}

/* ---- who may ask ----------------------------------------------------------------------------- */

/* The host of `HOST[:PORT]`, brackets of IPv6 removed. False: malformed. */
static bool split_host(const char *text, char *host, size_t cap) {
  const char *end = NULL;
  if (*text == '[') {
    end = strchr(++text, ']');
    if (!end || (end[1] != '\0' && end[1] != ':')) {
      return false;
    }
  } else {
    end = strchr(text, ':');
    end = end ? end : text + strlen(text);
  }
  size_t len = (size_t)(end - text);
  if (len == 0 || len >= cap) {
    return false;
  }
  memcpy(host, text, len);
  host[len] = '\0';
  return true;
}

static bool is_trusted_host(const char *text) {
  char host[128];
  struct in6_addr address;
  if (!split_host(text, host, sizeof host)) {
    return false;
  }
  return strcasecmp(host, "localhost") == 0 || inet_pton(AF_INET, host, &address) == 1 ||
         inet_pton(AF_INET6, host, &address) == 1;
}

static bool may_ask(struct MHD_Connection *connection) {
  const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
  const char *origin = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Origin");
  if (host && !is_trusted_host(host)) {
    return false;
  }
  if (!origin) {
    return true;
  }
  return host && strncmp(origin, "http://", 7) == 0 && strcasecmp(origin + 7, host) == 0;
}

static bool is_json(struct MHD_Connection *connection) {
  const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
  return type && strncasecmp(type, "application/json", 16) == 0 &&
         (type[16] == '\0' || type[16] == ';' || type[16] == ' ');
}

/* ---- requests -------------------------------------------------------------------------------- */

static http_request *new_request(http_server *server, struct MHD_Connection *connection,
                                 const char *url, const char *method) {
  http_request *request = calloc(1, sizeof *request);
  if (!request) {
    return NULL;
  }
  request->server = server;
  request->connection = connection;
  request->method = strdup(method);
  request->path = strdup(url);
  if (!request->method || !request->path) {
    free(request->method);
    free(request->path);
    free(request);
    return NULL;
  }
  request->next = server->requests;
  if (server->requests) {
    server->requests->previous = request;
  }
  server->requests = request;
  return request;
}

static void free_request(http_request *request) {
  if (request->response) {
    MHD_destroy_response(request->response);
  }
  free(request->method);
  free(request->path);
  free(request->body);
  free(request);
}

/* The connection is done with the request; one that is still to be answered lives on until then. */
static void request_completed(void *user, struct MHD_Connection *connection, void **state,
                              enum MHD_RequestTerminationCode code) {
  http_request *request = *state;
  (void)connection;
  (void)code;
  if (!request) {
    return;
  }
  http_server *server = user;
  if (request->previous) {
    request->previous->next = request->next;
  } else {
    server->requests = request->next;
  }
  if (request->next) {
    request->next->previous = request->previous;
  }
  *state = NULL;
  request->connection = NULL;
  if (!request->waiting || request->status != 0) {
    free_request(request);
  }
}

static void take_body(http_request *request, const char *data, size_t len) {
  if (request->body_len + len > HTTP_BODY_MAX) {
    request->too_large = true;
    return;
  }
  char *body = realloc(request->body, request->body_len + len + 1);
  if (!body) {
    request->too_large = true;
    return;
  }
  memcpy(body + request->body_len, data, len);
  request->body = body;
  request->body_len += len;
  body[request->body_len] = '\0';
}

static void refuse(http_request *request, unsigned status, const char *why) {
  http_answer(request, status, "text/plain", why, strlen(why));
}

static void handle(http_request *request) {
  request->handled = true;
  assert(request->connection);
  if (!may_ask(request->connection)) {
    refuse(request, 403,
           "Forbidden: Host must be an IP address or localhost, Origin the server itself");
  } else if (request->too_large) {
    refuse(request, 413, "The body is too large: at most 65536 bytes");
  } else if (strcmp(request->method, "POST") == 0 && !is_json(request->connection)) {
    refuse(request, 415, "POST takes Content-Type: application/json");
  } else {
    request->server->handler(request->server->user, request);
  }
}

static enum MHD_Result access_cb(void *user, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_len, void **state) {
  http_request *request = *state;
  (void)version;
  if (!request) {
    request = new_request(user, connection, url, method);
    *state = request;
    return request ? MHD_YES : MHD_NO;
  }
  if (*data_len > 0) {
    take_body(request, data, *data_len);
    *data_len = 0;
    return MHD_YES;
  }
  if (!request->handled) {
    handle(request);
  }
  if (request->status != 0) {
    return MHD_queue_response(connection, request->status, request->response);
  }
  if (!request->suspended) {
    request->suspended = true;
    MHD_suspend_connection(connection);
  }
  return MHD_YES;
}

const char *http_method(const http_request *request) {
  return request->method;
}
const char *http_path(const http_request *request) {
  return request->path;
}
const char *http_body(const http_request *request, size_t *len) {
  *len = request->body_len;
  return request->body ? request->body : "";
}

void http_wait(http_request *request) {
  request->waiting = true;
}

void http_answer(http_request *request, unsigned status, const char *type, const char *text,
                 size_t len) {
  request->status = status;
  if (!request->connection) {
    free_request(request); /* Nobody waits for it any more. */
    return;
  }
  request->response =
      MHD_create_response_from_buffer(len, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
  if (request->response) {
    (void)MHD_add_response_header(request->response, "Content-Type", type);
    (void)MHD_add_response_header(request->response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(request->response, "X-Content-Type-Options", "nosniff");
  }
  if (request->suspended) {
    request->suspended = false;
    MHD_resume_connection(request->connection);
    (void)uv_timer_start(&request->server->timer, timer_fired, 0, 0);
  }
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool socket_address(const char *address, uint16_t port, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  return uv_ip4_addr(address, port, (struct sockaddr_in *)out) == 0 ||
         uv_ip6_addr(address, port, (struct sockaddr_in6 *)out) == 0;
}

static struct MHD_Daemon *start_daemon(http_server *server, const struct sockaddr_storage *address,
                                       bool is_ipv6) {
  unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (is_ipv6 ? MHD_USE_IPv6 : 0);
  return MHD_start_daemon(flags, 0, NULL, NULL, access_cb, server, MHD_OPTION_SOCK_ADDR, address,
                          MHD_OPTION_NOTIFY_COMPLETED, request_completed, server,
                          MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
                          MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE_SECONDS,
                          MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_END);
}

static void handle_closed(uv_handle_t *handle) {
  http_server *server = handle->data;
  if (--server->handles == 0) {
    free(server);
  }
}

http_server *http_server_start(uv_loop_t *loop, const char *address, uint16_t port,
                               http_handler handler, void *user, char *error, size_t error_cap) {
  struct sockaddr_storage socket;
  if (!socket_address(address, port, &socket)) {
    (void)snprintf(error, error_cap, "\"%s\" is not an IP address", address);
    return NULL;
  }
  http_server *server = calloc(1, sizeof *server);
  if (!server) {
    (void)snprintf(error, error_cap, "out of memory");
    return NULL;
  }
  server->handler = handler;
  server->user = user;
  errno = 0;
  server->daemon = start_daemon(server, &socket, socket.ss_family == AF_INET6);
  if (!server->daemon) {
    (void)snprintf(error, error_cap, "cannot listen on %s port %u: %s", address, port,
                   errno != 0 ? strerror(errno) : "unknown error");
    free(server);
    return NULL;
  }
  int epoll = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  server->port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
  (void)uv_poll_init(loop, &server->poll, epoll);
  (void)uv_timer_init(loop, &server->timer);
  server->poll.data = server;
  server->timer.data = server;
  server->handles = 2;
  (void)uv_poll_start(&server->poll, UV_READABLE, socket_ready);
  return server;
}

void http_server_stop(http_server *server) {
  if (!server) {
    return;
  }
  server->stopping = true;
  for (http_request *request = server->requests; request; request = request->next) {
    if (request->suspended) {
      request->suspended = false;
      MHD_resume_connection(request->connection);
    }
  }
  (void)uv_poll_stop(&server->poll);
  MHD_stop_daemon(server->daemon);
  uv_close((uv_handle_t *)&server->poll, handle_closed);
  uv_close((uv_handle_t *)&server->timer, handle_closed);
}

uint16_t http_server_port(const http_server *server) {
  return server->port;
}
