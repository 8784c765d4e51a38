#include "proto/identify.h"

#include "base/bytes.h"
#include "base/varint.h"
#include "proto/identify.pb.h"
#include "proto/pb_view.h"
#include "proto/signed_record.h"

#include <pb_encode.h>
#include <stdlib.h>

/* Text is cut where a character begins. */
static wpm_text cut_text(wpm_text text) {
  if (text.len <= WPM_IDENTIFY_TEXT_MAX) {
    return text;
  }
  size_t len = WPM_IDENTIFY_TEXT_MAX;
  while (len > WPM_IDENTIFY_TEXT_MAX - 4 && ((uint8_t)text.data[len] & 0xc0) == 0x80) {
    len--;
  }
  return (wpm_text){text.data, len};
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Bytes of a length-delimited field; 0 for one that is left out. All field numbers take one byte. */
static size_t field_size(size_t len) {
  return 1 + wpm_varint_size(len) + len;
}

static size_t optional_size(bool present, size_t len) {
  return present ? field_size(len) : 0;
}

/* Cuts the lists, and leaves the signed record out, so that the message fits `budget` bytes. */
static void fit(wpm_identify *message, size_t budget) {
  size_t size = optional_size(message->public_key.len > 0, message->public_key.len) +
                optional_size(message->has_agent, message->agent.len) +
                optional_size(message->has_protocol_version, message->protocol_version.len) +
                optional_size(message->observed_address.len > 0, message->observed_address.len);
  for (size_t i = 0; i < message->protocol_count; i++) {
    size += field_size(message->protocols[i].len);
    if (size > budget) {
      message->protocol_count = i;
      message->address_count = 0;
      message->signed_record = (wpm_bytes){0};
      return;
    }
  }
  for (size_t i = 0; i < message->address_count; i++) {
    size += field_size(message->addresses[i].len);
    if (size > budget) {
      message->address_count = i;
      message->signed_record = (wpm_bytes){0};
      return;
    }
  }
  if (size + field_size(message->signed_record.len) > budget) {
    message->signed_record = (wpm_bytes){0};
  }
}

static bool write_value(pb_ostream_t *stream, const pb_field_t *field, wpm_bytes value) {
  return pb_encode_tag_for_field(stream, field) && pb_encode_string(stream, value.data, value.len);
}

/* A bytes field: left out where it is empty. */
static bool write_bytes(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_bytes *value = *arg;
  return value->len == 0 || write_value(stream, field, *value);
}

static bool write_text(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_text *text = *arg;
  return write_value(stream, field, (wpm_bytes){(const uint8_t *)text->data, text->len});
}

static bool write_addresses(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_identify *message = *arg;
  for (size_t i = 0; i < message->address_count; i++) {
    if (!write_value(stream, field, message->addresses[i])) {
      return false;
    }
  }
  return true;
}

static bool write_protocols(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_identify *message = *arg;
  for (size_t i = 0; i < message->protocol_count; i++) {
    wpm_text id = message->protocols[i];
    if (!write_value(stream, field, (wpm_bytes){(const uint8_t *)id.data, id.len})) {
      return false;
    }
  }
  return true;
}

int wpm_identify_write(const wpm_identify *message, wpm_buffer *out) {
  enum { PREFIX = 2 }; /* Bytes of the length of a full message. */
  wpm_identify fitted = *message;
  fitted.agent = cut_text(fitted.agent);
  fitted.protocol_version = cut_text(fitted.protocol_version);
  fit(&fitted, WPM_IDENTIFY_SEND_MAX - PREFIX);

  wpm_pb_Identify pb = wpm_pb_Identify_init_zero;
  pb.public_key = (pb_callback_t){{.encode = write_bytes}, &fitted.public_key};
  pb.listen_addrs = (pb_callback_t){{.encode = write_addresses}, &fitted};
  pb.protocols = (pb_callback_t){{.encode = write_protocols}, &fitted};
  pb.observed_addr = (pb_callback_t){{.encode = write_bytes}, &fitted.observed_address};
  if (fitted.has_protocol_version) {
    pb.protocol_version = (pb_callback_t){{.encode = write_text}, &fitted.protocol_version};
  }
  if (fitted.has_agent) {
    pb.agent_version = (pb_callback_t){{.encode = write_text}, &fitted.agent};
  }
  pb.signed_peer_record = (pb_callback_t){{.encode = write_bytes}, &fitted.signed_record};

  uint8_t encoded[WPM_IDENTIFY_SEND_MAX];
  pb_ostream_t stream = pb_ostream_from_buffer(encoded + PREFIX, sizeof encoded - PREFIX);
  if (!pb_encode(&stream, wpm_pb_Identify_fields, &pb)) {
    return WPM_ERR_TOO_LARGE;
  }
  uint8_t *begin = encoded + PREFIX - wpm_varint_size(stream.bytes_written);
  size_t prefix = wpm_varint_write(stream.bytes_written, begin);
  return wpm_buffer_append(out, begin, prefix + stream.bytes_written);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A message received. It is kept: what is found are views into it. */
typedef struct identify_part {
  struct identify_part *previous; /* The one before; NULL: none. */
  size_t len;                     /* Its length. */
  size_t filled;                  /* Bytes received of it. */
  uint8_t bytes[];                /* The message. */
} identify_part;

/* A growing list of views that keeps each value once. */
typedef struct view_list {
  wpm_bytes *items; /* The views, as received. */
  uint16_t *sorted; /* Indices into `items`, in the order of the values. */
  size_t count;     /* Their number. */
  size_t capacity;  /* Room in both. */
  size_t cap;       /* The most it may hold. */
} view_list;

struct wpm_identify_reader {
  uint8_t prefix[WPM_VARINT_MAX]; /* The length of the next part, as far as received. */
  size_t prefix_len;              /* Bytes in it. */
  identify_part *part;            /* The part being received; NULL: between parts. */
  identify_part *parts;           /* Parts that were read, last first. */
  size_t part_count;              /* Parts begun. */
  view_list addresses;            /* Checked. */
  view_list protocols;            /* Of at most WPM_IDENTIFY_PROTOCOL_ID_MAX bytes. */
  wpm_text *protocol_texts;       /* `protocols` as the caller sees it; made by finish. */
  wpm_identify message;           /* The single fields, merged. */
  bool no_memory;                 /* A field callback found no memory. */
};

int wpm_identify_reader_new(wpm_identify_reader **out) {
  wpm_identify_reader *reader = calloc(1, sizeof *reader);
  if (!reader) {
    return WPM_ERR_NO_MEMORY;
  }
  reader->addresses.cap = WPM_IDENTIFY_ADDRESSES_MAX;
  reader->protocols.cap = WPM_IDENTIFY_PROTOCOLS_MAX;
  *out = reader;
  return WPM_OK;
}

static void list_free(view_list *list) {
  free(list->items);
  free(list->sorted);
}

void wpm_identify_reader_free(wpm_identify_reader *reader) {
  if (!reader) {
    return;
  }
  while (reader->parts) {
    identify_part *previous = reader->parts->previous;
    free(reader->parts);
    reader->parts = previous;
  }
  free(reader->part);
  list_free(&reader->addresses);
  list_free(&reader->protocols);
  free(reader->protocol_texts);
  free(reader);
}

/* True where the list holds `value`. *at is its place among the sorted, or where it belongs. */
static bool list_find(const view_list *list, wpm_bytes value, size_t *at) {
  size_t low = 0;
  size_t high = list->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = wpm_bytes_compare(list->items[list->sorted[middle]], value);
    if (order == 0) {
      *at = middle;
      return true;
    }
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  *at = low;
  return false;
}

static bool list_grow(view_list *list) {
  size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
  wpm_bytes *items = realloc(list->items, capacity * sizeof *items);
  if (!items) {
    return false;
  }
  list->items = items;
  uint16_t *sorted = realloc(list->sorted, capacity * sizeof *sorted);
  if (!sorted) {
    return false;
  }
  list->sorted = sorted;
  list->capacity = capacity;
  return true;
}

/* Adds a value that the list, which has room, did not hold; `at` is from list_find. */
static bool list_add(view_list *list, wpm_bytes value, size_t at) {
  if (list->count == list->capacity && !list_grow(list)) {
    return false;
  }
  memmove(list->sorted + at + 1, list->sorted + at, (list->count - at) * sizeof *list->sorted);
  list->sorted[at] = (uint16_t)list->count;
  list->items[list->count++] = value;
  return true;
}

static bool read_address(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  wpm_identify_reader *reader = *arg;
  view_list *list = &reader->addresses;
  wpm_bytes value;
  size_t at;
  if (!wpm_pb_view(stream, &value)) {
    return true;
  }
  if (list->count == list->cap || value.len == 0 || wpm_multiaddr_check(value) != WPM_OK) {
    reader->message.addresses_skipped++;
    return true;
  }
  if (!list_find(list, value, &at) && !list_add(list, value, at)) {
    reader->no_memory = true;
    return false;
  }
  return true;
}

/* A protocol id that is too long is left out: cut, it would name another protocol. */
static bool read_protocol(pb_istream_t *stream, const pb_field_t *field, void **arg) {
  (void)field;
  wpm_identify_reader *reader = *arg;
  view_list *list = &reader->protocols;
  wpm_bytes value;
  size_t at;
  if (!wpm_pb_view(stream, &value) || list->count == list->cap || value.len == 0 ||
      value.len > WPM_IDENTIFY_PROTOCOL_ID_MAX || list_find(list, value, &at)) {
    return true;
  }
  if (!list_add(list, value, at)) {
    reader->no_memory = true;
    return false;
  }
  return true;
}

static void merge_bytes(const wpm_pb_single *field, wpm_bytes *out) {
  if (field->present) {
    *out = field->value;
  }
}

static void merge_text(const wpm_pb_single *field, bool *present, wpm_text *out) {
  if (field->present) {
    *present = true;
    *out = cut_text((wpm_text){(const char *)field->value.data, field->value.len});
  }
}

/* Reads a part that is whole and merges it into what came before. */
static int read_part(wpm_identify_reader *reader, const identify_part *part) {
  wpm_pb_single public_key = {0};
  wpm_pb_single observed = {0};
  wpm_pb_single protocol_version = {0};
  wpm_pb_single agent = {0};
  wpm_pb_single record = {0};
  wpm_pb_Identify pb = wpm_pb_Identify_init_zero;
  pb.public_key = (pb_callback_t){{.decode = wpm_pb_read_single}, &public_key};
  pb.listen_addrs = (pb_callback_t){{.decode = read_address}, reader};
  pb.protocols = (pb_callback_t){{.decode = read_protocol}, reader};
  pb.observed_addr = (pb_callback_t){{.decode = wpm_pb_read_single}, &observed};
  pb.protocol_version = (pb_callback_t){{.decode = wpm_pb_read_single}, &protocol_version};
  pb.agent_version = (pb_callback_t){{.decode = wpm_pb_read_single}, &agent};
  pb.signed_peer_record = (pb_callback_t){{.decode = wpm_pb_read_single}, &record};
  wpm_pb_cursor cursor;
  pb_istream_t stream = wpm_pb_stream(&cursor, (wpm_bytes){part->bytes, part->len});
  if (!pb_decode(&stream, wpm_pb_Identify_fields, &pb)) {
    return reader->no_memory ? WPM_ERR_NO_MEMORY : WPM_ERR_PROTOCOL;
  }
  wpm_identify *message = &reader->message;
  merge_bytes(&public_key, &message->public_key);
  merge_bytes(&record, &message->signed_record);
  merge_text(&protocol_version, &message->has_protocol_version, &message->protocol_version);
  merge_text(&agent, &message->has_agent, &message->agent);
  if (observed.present && wpm_multiaddr_check(observed.value) == WPM_OK) {
    message->observed_address = observed.value;
  }
  return WPM_OK;
}

/* Takes one byte of a part's length; at its last one the part begins. */
static int take_prefix(wpm_identify_reader *reader, uint8_t byte) {
  if (reader->prefix_len == 0 && reader->part_count == WPM_IDENTIFY_PARTS) {
    return WPM_ERR_TOO_LARGE;
  }
  reader->prefix[reader->prefix_len++] = byte;
  uint64_t len = 0;
  size_t used = 0;
  int rc = wpm_varint_read((wpm_bytes){reader->prefix, reader->prefix_len}, &len, &used);
  if (rc == WPM_ERR_TRUNCATED) {
    return WPM_OK;
  }
  if (rc != WPM_OK) {
    return WPM_ERR_PROTOCOL;
  }
  if (len > WPM_IDENTIFY_PART_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  identify_part *part = malloc(sizeof *part + (size_t)len);
  if (!part) {
    return WPM_ERR_NO_MEMORY;
  }
  part->len = (size_t)len;
  part->filled = 0;
  reader->part = part;
  reader->part_count++;
  reader->prefix_len = 0;
  return WPM_OK;
}

/* Reads the part where it is whole. */
static int end_part(wpm_identify_reader *reader) {
  identify_part *part = reader->part;
  if (!part || part->filled < part->len) {
    return WPM_OK;
  }
  reader->part = NULL;
  part->previous = reader->parts;
  reader->parts = part;
  return read_part(reader, part);
}

int wpm_identify_reader_input(wpm_identify_reader *reader, wpm_bytes in) {
  int rc = WPM_OK;
  while (rc == WPM_OK && in.len > 0) {
    size_t taken = 1;
    if (!reader->part) {
      rc = take_prefix(reader, in.data[0]);
    } else {
      identify_part *part = reader->part;
      size_t missing = part->len - part->filled;
      taken = in.len < missing ? in.len : missing;
      memcpy(part->bytes + part->filled, in.data, taken);
      part->filled += taken;
    }
    in = (wpm_bytes){in.data + taken, in.len - taken};
    if (rc == WPM_OK) {
      rc = end_part(reader);
    }
  }
  return rc;
}

int wpm_identify_reader_finish(wpm_identify_reader *reader, wpm_identify *out) {
  if (reader->part || reader->prefix_len > 0 || reader->part_count == 0) {
    return WPM_ERR_TRUNCATED;
  }
  wpm_text *protocols = NULL;
  if (reader->protocols.count > 0) {
    protocols = realloc(reader->protocol_texts, reader->protocols.count * sizeof *protocols);
    if (!protocols) {
      return WPM_ERR_NO_MEMORY;
    }
    reader->protocol_texts = protocols;
    for (size_t i = 0; i < reader->protocols.count; i++) {
      wpm_bytes id = reader->protocols.items[i];
      protocols[i] = (wpm_text){(const char *)id.data, id.len};
    }
  }
  *out = reader->message;
  out->addresses = reader->addresses.items;
  out->address_count = reader->addresses.count;
  out->protocols = protocols;
  out->protocol_count = reader->protocols.count;
  return WPM_OK;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static size_t recorded_addresses(wpm_bytes envelope, wpm_bytes peer, wpm_crypto *crypto,
                                 wpm_bytes out[WPM_IDENTIFY_ADDRESSES_MAX]) {
  wpm_signed_record record;
  if (envelope.len == 0 || wpm_signed_record_open(crypto, envelope, &record) != WPM_OK ||
      !wpm_bytes_equal(wpm_peer_id_view(&record.peer_id), peer)) {
    return 0;
  }
  size_t count = record.address_count < WPM_IDENTIFY_ADDRESSES_MAX ? record.address_count
                                                                   : WPM_IDENTIFY_ADDRESSES_MAX;
  for (size_t i = 0; i < count; i++) {
    out[i] = record.addresses[i];
  }
  return count;
}

size_t wpm_identify_addresses(const wpm_identify *message, wpm_bytes peer, wpm_crypto *crypto,
                              wpm_bytes out[WPM_IDENTIFY_ADDRESSES_MAX]) {
  if (message->address_count == 0) {
    return recorded_addresses(message->signed_record, peer, crypto, out);
  }
  size_t count = 0;
  for (size_t i = 0; i < message->address_count && count < WPM_IDENTIFY_ADDRESSES_MAX; i++) {
    wpm_bytes transport;
    wpm_bytes named;
    if (wpm_multiaddr_split_peer(message->addresses[i], &transport, &named) == WPM_OK &&
        transport.len > 0 && (named.len == 0 || wpm_bytes_equal(named, peer))) {
      out[count++] = transport;
    }
  }
  return count;
}
