/* Peers that another store knows. */
#include "node/internal.h"

#include "base/bytes.h"

static int hand_over(wpm_node *node, const wpm_peer_record *taken, wpm_exchange_skip_fn skipped,
                     void *user) {
  wpm_peer_record kept;
  wpm_event event = {
      .type = WPM_EVENT_IMPORTED, .peer = taken->id, .u.imported = {.record = taken}};
  int err = wpm_node_fact(node, &event);
  if (err == WPM_OK &&
      wpm_store_get(wpm_manager_store(node->manager), taken->id, &kept) == WPM_OK) {
    (void)wpm_exchange_tell_cuts(taken, &kept, wpm_node_now(node).wall, skipped, user);
  }
  return err;
}

int wpm_node_import(wpm_node *node, const wpm_peer_record *record, wpm_exchange_skip_fn skipped,
                    void *user) {
  wpm_peer_record held;
  wpm_peer_record *taken = NULL;
  int err = node->taker ? WPM_OK : wpm_exchange_taker_new(&node->taker);
  if (err != WPM_OK) {
    return err;
  }
  bool is_held = wpm_store_get(wpm_manager_store(node->manager), record->id, &held) == WPM_OK;
  err = wpm_exchange_take(node->taker, is_held ? &held : NULL, record, skipped, user, NULL, &taken);
  if (err == WPM_OK) {
    err = hand_over(node, taken, skipped, user);
  }
  wpm_exchange_record_free(taken);
  return err;
}
