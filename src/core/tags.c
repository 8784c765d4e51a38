#include "core/tags.h"

#include "core/connectivity.h"
#include "core/decay.h"
#include "core/rules.h"

void wpm_tags_minute(wpm_manager *m) {
  m->tags_looked_at = wpm_tags_may_end(m) ? 0 : WPM_SLOT_NONE;
}

/* The peer's next tag behind *at. */
static bool next_tag(const wpm_manager *m, uint32_t slot, size_t *at, wpm_tag *out) {
  const uint8_t *facts = wpm_peer_facts(m->store, wpm_manager_peer(m, slot));
  wpm_fact fact;
  while (wpm_facts_next(facts, at, &fact)) {
    if (fact.kind == WPM_FACT_TAG) {
      *out = wpm_fact_tag(&fact);
      return true;
    }
  }
  return false;
}

static bool is_over(const wpm_tag *tag, wpm_wall now) {
  return wpm_wall_known(tag->expires) && tag->expires.ns <= now.ns &&
         wpm_rule_holds(WPM_RULE_TAG_EXPIRES);
}

static void remove_tag(wpm_manager *m, uint32_t slot, const wpm_tag *tag) {
  int err = wpm_store_slot_remove_tag(m->store, slot, tag->name);
  (void)err; /* It is there. */
}

void wpm_tags_expire(wpm_manager *m, uint32_t slot, wpm_wall now) {
  wpm_tag tag;
  size_t at = 0;
  while (wpm_store_ages(m->store, slot) && next_tag(m, slot, &at, &tag)) {
    if (is_over(&tag, now)) {
      remove_tag(m, slot, &tag);
      at = 0; /* Where it was is another. */
    }
  }
}

static void fade(wpm_manager *m, uint32_t slot, const wpm_tag *tag, int64_t elapsed_ns) {
  uint32_t draw = (uint32_t)wpm_rng_below(&m->rng, UINT64_C(1) << 31);
  int32_t left = wpm_decay(tag->value, elapsed_ns, tag->half_life_ns, draw);
  if (left != tag->value) {
    wpm_store_slot_tag_value(m->store, slot, tag->name, left);
  }
}

void wpm_tags_fade(wpm_manager *m, uint32_t slot, int64_t elapsed_ns) {
  wpm_tag tag;
  size_t at = 0;
  if (elapsed_ns <= 0 || !wpm_store_ages(m->store, slot) || !wpm_rule_holds(WPM_RULE_TAG_FADES)) {
    return;
  }
  while (next_tag(m, slot, &at, &tag)) {
    if (tag.half_life_ns > 0 && tag.value != 0) {
      fade(m, slot, &tag, elapsed_ns);
    }
  }
  at = 0;
  while (next_tag(m, slot, &at, &tag)) {
    if (tag.half_life_ns > 0 && tag.value == 0 &&
        !(tag.protects && wpm_rule_holds(WPM_RULE_TAG_PROTECTS))) {
      remove_tag(m, slot, &tag);
      at = 0;
    }
  }
}

void wpm_tags_run(wpm_manager *m, uint32_t some, wpm_instant now) {
  for (; some > 0 && m->tags_looked_at != WPM_SLOT_NONE; some--) {
    uint32_t slot = wpm_store_next_aging(m->store, m->tags_looked_at);
    m->tags_looked_at = slot == WPM_SLOT_NONE ? slot : slot + 1;
    if (slot != WPM_SLOT_NONE) {
      wpm_change change = wpm_change_begin(m, slot);
      wpm_tags_expire(m, slot, now.wall);
      if (m->store->changes != change.changes) {
        wpm_change_end(m, &change, now);
      }
    }
  }
}

wpm_mono wpm_tags_deadline(const wpm_manager *m, wpm_mono minute) {
  if (m->tags_looked_at != WPM_SLOT_NONE) {
    return m->now;
  }
  return wpm_store_any_ages(m->store) ? minute : WPM_NEVER;
}
