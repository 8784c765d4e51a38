/* A dial: the addresses of one peer, tried in their order, each next one when the one before failed
 * or has been slow (WPM_DIAL_STAGGER). The first attempt whose upgrade ends wins; the others are
 * dropped. A name stands for all the addresses it resolves to. */
#include "net/conn.h"

#include "base/bytes.h"
#include "base/multiaddr.h"
#include "net/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOLVED_MAX 8 /* Most addresses taken from one name. */

/* One socket address to try, or a name to look up. */
typedef struct target {
  size_t address;                 /* Index into the dial's addresses. */
  struct sockaddr_storage socket; /* ss_family AF_UNSPEC: a name. */
} target;

typedef struct address {
  wpm_bytes multiaddr; /* In the dial's own memory. */
  wpm_reason reason;   /* Why the last of its targets that failed did; NONE: none has. */
  size_t open;         /* Its targets that have not failed. */
} address;

struct wpm_dial {
  wpm_host *host;
  wpm_dial *previous, *next; /* In the host's list. */
  void *user;
  wpm_peer_id peer;       /* len 0: any. */
  wpm_peer_id other_peer; /* Who answered in its place; len 0: nobody. */
  wpm_bytes other_view;
  address *addresses;
  size_t address_count;
  target *targets; /* Grows as names are resolved. */
  size_t target_count, target_capacity;
  size_t next_target;   /* Tried next. */
  size_t active;        /* Attempts under way. */
  wpm_deadline stagger; /* When the next is tried although one is under way; or, of a dial that
                           failed before it began, when that is told. */
  wpm_end end;          /* Of the attempt that came furthest. */
  char detail[160];     /* Its sentence. */
};

struct wpm_resolve {
  uv_getaddrinfo_t request;
  wpm_host *host;
  wpm_conn *conn; /* NULL once abandoned. */
  uint16_t port;
};

static void try_next(wpm_dial *dial);

void *wpm_dial_user(const wpm_dial *dial) {
  return dial->user;
}
wpm_bytes wpm_dial_other_peer(const wpm_dial *dial) {
  return dial->other_view;
}
wpm_bytes wpm_dial_peer(const wpm_dial *dial) {
  return wpm_peer_id_view(&dial->peer);
}
wpm_bytes wpm_dial_target_address(const wpm_dial *dial, size_t index) {
  return dial->addresses[dial->targets[index].address].multiaddr;
}

/* Takes the dial out of the host's list: from now on nobody but the caller ends it. */
static void unlink_dial(wpm_dial *dial) {
  wpm_host *host = dial->host;
  wpm_deadline_clear(&dial->stagger);
  if (dial->previous) {
    dial->previous->next = dial->next;
  } else {
    host->dials = dial->next;
  }
  if (dial->next) {
    dial->next->previous = dial->previous;
  }
}

static void free_dial(wpm_dial *dial) {
  free(dial->targets);
  free(dial);
}

/* Drops every attempt of the dial but `winner`. */
static void drop_attempts(wpm_dial *dial, const wpm_conn *winner) {
  wpm_conn *next = NULL;
  for (wpm_conn *conn = dial->active > 0 ? dial->host->connections : NULL; conn; conn = next) {
    /* cppcheck-suppress nullPointerRedundantCheck ; `winner` may be NULL, `conn` is not */
    next = conn->next;
    if (conn != winner && conn->upgrade && conn->upgrade->dial == dial) {
      wpm_conn_drop(conn, false);
    }
  }
  dial->active = 0;
}

void wpm_dial_cancel(wpm_dial *dial) {
  drop_attempts(dial, NULL);
  unlink_dial(dial);
  free_dial(dial);
}

void wpm_dial_succeeded(wpm_dial *dial, wpm_conn *conn) {
  wpm_host *host = dial->host;
  dial->active--;
  drop_attempts(dial, conn);
  unlink_dial(dial);
  host->config.callbacks->connected(host->config.user, conn, dial);
  free_dial(dial);
}

/* Keeps the end that says most: the one of the latest step; a failure of ours says nothing of the
 * peer, so any other outranks it. */
