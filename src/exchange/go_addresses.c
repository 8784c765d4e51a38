#include "exchange/go_addresses.h"

#include "base/bytes.h"
#include "exchange/go_addresses.pb.h"
#include "exchange/message.h"
#include "proto/pb_view.h"

#include <stdlib.h>

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct addresses_reader {
  wpm_builder *builder;
  wpm_report *report;
  int err;               /* Of the builder. */
  wpm_pb_single id;      /* The record's own id. */
  wpm_bytes signed_part; /* Its signed peer record; empty: none. */
} addresses_reader;

/* Times of an address, by when it ends (seconds) and how long it was to live. */
static void take_times(wpm_address *address, int64_t expiry, int64_t ttl, wpm_wall now) {
  if (ttl == WPM_TTL_PERMANENT) {
    address->ttl_ns = WPM_TTL_PERMANENT;
    return;
  }
  if (ttl <= 0 || ttl >= WPM_TTL_CONNECTED || expiry < 0 || expiry > INT64_MAX / WPM_SECOND) {
    return;
  }
  int64_t end = expiry * WPM_SECOND;
  int64_t given = end - ttl;
  if (given >= 0 && given < now.ns) {
    address->first_seen.ns = address->last_seen.ns = given - given % WPM_SECOND;
  }
  if (end > now.ns) {
    address->ttl_ns = ttl;
    address->expires.ns = end;
  }
}

static bool read_entry(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  addresses_reader *reader = *arg;
  wpm_bytes ignored;
  wpm_address *address = NULL;
  if (!wpm_pb_view(stream, &ignored)) {
    return true;
  }
  wpm_pb_single multiaddr = {0};
  wpm_pb_GoAddrEntry pb = wpm_pb_GoAddrEntry_init_zero;
  pb.addr = (pb_callback_t){{.decode = wpm_pb_read_single}, &multiaddr};
  if (!pb_decode(stream, wpm_pb_GoAddrEntry_fields, &pb)) {
    return false;
  }
  reader->err = wpm_builder_address(reader->builder, multiaddr.value, reader->report, &address);
  if (address) {
    take_times(address, pb.has_expiry ? pb.expiry : 0, pb.has_ttl ? pb.ttl : 0,
               reader->builder->now);
  }
  return reader->err == WPM_OK;
}

static bool read_certified(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  addresses_reader *reader = *arg;
  wpm_bytes ignored;
  if (!wpm_pb_view(stream, &ignored)) {
    return true;
  }
  wpm_pb_single raw = {0};
  wpm_pb_GoCertifiedRecord pb = wpm_pb_GoCertifiedRecord_init_zero;
  pb.raw = (pb_callback_t){{.decode = wpm_pb_read_single}, &raw};
  if (!pb_decode(stream, wpm_pb_GoCertifiedRecord_fields, &pb)) {
    return false;
  }
  reader->signed_part = raw.value;
  return true;
}

