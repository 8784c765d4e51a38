/* An HTTP server (libmicrohttpd) on the program's libuv loop.
 *
 * - Requests are answered on the loop; one that must wait (a dial) is suspended and answered later.
 * - A web page that a person happens to visit must not reach it: a `Host` that is neither an IP
 *   literal nor `localhost` (DNS rebinding), or an `Origin` other than the server's own, gets 403;
 *   a POST takes only `application/json`, which a foreign page cannot send without asking first.
 * - Bodies are at most HTTP_BODY_MAX bytes, connections at most HTTP_CONNECTIONS_MAX, an idle one
 *   is closed after HTTP_IDLE_SECONDS.
 */
#ifndef APP_HTTP_SERVER_H
#define APP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define HTTP_BODY_MAX 65536
#define HTTP_CONNECTIONS_MAX 128
#define HTTP_IDLE_SECONDS 30

typedef struct http_server http_server;
typedef struct http_request http_request;

/* Answers a request, at once or later. */
typedef void (*http_handler)(void *user, http_request *request);

/* Listens on an IP address; port 0: any free one. Returns NULL after saying in `error` why not. */
http_server *http_server_start(uv_loop_t *loop, const char *address, uint16_t port,
                               http_handler handler, void *user, char *error, size_t error_cap);

/* Stops; requests that wait are dropped (their answer does nothing any more). The server is freed
 * when the loop has let go of it. */
void http_server_stop(http_server *server);

uint16_t http_server_port(const http_server *server);

const char *http_method(const http_request *request);
const char *http_path(const http_request *request);
const char *http_body(const http_request *request, size_t *len);

/* Answers; may be called once, now or later. `text` is copied. */
void http_answer(http_request *request, unsigned status, const char *type, const char *text,
                 size_t len);

/* Must be called by a handler that answers later, before it returns. */
void http_wait(http_request *request);

#endif