static void keep_end(wpm_dial *dial, const wpm_end *end) {
  bool local = end->reason == WPM_REASON_LOCAL_FAILURE;
  bool had_local = dial->end.reason == WPM_REASON_LOCAL_FAILURE;
  if (dial->end.reason != WPM_REASON_NONE &&
      (local > had_local || (local == had_local && end->step < dial->end.step))) {
    return;
  }
  dial->end = *end;
  (void)snprintf(dial->detail, sizeof dial->detail, "%s", end->detail);
  dial->end.detail = dial->detail;
}

size_t wpm_dial_failed(const wpm_dial *dial, wpm_dial_attempt *out, size_t cap) {
  size_t count = 0;
  for (size_t i = 0; i < dial->address_count && count < cap; i++) {
    const address *tried = &dial->addresses[i];
    if (tried->reason != WPM_REASON_NONE && tried->open == 0) {
      out[count++] = (wpm_dial_attempt){.multiaddr = tried->multiaddr, .reason = tried->reason};
    }
  }
  return count;
}

static void tell_failure(wpm_dial *dial) {
  wpm_host *host = dial->host;
  wpm_dial_attempt *attempts = calloc(dial->address_count + 1, sizeof *attempts);
  unlink_dial(dial);
  size_t count = attempts ? wpm_dial_failed(dial, attempts, dial->address_count) : 0;
  host->config.callbacks->dial_failed(host->config.user, dial, &dial->end, attempts, count);
  free(attempts);
  free_dial(dial);
}

static void note_failure(wpm_dial *dial, size_t index, const wpm_end *end) {
  address *tried = &dial->addresses[dial->targets[index].address];
  tried->reason = end->reason;
  tried->open--;
  keep_end(dial, end);
}

void wpm_dial_attempt_failed(wpm_dial *dial, size_t index, const wpm_end *end,
                             wpm_bytes other_peer) {
  dial->active--;
  note_failure(dial, index, end);
  if (other_peer.len > 0 && wpm_peer_id_from_bytes(other_peer, &dial->other_peer) == WPM_OK) {
    dial->other_view = wpm_peer_id_view(&dial->other_peer);
  }
  try_next(dial);
  if (dial->active == 0 && dial->next_target >= dial->target_count) {
    tell_failure(dial);
  }
}

/* ---- names ----------------------------------------------------------------------------------- */

void wpm_resolve_abandon(struct wpm_resolve *resolve) {
  resolve->conn = NULL;
  (void)uv_cancel((uv_req_t *)&resolve->request);
}

/* Puts the addresses a name stands for behind the target that is the name. False: no memory. */
static bool insert_targets(wpm_dial *dial, size_t index, const struct sockaddr_storage *sockets,
                           size_t count) {
  if (dial->target_count + count > dial->target_capacity) {
    size_t capacity = dial->target_count + count;
    target *targets = realloc(dial->targets, capacity * sizeof *targets);
    if (!targets) {
      return false;
    }
    dial->targets = targets;
    dial->target_capacity = capacity;
  }
  /* Behind what was tried already, so that the indices of attempts under way stay. */
  size_t at = dial->next_target;
  memmove(dial->targets + at + count, dial->targets + at,
          (dial->target_count - at) * sizeof *dial->targets);
  for (size_t i = 0; i < count; i++) {
    dial->targets[at + i] = (target){.address = dial->targets[index].address, .socket = sockets[i]};
  }
  dial->target_count += count;
  dial->addresses[dial->targets[index].address].open += count;
  return true;
}