int wpm_go_addresses_read(wpm_crypto *crypto, wpm_bytes encoded, wpm_builder *builder,
                          wpm_report *report) {
  addresses_reader reader = {.builder = builder, .report = report};
  wpm_pb_GoAddrBookRecord pb = wpm_pb_GoAddrBookRecord_init_zero;
  pb.id = (pb_callback_t){{.decode = wpm_pb_read_single}, &reader.id};
  pb.addrs = (pb_callback_t){{.decode = read_entry}, &reader};
  pb.certified_record = (pb_callback_t){{.decode = read_certified}, &reader};
  wpm_pb_cursor cursor;
  pb_istream_t stream = wpm_pb_stream(&cursor, encoded);
  bool decoded = pb_decode(&stream, wpm_pb_GoAddrBookRecord_fields, &pb);
  if (reader.err != WPM_OK) {
    return reader.err;
  }
  if (!decoded || !wpm_bytes_equal(reader.id.value, builder->record.id)) {
    builder->record.address_count = 0;
    wpm_report_skip_peer(report, builder->record.id, "its addresses: %s",
                         decoded ? "the record names another peer than its key"
                                 : "no protobuf of go-libp2p's");
    return WPM_OK;
  }
  return reader.signed_part.len > 0
             ? wpm_proofs_signed_record(crypto, builder, reader.signed_part, report)
             : WPM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* An address as go-libp2p keeps it. */
typedef struct go_entry {
  wpm_bytes multiaddr;
  int64_t expiry; /* Seconds since 1970. */
  int64_t ttl;    /* Nanoseconds. */
} go_entry;

typedef struct go_entries {
  go_entry *items;
  size_t count;
} go_entries;

static go_entry entry_of(const wpm_address *address, wpm_wall now) {
  int64_t ttl = address->ttl_ns > 0 ? address->ttl_ns : WPM_TTL_PERMANENT;
  int64_t end = wpm_wall_known(address->expires) ? address->expires.ns / WPM_SECOND
                                                 : now.ns / WPM_SECOND + ttl / WPM_SECOND;
  if (end <= now.ns / WPM_SECOND) { /* Kept beyond its time, for its quality. */
    ttl = WPM_TTL_PERMANENT;
    end = now.ns / WPM_SECOND + ttl / WPM_SECOND;
  }
  return (go_entry){.multiaddr = address->multiaddr, .expiry = end, .ttl = ttl};
}

static int sooner(const void *a, const void *b) {
  int64_t one = ((const go_entry *)a)->expiry;
  int64_t other = ((const go_entry *)b)->expiry;
  return (one > other) - (one < other);
}

static bool write_entries(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const go_entries *entries = *arg;
  for (size_t i = 0; i < entries->count; i++) {
    wpm_bytes multiaddr = entries->items[i].multiaddr;
    wpm_pb_GoAddrEntry pb = wpm_pb_GoAddrEntry_init_zero;
    pb.addr = (pb_callback_t){{.encode = wpm_message_bytes}, &multiaddr};
    pb.has_expiry = pb.has_ttl = true;
    pb.expiry = entries->items[i].expiry;
    pb.ttl = entries->items[i].ttl;
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_submessage(stream, wpm_pb_GoAddrEntry_fields, &pb)) {
      return false;
    }
  }
  return true;
}

static bool write_certified(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_peer_record *record = *arg;
  wpm_bytes raw = record->signed_record;
  wpm_pb_GoCertifiedRecord pb = wpm_pb_GoCertifiedRecord_init_zero;
  pb.has_seq = true;
  pb.seq = record->signed_sequence;
  pb.raw = (pb_callback_t){{.encode = wpm_message_bytes}, &raw};
  return raw.len == 0 || (pb_encode_tag_for_field(stream, field) &&
                          pb_encode_submessage(stream, wpm_pb_GoCertifiedRecord_fields, &pb));
}

int wpm_go_addresses_write(const wpm_peer_record *record, wpm_wall now, wpm_buffer *out) {
  go_entries entries = {0};
  wpm_bytes id = record->id;
  entries.items = calloc(record->address_count + 1, sizeof *entries.items);
  if (!entries.items) {
    return WPM_ERR_NO_MEMORY;
  }
  for (size_t i = 0; i < record->address_count; i++) {
    /* go-libp2p shows none of a peer's addresses where it does not know one. */
    if (wpm_multiaddr_check(record->addresses[i].multiaddr) == WPM_OK) {
      entries.items[entries.count++] = entry_of(&record->addresses[i], now);
    }
  }
  qsort(entries.items, entries.count, sizeof *entries.items, sooner);
  wpm_pb_GoAddrBookRecord pb = wpm_pb_GoAddrBookRecord_init_zero;
  pb.id = (pb_callback_t){{.encode = wpm_message_bytes}, &id};
  pb.addrs = (pb_callback_t){{.encode = write_entries}, &entries};
  pb.certified_record = (pb_callback_t){{.encode = write_certified}, (void *)(uintptr_t)record};
  int err = wpm_message_write(wpm_pb_GoAddrBookRecord_fields, &pb, out);
  free(entries.items);
  return err;
}
