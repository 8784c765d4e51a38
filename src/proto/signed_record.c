#include "proto/signed_record.h"

#include "base/bytes.h"
#include "base/varint.h"
#include "proto/pb_view.h"
#include "proto/signed_record.pb.h"

#include <pb_encode.h>

/* Comparing addresses to find repeated ones takes time quadratic in their number; entries behind
 * this many are left out unread. */
#define ENTRIES_READ_MAX 1024

/* A payload type, and the domain that its signatures are made for. */
typedef struct record_kind {
  wpm_bytes domain;
  wpm_bytes type;
} record_kind;

#define LITERAL(text)                                                                              \
  { (const uint8_t *)(text), sizeof(text) - 1 }
static const record_kind kinds[] = {
    {LITERAL("libp2p-peer-record"), LITERAL("\x03\x01")},
    {LITERAL("libp2p-routing-state"), LITERAL("/libp2p/routing-state-record")},
};

static const record_kind *kind_of(wpm_bytes type) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (wpm_bytes_equal(kinds[i].type, type)) {
      return &kinds[i];
    }
  }
  return NULL;
}

/* ---- what is signed -------------------------------------------------------------------------- */

static int add_with_length(wpm_buffer *out, wpm_bytes value) {
  uint8_t prefix[WPM_VARINT_MAX];
  size_t len = wpm_varint_write(value.len, prefix);
  int rc = wpm_buffer_append(out, prefix, len);
  return rc == WPM_OK ? wpm_buffer_append(out, value.data, value.len) : rc;
}

/* RFC 0002, "Signature Production". `out` is empty and without a cap that matters. */
static int write_signed(const record_kind *kind, wpm_bytes payload, wpm_buffer *out) {
  int rc = add_with_length(out, kind->domain);
  if (rc == WPM_OK) {
    rc = add_with_length(out, kind->type);
  }
  return rc == WPM_OK ? add_with_length(out, payload) : rc;
}

/* Domain, type and the three lengths take less than this. */
#define SIGNED_OVERHEAD 96

/* ---- opening --------------------------------------------------------------------------------- */

/* The envelope's fields. */
typedef struct envelope_fields {
  wpm_pb_single public_key;
  wpm_pb_single type;
  wpm_pb_single payload;
  wpm_pb_single signature;
} envelope_fields;

static bool read_envelope(wpm_bytes envelope, envelope_fields *out) {
  *out = (envelope_fields){0};
  wpm_pb_Envelope pb = wpm_pb_Envelope_init_zero;
  pb.public_key = (pb_callback_t){{.decode = wpm_pb_read_single}, &out->public_key};
  pb.payload_type = (pb_callback_t){{.decode = wpm_pb_read_single}, &out->type};
  pb.payload = (pb_callback_t){{.decode = wpm_pb_read_single}, &out->payload};
  pb.signature = (pb_callback_t){{.decode = wpm_pb_read_single}, &out->signature};
  wpm_pb_cursor cursor;
  pb_istream_t stream = wpm_pb_stream(&cursor, envelope);
  return pb_decode(&stream, wpm_pb_Envelope_fields, &pb) && out->public_key.present;
}

static int verify(wpm_crypto *crypto, const record_kind *kind, const envelope_fields *fields) {
  wpm_buffer message;
  wpm_buffer_init(&message, WPM_SIGNED_RECORD_MAX + SIGNED_OVERHEAD);
  int rc = write_signed(kind, fields->payload.value, &message);
  if (rc == WPM_OK) {
    rc = wpm_public_key_verify(crypto, fields->public_key.value, wpm_buffer_view(&message),
                               fields->signature.value);
  }
  wpm_buffer_fini(&message);
  return rc;
}

/* A record whose addresses are being read. */
typedef struct record_reader {
  wpm_signed_record *record;
  size_t entries; /* Addresses met so far. */
} record_reader;

