/* Dials, written ahead.
 *
 * A peer that we were connected with when we died must not be dialled within its prune backoff
 * (27/WAKU2-PEERS, Reconnecting peers). What is on disk has to say so at the moment of death, and a
 * connection can be up within milliseconds. So before a dial begins, the peer's record is brought to
 * disk as that of a connected one; its failure brings the true record there again. A storage that
 * does not work holds up no dial. */
#include "node/internal.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

bool wpm_node_is_dialling(const wpm_node *node, wpm_bytes peer) {
  for (const wpm_node_dial *dial = node->dials; dial; dial = dial->next) {
    if (wpm_bytes_equal(wpm_peer_id_view(&dial->peer), peer)) {
      return true;
    }
  }
  return false;
}

static void unlink_dial(wpm_node *node, wpm_node_dial *dial) {
  if (dial->previous) {
    dial->previous->next = dial->next;
  } else {
    node->dials = dial->next;
  }
  if (dial->next) {
    dial->next->previous = dial->previous;
  }
}

void wpm_node_dial_over(wpm_node *node, wpm_node_dial *dial, bool connected) {
  wpm_peer_id peer = dial->peer;
  unlink_dial(node, dial);
  free(dial);
  if (!connected) {
    (void)wpm_node_store_record(node, wpm_peer_id_view(&peer), WPM_FIELD_CONNECTIVITY, false);
  }
}

/* A dial that cannot even begin is a failure of ours. */
static void not_begun(wpm_node *node, wpm_bytes peer, wpm_dial_id dial, int err) {
  wpm_peer_id id = {0};
  if (wpm_peer_id_from_bytes(peer, &id) != WPM_OK) {
    return;
  }
  wpm_event event = {
      .type = WPM_EVENT_DIAL_FAILED,
      .peer = wpm_peer_id_view(&id),
      .u.dial_failed = {.dial = dial, .reason = WPM_REASON_LOCAL_FAILURE},
  };
  wpm_attempt attempt = {.err = err,
                         .reason = WPM_REASON_LOCAL_FAILURE,
                         .step = WPM_STEP_CONNECT,
                         .detail = wpm_strerror(err)};
  node->counters.dials_failed[WPM_REASON_LOCAL_FAILURE]++;
  if (wpm_node_fact(node, &event) != WPM_OK) {
    WPM_LOG(&node->config.logger, WPM_LOG_WARN, "node", "a failed dial is lost: out of memory");
  }
  wpm_node_tell_waiters(node, wpm_peer_id_view(&id), &attempt);
}

static void begin(wpm_node *node, wpm_node_dial *dial) {
  int err = wpm_host_dial(node->host, wpm_peer_id_view(&dial->peer), dial->addresses,
                          dial->address_count, dial, &dial->dial);
  if (err != WPM_OK) {
    wpm_peer_id peer = dial->peer;
    wpm_dial_id id = dial->id;
    wpm_node_dial_over(node, dial, false);
    not_begun(node, wpm_peer_id_view(&peer), id, err);
  }
}

/* One allocation: the dial, its addresses, their bytes. NULL: no memory. */
static wpm_node_dial *new_dial(const wpm_action *action) {
  const wpm_bytes *addresses = action->u.dial.addresses;
  size_t count = action->u.dial.address_count;
  size_t total = sizeof(wpm_node_dial) + count * sizeof(wpm_bytes);
  for (size_t i = 0; i < count; i++) {
    total += addresses[i].len;
  }
  wpm_node_dial *dial = calloc(1, total);
  if (!dial || wpm_peer_id_from_bytes(action->peer, &dial->peer) != WPM_OK) {
    free(dial);
    return NULL;
  }
  dial->kind = WPM_OWNER_MANAGER;
  dial->id = action->u.dial.dial;
  dial->address_count = count;
  uint8_t *at = (uint8_t *)(dial->addresses + count);
  for (size_t i = 0; i < count; i++) {
    if (addresses[i].len > 0) {
      memcpy(at, addresses[i].data, addresses[i].len);
    }
    dial->addresses[i] = (wpm_bytes){at, addresses[i].len};
    at += addresses[i].len;
  }
  return dial;
}

void wpm_node_dial_begin(wpm_node *node, const wpm_action *action) {
  wpm_node_dial *dial = new_dial(action);
  node->counters.dials_started++;
  if (!dial) {
    not_begun(node, action->peer, action->u.dial.dial, WPM_ERR_NO_MEMORY);
    return;
  }
  dial->next = node->dials;
  if (node->dials) {
    node->dials->previous = dial;
  }
  node->dials = dial;
  dial->written_ahead =
      wpm_node_store_record(node, wpm_peer_id_view(&dial->peer), WPM_FIELD_CONNECTIVITY, true);
  if (!wpm_node_must_wait(node, dial->written_ahead)) {
    begin(node, dial);
  }
}

/* The first dial that has waited long enough. */
static wpm_node_dial *first_due(const wpm_node *node) {
  wpm_node_dial *dial = node->dials;
  while (dial && (dial->dial || wpm_node_must_wait(node, dial->written_ahead))) {
    dial = dial->next;
  }
  return dial;
}

void wpm_node_dials_durable(wpm_node *node) {
  /* From the front each time: a dial that fails at once may change the list. */
  for (wpm_node_dial *dial = NULL; !node->stopping && (dial = first_due(node));) {
    begin(node, dial);
  }
}

static void cancel(wpm_node *node, wpm_node_dial *dial) {
  if (dial->dial) {
    wpm_dial_cancel(dial->dial);
  }
  wpm_node_dial_over(node, dial, false);
}

void wpm_node_dial_cancel(wpm_node *node, wpm_dial_id id) {
  wpm_node_dial *dial = node->dials;
  while (dial && dial->id != id) {
    dial = dial->next;
  }
  if (!dial) {
    return;
  }
  wpm_peer_id peer = dial->peer;
  cancel(node, dial);
  if (!node->stopping) { /* Else all who wait are told of that. */
    wpm_node_settle_waiters(node, wpm_peer_id_view(&peer));
  }
}

void wpm_node_dials_drop(wpm_node *node) {
  while (node->dials) {
    cancel(node, node->dials);
  }
}
