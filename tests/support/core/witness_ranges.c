#include "support/core/witness.h"
#include "support/test.h"

#include "base/ip_text.h"
#include "base/multiaddr.h"
#include "base/record.h"

#include <string.h>

#define S WPM_SECOND

bool wpm_witness_is_within(const wpm_witness_ip *ip, const uint8_t *range, unsigned bits) {
  for (unsigned bit = 0; bit < bits; bit++) {
    if ((ip->bytes[bit / 8] ^ range[bit / 8]) & 0x80 >> bit % 8) {
      return false;
    }
  }
  return true;
}

static bool holds(const wpm_witness_range *one, const wpm_witness_ip *ip) {
  return wpm_witness_is_within(ip, one->range.ip, one->range.bits);
}

/* `surely`: by the least that its bans last, else by the most. */
static bool is_banned(const wpm_witness *r, const wpm_witness_ip *ip, uint64_t dial, bool surely) {
  for (size_t i = 0; i < r->range_count; i++) {
    const wpm_witness_range *one = &r->ranges[i];
    int64_t to = surely ? one->surely_to : one->perhaps_to;
    if (wpm_witness_now(r) < to && one->dials_before >= dial && holds(one, ip)) {
      return true;
    }
  }
  return false;
}

bool wpm_witness_surely_banned(const wpm_witness *r, const wpm_witness_ip *ip, uint64_t dial) {
  return is_banned(r, ip, dial, true);
}

bool wpm_witness_perhaps_banned(const wpm_witness *r, const wpm_witness_ip *ip, uint64_t dial) {
  return is_banned(r, ip, dial, false);
}

/* ---- what a person does ---------------------------------------------------------------------- */

/* A wide or narrow range around where a peer is found, or comes from. */
static wpm_ip_range draw_range(wpm_witness *r) {
  static const uint8_t of_ip4[] = {96 + 8, 96 + 16, 96 + 24, 96 + 32};
  static const uint8_t of_ip6[] = {16, 48, 64, 128};
  wpm_ip_range range;
  int peer = (int)wpm_witness_below(r, WPM_WITNESS_PEERS);
  wpm_witness_ip ip = wpm_witness_one_in(r, 2)   ? wpm_witness_origin(r, peer)
                      : wpm_witness_one_in(r, 2) ? wpm_witness_ip_of(wpm_world_address(peer, 1))
                                                 : wpm_witness_ip_of(wpm_witness_elsewhere(peer));
  memcpy(range.ip, ip.bytes, sizeof(range.ip));
  range.bits = (wpm_ip6_is_mapped(ip.bytes) ? of_ip4 : of_ip6)[wpm_witness_below(r, 4)];
  return range;
}

/* Where that range is in our list; `range_count`: it is not. */
static size_t index_of(const wpm_witness *r, const wpm_ip_range *range) {
  wpm_witness_ip ip;
  size_t i = 0;
  memcpy(ip.bytes, range->ip, sizeof(ip.bytes));
  while (i < r->range_count &&
         !(r->ranges[i].range.bits == range->bits && holds(&r->ranges[i], &ip))) {
    i++;
  }
  return i;
}

static void begin(wpm_witness *r, wpm_witness_range *one, int64_t length) {
  one->length = length;
  one->surely_to = one->perhaps_to = length == INT64_MAX ? INT64_MAX : wpm_witness_now(r) + length;
  one->dials_before = r->dials_seen;
  r->new_range = length > 0 ? one : NULL;
}

void wpm_witness_ban_range(wpm_witness *r) {
  static const int64_t lengths[] = {0, 20 * S, 10 * WPM_MINUTE, 7 * WPM_HOUR, 2 * WPM_DAY};
  bool again = r->range_count > 0 && wpm_witness_one_in(r, 2);
  wpm_ip_range range =
      again ? r->ranges[wpm_witness_below(r, r->range_count)].range : draw_range(r);
  size_t index = index_of(r, &range);
  if (index == WPM_WITNESS_RANGES) {
    return;
  }
  wpm_witness_range *one = &r->ranges[index];
  if (index == r->range_count) {
    *one = (wpm_witness_range){.range = range};
    r->range_count++;
  }
  wpm_event e = {.type = WPM_EVENT_BAN_RANGE};
  e.u.ban_range.range = range;
  e.u.ban_range.length_ns =
      again && wpm_witness_one_in(r, 2) ? 0 : lengths[wpm_witness_below(r, 5)];
  if (wpm_witness_one_in(r, 20)) {
    e.u.ban_range.length_ns = INT64_MAX;
  }
  bool lifts = e.u.ban_range.length_ns == 0;
  bool is_there = wpm_witness_now(r) < one->perhaps_to;
  bool is_surely_there = wpm_witness_now(r) < one->surely_to;
  begin(r, one, e.u.ban_range.length_ns);
  int err = wpm_world_handle(r->w, &e);
  assert_true(err == WPM_OK || (lifts && err == WPM_ERR_NOT_FOUND));
  assert_true(!lifts || (err ? !is_surely_there : is_there));
}