/* An address of the record's own peer: *out gets it without its own /p2p/. */
static bool own_address(const wpm_signed_record *record, wpm_bytes whole, wpm_bytes *out) {
  wpm_bytes peer;
  return wpm_multiaddr_split_peer(whole, out, &peer) == WPM_OK && out->len > 0 &&
         (peer.len == 0 || wpm_bytes_equal(peer, wpm_peer_id_view(&record->peer_id)));
}

static bool record_holds(const wpm_signed_record *record, wpm_bytes address) {
  for (size_t i = 0; i < record->address_count; i++) {
    if (wpm_bytes_equal(record->addresses[i], address)) {
      return true;
    }
  }
  return false;
}

static void add_address(record_reader *reader, wpm_bytes whole) {
  wpm_signed_record *record = reader->record;
  wpm_bytes address;
  reader->entries++;
  if (record->address_count == WPM_SIGNED_RECORD_ADDRESSES_MAX ||
      reader->entries > ENTRIES_READ_MAX || !own_address(record, whole, &address)) {
    record->addresses_skipped++;
  } else if (!record_holds(record, address)) {
    record->addresses[record->address_count++] = address;
  }
}

/* One AddressInfo. One without a multiaddr counts as an address that is not understood. */
static bool read_address(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  record_reader *reader = *arg;
  wpm_bytes ignored;
  if (!wpm_pb_view(stream, &ignored)) {
    return true;
  }
  wpm_pb_single multiaddr = {0};
  wpm_pb_AddressInfo pb = wpm_pb_AddressInfo_init_zero;
  pb.multiaddr = (pb_callback_t){{.decode = wpm_pb_read_single}, &multiaddr};
  if (!pb_decode(stream, wpm_pb_AddressInfo_fields, &pb)) {
    return false;
  }
  add_address(reader, multiaddr.value);
  return true;
}

static bool decode_record(wpm_bytes payload, wpm_pb_PeerRecord *pb) {
  wpm_pb_cursor cursor;
  pb_istream_t stream = wpm_pb_stream(&cursor, payload);
  return pb_decode(&stream, wpm_pb_PeerRecord_fields, pb);
}

/* Reads the payload that the owner of out->peer_id has signed. */
static int read_record(wpm_bytes payload, wpm_signed_record *out) {
  wpm_pb_single peer_id = {0};
  record_reader reader = {.record = out};
  wpm_pb_PeerRecord pb = wpm_pb_PeerRecord_init_zero;
  pb.peer_id = (pb_callback_t){{.decode = wpm_pb_read_single}, &peer_id};
  pb.addresses = (pb_callback_t){{.decode = read_address}, &reader};
  if (!decode_record(payload, &pb) || !peer_id.present) {
    return WPM_ERR_INVALID;
  }
  if (!wpm_bytes_equal(peer_id.value, wpm_peer_id_view(&out->peer_id))) {
    return WPM_ERR_MISMATCH;
  }
  out->sequence = pb.has_seq ? pb.seq : 0;
  return WPM_OK;
}

int wpm_signed_record_open(wpm_crypto *crypto, wpm_bytes envelope, wpm_signed_record *out) {
  envelope_fields fields;
  if (envelope.len > WPM_SIGNED_RECORD_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  if (!read_envelope(envelope, &fields)) {
    return WPM_ERR_INVALID;
  }
  const record_kind *kind = kind_of(fields.type.value);
  if (!kind) {
    return WPM_ERR_UNSUPPORTED;
  }
  int rc = verify(crypto, kind, &fields);
  if (rc != WPM_OK) {
    return rc;
  }
  *out = (wpm_signed_record){.public_key = fields.public_key.value};
  rc = wpm_public_key_peer_id(crypto, fields.public_key.value, NULL, &out->peer_id);
  return rc == WPM_OK ? read_record(fields.payload.value, out) : rc;
}

/* ---- sealing --------------------------------------------------------------------------------- */

static bool write_bytes(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_bytes *value = *arg;
  return pb_encode_tag_for_field(stream, field) &&
         pb_encode_string(stream, value->data, value->len);
}

/* The addresses to be written. */
typedef struct address_list {
  const wpm_bytes *items;
  size_t count;
} address_list;

static bool write_addresses(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const address_list *list = *arg;
  for (size_t i = 0; i < list->count; i++) {
    wpm_bytes address = list->items[i];
    wpm_pb_AddressInfo pb = wpm_pb_AddressInfo_init_zero;
    pb.multiaddr = (pb_callback_t){{.encode = write_bytes}, &address};
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_submessage(stream, wpm_pb_AddressInfo_fields, &pb)) {
      return false;
    }
  }
  return true;
}

