#include "exchange/nwaku_row.h"

#include "base/bytes.h"
#include "base/varint.h"
#include "exchange/message.h"
#include "exchange/nwaku_row.pb.h"
#include "proto/pb_view.h"

/* ---- reading --------------------------------------------------------------------------------- */

/* Where a list's items go. */
typedef struct list_reader {
  wpm_builder *builder;
  wpm_report *report;
  int err; /* Of the builder. */
} list_reader;

static bool read_multiaddr(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  list_reader *list = *arg;
  wpm_bytes value;
  if (wpm_pb_view(stream, &value) && list->err == WPM_OK) {
    list->err = wpm_builder_address(list->builder, value, list->report, NULL);
  }
  return list->err == WPM_OK;
}

static bool read_protocol(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  list_reader *list = *arg;
  wpm_bytes value;
  if (wpm_pb_view(stream, &value) && list->err == WPM_OK) {
    list->err = wpm_builder_protocol(list->builder, (wpm_text){(const char *)value.data, value.len},
                                     list->report);
  }
  return list->err == WPM_OK;
}

/* What the single fields hold. */
typedef struct row_fields {
  wpm_pb_single peer_id;
  wpm_pb_single public_key;
  wpm_pb_single enr;
  uint64_t connectedness;
  uint64_t disconnect_time;
} row_fields;

static bool decode(wpm_bytes stored, list_reader *list, row_fields *out) {
  *out = (row_fields){0};
  wpm_pb_NwakuPeer pb = wpm_pb_NwakuPeer_init_zero;
  pb.peer_id = (pb_callback_t){{.decode = wpm_pb_read_single}, &out->peer_id};
  pb.multiaddrs = (pb_callback_t){{.decode = read_multiaddr}, list};
  pb.protocols = (pb_callback_t){{.decode = read_protocol}, list};
  pb.public_key = (pb_callback_t){{.decode = wpm_pb_read_single}, &out->public_key};
  pb.enr = (pb_callback_t){{.decode = wpm_pb_read_single}, &out->enr};
  wpm_pb_cursor cursor;
  pb_istream_t stream = wpm_pb_stream(&cursor, stored);
  bool decoded = pb_decode(&stream, wpm_pb_NwakuPeer_fields, &pb);
  out->connectedness = pb.has_connectedness ? pb.connectedness : 0;
  out->disconnect_time = pb.has_disconnect_time ? pb.disconnect_time : 0;
  return decoded;
}

/* nwaku tells no reasons, and of CannotConnect and Connected the end is not known. */
static void take_connectivity(wpm_peer_record *record, const row_fields *fields) {
  static const wpm_reason reasons[WPM_CONNECTIVITY_COUNT] = {
      [WPM_NOT_CONNECTED] = WPM_REASON_NONE,
      [WPM_CANNOT_CONNECT] = WPM_REASON_IMPORTED,
      [WPM_CAN_CONNECT] = WPM_REASON_LOCAL_CLOSE,
      [WPM_CONNECTED] = WPM_REASON_IMPORTED};
  record->reason = reasons[fields->connectedness];
  record->connectivity = wpm_reason_leaves(record->reason);
  record->held = fields->connectedness >= WPM_CAN_CONNECT || fields->disconnect_time > 0;
  if (fields->disconnect_time > 0) {
    record->disconnect_time.ns = (int64_t)fields->disconnect_time * WPM_SECOND;
    /* With a disconnect time there was a connection: nwaku's NotConnected is only its reset. */
    if (record->reason == WPM_REASON_NONE) {
      record->reason = WPM_REASON_IMPORTED;
      record->connectivity = WPM_CANNOT_CONNECT;
    }
  }
}

/* NULL: the row can be taken. */
static const char *problem_of(wpm_bytes id, const row_fields *fields) {
  if (wpm_peer_id_check(id) != WPM_OK) {
    return "its key is no peer id";
  }
  if (!wpm_bytes_equal(fields->peer_id.value, id)) {
    return "its value names another peer than its key";
  }
  if (fields->connectedness >= WPM_CONNECTIVITY_COUNT) {
    return "its connectedness is none of 0 to 3";
  }
  if (fields->disconnect_time > INT64_MAX / (uint64_t)WPM_SECOND) {
    return "its disconnect time is out of range";
  }
  return NULL;
}