void wpm_witness_doubt_ranges(wpm_witness *r, int64_t called) {
  for (size_t i = 0; i < r->range_count; i++) {
    wpm_witness_range *one = &r->ranges[i];
    if (one->perhaps_to > called && one->perhaps_to < INT64_MAX) {
      one->surely_to = wpm_witness_earlier(one->surely_to, wpm_witness_now(r));
      one->perhaps_to = wpm_witness_now(r) + one->length;
    }
  }
}

/* ---- what must hold -------------------------------------------------------------------------- */

/* A person's dial goes past bans where all addresses are banned, else to the others. */
void wpm_witness_check_dialled(const wpm_witness *r, const wpm_world_action *a, bool person) {
  size_t surely = 0;
  size_t perhaps = 0;
  for (size_t i = 0; i < a->address_count && r->has_bans; i++) {
    wpm_witness_ip ip;
    memcpy(ip.bytes, a->ips[i], sizeof(ip.bytes));
    surely += wpm_witness_surely_banned(r, &ip, 0);
    perhaps += wpm_witness_perhaps_banned(r, &ip, 0);
  }
  assert_true(surely == 0 || (person && perhaps == a->address_count));
}

/* The record of the peer has an address there. */
static bool is_known_there(const wpm_witness *r, int peer, const wpm_witness_range *one) {
  wpm_peer_record record = wpm_world_record(r->w, peer);
  for (size_t i = 0; i < record.address_count; i++) {
    wpm_witness_ip ip;
    if (wpm_multiaddr_ip(record.addresses[i].multiaddr, ip.bytes) && holds(one, &ip)) {
      return true;
    }
  }
  return false;
}

/* What was under way there as the ban began is over. */
static void check_dials(const wpm_witness *r) {
  const wpm_witness_range *one = r->new_range;
  for (size_t i = 0; one && i < WPM_WITNESS_DIALS; i++) {
    const wpm_witness_dial *d = &r->dials[i];
    bool is_before = d->id && d->number <= one->dials_before;
    assert_false(is_before && is_known_there(r, d->peer, one));
  }
}

/* Only a person's own dial, of after the ban, is connected there. */
static void check_links(const wpm_witness *r) {
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    const wpm_witness_link *l = &r->links[i];
    bool is_open = l->id && !l->closing;
    assert_false(is_open && wpm_witness_surely_banned(r, &l->ip, l->by_person ? l->dial : 0));
  }
}

static bool is_on_disk(const wpm_witness *r, const wpm_range_ban *ban) {
  for (size_t i = 0; i < r->w->range_count; i++) {
    const wpm_range_ban *stored = &r->w->ranges[i];
    if (memcmp(&stored->range, &ban->range, sizeof(ban->range)) == 0) {
      return wpm_wait_equal(&stored->ban, &ban->ban);
    }
  }
  return false;
}

/* The manager lists those in force at its latest call, and they are stored. */
static void check_list(const wpm_witness *r) {
  int64_t called = r->w->called.ns + r->offset;
  uint64_t cursor = 0;
  wpm_range_ban ban;
  size_t listed = 0;
  size_t surely = 0;
  while (wpm_manager_next_range_ban(r->w->manager, &cursor, &ban)) {
    size_t index = index_of(r, &ban.range);
    assert_true(index < r->range_count);
    assert_true(called < r->ranges[index].perhaps_to);
    assert_true(is_on_disk(r, &ban));
    listed += called < r->ranges[index].surely_to;
  }
  for (size_t i = 0; i < r->range_count; i++) {
    surely += called < r->ranges[i].surely_to;
  }
  assert_int_equal(listed, surely);
}

void wpm_witness_check_ranges(const wpm_witness *r) {
  if (r->range_count > 0) {
    check_dials(r);
    check_links(r);
    check_list(r);
  }
}
