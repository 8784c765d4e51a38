/* A TCP connection as a byte pipe: the bottom of a connection's stack.
 *
 * - What is sent goes to the kernel at once where it takes it; the rest waits, at most `max_unsent`
 *   bytes, and goes on by itself. An idle link holds no buffer: reading uses one that all share.
 * - A failed write decides nothing: sending stops, and reading goes on until it says how the
 *   connection ended, so that what was received before counts.
 * - A link is closed gently: what waits is sent, then the end of the stream, then whatever still
 *   comes is dropped until the other side ends too or WPM_LINK_LINGER has passed. (Closing with
 *   unread bytes makes TCP send a reset, which may overtake our goodbye.)
 */
#ifndef WPM_NET_LINK_H
#define WPM_NET_LINK_H

#include "base/buffer.h"
#include "net/deadline.h"

#define WPM_LINK_LINGER (1 * WPM_SECOND) /* Longest that a closed link goes on. */
#define WPM_LINK_READ_SIZE 65536         /* Bytes read at once. */

/* What all links of a host share. */
typedef struct wpm_link_pool {
  uv_loop_t *loop;              /* The loop. */
  uint8_t *read_buffer;         /* WPM_LINK_READ_SIZE bytes. */
  wpm_deadline_queue lingering; /* Closed links that wait for the other side's end. */
  size_t max_unsent;            /* Bytes waiting to be sent per link. */
  size_t open;                  /* Links whose handle libuv still holds. */
  void (*emptied)(void *user);  /* Called when `open` falls to 0; may be NULL. */
  void *user;                   /* Passed to `emptied`. */
  uint64_t bytes_received;      /* Counter. */
  uint64_t bytes_sent;          /* Counter. */
} wpm_link_pool;

/* WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_link_pool_init(wpm_link_pool *pool, uv_loop_t *loop, size_t max_unsent);
/* Frees the read buffer; `lingering` is closed by the owner. */
void wpm_link_pool_fini(wpm_link_pool *pool);
/* Ends the closed link that has gone on longest, if there is one: its descriptor is wanted. */
void wpm_link_pool_give_way(wpm_link_pool *pool);

typedef struct wpm_link wpm_link;

typedef struct wpm_link_owner {
  /* A connect of ours ended: 0, or libuv's error. Nothing else comes before it. */
  void (*connected)(void *user, int uv_error);
  /* Bytes came; they may be changed in place, and last for the call. */
  void (*received)(void *user, uint8_t *data, size_t len);
  /* The connection ended: UV_EOF or another error of libuv. Nothing comes after it. */
  void (*ended)(void *user, int uv_error);
} wpm_link_owner;

/* An unconnected link. WPM_ERR_NO_MEMORY, WPM_ERR_IO. */
WPM_MUST_USE int wpm_link_new(wpm_link_pool *pool, const wpm_link_owner *owner, void *user,
                              wpm_link **out);

/* Connects from an ephemeral port. 0, or libuv's error, and then `connected` does not come. */
int wpm_link_connect(wpm_link *link, const struct sockaddr *address);

/* Takes the next connection from `listener` and starts to read. 0 or libuv's error. */
int wpm_link_accept(wpm_link *link, uv_stream_t *listener);

/* Starts to read (after `connected`). 0 or libuv's error. */
int wpm_link_read(wpm_link *link);

/* Sends. WPM_ERR_FULL (too much waits: they do not read), WPM_ERR_NO_MEMORY. Bytes for a link that
 * can no longer send are dropped: reading will say why. */
WPM_MUST_USE int wpm_link_send(wpm_link *link, wpm_bytes data);

/* The two ends. False where the kernel does not know any more. */
bool wpm_link_addresses(const wpm_link *link, struct sockaddr_storage *local,
                        struct sockaddr_storage *remote);

/* Ends it; no callback comes any more and the handle is invalid on return. `gently`: see above. */
void wpm_link_close(wpm_link *link, bool gently);

#endif
