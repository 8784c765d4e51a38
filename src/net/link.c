#include "net/link.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct wpm_link {
  uv_tcp_t tcp;
  wpm_link_pool *pool;
  const wpm_link_owner *owner; /* NULL once closed. */
  void *user;
  wpm_buffer writing;    /* What the write under way sends. */
  wpm_buffer waiting;    /* What comes behind it. */
  wpm_deadline deadline; /* While lingering. */
  bool write_under_way;
  bool broken;        /* A write failed: nothing is sent any more. */
  int error;          /* Of that write, where it says how the connection ended; else 0. */
  bool shutting_down; /* Closed gently: ends its stream when all is sent. */
  bool reading;
  union {
    uv_connect_t connect;
    uv_write_t write;
    uv_shutdown_t shutdown;
  } request; /* They follow each other, so they share their memory. */
};

static void link_freed(uv_handle_t *handle) {
  wpm_link *link = handle->data;
  wpm_link_pool *pool = link->pool;
  wpm_buffer_fini(&link->writing);
  wpm_buffer_fini(&link->waiting);
  free(link);
  if (--pool->open == 0 && pool->emptied) {
    pool->emptied(pool->user);
  }
}

static void close_now(wpm_link *link) {
  wpm_deadline_clear(&link->deadline);
  link->owner = NULL;
  if (!uv_is_closing((uv_handle_t *)&link->tcp)) {
    uv_close((uv_handle_t *)&link->tcp, link_freed);
  }
}

static void linger_passed(wpm_deadline *deadline) {
  close_now(WPM_DEADLINE_OWNER(deadline, wpm_link, deadline));
}

void wpm_link_pool_give_way(wpm_link_pool *pool) {
  wpm_deadline *longest = wpm_deadline_first(&pool->lingering);
  if (longest) {
    linger_passed(longest);
  }
}

int wpm_link_pool_init(wpm_link_pool *pool, uv_loop_t *loop, size_t max_unsent) {
  *pool = (wpm_link_pool){.loop = loop, .max_unsent = max_unsent};
  pool->read_buffer = malloc(WPM_LINK_READ_SIZE);
  if (!pool->read_buffer) {
    return WPM_ERR_NO_MEMORY;
  }
  wpm_deadline_queue_init(&pool->lingering, loop, WPM_LINK_LINGER, linger_passed);
  return WPM_OK;
}

void wpm_link_pool_fini(wpm_link_pool *pool) {
  free(pool->read_buffer);
  pool->read_buffer = NULL;
}

int wpm_link_new(wpm_link_pool *pool, const wpm_link_owner *owner, void *user, wpm_link **out) {
  wpm_link *link = calloc(1, sizeof *link);
  if (!link) {
    return WPM_ERR_NO_MEMORY;
  }
  if (uv_tcp_init(pool->loop, &link->tcp) != 0) {
    free(link);
    return WPM_ERR_IO;
  }
  link->tcp.data = link;
  link->pool = pool;
  link->owner = owner;
  link->user = user;
  wpm_buffer_init(&link->writing, pool->max_unsent);
  wpm_buffer_init(&link->waiting, pool->max_unsent);
  pool->open++;
  *out = link;
  return WPM_OK;
}

static void give_read_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)suggested;
  wpm_link *link = handle->data;
  *buffer = uv_buf_init((char *)link->pool->read_buffer, WPM_LINK_READ_SIZE);
}

/* A write failed: nothing is sent any more. */
static void break_link(wpm_link *link, int error) {
  link->broken = true;
  if (link->error == 0 && error != UV_EPIPE) { /* EPIPE: they had ended the stream before. */
    link->error = error;
  }
}

/* How the stream ended. Reading tells a plain end where a failed write has taken the socket's error
 * with it, or where libuv saw the hang-up together with the last bytes. */
static int end_of(wpm_link *link, int told) {
  uv_os_fd_t fd;
  int error = 0;
  socklen_t len = sizeof error;
  if (told != UV_EOF) {
    return told;
  }
  if (uv_fileno((const uv_handle_t *)&link->tcp, &fd) == 0 &&
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error != 0) {
    break_link(link, uv_translate_sys_error(error));
  }
  return link->error != 0 ? link->error : told;
}

static void bytes_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  wpm_link *link = stream->data;
  if (count == 0) {
    return;
  }
  if (count > 0) {
    link->pool->bytes_received += (uint64_t)count;
    if (link->owner) {
      link->owner->received(link->user, (uint8_t *)buffer->base, (size_t)count);
    }
    return;
  }
  (void)uv_read_stop(stream);
  link->reading = false;
  if (link->owner) {
    link->owner->ended(link->user, end_of(link, (int)count));
  } else {
    close_now(link);
  }
}

