/* Taking a record of elsewhere in: checked, and brought together with what is known here. */
#include "base/bytes.h"
#include "base/record.h"
#include "exchange/proofs.h"
#include "proto/signed_record.h"

#include <stdlib.h>

/* ---- checking -------------------------------------------------------------------------------- */

static bool is_own(const wpm_peer_id *id, const wpm_peer_record *record) {
  return wpm_bytes_equal(wpm_peer_id_view(id), record->id);
}

static int check_key(wpm_crypto *crypto, wpm_peer_record *record, wpm_report *report) {
  wpm_bytes own = {0};
  if (record->public_key.len == 0) {
    return WPM_OK;
  }
  int err = wpm_proofs_own_key(crypto, record, &own);
  if (err == WPM_ERR_NO_MEMORY) {
    return err;
  }
  if (err != WPM_OK || !wpm_bytes_equal(own, record->public_key)) {
    wpm_report_skip_peer(report, record->id, "a public key that is not its own");
    record->public_key = (wpm_bytes){0};
  }
  return WPM_OK;
}

static void check_enr(wpm_crypto *crypto, wpm_peer_record *record, wpm_report *report) {
  wpm_enr enr;
  if (record->enr.len == 0) {
    return;
  }
  if (wpm_enr_open(crypto, record->enr, &enr) == WPM_OK && is_own(&enr.peer_id, record)) {
    record->enr_sequence = enr.sequence;
    return;
  }
  wpm_report_skip_peer(report, record->id, "a node record that does not verify");
  record->enr = (wpm_bytes){0};
  record->enr_sequence = 0;
  record->capabilities_known = false;
  record->capabilities = 0;
}

/* Drops what only the signed record stands for. `addresses` are the record's own. */
static void forget_signed(wpm_peer_record *record, wpm_address *addresses) {
  record->signed_record = (wpm_bytes){0};
  record->signed_sequence = 0;
  for (size_t i = 0; i < record->address_count; i++) {
    addresses[i].certified = false;
  }
}

static int check_signed(wpm_crypto *crypto, wpm_peer_record *record, wpm_address *addresses,
                        wpm_report *report) {
  wpm_signed_record opened;
  if (record->signed_record.len == 0) {
    forget_signed(record, addresses);
    return WPM_OK;
  }
  int err = wpm_signed_record_open(crypto, record->signed_record, &opened);
  if (err == WPM_ERR_NO_MEMORY) {
    return err;
  }
  if (err != WPM_OK || !is_own(&opened.peer_id, record)) {
    wpm_report_skip_peer(report, record->id, "a signed peer record that does not verify");
    forget_signed(record, addresses);
    return WPM_OK;
  }
  record->signed_sequence = opened.sequence;
  for (size_t i = 0; i < record->address_count; i++) {
    addresses[i].certified = false;
    for (size_t j = 0; j < opened.address_count && !addresses[i].certified; j++) {
      addresses[i].certified = wpm_bytes_equal(addresses[i].multiaddr, opened.addresses[j]);
    }
  }
  return WPM_OK;
}

static void check_observed(wpm_peer_record *record, wpm_report *report) {
  if (record->observed_address.len > 0 && wpm_multiaddr_check(record->observed_address) != WPM_OK) {
    wpm_report_skip_peer(report, record->id, "an observed address that is no valid multiaddr");
    record->observed_address = (wpm_bytes){0};
  }
}

/* A connection that was live there is not here. */
static void settle(wpm_peer_record *record) {
  if (record->connectivity == WPM_CONNECTED) {
    record->reason = WPM_REASON_IMPORTED;
    record->held = true;
  }
  record->connectivity = record->reason != WPM_REASON_NONE || !record->held
                             ? wpm_reason_leaves(record->reason)
                             : WPM_CANNOT_CONNECT;
}

/* ---- bringing together ----------------------------------------------------------------------- */

/* The two records and the lists of the third. */
typedef struct merge {
  const wpm_peer_record *held;
  const wpm_peer_record *other;
  wpm_peer_record record; /* Begins as `held`. */
  wpm_address *addresses;
  wpm_tag *tags;
  wpm_app_entry *app;
} merge;

static wpm_wall earlier(wpm_wall a, wpm_wall b) {
  return !wpm_wall_known(a) || (wpm_wall_known(b) && b.ns < a.ns) ? b : a;
}

static wpm_wall later(wpm_wall a, wpm_wall b) {
  return b.ns > a.ns ? b : a; /* WPM_WALL_NONE is before all. */
}

/* The wait that ends later by the wall clock, which both records share. */
static wpm_wait longer(wpm_wait a, wpm_wait b) {
  if (a.length_ns == 0 || b.length_ns == 0) {
    return a.length_ns == 0 ? b : a;
  }
  int64_t ends[2] = {0};
  const wpm_wait *both[2] = {&a, &b};
  for (int i = 0; i < 2; i++) {
    if (__builtin_add_overflow(both[i]->start.wall.ns, both[i]->length_ns, &ends[i])) {
      ends[i] = INT64_MAX;
    }
  }
  return ends[1] > ends[0] ? b : a;
}