/* Encodes a message into `out`. WPM_ERR_TOO_LARGE: above WPM_SIGNED_RECORD_MAX. */
static int encode(const pb_msgdesc_t *fields, const void *message, wpm_buffer *out) {
  size_t size = 0;
  uint8_t *space = NULL;
  if (!pb_get_encoded_size(&size, fields, message) || size > WPM_SIGNED_RECORD_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  int rc = wpm_buffer_reserve(out, size, &space);
  if (rc != WPM_OK) {
    return rc;
  }
  pb_ostream_t stream = pb_ostream_from_buffer(space, size);
  if (!pb_encode(&stream, fields, message)) {
    return WPM_ERR_TOO_LARGE;
  }
  wpm_buffer_commit(out, size);
  return WPM_OK;
}

static int write_record(const wpm_identity *identity, uint64_t sequence, address_list addresses,
                        wpm_buffer *out) {
  wpm_bytes peer_id = wpm_peer_id_view(&identity->peer_id);
  wpm_pb_PeerRecord pb = wpm_pb_PeerRecord_init_zero;
  pb.peer_id = (pb_callback_t){{.encode = write_bytes}, &peer_id};
  pb.has_seq = sequence != 0; /* As proto3 writes it. */
  pb.seq = sequence;
  pb.addresses = (pb_callback_t){{.encode = write_addresses}, &addresses};
  return encode(wpm_pb_PeerRecord_fields, &pb, out);
}

static int write_envelope(const wpm_identity *identity, const record_kind *kind, wpm_bytes payload,
                          wpm_bytes signature, wpm_buffer *out) {
  wpm_bytes public_key = {identity->public_key, identity->public_key_len};
  wpm_bytes type = kind->type;
  wpm_pb_Envelope pb = wpm_pb_Envelope_init_zero;
  pb.public_key = (pb_callback_t){{.encode = write_bytes}, &public_key};
  pb.payload_type = (pb_callback_t){{.encode = write_bytes}, &type};
  pb.payload = (pb_callback_t){{.encode = write_bytes}, &payload};
  pb.signature = (pb_callback_t){{.encode = write_bytes}, &signature};
  return encode(wpm_pb_Envelope_fields, &pb, out);
}

int wpm_signed_record_seal(wpm_crypto *crypto, const wpm_identity *identity, uint64_t sequence,
                           const wpm_bytes *addresses, size_t address_count, wpm_buffer *out) {
  const record_kind *kind = &kinds[0];
  uint8_t signature[WPM_SIGNATURE_MAX];
  size_t signature_len = 0;
  wpm_buffer payload;
  wpm_buffer message;
  wpm_buffer_init(&payload, WPM_SIGNED_RECORD_MAX);
  wpm_buffer_init(&message, WPM_SIGNED_RECORD_MAX + SIGNED_OVERHEAD);
  int rc = write_record(identity, sequence, (address_list){addresses, address_count}, &payload);
  if (rc == WPM_OK) {
    rc = write_signed(kind, wpm_buffer_view(&payload), &message);
  }
  if (rc == WPM_OK) {
    rc = wpm_identity_sign(crypto, identity, wpm_buffer_view(&message), signature, &signature_len);
  }
  if (rc == WPM_OK) {
    rc = write_envelope(identity, kind, wpm_buffer_view(&payload),
                        (wpm_bytes){signature, signature_len}, out);
  }
  wpm_buffer_fini(&message);
  wpm_buffer_fini(&payload);
  return rc;
}
