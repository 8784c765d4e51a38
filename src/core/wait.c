#include "core/wait.h"

#include "core/rules.h"

wpm_mono wpm_mono_after(wpm_mono a, int64_t b) {
  const int64_t last = INT64_MAX - 1;
  return (wpm_mono){a.ns > last - b ? last : a.ns + b};
}

static int64_t cut(int64_t length, int64_t longest) {
  if (length < 0) {
    return 0;
  }
  return length < longest ? length : longest;
}

/* Nanoseconds that have passed of a wait; negative: its start cannot be right. */
static int64_t passed(const wpm_wait *wait, wpm_instant now) {
  if (wait->start.boot_id == now.boot_id && wpm_rule_holds(WPM_RULE_WAIT_BOOT_CLOCK)) {
    return now.mono.ns >= wait->start.mono.ns && wait->start.mono.ns >= 0
               ? now.mono.ns - wait->start.mono.ns
               : -1;
  }
  if (now.wall.ns < wait->start.wall.ns) {
    return -1;
  }
  uint64_t span = (uint64_t)now.wall.ns - (uint64_t)wait->start.wall.ns;
  return span > INT64_MAX ? INT64_MAX : (int64_t)span;
}

wpm_mono wpm_wait_end(const wpm_wait *wait, wpm_instant now) {
  int64_t length = cut(wait->length_ns, WPM_WAIT_LONGEST);
  if (length == 0) {
    return now.mono;
  }
  int64_t gone = passed(wait, now);
  if (gone < 0) {
    return wpm_rule_holds(WPM_RULE_WAIT_ANEW) ? wpm_mono_after(now.mono, length) : now.mono;
  }
  return gone < length ? wpm_mono_after(now.mono, length - gone) : now.mono;
}

bool wpm_wait_runs(const wpm_wait *wait, wpm_instant now) {
  return wait->length_ns == INT64_MAX || wpm_wait_end(wait, now).ns > now.mono.ns;
}

wpm_wait wpm_wait_later(const wpm_wait *old, const wpm_wait *fresh, wpm_instant now) {
  return wpm_wait_end(fresh, now).ns > wpm_wait_end(old, now).ns ? *fresh : *old;
}

wpm_wait wpm_wait_resume(const wpm_wait *wait, int64_t longest, wpm_instant now) {
  wpm_wait resumed = *wait;
  resumed.length_ns = cut(wait->length_ns, longest);
  bool of_this_boot = resumed.start.boot_id == now.boot_id && passed(&resumed, now) >= 0;
  if (of_this_boot || !wpm_rule_holds(WPM_RULE_WAIT_RESUMED)) {
    return resumed;
  }
  int64_t left = wpm_wait_end(&resumed, now).ns - now.mono.ns;
  return left > 0 ? wpm_wait_from(now, left) : (wpm_wait){0};
}

/* True where the instant is of its boot, and not before its start. */
static bool runs_at(const wpm_wait *wait, const wpm_instant *seen) {
  return wait->start.boot_id == seen->boot_id && wait->start.mono.ns >= 0 &&
         seen->mono.ns >= wait->start.mono.ns;
}

wpm_wait wpm_wait_as_seen(const wpm_wait *wait, const wpm_instant *seen) {
  wpm_wait moved = *wait;
  if (!seen || wait->length_ns == 0 || !wpm_wall_known(seen->wall) || !runs_at(wait, seen) ||
      !wpm_rule_holds(WPM_RULE_WAIT_AS_SEEN)) {
    return moved;
  }
  int64_t since = seen->mono.ns - wait->start.mono.ns;
  if (seen->wall.ns > INT64_MIN + since) {
    moved.start.wall.ns = seen->wall.ns - since;
  }
  return moved;
}

static int64_t less(int64_t left, int64_t gone) {
  return gone < left ? left - gone : 0;
}

wpm_wait wpm_wait_resume_owed(const wpm_wait *wait, int64_t longest, const wpm_instant *seen,
                              wpm_instant now) {
  const wpm_wait placed = wpm_wait_as_seen(wait, seen);
  const wpm_wait by_wall = wpm_wait_resume(&placed, longest, now);
  if (wait->start.boot_id == now.boot_id) {
    return by_wall;
  }
  int64_t left = cut(wait->length_ns, longest);
  if (seen && runs_at(wait, seen)) {
    left = less(left, seen->mono.ns - wait->start.mono.ns);
  }
  left = less(left, now.mono.ns > 0 ? now.mono.ns : 0);
  const wpm_wait surely = wpm_wait_from(now, left);
  return wpm_wait_later(&by_wall, &surely, now);
}

bool wpm_wait_equal(const wpm_wait *a, const wpm_wait *b) {
  return a->start.mono.ns == b->start.mono.ns && a->start.wall.ns == b->start.wall.ns &&
         a->start.boot_id == b->start.boot_id && a->length_ns == b->length_ns;
}