static void merge_address(wpm_address *into, const wpm_address *from) {
  into->source = from->source > into->source ? from->source : into->source;
  into->identified = into->identified || from->identified;
  into->first_seen = earlier(into->first_seen, from->first_seen);
  into->last_seen = later(into->last_seen, from->last_seen);
  into->last_success = later(into->last_success, from->last_success);
  into->last_failure = later(into->last_failure, from->last_failure);
  /* One that stays by its quality has no end of its own. */
  if (into->ttl_ns != WPM_TTL_QUALITY &&
      (from->ttl_ns == WPM_TTL_QUALITY || from->ttl_ns > into->ttl_ns)) {
    into->ttl_ns = from->ttl_ns;
    into->expires = from->expires;
  }
}

static void merge_addresses(merge *m) {
  size_t own = m->held->address_count;
  size_t count = own;
  if (own > 0) {
    memcpy(m->addresses, m->held->addresses, own * sizeof *m->addresses);
  }
  for (size_t i = 0; i < m->other->address_count; i++) {
    const wpm_address *from = &m->other->addresses[i];
    size_t at = 0;
    while (at < own && !wpm_bytes_equal(m->addresses[at].multiaddr, from->multiaddr)) {
      at++;
    }
    if (at < own) {
      merge_address(&m->addresses[at], from);
    } else {
      m->addresses[count++] = *from;
    }
  }
  m->record.addresses = m->addresses;
  m->record.address_count = count;
}

static int compare_text(wpm_text a, wpm_text b) {
  return wpm_bytes_compare((wpm_bytes){(const uint8_t *)a.data, a.len},
                           (wpm_bytes){(const uint8_t *)b.data, b.len});
}

/* Both lists are sorted by name; of two of one name ours stays. */
static void merge_tags(merge *m) {
  size_t i = 0;
  size_t j = 0;
  size_t count = 0;
  while (i < m->held->tag_count || j < m->other->tag_count) {
    int order = i == m->held->tag_count ? 1
                : j == m->other->tag_count
                    ? -1
                    : compare_text(m->held->tags[i].name, m->other->tags[j].name);
    m->tags[count++] = order <= 0 ? m->held->tags[i] : m->other->tags[j];
    i += order <= 0;
    j += order >= 0;
  }
  m->record.tags = m->tags;
  m->record.tag_count = count;
}

static void merge_app(merge *m) {
  size_t i = 0;
  size_t j = 0;
  size_t count = 0;
  while (i < m->held->app_count || j < m->other->app_count) {
    int order = i == m->held->app_count ? 1
                : j == m->other->app_count
                    ? -1
                    : compare_text(m->held->app[i].key, m->other->app[j].key);
    m->app[count++] = order <= 0 ? m->held->app[i] : m->other->app[j];
    i += order <= 0;
    j += order >= 0;
  }
  m->record.app = m->app;
  m->record.app_count = count;
}

/* What the peer told us itself stands; what it has signed does where it is newer. */
static void merge_words(wpm_peer_record *into, const wpm_peer_record *from) {
  if (into->public_key.len == 0) {
    into->public_key = from->public_key;
  }
  if (into->observed_address.len == 0) {
    into->observed_address = from->observed_address;
  }
  if (!into->protocols_known) {
    into->protocols = from->protocols;
    into->protocol_count = from->protocol_count;
    into->protocols_known = from->protocols_known;
  }
  if (into->agent.len == 0) {
    into->agent = from->agent;
  }
  if (into->protocol_version.len == 0) {
    into->protocol_version = from->protocol_version;
  }
  bool newer = from->enr.len > 0 && (into->enr.len == 0 || from->enr_sequence > into->enr_sequence);
  bool silent = into->cluster_id == 0 && into->shard_count == 0;
  if (!into->metadata_known && (from->metadata_known || newer || silent)) {
    into->metadata_known = from->metadata_known;
    into->cluster_id = from->cluster_id;
    into->shards = from->shards;
    into->shard_count = from->shard_count;
  }
  if (newer) {
    into->enr = from->enr;
    into->enr_sequence = from->enr_sequence;
    into->capabilities_known = from->capabilities_known;
    into->capabilities = from->capabilities;
  }
}

