#include "core/backoff.h"

#include "core/rules.h"
#include "core/wait.h"

#include <assert.h>

#define JITTER_LEAST (100 * WPM_MILLISECOND)
#define JITTER_MOST WPM_SECOND
#define RETRY_LEAST WPM_MILLISECOND
#define LOCAL_MOST (10 * WPM_SECOND)

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b) {
  return a > b ? a : b;
}

/* Uniform in from … to. */
static int64_t jittered(wpm_manager *m, wpm_rule rule, int64_t from, int64_t to) {
  uint64_t more = wpm_rng_below(&m->rng, (uint64_t)(to - from) + 1);
  return wpm_rule_holds(rule) ? from + (int64_t)more : from;
}

int64_t wpm_backoff_retry(wpm_manager *m, uint32_t failures) {
  int64_t longest = most(m->config.reconnect_max_ns, RETRY_LEAST);
  int64_t first = most(m->config.reconnect_min_ns, RETRY_LEAST);
  if (longest < first && wpm_rule_holds(WPM_RULE_MAXIMUM_LOWERS)) {
    first = longest;
  }
  longest = most(longest, first);
  uint32_t doublings = wpm_rule_holds(WPM_RULE_RETRY_DOUBLES) ? failures : 0;
  int64_t delay = first;
  for (uint32_t i = 1; i < doublings && delay < longest; i++) {
    delay = delay > longest / 2 ? longest : delay * 2;
  }
  int64_t upper = longest - delay < delay / 4 ? longest : delay + delay / 4;
  int64_t lower = most(least(delay, longest - longest / 4), first);
  return jittered(m, WPM_RULE_RETRY_JITTER, lower, upper);
}

int64_t wpm_backoff_local(wpm_manager *m, uint32_t failures) {
  int64_t delay = wpm_backoff_retry(m, failures);
  return wpm_rule_holds(WPM_RULE_LOCAL_DELAY) ? least(delay, LOCAL_MOST) : delay;
}

/* The backoff with slack; each at most a day. */
static int64_t with_slack(const wpm_manager *m, int64_t backoff_ns) {
  int64_t slack = wpm_rule_holds(WPM_RULE_PRUNE_SLACK) ? m->config.backoff_slack_ns : 0;
  return least(backoff_ns, WPM_DAY) + least(slack, WPM_DAY);
}

int64_t wpm_backoff_longest_default(const wpm_manager *m) {
  return least(with_slack(m, m->config.prune_backoff_ns) + JITTER_MOST, WPM_DAY);
}

int wpm_backoff_try_prune(wpm_manager *m, uint32_t slot, wpm_instant start, int64_t named_ns,
                          wpm_instant now) {
  const wpm_wait held = wpm_peer_wait(m->store, wpm_manager_peer(m, slot), WPM_WAIT_PRUNE_BACKOFF);
  bool names = named_ns > 0 && wpm_rule_holds(WPM_RULE_PRUNE_NAMED);
  int64_t length = with_slack(m, names ? named_ns : m->config.prune_backoff_ns);
  length += jittered(m, WPM_RULE_PRUNE_JITTER, JITTER_LEAST, JITTER_MOST);
  length = wpm_rule_holds(WPM_RULE_PRUNE_DAY) ? least(length, WPM_DAY) : length;
  wpm_wait fresh = wpm_wait_from(start, length);
  bool stands = wpm_rule_holds(WPM_RULE_PRUNE_STANDS);
  return wpm_store_try_wait(m->store, slot, WPM_WAIT_PRUNE_BACKOFF,
                            stands ? wpm_wait_later(&held, &fresh, now) : fresh);
}

void wpm_backoff_prune(wpm_manager *m, uint32_t slot, wpm_instant start, int64_t named_ns,
                       wpm_instant now) {
  int err = wpm_backoff_try_prune(m, slot, start, named_ns, now);
  assert(err == WPM_OK);
  (void)err;
}

bool wpm_backoff_applies(const wpm_peer *peer) {
  return !wpm_peer_has(peer, WPM_HAS_PROTOCOLS_KNOWN) || wpm_peer_relays(peer) ||
         !wpm_rule_holds(WPM_RULE_PRUNE_GOSSIP);
}
