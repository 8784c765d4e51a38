/* What a person asks for. */
#include "node/internal.h"

#include "base/bytes.h"
#include "base/error.h"
#include "node/system.h"

#include <stdlib.h>
#include <string.h>

/* What is no peer id names no peer that is held. */
static int wish(wpm_node *node, wpm_event_type type, wpm_bytes peer) {
  if (peer.len == 0 || peer.len > WPM_PEER_ID_MAX) {
    return WPM_ERR_NOT_FOUND;
  }
  wpm_event event = {.type = type, .peer = peer};
  return wpm_node_fact(node, &event);
}

/* A judgement of the peer. */
static int judge(wpm_node *node, wpm_bytes peer, wpm_event *event) {
  if (peer.len == 0 || peer.len > WPM_PEER_ID_MAX) {
    return WPM_ERR_NOT_FOUND;
  }
  event->peer = peer;
  return wpm_node_fact(node, event);
}

int wpm_node_ban(wpm_node *node, wpm_bytes peer, int64_t length_ns) {
  wpm_event event = {.type = WPM_EVENT_BAN, .u.ban.length_ns = length_ns};
  return judge(node, peer, &event);
}

int wpm_node_ban_range(wpm_node *node, const wpm_ip_range *range, int64_t length_ns) {
  wpm_event event = {.type = WPM_EVENT_BAN_RANGE,
                     .u.ban_range = {.range = *range, .length_ns = length_ns}};
  return wpm_node_fact(node, &event);
}

int wpm_node_set_tag(wpm_node *node, wpm_bytes peer, const wpm_tag *tag) {
  wpm_event event = {.type = WPM_EVENT_TAG, .u.tag.tag = *tag};
  return judge(node, peer, &event);
}

int wpm_node_remove_tag(wpm_node *node, wpm_bytes peer, wpm_text name) {
  wpm_event event = {.type = WPM_EVENT_TAG, .u.tag = {.tag.name = name, .remove = true}};
  return judge(node, peer, &event);
}

int wpm_node_set_score(wpm_node *node, wpm_bytes peer, int32_t score) {
  wpm_event event = {.type = WPM_EVENT_SCORE, .u.score.score = score};
  return judge(node, peer, &event);
}

int wpm_node_add_score(wpm_node *node, wpm_bytes peer, int32_t addition) {
  wpm_event event = {.type = WPM_EVENT_SCORE, .u.score = {.score = addition, .add = true}};
  return judge(node, peer, &event);
}

int wpm_node_set_note(wpm_node *node, wpm_bytes peer, wpm_text key, wpm_bytes value) {
  wpm_event event = {.type = WPM_EVENT_NOTE, .u.note = {.key = key, .value = value}};
  return judge(node, peer, &event);
}

/* A peer, by a multiaddr that names it. The views lead into `address`. */
typedef struct named_peer {
  wpm_multiaddr address;
  wpm_bytes transport;
  wpm_bytes peer;
} named_peer;

static int read_named(const wpm_node *node, wpm_text text, named_peer *out, wpm_error *error) {
  int err = wpm_multiaddr_parse(text, &out->address, error);
  if (err != WPM_OK) {
    return err;
  }
  err = wpm_multiaddr_split_peer(wpm_multiaddr_view(&out->address), &out->transport, &out->peer);
  if (err != WPM_OK || out->peer.len == 0 || out->transport.len == 0) {
    return wpm_fail(error, WPM_ERR_INVALID,
                    "%.*s names no peer: give it as /ip4/ADDRESS/tcp/PORT/p2p/PEER-ID",
                    (int)(text.len < 120 ? text.len : 120), text.data);
  }
  if (wpm_bytes_equal(out->peer, wpm_peer_id_view(&node->identity.peer_id))) {
    return wpm_fail(error, WPM_ERR_INVALID, "%.*s is this node itself",
                    (int)(text.len < 120 ? text.len : 120), text.data);
  }
  return WPM_OK;
}

static void say_found(wpm_event *event, const named_peer *named) {
  event->type = WPM_EVENT_FOUND;
  event->peer = named->peer;
  event->u.found.addresses = &named->transport;
  event->u.found.address_count = 1;
}

static int not_kept(wpm_error *error, int err) {
  return wpm_fail(error, err, "the peer cannot be kept: %s", wpm_strerror(err));
}

