/* Feelers: trial connections with peers that nobody needs yet (Bitcoin Core).
 *
 * - So that there are tried peers to choose from when an outbound one is lost, and so that those told of
 *   show whether they are there: while the outbound target is met and there is a network, one untried
 *   candidate is dialled about every `feeler_ns`, at intervals spread exponentially, so that nobody can
 *   tell when. It is drawn as candidates are (core/targets.h), but of any network group.
 * - Where the store is full of peers that we held, so that nobody merely heard of finds room, one of these
 *   is dialled instead: of 16 drawn of those that nothing holds back, that are not wanted anyway, and that
 *   did not fail since they were lost, the one seen last the longest ago. What fails may go then
 *   (core/victim.c): so a full store does not freeze.
 * - One at a time, and only where a place is free that is kept for nobody else.
 * - Once it is connected and has identified itself, and told its shards where we have any (else nobody would
 *   know whether it is one to choose), or LINGER later, it is let go with the reason `feeler`; its GossipSub prune backoff runs as after any end. It counts neither as an outbound relay peer
 *   nor for a shard or a service, and is not dialled again for having been held, nor first after a restart.
 * - Whom a person connects meanwhile, who becomes static or protected, or who connects to us by itself,
 *   stays as any other does.
 */
#ifndef WPM_CORE_FEELERS_H
#define WPM_CORE_FEELERS_H

#include "core/connections.h"
#include "core/rules.h"

void wpm_feelers_init(wpm_manager *m);

/* The peer is being tried. */
static inline bool wpm_feelers_are_at(const wpm_manager *m, uint32_t slot) {
  return m->feelers.slot == slot;
}

/* Tries another, or lets one go, as far as it is time; when that is next. */
void wpm_feelers_run_now(wpm_manager *m, wpm_instant now);

static inline void wpm_feelers_run(wpm_manager *m, wpm_instant now) {
  if (m->feelers.at.ns != WPM_NEVER.ns || m->targets.outbound >= m->config.relay_outbound ||
      !wpm_rule_holds(WPM_RULE_FEELERS_LAST)) {
    wpm_feelers_run_now(m, now);
  }
}

static inline wpm_mono wpm_feelers_deadline(const wpm_manager *m) {
  return m->feelers.at;
}

/* When another is tried, as things are; WPM_NEVER: not by time. */
wpm_mono wpm_feelers_next_at(const wpm_manager *m);

/* When the peer is let go, who is being tried and connected; WPM_NEVER: it is not. */
wpm_mono wpm_feelers_end_at(const wpm_manager *m, uint32_t slot);

/* A connection with the peer came up, which has its place; it has identified itself, or told its shards. */
void wpm_feelers_connected(wpm_manager *m, uint32_t slot, const wpm_connection *connection,
                           wpm_instant now);
typedef enum wpm_feeler_answer {
  WPM_FEELER_IDENTIFY = 1,
  WPM_FEELER_METADATA = 2
} wpm_feeler_answer;
void wpm_feelers_answered(wpm_manager *m, uint32_t slot, wpm_feeler_answer answer, wpm_instant now);

/* It has no place any more. */
void wpm_feelers_over(wpm_manager *m, uint32_t slot);

/* It is wanted for its own sake now. */
void wpm_feelers_adopt(wpm_manager *m, uint32_t slot);

#endif