/* The signed record that is newer, and with it which addresses are certified: those that it names. */
static void merge_signed(merge *m) {
  wpm_peer_record *into = &m->record;
  const wpm_peer_record *from = m->other;
  bool newer = from->signed_record.len > 0 &&
               (into->signed_record.len == 0 || from->signed_sequence > into->signed_sequence);
  const wpm_peer_record *owner = newer ? from : m->held;
  into->signed_record = owner->signed_record;
  into->signed_sequence = owner->signed_sequence;
  for (size_t i = 0; i < into->address_count; i++) {
    wpm_address *address = &m->addresses[i];
    address->certified = false;
    for (size_t j = 0; j < owner->address_count && !address->certified; j++) {
      address->certified = owner->addresses[j].certified &&
                           wpm_bytes_equal(owner->addresses[j].multiaddr, address->multiaddr);
    }
  }
}

/* What happened: our own experience where there is any. */
static void merge_contact(wpm_peer_record *into, const wpm_peer_record *from) {
  bool met = into->held || into->reason != WPM_REASON_NONE || into->connectivity == WPM_CONNECTED;
  if (!met) {
    into->connectivity = from->connectivity;
    into->reason = from->reason;
    into->disconnect_time = from->disconnect_time;
    into->connected_time = from->connected_time;
    into->direction = from->direction;
    into->held = from->held;
  }
  if (!met && into->failures == 0) {
    into->failures = from->failures;
    into->first_failure = from->first_failure;
    into->last_failure = from->last_failure;
    into->retry_delay = from->retry_delay;
  }
  if (into->rtt_ns == WPM_SPAN_NONE) {
    into->rtt_ns = from->rtt_ns;
  }
  if (into->origin == WPM_ORIGIN_UNKNOWN) {
    into->origin = from->origin;
  }
  if (into->score == 0) {
    into->score = from->score;
  }
  into->is_static = into->is_static || from->is_static;
  into->prune_backoff = longer(into->prune_backoff, from->prune_backoff);
  into->mismatch_delay = longer(into->mismatch_delay, from->mismatch_delay);
  into->ban = longer(into->ban, from->ban);
}

static int merge_into(const wpm_peer_record *held, const wpm_peer_record *other,
                      wpm_peer_record **out) {
  merge m = {.held = held, .other = other, .record = *held};
  m.addresses = calloc(held->address_count + other->address_count + 1, sizeof *m.addresses);
  m.tags = calloc(held->tag_count + other->tag_count + 1, sizeof *m.tags);
  m.app = calloc(held->app_count + other->app_count + 1, sizeof *m.app);
  *out = NULL;
  if (m.addresses && m.tags && m.app) {
    merge_addresses(&m);
    merge_tags(&m);
    merge_app(&m);
    merge_words(&m.record, other);
    merge_signed(&m);
    merge_contact(&m.record, other);
    *out = wpm_record_clone(&m.record);
  }
  free(m.addresses);
  free(m.tags);
  free(m.app);
  return *out ? WPM_OK : WPM_ERR_NO_MEMORY;
}

/* ---- the public calls ------------------------------------------------------------------------ */

struct wpm_exchange_taker {
  wpm_crypto *crypto;
};

int wpm_exchange_taker_new(wpm_exchange_taker **out) {
  wpm_exchange_taker *taker = calloc(1, sizeof *taker);
  int err = taker ? wpm_proofs_crypto(&taker->crypto) : WPM_ERR_NO_MEMORY;
  if (err != WPM_OK) {
    free(taker);
    taker = NULL;
  }
  *out = taker;
  return err;
}

void wpm_exchange_taker_free(wpm_exchange_taker *taker) {
  if (taker) {
    wpm_crypto_free(taker->crypto);
  }
  free(taker);
}

static int check(wpm_crypto *crypto, wpm_peer_record *record, wpm_report *report) {
  wpm_address *addresses = (wpm_address *)(uintptr_t)record->addresses; /* A clone's own. */
  settle(record);
  check_observed(record, report);
  int err = check_key(crypto, record, report);
  if (err == WPM_OK) {
    check_enr(crypto, record, report);
    err = check_signed(crypto, record, addresses, report);
  }
  return err;
}

int wpm_exchange_take(wpm_exchange_taker *taker, const wpm_peer_record *held,
                      const wpm_peer_record *other, wpm_exchange_skip_fn skipped, void *user,
                      uint64_t *skips, wpm_peer_record **out) {
  wpm_report report = {.skipped = skipped, .user = user};
  wpm_peer_record *merged = NULL;
  *out = NULL;
  if (skips) {
    *skips = 0;
  }
  if (held && !wpm_bytes_equal(held->id, other->id)) {
    return WPM_ERR_INVALID;
  }
  wpm_peer_record *copy = wpm_record_clone(other);
  int err = copy ? check(taker->crypto, copy, &report) : WPM_ERR_NO_MEMORY;
  if (err == WPM_OK && held) {
    err = merge_into(held, copy, &merged);
  }
  if (err != WPM_OK || held) {
    free(copy);
    copy = merged;
  }
  if (skips) {
    *skips = report.counts.skipped;
  }
  *out = err == WPM_OK ? copy : NULL;
  return err;
}

void wpm_exchange_record_free(wpm_peer_record *record) {
  free(record);
}