/* What FOUND says beside the address. */
static int found(wpm_node *node, wpm_text text, wpm_event *event, wpm_peer_id *id,
                 wpm_error *error) {
  named_peer named;
  int err = read_named(node, text, &named, error);
  if (err != WPM_OK) {
    return err;
  }
  say_found(event, &named);
  err = wpm_node_fact(node, event);
  if (err != WPM_OK) {
    return not_kept(error, err);
  }
  return id ? wpm_peer_id_from_bytes(named.peer, id) : WPM_OK;
}

int wpm_node_found(wpm_node *node, wpm_text text, wpm_address_source source, wpm_peer_id *id,
                   wpm_error *error) {
  wpm_event event = {.u.found = {.source = source, .origin = WPM_ORIGIN_STATIC, .is_static = true}};
  return found(node, text, &event, id, error);
}

int wpm_node_discovered(wpm_node *node, wpm_text multiaddr, wpm_address_source source,
                        wpm_origin origin, wpm_bytes told_by, wpm_intake_rule *rule,
                        wpm_error *error) {
  wpm_event event = {.u.found = {.source = source, .origin = origin, .told_by = told_by}};
  event.u.found.intake = rule;
  return found(node, multiaddr, &event, NULL, error);
}

int wpm_node_add(wpm_node *node, wpm_text multiaddr, wpm_peer_id *id, wpm_error *error) {
  return wpm_node_found(node, multiaddr, WPM_SOURCE_PERSON, id, error);
}

/* ---- connecting ------------------------------------------------------------------------------ */

/* Takes the waiters for `peer` (all, where it is NULL) out of the list. */
static wpm_waiter *take_waiters(wpm_node *node, const wpm_bytes *peer) {
  wpm_waiter *taken = NULL;
  wpm_waiter **at = &node->waiters;
  while (*at) {
    wpm_waiter *waiter = *at;
    if (peer && !wpm_bytes_equal(wpm_peer_id_view(&waiter->peer), *peer)) {
      at = &waiter->next;
      continue;
    }
    *at = waiter->next;
    waiter->next = taken;
    taken = waiter;
  }
  return taken;
}

static void tell(wpm_waiter *waiters, const wpm_attempt *attempt) {
  while (waiters) {
    wpm_waiter *waiter = waiters;
    waiters = waiter->next;
    waiter->done(waiter->user, wpm_peer_id_view(&waiter->peer), attempt);
    free(waiter);
  }
}

void wpm_node_tell_waiters(wpm_node *node, wpm_bytes peer, const wpm_attempt *attempt) {
  if (node->waiters) {
    tell(take_waiters(node, &peer), attempt);
  }
}

void wpm_node_drop_waiters(wpm_node *node) {
  wpm_attempt attempt = {
      .err = WPM_ERR_CLOSED, .reason = WPM_REASON_SHUTDOWN, .detail = "the node is shutting down"};
  tell(take_waiters(node, NULL), &attempt);
}

/* How it stands with a peer that a person asked for, where it is not being dialled. */
static wpm_attempt outcome(wpm_held_by held_by) {
  wpm_attempt attempt = {.err = WPM_ERR_STATE,
                         .reason = WPM_REASON_LOCAL_FAILURE,
                         .step = WPM_STEP_CONNECT,
                         .detail = "it cannot be dialled now"};
  if (held_by == WPM_HELD_BY_CONNECTED) {
    return (wpm_attempt){.err = WPM_OK, .detail = ""};
  }
  if (held_by == WPM_HELD_BY_PERSON) {
    attempt.err = WPM_ERR_CLOSED;
    attempt.reason = WPM_REASON_PERSON;
    attempt.detail = "a person disconnected it meanwhile";
  } else if (held_by == WPM_HELD_BY_NO_ADDRESS) {
    attempt.err = WPM_ERR_NOT_FOUND;
    attempt.reason = WPM_REASON_UNSUPPORTED_ADDRESS;
    attempt.step = WPM_STEP_ADDRESS;
    attempt.detail = "no address of it is known that can be dialled";
  } else if (held_by == WPM_HELD_BY_NO_PLACE) {
    attempt.err = WPM_ERR_FULL;
    attempt.detail = "no place is free: raise --max-connections or disconnect a peer";
  } else if (held_by == WPM_HELD_BY_SHUTDOWN) {
    attempt.err = WPM_ERR_CLOSED;
    attempt.reason = WPM_REASON_SHUTDOWN;
    attempt.detail = "the node is shutting down";
  }
  return attempt;
}