int wpm_link_read(wpm_link *link) {
  int err = uv_read_start((uv_stream_t *)&link->tcp, give_read_buffer, bytes_read);
  link->reading = err == 0;
  return err;
}

static void connect_ended(uv_connect_t *request, int status) {
  wpm_link *link = request->handle->data;
  if (!link->owner) {
    return;
  }
  if (status == 0) {
    (void)uv_tcp_nodelay(&link->tcp, 1);
  }
  link->owner->connected(link->user, status);
}

int wpm_link_connect(wpm_link *link, const struct sockaddr *address) {
  return uv_tcp_connect(&link->request.connect, &link->tcp, address, connect_ended);
}

int wpm_link_accept(wpm_link *link, uv_stream_t *listener) {
  int err = uv_accept(listener, (uv_stream_t *)&link->tcp);
  if (err != 0) {
    return err;
  }
  (void)uv_tcp_nodelay(&link->tcp, 1);
  return wpm_link_read(link);
}

static void shutdown_ended(uv_shutdown_t *request, int status) {
  wpm_link *link = request->handle->data;
  if (status != 0 || !link->reading) {
    close_now(link);
  }
}

/* Ends our side of a link that was closed gently and has nothing left to send. */
static void end_stream(wpm_link *link) {
  if (link->broken || !link->reading ||
      uv_shutdown(&link->request.shutdown, (uv_stream_t *)&link->tcp, shutdown_ended) != 0) {
    close_now(link);
  }
}

static void write_ended(uv_write_t *request, int status);

static void start_write(wpm_link *link) {
  wpm_buffer sent = link->writing;
  link->writing = link->waiting;
  link->waiting = sent;
  wpm_buffer_clear(&link->waiting);
  wpm_buffer_release(&link->waiting);
  wpm_bytes view = wpm_buffer_view(&link->writing);
  uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)view.data, (unsigned)view.len);
  int err = uv_write(&link->request.write, (uv_stream_t *)&link->tcp, &buffer, 1, write_ended);
  if (err == 0) {
    link->write_under_way = true;
  } else {
    break_link(link, err);
  }
}

static void write_ended(uv_write_t *request, int status) {
  wpm_link *link = request->handle->data;
  link->write_under_way = false;
  if (status == 0) {
    link->pool->bytes_sent += wpm_buffer_size(&link->writing);
  } else {
    break_link(link, status);
  }
  if (uv_is_closing((uv_handle_t *)&link->tcp)) {
    return;
  }
  wpm_buffer_clear(&link->writing);
  wpm_buffer_release(&link->writing);
  if (!link->broken && wpm_buffer_size(&link->waiting) > 0) {
    start_write(link);
  }
  if (link->shutting_down && !link->write_under_way) {
    end_stream(link);
  }
}

/* Bytes held: those of the write under way stay until all of it is sent. */
static size_t unsent(const wpm_link *link) {
  return wpm_buffer_size(&link->writing) + wpm_buffer_size(&link->waiting);
}

int wpm_link_send(wpm_link *link, wpm_bytes data) {
  if (link->broken || data.len == 0) {
    return WPM_OK;
  }
  if (!link->write_under_way) {
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)data.data, (unsigned)data.len);
    int sent = uv_try_write((uv_stream_t *)&link->tcp, &buffer, 1);
    if (sent < 0 && sent != UV_EAGAIN) {
      break_link(link, sent);
      return WPM_OK;
    }
    if (sent > 0) {
      link->pool->bytes_sent += (uint64_t)sent;
      data.data += sent;
      data.len -= (size_t)sent;
    }
    if (data.len == 0) {
      return WPM_OK;
    }
  }
  if (data.len > link->pool->max_unsent - unsent(link)) {
    return WPM_ERR_FULL;
  }
  int err = wpm_buffer_append(&link->waiting, data.data, data.len);
  if (err == WPM_OK && !link->write_under_way) {
    start_write(link);
  }
  return err;
}

bool wpm_link_addresses(const wpm_link *link, struct sockaddr_storage *local,
                        struct sockaddr_storage *remote) {
  int local_len = sizeof *local;
  int remote_len = sizeof *remote;
  return uv_tcp_getsockname(&link->tcp, (struct sockaddr *)local, &local_len) == 0 &&
         uv_tcp_getpeername(&link->tcp, (struct sockaddr *)remote, &remote_len) == 0;
}

void wpm_link_close(wpm_link *link, bool gently) {
  link->owner = NULL;
  if (!gently || link->broken || !link->reading) {
    close_now(link);
    return;
  }
  link->shutting_down = true;
  wpm_deadline_set(&link->pool->lingering, &link->deadline);
  if (!link->write_under_way) {
    end_stream(link);
  }
}