static void resolve_ended(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
  struct wpm_resolve *resolve = request->data;
  wpm_host *host = resolve->host;
  wpm_conn *conn = resolve->conn;
  struct sockaddr_storage found[RESOLVED_MAX];
  size_t count = 0;
  for (struct addrinfo *entry = list; status == 0 && entry && count < RESOLVED_MAX;
       entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) {
      continue;
    }
    memset(&found[count], 0, sizeof found[count]);
    memcpy(&found[count], entry->ai_addr, entry->ai_addrlen);
    /* The port stands at the same place in both forms. */
    ((struct sockaddr_in *)&found[count])->sin_port = htons(resolve->port);
    count++;
  }
  uv_freeaddrinfo(list);
  free(resolve);
  host->resolves--;
  if (!conn) {
    wpm_host_check_stopped(host);
    return;
  }
  conn->upgrade->resolve = NULL;
  if (count == 0) {
    wpm_conn_fail(conn, WPM_REASON_NAME_NOT_FOUND,
                  status == 0 ? "the name has no address" : uv_strerror(status));
    return;
  }
  wpm_dial *dial = conn->upgrade->dial;
  if (count > 1 && insert_targets(dial, conn->upgrade->target, found + 1, count - 1)) {
    wpm_deadline_set(&host->staggers, &dial->stagger);
  }
  int err = wpm_conn_connect(conn, (struct sockaddr *)&found[0]);
  if (err != 0) {
    wpm_host_note_shortage(host, err);
    wpm_conn_fail(conn, wpm_reason_of_connect(err), uv_strerror(err));
  }
}

/* Begins to look a name up. 0 or libuv's error. */
static int resolve_name(wpm_conn *conn, const wpm_tcp_target *tcp) {
  char name[256];
  if (tcp->host.len >= sizeof name) {
    return UV_EINVAL;
  }
  memcpy(name, tcp->host.data, tcp->host.len);
  name[tcp->host.len] = '\0';
  struct wpm_resolve *resolve = calloc(1, sizeof *resolve);
  if (!resolve) {
    return UV_ENOMEM;
  }
  *resolve = (struct wpm_resolve){.host = conn->host, .conn = conn, .port = tcp->port};
  resolve->request.data = resolve;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                           .ai_family = tcp->host_code == WPM_P_DNS4   ? AF_INET
                                        : tcp->host_code == WPM_P_DNS6 ? AF_INET6
                                                                       : AF_UNSPEC};
  int err =
      uv_getaddrinfo(conn->host->config.loop, &resolve->request, resolve_ended, name, NULL, &hints);
  if (err != 0) {
    free(resolve);
    return err;
  }
  conn->host->resolves++;
  conn->upgrade->step = WPM_STEP_RESOLVE;
  conn->upgrade->resolve = resolve;
  return 0;
}

/* ---- attempts -------------------------------------------------------------------------------- */

/* Begins an attempt on a target. False where it failed at once (noted in the dial). */
static bool begin_attempt(wpm_dial *dial, size_t index) {
  wpm_conn *conn = NULL;
  wpm_end end = {.step = WPM_STEP_CONNECT};
  int err = wpm_conn_new(dial->host, WPM_OUTBOUND, dial, index, &conn);
  if (err != WPM_OK) {
    wpm_host_note_shortage(dial->host, err == WPM_ERR_NO_MEMORY ? UV_ENOMEM : 0);
    end.reason = WPM_REASON_LOCAL_FAILURE;
    end.detail = wpm_strerror(err);
    note_failure(dial, index, &end);
    return false;
  }
  const struct sockaddr_storage *socket = &dial->targets[index].socket;
  wpm_tcp_target tcp;
  if (socket->ss_family != AF_UNSPEC) {
    err = wpm_conn_connect(conn, (const struct sockaddr *)socket);
  } else if (wpm_multiaddr_tcp_target(wpm_dial_target_address(dial, index), &tcp) == WPM_OK) {
    err = resolve_name(conn, &tcp);
  } else {
    err = UV_EINVAL;
  }
  if (err == 0) {
    dial->active++;
    return true;
  }
  wpm_host_note_shortage(dial->host, err);
  wpm_conn_drop(conn, false);
  end.reason = wpm_reason_of_connect(err);
  end.detail = uv_strerror(err);
  note_failure(dial, index, &end);
  return false;
}

static void try_next(wpm_dial *dial) {
  while (dial->next_target < dial->target_count) {
    if (!begin_attempt(dial, dial->next_target++)) {
      continue;
    }
    if (dial->next_target < dial->target_count) {
      wpm_deadline_set(&dial->host->staggers, &dial->stagger);
    }
    return;
  }
}