void wpm_node_settle_waiters(wpm_node *node, wpm_bytes peer) {
  static const wpm_attempt removed = {.err = WPM_ERR_NOT_FOUND,
                                      .reason = WPM_REASON_PERSON,
                                      .step = WPM_STEP_CONNECT,
                                      .detail = "it was removed meanwhile"};
  wpm_plan plan;
  if (!node->waiters) {
    return;
  }
  if (wpm_manager_plan(node->manager, peer, wpm_system_now(node->boot_id), &plan) != WPM_OK) {
    wpm_node_tell_waiters(node, peer, &removed);
  } else if (plan.held_by != WPM_HELD_BY_DIALLING) {
    wpm_attempt attempt = outcome(plan.held_by);
    wpm_node_tell_waiters(node, peer, &attempt);
  }
}

/* Takes one waiter out of the list. False: it was told, and is gone. */
static bool take_waiter(wpm_node *node, const wpm_waiter *waiter) {
  wpm_waiter **at = &node->waiters;
  while (*at && *at != waiter) {
    at = &(*at)->next;
  }
  if (!*at) {
    return false;
  }
  *at = waiter->next;
  return true;
}

/* A person asks for a connection with this peer by this fact; `done` is told how it went. */
static int ask(wpm_node *node, const wpm_event *event, const wpm_peer_id *id, wpm_attempt_fn done,
               void *user) {
  wpm_waiter *waiter = NULL;
  if (done) {
    waiter = calloc(1, sizeof *waiter);
    if (!waiter) {
      return WPM_ERR_NO_MEMORY;
    }
    *waiter = (wpm_waiter){.next = node->waiters, .peer = *id, .done = done, .user = user};
    node->waiters = waiter;
  }
  int err = wpm_node_fact(node, event);
  if (err == WPM_OK) {
    wpm_node_settle_waiters(node, wpm_peer_id_view(id));
    return WPM_OK;
  }
  if (waiter && !take_waiter(node, waiter)) {
    return WPM_OK; /* It was told all the same. */
  }
  free(waiter);
  return err;
}

int wpm_node_connect(wpm_node *node, wpm_bytes peer, wpm_attempt_fn done, void *user) {
  wpm_peer_id id; /* `peer` may lead into a record that moves. */
  if (peer.len == 0 || wpm_peer_id_from_bytes(peer, &id) != WPM_OK) {
    return WPM_ERR_NOT_FOUND;
  }
  wpm_event event = {.type = WPM_EVENT_PERSON_CONNECT, .peer = wpm_peer_id_view(&id)};
  return ask(node, &event, &id, done, user);
}

int wpm_node_add_and_connect(wpm_node *node, wpm_text multiaddr, wpm_attempt_fn done, void *user,
                             wpm_error *error) {
  wpm_event event = {.u.found = {.source = WPM_SOURCE_PERSON,
                                 .origin = WPM_ORIGIN_STATIC,
                                 .is_static = true,
                                 .connect = true}};
  named_peer named;
  wpm_peer_id id;
  int err = read_named(node, multiaddr, &named, error);
  if (err != WPM_OK) {
    return err;
  }
  err = wpm_peer_id_from_bytes(named.peer, &id);
  if (err == WPM_OK) {
    say_found(&event, &named);
    err = ask(node, &event, &id, done, user);
  }
  return err == WPM_OK ? WPM_OK : not_kept(error, err);
}

int wpm_node_disconnect(wpm_node *node, wpm_bytes peer) {
  return wish(node, WPM_EVENT_PERSON_DISCONNECT, peer);
}

int wpm_node_remove(wpm_node *node, wpm_bytes peer) {
  wpm_peer_id id; /* `peer` may lead into the record that goes. */
  int err = wpm_peer_id_from_bytes(peer, &id);
  return err == WPM_OK ? wish(node, WPM_EVENT_PERSON_REMOVE, wpm_peer_id_view(&id))
                       : WPM_ERR_NOT_FOUND;
}