int wpm_nwaku_row_read(wpm_crypto *crypto, wpm_bytes id, wpm_bytes stored, wpm_builder *builder,
                       wpm_report *report, bool *is_record) {
  list_reader list = {.builder = builder, .report = report};
  row_fields fields;
  *is_record = false;
  if (id.len == 0 || id.len > WPM_PEER_ID_MAX) {
    wpm_report_skip(report, "a row", "its key is no peer id");
    return WPM_OK;
  }
  int err = wpm_builder_begin(builder, id);
  if (err != WPM_OK) {
    return err;
  }
  bool decoded = decode(stored, &list, &fields);
  if (list.err != WPM_OK) {
    return list.err;
  }
  const char *problem = decoded ? problem_of(id, &fields) : "its value is no protobuf of nwaku's";
  if (problem) {
    wpm_report_skip_peer(report, id, "%s", problem);
    return WPM_OK;
  }
  take_connectivity(&builder->record, &fields);
  err = wpm_proofs_public_key(crypto, builder, fields.public_key.value, report);
  if (err == WPM_OK && fields.enr.value.len > 0) {
    err = wpm_proofs_enr(crypto, builder, fields.enr.value, false, report);
  }
  *is_record = err == WPM_OK;
  return err;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* True where nim-libp2p has every protocol of a multiaddr that is valid: the ones of its table whose
 * values it reads as everybody else does (nim-libp2p, multiaddress.nim). */
static bool nim_reads(wpm_bytes multiaddr) {
  enum { IP4 = 4, TCP = 6, IP6 = 41, DNS = 53, DNS4 = 54, DNS6 = 55, DNSADDR = 56, UDP = 273 };
  enum { P2P_CIRCUIT = 290, P2P = 421, TLS = 448, QUIC = 460, QUIC_V1 = 461, WS = 477, WSS = 478 };
  static const struct {
    uint16_t code;
    int16_t size; /* Of its value in bytes; -1: a length stands before it. */
  } known[] = {{IP4, 4},         {TCP, 2}, {IP6, 16}, {DNS, -1},    {DNS4, -1},
               {DNS6, -1},       {UDP, 2}, {P2P, -1}, {TLS, 0},     {QUIC, 0},
               {P2P_CIRCUIT, 0}, {WS, 0},  {WSS, 0},  {QUIC_V1, 0}, {DNSADDR, -1}};
  while (multiaddr.len > 0) {
    uint64_t code = 0;
    uint64_t size = 0;
    size_t used = 0;
    size_t i = 0;
    if (wpm_varint_read(multiaddr, &code, &used) != WPM_OK) {
      return false;
    }
    multiaddr = (wpm_bytes){multiaddr.data + used, multiaddr.len - used};
    while (i < sizeof known / sizeof *known && known[i].code != code) {
      i++;
    }
    if (i == sizeof known / sizeof *known) {
      return false;
    }
    used = 0;
    if (known[i].size >= 0) {
      size = (uint64_t)known[i].size;
    } else if (wpm_varint_read(multiaddr, &size, &used) != WPM_OK) {
      return false;
    }
    if (size > multiaddr.len - used) {
      return false;
    }
    used += size;
    multiaddr = (wpm_bytes){multiaddr.data + used, multiaddr.len - used};
  }
  return true;
}

/* Lists as callbacks write them. */
typedef struct row_writer {
  const wpm_peer_record *record;
} row_writer;

static bool can_be_written(const wpm_address *address) {
  return address->multiaddr.len > 0 && wpm_multiaddr_check(address->multiaddr) == WPM_OK &&
         nim_reads(address->multiaddr);
}

static bool write_multiaddrs(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const row_writer *row = *arg;
  for (size_t i = 0; i < row->record->address_count; i++) {
    const wpm_address *address = &row->record->addresses[i];
    if (can_be_written(address) &&
        (!pb_encode_tag_for_field(stream, field) ||
         !pb_encode_string(stream, address->multiaddr.data, address->multiaddr.len))) {
      return false;
    }
  }
  return true;
}

static bool write_protocols(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const row_writer *row = *arg;
  for (size_t i = 0; i < row->record->protocol_count; i++) {
    wpm_text protocol = row->record->protocols[i];
    if (!pb_encode_tag_for_field(stream, field) ||
        !pb_encode_string(stream, (const pb_byte_t *)protocol.data, protocol.len)) {
      return false;
    }
  }
  return true;
}

static int encode(const wpm_peer_record *record, wpm_bytes key, wpm_buffer *out) {
  row_writer row = {record};
  wpm_bytes id = record->id;
  wpm_bytes enr = record->enr;
  wpm_pb_NwakuPeer pb = wpm_pb_NwakuPeer_init_zero;
  pb.peer_id = (pb_callback_t){{.encode = wpm_message_bytes}, &id};
  pb.multiaddrs = (pb_callback_t){{.encode = write_multiaddrs}, &row};
  pb.protocols = (pb_callback_t){{.encode = write_protocols}, &row};
  pb.public_key = (pb_callback_t){{.encode = wpm_message_bytes}, &key};
  pb.has_connectedness = pb.has_disconnect_time = true;
  pb.connectedness = (uint64_t)record->connectivity;
  bool has_time = wpm_wall_known(record->disconnect_time) && record->disconnect_time.ns > 0;
  pb.disconnect_time = has_time ? (uint64_t)(record->disconnect_time.ns / WPM_SECOND) : 0;
  pb.enr = (pb_callback_t){{.encode = wpm_message_bytes}, &enr};
  return wpm_message_write(wpm_pb_NwakuPeer_fields, &pb, out);
}

int wpm_nwaku_row_write(wpm_crypto *crypto, const wpm_peer_record *record, wpm_buffer *out,
                        wpm_report *report, bool *is_row) {
  wpm_bytes key = {0};
  *is_row = false;
  if (wpm_peer_id_check(record->id) != WPM_OK) {
    wpm_report_skip_peer(report, record->id, "nwaku takes no such peer id");
    return WPM_OK;
  }
  int err = wpm_proofs_own_key(crypto, record, &key);
  if (err == WPM_ERR_NOT_FOUND) {
    wpm_report_skip_peer(report, record->id,
                         "its public key is not known, and nwaku keeps no "
                         "peer without");
    return WPM_OK;
  }
  if (err != WPM_OK) {
    return err;
  }
  err = encode(record, key, out);
  if (err == WPM_ERR_TOO_LARGE) {
    wpm_report_skip_peer(report, record->id, "its record is longer than nwaku reads");
    return WPM_OK;
  }
  for (size_t i = 0; err == WPM_OK && i < record->address_count; i++) {
    if (!can_be_written(&record->addresses[i])) {
      wpm_report_skip_peer(report, record->id, "an address of a protocol that nwaku does not have");
    }
  }
  *is_row = err == WPM_OK;
  return err;
}
