#include "core/actions.h"

#include "core/connections.h"
#include "core/range_bans.h"
#include "core/rank.h"

#include <assert.h>
#include <stdlib.h>

/* The go-away code of every close of ours: none is for a fault of the other side's protocol. Yamux
 * names it "normal termination". */
#define GO_AWAY_NORMAL 0u

void wpm_pending_peer(wpm_manager *m, uint32_t slot, unsigned bits) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  wpm_pending_queue *queue = &m->pending_peers;
  policy->pending |= (uint8_t)bits;
  if (policy->queued) {
    return;
  }
  policy->queued = true;
  policy->next = WPM_SLOT_NONE;
  if (queue->first == WPM_SLOT_NONE) {
    queue->first = slot;
  } else {
    wpm_manager_policy(m, queue->last)->next = slot;
  }
  queue->last = slot;
}

void wpm_pending_connection(wpm_manager *m, wpm_connection *connection, unsigned bits) {
  wpm_pending_queue *queue = &m->pending_connections;
  connection->pending |= (uint8_t)bits;
  if (connection->queued) {
    return;
  }
  connection->queued = true;
  connection->next = WPM_SLOT_NONE;
  if (queue->first == WPM_SLOT_NONE) {
    queue->first = connection->slot;
  } else {
    m->connections[queue->last]->next = connection->slot;
  }
  queue->last = connection->slot;
}

void wpm_pending_notify(wpm_manager *m, uint32_t slot, wpm_connectivity from) {
  wpm_policy *policy = wpm_manager_policy(m, slot);
  wpm_connectivity to = wpm_peer_connectivity(wpm_manager_peer(m, slot));
  if (policy->pending & WPM_PENDING_NOTIFY) {
    if (policy->notify_from == to) {
      policy->pending &= (uint8_t)~WPM_PENDING_NOTIFY;
    }
  } else if (from != to) {
    policy->notify_from = (uint8_t)from;
    wpm_pending_peer(m, slot, WPM_PENDING_NOTIFY);
  }
}

int wpm_pending_reserve(wpm_manager *m, size_t count) {
  if (count <= m->dial_address_capacity) {
    return WPM_OK;
  }
  if (count > SIZE_MAX / 2 / sizeof(*m->dial_addresses)) {
    return WPM_ERR_NO_MEMORY;
  }
  wpm_bytes *addresses = realloc(m->dial_addresses, count * sizeof(*addresses));
  if (!addresses) {
    return WPM_ERR_NO_MEMORY;
  }
  m->dial_addresses = addresses;
  m->dial_address_capacity = count;
  return WPM_OK;
}

/* Clears the lowest bit of *pending and returns it. */
static unsigned take_bit(uint8_t *pending) {
  unsigned bit = *pending & (unsigned)-*pending;
  *pending &= (uint8_t)~bit;
  return bit;
}

static void fill_dial(wpm_manager *m, uint32_t slot, bool all, wpm_action *out) {
  assert(wpm_peer_address_count(m->store, wpm_manager_peer(m, slot)) <= m->dial_address_capacity);
  size_t count = wpm_rank_dial(m, slot, all, m->dial_addresses);
  out->type = WPM_ACTION_DIAL;
  out->u.dial.dial = wpm_manager_policy(m, slot)->dial;
  out->u.dial.addresses = m->dial_addresses;
  out->u.dial.address_count = count;
}

static void fill_notify(const wpm_manager *m, uint32_t slot, wpm_action *out) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  const wpm_policy *policy = wpm_manager_policy(m, slot);
  out->type = WPM_ACTION_NOTIFY;
  out->u.notify.from = (wpm_connectivity)policy->notify_from;
  bool gone = peer->state == WPM_SLOT_DETACHED;
  out->u.notify.to = gone ? WPM_CAN_CONNECT : wpm_peer_connectivity(peer);
  out->u.notify.reason = gone               ? WPM_REASON_PERSON
                         : peer->u.live > 0 ? WPM_REASON_NONE
                                            : (wpm_reason)peer->reason;
}

static void fill_peer_action(wpm_manager *m, uint32_t slot, unsigned bit, wpm_action *out) {
  const wpm_peer *peer = wpm_manager_peer(m, slot);
  *out = (wpm_action){.peer = wpm_peer_id_of(m->store, peer)};
  switch (bit) {
  case WPM_PENDING_CANCEL_DIAL:
    out->type = WPM_ACTION_CANCEL_DIAL;
    out->u.cancel_dial.dial = wpm_manager_policy(m, slot)->cancelled;
    return;
  case WPM_PENDING_NOTIFY:
    fill_notify(m, slot, out);
    return;
  case WPM_PENDING_PERSIST:
    out->type = WPM_ACTION_PERSIST;
    out->u.persist.fields = wpm_manager_policy(m, slot)->fields;
    wpm_manager_policy(m, slot)->fields = 0;
    return;
  case WPM_PENDING_FORGET:
    out->type = WPM_ACTION_FORGET;
    out->u.forget.tombstone = wpm_store_outliving(m->store, slot);
    return;
  case WPM_PENDING_DIAL:
  case WPM_PENDING_DIAL_ALL:
    fill_dial(m, slot, bit == WPM_PENDING_DIAL_ALL, out);
    return;
  }
}

static void fill_connection_action(const wpm_connection *connection, unsigned bit,
                                   wpm_action *out) {
  *out = (wpm_action){.peer = wpm_connection_peer_id(connection)};
  switch (bit) {
  case WPM_PENDING_DISCONNECT:
    out->type = WPM_ACTION_DISCONNECT;
    out->u.disconnect.connection = connection->id;
    out->u.disconnect.reason = connection->close_reason;
    out->u.disconnect.go_away_code = GO_AWAY_NORMAL;
    return;
  case WPM_PENDING_IDENTIFY:
    out->type = WPM_ACTION_IDENTIFY;
    break;
  case WPM_PENDING_METADATA:
    out->type = WPM_ACTION_REQUEST_METADATA;
    break;
  case WPM_PENDING_PING:
    out->type = WPM_ACTION_PING;
    break;
  }
  out->u.ping.connection = connection->id;
}

static bool next_of_connections(wpm_manager *m, wpm_action *out) {
  wpm_pending_queue *queue = &m->pending_connections;
  while (queue->first != WPM_SLOT_NONE) {
    wpm_connection *connection = m->connections[queue->first];
    if (connection->pending) {
      fill_connection_action(connection, take_bit(&connection->pending), out);
      return true;
    }
    queue->first = connection->next;
    connection->queued = false;
    if (connection->gone) {
      wpm_connection_free_slot(m, connection);
    }
  }
  return false;
}

static bool next_of_peers(wpm_manager *m, wpm_action *out) {
  wpm_pending_queue *queue = &m->pending_peers;
  while (queue->first != WPM_SLOT_NONE) {
    uint32_t slot = queue->first;
    wpm_policy *policy = wpm_manager_policy(m, slot);
    if (policy->pending) {
      fill_peer_action(m, slot, take_bit(&policy->pending), out);
      return true;
    }
    queue->first = policy->next;
    policy->queued = false;
    if (wpm_manager_peer(m, slot)->state == WPM_SLOT_DETACHED) {
      wpm_store_release(m->store, slot);
      wpm_manager_note_deadline(m); /* That of its tombstone may be the next. */
    }
  }
  return false;
}

bool wpm_manager_next_action(wpm_manager *m, wpm_action *out) {
  return (m->range_bans.pending.first != WPM_MAP_NONE && wpm_range_bans_next_action(m, out)) ||
         next_of_connections(m, out) || next_of_peers(m, out);
}