void wpm_dial_stagger_passed(wpm_deadline *deadline) {
  wpm_dial *dial = WPM_DEADLINE_OWNER(deadline, wpm_dial, stagger);
  try_next(dial);
  if (dial->active == 0) {
    tell_failure(dial);
  }
}

void wpm_dial_failure_due(wpm_deadline *deadline) {
  tell_failure(WPM_DEADLINE_OWNER(deadline, wpm_dial, stagger));
}

/* ---- beginning ------------------------------------------------------------------------------- */

static void add_target(wpm_dial *dial, size_t index) {
  wpm_tcp_target tcp;
  target *added = &dial->targets[dial->target_count];
  added->address = index;
  dial->addresses[index].open = 1;
  int err = wpm_multiaddr_tcp_target(dial->addresses[index].multiaddr, &tcp);
  if (err == WPM_OK) {
    bool is_name = tcp.host_code != WPM_P_IP4 && tcp.host_code != WPM_P_IP6;
    memset(&added->socket, 0, sizeof added->socket);
    if (!is_name) {
      err = wpm_address_to_socket(&tcp, &added->socket);
    }
  }
  dial->target_count++;
  if (err == WPM_OK) {
    return;
  }
  wpm_end end = {.reason = WPM_REASON_UNSUPPORTED_ADDRESS,
                 .step = WPM_STEP_ADDRESS,
                 .detail = "no transport of ours reaches this address"};
  note_failure(dial, dial->target_count - 1, &end);
  dial->target_count--;
}

/* One allocation: the dial, its addresses, their bytes. NULL: no memory. */
static wpm_dial *new_dial(const wpm_bytes *addresses, size_t count) {
  size_t total = sizeof(wpm_dial) + count * sizeof(address);
  for (size_t i = 0; i < count; i++) {
    total += addresses[i].len;
  }
  wpm_dial *dial = calloc(1, total);
  target *targets = calloc(count + 1, sizeof *targets);
  if (!dial || !targets) {
    free(dial);
    free(targets);
    return NULL;
  }
  dial->targets = targets;
  dial->target_capacity = count + 1;
  dial->addresses = (address *)(dial + 1);
  dial->address_count = count;
  uint8_t *bytes = (uint8_t *)(dial->addresses + count);
  for (size_t i = 0; i < count; i++) {
    if (addresses[i].len > 0) {
      memcpy(bytes, addresses[i].data, addresses[i].len);
    }
    dial->addresses[i].multiaddr = (wpm_bytes){bytes, addresses[i].len};
    bytes += addresses[i].len;
  }
  return dial;
}

int wpm_host_dial(wpm_host *host, wpm_bytes peer, const wpm_bytes *addresses, size_t address_count,
                  void *dial_user, wpm_dial **out) {
  if (host->stopping) {
    return WPM_ERR_STATE;
  }
  if (host->connection_count >= host->config.max_connections) {
    return WPM_ERR_FULL;
  }
  wpm_dial *dial = new_dial(addresses, address_count);
  if (!dial) {
    return WPM_ERR_NO_MEMORY;
  }
  dial->host = host;
  dial->user = dial_user;
  int err = wpm_peer_id_from_bytes(peer, &dial->peer);
  if (err != WPM_OK) {
    free(dial->targets);
    free(dial);
    return err;
  }
  dial->end = (wpm_end){.reason = WPM_REASON_NONE, .detail = dial->detail};
  dial->next = host->dials;
  if (host->dials) {
    host->dials->previous = dial;
  }
  host->dials = dial;
  for (size_t i = 0; i < address_count; i++) {
    add_target(dial, i);
  }
  try_next(dial);
  if (dial->active == 0) {
    if (dial->end.reason == WPM_REASON_NONE) {
      dial->end = (wpm_end){WPM_REASON_UNSUPPORTED_ADDRESS, WPM_STEP_ADDRESS, "it has no address"};
    }
    wpm_deadline_set(&host->failures, &dial->stagger);
  }
  *out = dial;
  return WPM_OK;
}
