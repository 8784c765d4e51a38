#include "support/core/witness.h"
#include "support/test.h"

#include "base/ip_text.h"
#include "base/multiaddr.h"

#include <string.h>

#define S WPM_SECOND
#define BURST 16            /* Attempts in a row, of an address or a peer. */
#define NETWORK 4           /* Times as many, of a network. */
#define ROUNDED (4 * BURST) /* What a bucket may be filled too early: some nanoseconds. */

/* ---- where they come from -------------------------------------------------------------------- */

wpm_witness_ip wpm_witness_ip_of(wpm_bytes multiaddr) {
  wpm_witness_ip ip;
  assert_true(wpm_multiaddr_ip(multiaddr, ip.bytes));
  return ip;
}

wpm_bytes wpm_witness_elsewhere(int peer) {
  return wpm_world_address_in((unsigned)peer % 4, peer);
}

/* One in three has IPv6, of which its owner has 64 bits and each peer another address. */
static wpm_witness_ip ip_of_host(const wpm_witness *r, unsigned host, int peer) {
  uint8_t network = (uint8_t)(host % r->networks);
  if (host % 3 == 2) {
    return (wpm_witness_ip){
        {0x2a, 0, 0, 0, 0, network, 0, (uint8_t)host, 1, 2, 3, 4, 5, 6, 7, (uint8_t)peer}};
  }
  return (wpm_witness_ip){
      {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 47, 0, network, (uint8_t)host}};
}

/* In a crowd the peer is mostly at home; it may have gone elsewhere. */
wpm_witness_ip wpm_witness_origin(wpm_witness *r, int peer) {
  if (!r->has_crowds) {
    return wpm_witness_ip_of(wpm_world_address(peer, 1));
  }
  bool at_home = !wpm_witness_one_in(r, 4);
  unsigned host = at_home ? (unsigned)peer % r->hosts : (unsigned)wpm_witness_below(r, r->hosts);
  return ip_of_host(r, host, peer);
}

/* ---- what may be refused --------------------------------------------------------------------- */

static unsigned bits_of(const wpm_witness_ip *ip, bool network) {
  return wpm_ip6_is_mapped(ip->bytes) ? (network ? 96 + 24 : 128) : network ? 48 : 64;
}

static bool is_of_same(const wpm_witness_ip *one, const wpm_witness_ip *other, bool network) {
  return wpm_ip6_is_mapped(one->bytes) == wpm_ip6_is_mapped(other->bytes) &&
         wpm_witness_is_within(one, other->bytes, bits_of(other, network));
}

static bool is_allowed(const wpm_witness *r, const wpm_witness_ip *ip) {
  return r->w->config.inbound_allow == &r->allow &&
         wpm_witness_is_within(ip, r->allow.ip, r->allow.bits);
}

static size_t live_from(const wpm_witness *r, const wpm_witness_ip *ip, bool network) {
  size_t count = 0;
  for (size_t i = 0; i < WPM_WITNESS_LINKS; i++) {
    const wpm_witness_link *l = &r->links[i];
    count += l->id && !l->closing && l->direction == WPM_INBOUND && !is_allowed(r, &l->ip) &&
             is_of_same(&l->ip, ip, network);
  }
  return count;
}

wpm_witness_arrival wpm_witness_arrives(const wpm_witness *r, int peer, const wpm_witness_ip *ip) {
  bool known = peer >= 0 && r->peers[peer].known;
  return (wpm_witness_arrival){.ip = *ip,
                               .peer = peer,
                               .is_static = known && wpm_world_record(r->w, peer).is_static,
                               .counts = peer < 0 || !r->asks,
                               .of_ip = live_from(r, ip, false),
                               .of_network = live_from(r, ip, true)};
}

/* Those within the limits come in, and only those. */
static void check_limits(const wpm_witness *r, const wpm_witness_arrival *a, wpm_reason refused) {
  const wpm_manager_config *c = &r->w->config;
  bool limited = !a->is_static && !is_allowed(r, &a->ip);
  bool over = limited && c->inbound_per_ip > 0 && a->of_ip >= c->inbound_per_ip;
  bool over_network =
      limited && c->inbound_per_network > 0 && a->of_network >= c->inbound_per_network;
  assert_true(refused != WPM_REASON_INBOUND_PER_IP || over);
  assert_true(refused != WPM_REASON_INBOUND_PER_NETWORK || over_network);
  if (refused != WPM_REASON_INBOUND_PER_IP && refused != WPM_REASON_INBOUND_PER_NETWORK &&
      refused != WPM_REASON_INBOUND_PACE) {
    assert_false(over || over_network);
  }
}

