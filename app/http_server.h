/* An HTTP server (libmicrohttpd) on the program's libuv loop.
 *
 * - Requests are answered on the loop; one that must wait (a dial) is suspended and answered later,
 *   and a long answer is made piece by piece, as the client takes it.
 * - A web page that a person happens to visit must not reach it: a `Host` that is neither an IP
 *   literal nor `localhost` (DNS rebinding), or an `Origin` other than the server's own, gets 403;
 *   a POST takes only `application/json` (else 415), which a foreign page cannot send without asking
 *   first.
 * - HEAD is answered as GET, without the body.
 * - Bodies are at most HTTP_BODY_MAX bytes (else 413; one of more than HTTP_DISCARD_MAX is not even
 *   read), connections at most HTTP_CONNECTIONS_MAX, an idle one is closed after HTTP_IDLE_SECONDS.
 */
#ifndef APP_HTTP_SERVER_H
#define APP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#define HTTP_BODY_MAX 65536
#define HTTP_DISCARD_MAX 1048576
#define HTTP_CONNECTIONS_MAX 128
#define HTTP_IDLE_SECONDS 30

typedef struct http_server http_server;
typedef struct http_request http_request;

/* Answers a request, at once or later. */
typedef void (*http_handler)(void *user, http_request *request);

typedef struct http_server_config {
  uv_loop_t *loop;
  const char *address; /* IP address to listen on. */
  uint16_t port;       /* 0: any free one. */
  bool any_host;       /* Take any Host: for what others on the network may read by any name. */
  http_handler handler;
  void *user; /* Passed to `handler`. */
} http_server_config;

/* Listens. Returns NULL after saying in `error` why not. */
http_server *http_server_start(const http_server_config *config, char *error, size_t error_cap);

/* Stops; requests that wait are dropped (their answer does nothing any more). The server is freed
 * when the loop has let go of it. */
void http_server_stop(http_server *server);

uint16_t http_server_port(const http_server *server);

void *http_user(const http_request *request); /* The `user` its server was started with. */
const char *http_method(const http_request *request);
const char *http_path(const http_request *request);
const char *http_body(const http_request *request, size_t *len);

/* Answers; may be called once, now or later. `text` is copied. */
void http_answer(http_request *request, unsigned status, const char *type, const char *text,
                 size_t len);

/* Writes at most `cap` bytes of an answer to `out`; returns their number, 0: it is over, -1: it cannot
 * go on (the connection is closed). */
typedef ssize_t (*http_source)(void *state, char *out, size_t cap);

/* Answers 200 with what `source` gives, piece by piece while the loop runs; takes `state` over, which
 * `release` frees in the end. */
void http_answer_pieces(http_request *request, const char *type, http_source source, void *state,
                        void (*release)(void *state));

/* Names the methods that the path has, "GET, POST", in an answer 405 that follows. */
void http_allow(http_request *request, const char *methods);

/* Must be called by a handler that answers later, before it returns. */
void http_wait(http_request *request);

/* Whether a request with these headers (NULL: missing) may be answered; see the rules above. */
bool http_may_ask(const char *host, const char *origin, bool any_host);

#endif
