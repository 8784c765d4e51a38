#include "http_server.h"

#include "text.h"

#include <microhttpd.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PIECE_BYTES 32768 /* Made at a time of a long answer. */

struct http_server {
  struct MHD_Daemon *daemon;
  http_handler handler;
  void *user;
  uint16_t port;
  uv_poll_t poll;   /* On the daemon's epoll descriptor. */
  uv_timer_t timer; /* What the daemon wants done though no socket is ready. */
  http_request *requests;
  int handles;
  bool any_host;
  bool stopping;
};

struct http_request {
  http_server *server;
  struct MHD_Connection *connection; /* NULL once the connection is gone. */
  http_request *previous, *next;
  char *method, *path;
  char *body;
  size_t body_len;
  size_t received; /* Bytes of the body, with those that were not kept. */
  char allow[64];  /* For the header of that name; empty: none. */
  bool at_once;    /* It is refused before its body is read. */
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

static bool is_full(const http_server *server) {
  return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
             ->num_connections >= HTTP_CONNECTIONS_MAX;
}

/* Lets the daemon do what it can, and says when it wants to be called again. */
static void run(http_server *server) {
  MHD_UNSIGNED_LONG_LONG timeout = 0;
  if (server->stopping) {
    return;
  }
  bool was_full = is_full(server);
  (void)MHD_run(server->daemon);
  if (server->stopping) {
    return;
  }
  if (was_full && !is_full(server)) {
    /* It begins to accept again when it is called, and no event of a connection tells it to. */
    (void)uv_timer_start(&server->timer, timer_fired, 0, 0);
  } else if (MHD_get_timeout(server->daemon, &timeout) == MHD_YES) {
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
  return split_host(text, host, sizeof host) &&
         (strcasecmp(host, "localhost") == 0 || text_is_ip(host));
}

bool http_may_ask(const char *host, const char *origin, bool any_host) {
  if (host && !any_host && !is_trusted_host(host)) {
    return false;
  }
  if (!origin) {
    return true;
  }
  return host && strncmp(origin, "http://", 7) == 0 && strcasecmp(origin + 7, host) == 0;
}

static const char *header_of(struct MHD_Connection *connection, const char *name) {
  return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool is_json(struct MHD_Connection *connection) {
  const char *type = header_of(connection, "Content-Type");
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
  request->method = strdup(strcmp(method, "HEAD") == 0 ? "GET" : method);
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

static void refuse(http_request *request, unsigned status, const char *why) {
  assert(request->connection); /* Who is refused is still there. */
  if (request->status == 0) {
    http_answer(request, status, "text/plain", why, strlen(why));
  }
}

static void refuse_body(http_request *request) {
  refuse(request, 413, "The body is too large: at most 65536 bytes");
}

/* What the headers alone decide. */
static void look_at_headers(http_request *request) {
  struct MHD_Connection *connection = request->connection;
  const char *length = header_of(connection, "Content-Length");
  unsigned long long announced = length ? strtoull(length, NULL, 10) : 0;
  if (!http_may_ask(header_of(connection, "Host"), header_of(connection, "Origin"),
                    request->server->any_host)) {
    refuse(request, 403,
           "Forbidden: Host must be an IP address or localhost, Origin the server itself");
  } else if (announced > HTTP_BODY_MAX) {
    refuse_body(request);
  } else if (strcmp(request->method, "POST") == 0 && !is_json(connection)) {
    refuse(request, 415, "POST takes Content-Type: application/json");
  }
  request->at_once = announced > HTTP_DISCARD_MAX;
}

/* Keeps a piece of the body. False: it goes on without end. */
static bool take_body(http_request *request, const char *data, size_t len) {
  request->received += len;
  if (request->received > HTTP_BODY_MAX) {
    refuse_body(request);
  }
  if (request->status != 0) {
    return request->received <=
           HTTP_DISCARD_MAX; /* Read it, so that the client reads our answer. */
  }
  char *body = realloc(request->body, request->body_len + len + 1);
  if (!body) {
    refuse(request, 500, "Out of memory");
    return true;
  }
  memcpy(body + request->body_len, data, len);
  request->body = body;
  request->body_len += len;
  body[request->body_len] = '\0';
  return true;
}

static enum MHD_Result queue(http_request *request) {
  return MHD_queue_response(request->connection, request->status, request->response);
}

/* Called with the headers, then with each piece of the body, then once more, and once more after a
 * suspended connection was resumed. */
static enum MHD_Result access_cb(void *user, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *data_len, void **state) {
  http_request *request = *state;
  (void)version;
  if (!request) {
    request = new_request(user, connection, url, method);
    *state = request;
    if (!request) {
      return MHD_NO;
    }
    look_at_headers(request);
    return request->status != 0 && request->at_once ? queue(request) : MHD_YES;
  }
  if (*data_len > 0) {
    size_t len = *data_len;
    *data_len = 0;
    return take_body(request, data, len) ? MHD_YES : MHD_NO;
  }
  if (!request->handled && request->status == 0) {
    request->handled = true;
    request->server->handler(request->server->user, request);
  }
  if (request->status != 0) {
    return queue(request);
  }
  if (!request->suspended) {
    request->suspended = true;
    MHD_suspend_connection(connection);
  }
  return MHD_YES;
}

void *http_user(const http_request *request) {
  return request->server->user;
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

void http_allow(http_request *request, const char *methods) {
  (void)snprintf(request->allow, sizeof request->allow, "%s", methods);
}

/* `response` may be NULL: out of memory, the connection will be closed. */
static void answer(http_request *request, unsigned status, const char *type,
                   struct MHD_Response *response) {
  request->status = status;
  request->response = response;
  if (response) {
    (void)MHD_add_response_header(response, "Content-Type", type);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (request->allow[0]) {
      (void)MHD_add_response_header(response, "Allow", request->allow);
    }
  }
  if (!request->connection) {
    free_request(request); /* Nobody waits for it any more. */
  } else if (request->suspended) {
    request->suspended = false;
    MHD_resume_connection(request->connection);
    (void)uv_timer_start(&request->server->timer, timer_fired, 0, 0);
  }
}

void http_answer(http_request *request, unsigned status, const char *type, const char *text,
                 size_t len) {
  answer(request, status, type,
         MHD_create_response_from_buffer(len, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY));
}

/* An answer that is made as it is sent. */
typedef struct http_pieces {
  http_source source;
  void *state;
  void (*release)(void *state);
} http_pieces;

static ssize_t next_piece(void *user, uint64_t position, char *out, size_t cap) {
  const http_pieces *pieces = user;
  (void)position;
  ssize_t len = pieces->source(pieces->state, out, cap);
  return len > 0    ? len
         : len == 0 ? MHD_CONTENT_READER_END_OF_STREAM
                    : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_pieces(void *user) {
  http_pieces *pieces = user;
  pieces->release(pieces->state);
  free(pieces);
}

void http_answer_pieces(http_request *request, const char *type, http_source source, void *state,
                        void (*release)(void *state)) {
  http_pieces *pieces = malloc(sizeof *pieces);
  struct MHD_Response *response = NULL;
  if (pieces) {
    *pieces = (http_pieces){.source = source, .state = state, .release = release};
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES, next_piece, pieces,
                                                 free_pieces);
  }
  if (!response) {
    free(pieces);
    release(state);
  }
  answer(request, 200, type, response);
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
                          MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static void handle_closed(uv_handle_t *handle) {
  http_server *server = handle->data;
  if (--server->handles == 0) {
    free(server);
  }
}

http_server *http_server_start(const http_server_config *config, char *error, size_t error_cap) {
  struct sockaddr_storage socket;
  if (!socket_address(config->address, config->port, &socket)) {
    (void)snprintf(error, error_cap, "\"%s\" is not an IP address", config->address);
    return NULL;
  }
  http_server *server = calloc(1, sizeof *server);
  if (!server) {
    (void)snprintf(error, error_cap, "out of memory");
    return NULL;
  }
  server->handler = config->handler;
  server->user = config->user;
  server->any_host = config->any_host;
  errno = 0;
  server->daemon = start_daemon(server, &socket, socket.ss_family == AF_INET6);
  if (!server->daemon) {
    (void)snprintf(error, error_cap, "cannot listen on %s port %u: %s", config->address,
                   (unsigned)config->port, errno != 0 ? strerror(errno) : "unknown error");
    free(server);
    return NULL;
  }
  int epoll = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  server->port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
  (void)uv_poll_init(config->loop, &server->poll, epoll);
  (void)uv_timer_init(config->loop, &server->timer);
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