/* ---- their pace ------------------------------------------------------------------------------ */

static wpm_witness_attempt *attempt_at(wpm_witness *r, size_t number) {
  return &r->attempts[number % WPM_WITNESS_ATTEMPTS];
}

static wpm_witness_attempt *note(wpm_witness *r, const wpm_witness_arrival *a, int peer,
                                 bool passed) {
  wpm_witness_attempt *one = attempt_at(r, r->attempt_count++);
  *one = (wpm_witness_attempt){wpm_witness_now(r), peer, a->ip, passed};
  return one;
}

static bool is_of_same_origin(const wpm_witness_attempt *one, const wpm_witness_attempt *other,
                              bool network) {
  return one->peer == other->peer && (one->peer >= 0 || is_of_same(&one->ip, &other->ip, network));
}

/* In some window that ends with the latest, its origin made more attempts than may pass; or more of them
 * passed. */
static bool are_too_many(wpm_witness *r, const wpm_witness_attempt *latest, bool network,
                         bool passed) {
  int64_t times = network ? NETWORK : 1;
  int64_t count = 0;
  for (size_t i = 0; i < r->attempt_count && i < WPM_WITNESS_ATTEMPTS; i++) {
    const wpm_witness_attempt *one = attempt_at(r, r->attempt_count - 1 - i);
    count += is_of_same_origin(one, latest, network) && (one->passed || !passed);
    if (count * S > times * (BURST * S + latest->at - one->at) + (passed ? ROUNDED : 0)) {
      return true;
    }
  }
  return false;
}

/* No more attempts of an origin pass than a burst and one a second; nobody is refused who kept to that, as far
 * as we remember. */
static bool keeps_pace(wpm_witness *r, const wpm_witness_attempt *latest) {
  bool of_ip = latest->peer < 0;
  bool passed = latest->passed;
  bool are_all_known = passed || r->attempt_count <= WPM_WITNESS_ATTEMPTS;
  return are_all_known && !are_too_many(r, latest, false, passed) &&
         !(of_ip && are_too_many(r, latest, true, passed));
}

static void check_pace(wpm_witness *r, const wpm_witness_arrival *a, wpm_reason refused) {
  bool passed = refused != WPM_REASON_INBOUND_PACE;
  bool in_limits =
      refused != WPM_REASON_INBOUND_PER_IP && refused != WPM_REASON_INBOUND_PER_NETWORK;
  bool keeps = true;
  if (!r->w->config.inbound_paced || a->is_static) {
    assert_true(passed);
    return;
  }
  if (a->counts && !is_allowed(r, &a->ip)) {
    keeps = keeps_pace(r, note(r, a, -1, passed));
  }
  if (a->peer >= 0 && in_limits) {
    keeps = keeps_pace(r, note(r, a, a->peer, passed)) && keeps;
  }
  assert_int_equal(keeps, passed);
}

/* ---- what became of it ----------------------------------------------------------------------- */

void wpm_witness_arrived(wpm_witness *r, const wpm_witness_arrival *a, wpm_reason refused) {
  if (refused == WPM_REASON_SELF) {
    return;
  }
  if (refused == WPM_REASON_RANGE_BANNED) {
    assert_true(wpm_witness_perhaps_banned(r, &a->ip, 0));
    return;
  }
  assert_false(wpm_witness_surely_banned(r, &a->ip, 0));
  check_limits(r, a, refused);
  check_pace(r, a, refused);
}

bool wpm_witness_admits(wpm_witness *r, const wpm_witness_ip *ip) {
  static const wpm_reason reasons[WPM_INBOUND_RULE_COUNT] = {
      [WPM_INBOUND_ADMITTED] = WPM_REASON_NONE,
      [WPM_INBOUND_PER_IP] = WPM_REASON_INBOUND_PER_IP,
      [WPM_INBOUND_PER_NETWORK] = WPM_REASON_INBOUND_PER_NETWORK,
      [WPM_INBOUND_PACE] = WPM_REASON_INBOUND_PACE,
      [WPM_INBOUND_BAN] = WPM_REASON_RANGE_BANNED};
  wpm_witness_arrival a = wpm_witness_arrives(r, -1, ip);
  wpm_inbound_rule rule =
      wpm_manager_admit(r->w->manager, wpm_world_address_of(ip->bytes, 50000), r->w->now);
  wpm_witness_arrived(r, &a, reasons[rule]);
  return rule == WPM_INBOUND_ADMITTED;
}
