#include "json_record.h"

#include "base64.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the fields ------------------------------------------------------------------------------ */

typedef enum field_kind {
  FIELD_TEXT,  /* wpm_text */
  FIELD_BYTES, /* wpm_bytes in base64 */
  FIELD_ID,    /* wpm_bytes: a peer id */
  FIELD_PLACE, /* wpm_bytes: a multiaddr */
  FIELD_ENR,   /* wpm_bytes: a node record */
  FIELD_BOOL,  /* bool */
  FIELD_U8,    /* uint8_t */
  FIELD_U32,   /* uint32_t */
  FIELD_I32,   /* int32_t */
  FIELD_I64,   /* int64_t */
  FIELD_U64,   /* uint64_t: a number, or a string where JSON's are too small */
  FIELD_WALL,  /* wpm_wall */
  FIELD_SPAN,  /* int64_t, WPM_SPAN_NONE: not known */
  FIELD_WAIT,  /* wpm_wait */
  FIELD_STATE, /* wpm_connectivity, and so on: enumerators by their words */
  FIELD_REASON,
  FIELD_ORIGIN,
  FIELD_DIRECTION,
  FIELD_SOURCE
} field_kind;

typedef struct field {
  const char *name;
  field_kind kind;
  size_t offset;
} field;

#define OF(member) offsetof(wpm_peer_record, member)
static const field record_fields[] = {{"peerId", FIELD_ID, OF(id)},
                                      {"publicKey", FIELD_BYTES, OF(public_key)},
                                      {"observedAddress", FIELD_PLACE, OF(observed_address)},
                                      {"protocolsKnown", FIELD_BOOL, OF(protocols_known)},
                                      {"agent", FIELD_TEXT, OF(agent)},
                                      {"protocolVersion", FIELD_TEXT, OF(protocol_version)},
                                      {"metadataKnown", FIELD_BOOL, OF(metadata_known)},
                                      {"clusterId", FIELD_U32, OF(cluster_id)},
                                      {"capabilitiesKnown", FIELD_BOOL, OF(capabilities_known)},
                                      {"capabilities", FIELD_U8, OF(capabilities)},
                                      {"enr", FIELD_ENR, OF(enr)},
                                      {"enrSequence", FIELD_U64, OF(enr_sequence)},
                                      {"signedRecord", FIELD_BYTES, OF(signed_record)},
                                      {"signedSequence", FIELD_U64, OF(signed_sequence)},
                                      {"connectivity", FIELD_STATE, OF(connectivity)},
                                      {"reason", FIELD_REASON, OF(reason)},
                                      {"disconnectTimeNs", FIELD_WALL, OF(disconnect_time)},
                                      {"connectedTimeNs", FIELD_WALL, OF(connected_time)},
                                      {"origin", FIELD_ORIGIN, OF(origin)},
                                      {"direction", FIELD_DIRECTION, OF(direction)},
                                      {"failures", FIELD_U32, OF(failures)},
                                      {"firstFailureNs", FIELD_WALL, OF(first_failure)},
                                      {"lastFailureNs", FIELD_WALL, OF(last_failure)},
                                      {"rttNs", FIELD_SPAN, OF(rtt_ns)},
                                      {"static", FIELD_BOOL, OF(is_static)},
                                      {"held", FIELD_BOOL, OF(held)},
                                      {"heldOff", FIELD_BOOL, OF(held_off)},
                                      {"pruneBackoff", FIELD_WAIT, OF(prune_backoff)},
                                      {"retryDelay", FIELD_WAIT, OF(retry_delay)},
                                      {"mismatchDelay", FIELD_WAIT, OF(mismatch_delay)},
                                      {"ban", FIELD_WAIT, OF(ban)},
                                      {"score", FIELD_I32, OF(score)}};

static const field address_fields[] = {
    {"source", FIELD_SOURCE, offsetof(wpm_address, source)},
    {"identified", FIELD_BOOL, offsetof(wpm_address, identified)},
    {"certified", FIELD_BOOL, offsetof(wpm_address, certified)},
    {"firstSeenNs", FIELD_WALL, offsetof(wpm_address, first_seen)},
    {"lastSeenNs", FIELD_WALL, offsetof(wpm_address, last_seen)},
    {"lastSuccessNs", FIELD_WALL, offsetof(wpm_address, last_success)},
    {"lastFailureNs", FIELD_WALL, offsetof(wpm_address, last_failure)},
    {"ttlNs", FIELD_I64, offsetof(wpm_address, ttl_ns)},
    {"expiresNs", FIELD_WALL, offsetof(wpm_address, expires)}};

static const field wait_fields[] = {{"monoNs", FIELD_I64, offsetof(wpm_wait, start.mono)},
                                    {"wallNs", FIELD_I64, offsetof(wpm_wait, start.wall)},
                                    {"bootId", FIELD_U64, offsetof(wpm_wait, start.boot_id)},
                                    {"lengthNs", FIELD_I64, offsetof(wpm_wait, length_ns)}};

static const field tag_fields[] = {{"name", FIELD_TEXT, offsetof(wpm_tag, name)},
                                   {"value", FIELD_I32, offsetof(wpm_tag, value)},
                                   {"protects", FIELD_BOOL, offsetof(wpm_tag, protects)},
                                   {"expiresNs", FIELD_WALL, offsetof(wpm_tag, expires)},
                                   {"halfLifeNs", FIELD_I64, offsetof(wpm_tag, half_life_ns)}};

static const field app_fields[] = {{"key", FIELD_TEXT, offsetof(wpm_app_entry, key)},
                                   {"value", FIELD_BYTES, offsetof(wpm_app_entry, value)}};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* The word of an enumerator. */
static const char *word_of(field_kind kind, int value) {
  return kind == FIELD_STATE       ? wpm_connectivity_name((wpm_connectivity)value)
         : kind == FIELD_REASON    ? wpm_reason_name((wpm_reason)value)
         : kind == FIELD_ORIGIN    ? wpm_origin_name((wpm_origin)value)
         : kind == FIELD_DIRECTION ? wpm_direction_name((wpm_direction)value)
                                   : wpm_address_source_name((wpm_address_source)value);
}

static int words_of(field_kind kind) {
  return kind == FIELD_STATE       ? WPM_CONNECTIVITY_COUNT
         : kind == FIELD_REASON    ? WPM_REASON_COUNT
         : kind == FIELD_ORIGIN    ? WPM_ORIGIN_COUNT
         : kind == FIELD_DIRECTION ? WPM_DIRECTION_COUNT
                                   : WPM_ADDRESS_SOURCE_COUNT;
}

/* ---- writing --------------------------------------------------------------------------------- */

static json_t *in_base64(wpm_bytes bytes) {
  char *text = base64_encode(bytes, false);
  json_t *value = text ? json_string(text) : NULL;
  free(text);
  return value;
}

static json_t *wrapped(wpm_bytes bytes) {
  json_t *value = in_base64(bytes);
  return value ? json_pack("{s:o}", "base64", value) : NULL;
}

static json_t *text_value(wpm_text text) {
  json_t *value = json_stringn(text.data ? text.data : "", text.len);
  return value ? value : wrapped((wpm_bytes){(const uint8_t *)text.data, text.len});
}

static json_t *id_value(wpm_bytes id) {
  char text[WPM_PEER_ID_TEXT];
  return wpm_peer_id_check(id) == WPM_OK &&
                 wpm_peer_id_format(id, text, sizeof text, NULL) == WPM_OK
             ? json_string(text)
             : wrapped(id);
}

/* Only text that reads as the same bytes again. */
static json_t *place_value(wpm_bytes address) {
  char text[WPM_MULTIADDR_TEXT];
  wpm_multiaddr again;
  size_t len = 0;
  return address.len > 0 &&
                 wpm_multiaddr_format(address, text, sizeof text, &len, NULL) == WPM_OK &&
                 wpm_multiaddr_parse((wpm_text){text, len}, &again, NULL) == WPM_OK &&
                 again.len == address.len && memcmp(again.bytes, address.data, again.len) == 0
             ? json_string(text)
             : wrapped(address);
}

static json_t *enr_value(wpm_bytes enr) {
  char *text = base64_encode(enr, true);
  json_t *value = text ? json_sprintf("enr:%s", text) : NULL;
  free(text);
  return value;
}

static json_t *u64_value(uint64_t value) {
  return value <= INT64_MAX ? json_integer((json_int_t)value) : json_sprintf("%" PRIu64, value);
}

static json_t *write_fields(const field *fields, size_t count, const void *from);

static bool same_bytes(const void *a, const void *b, size_t len) {
  return memcmp(a, b, len) == 0;
}

/* The value of a field; NULL with *skip: it is left out, NULL without: no memory. */
static json_t *write_field(const field *one, const void *from, bool *skip) {
  const void *at = (const char *)from + one->offset;
  const wpm_bytes *bytes = at;
  const wpm_text *text = at;
  static const wpm_wait no_wait;
  *skip = false;
  switch (one->kind) {
  case FIELD_ID:
    return id_value(*bytes);
  case FIELD_TEXT:
    *skip = text->len == 0;
    return *skip ? NULL : text_value(*text);
  case FIELD_BYTES:
    *skip = bytes->len == 0;
    return *skip ? NULL : in_base64(*bytes);
  case FIELD_PLACE:
    *skip = bytes->len == 0;
    return *skip ? NULL : place_value(*bytes);
  case FIELD_ENR:
    *skip = bytes->len == 0;
    return *skip ? NULL : enr_value(*bytes);
  case FIELD_BOOL:
    *skip = !*(const bool *)at;
    return *skip ? NULL : json_true();
  case FIELD_U8:
    *skip = *(const uint8_t *)at == 0;
    return *skip ? NULL : json_integer(*(const uint8_t *)at);
  case FIELD_U32:
    *skip = *(const uint32_t *)at == 0;
    return *skip ? NULL : json_integer(*(const uint32_t *)at);
  case FIELD_I32:
    *skip = *(const int32_t *)at == 0;
    return *skip ? NULL : json_integer(*(const int32_t *)at);
  case FIELD_I64:
    *skip = *(const int64_t *)at == 0;
    return *skip ? NULL : json_integer(*(const int64_t *)at);
  case FIELD_U64:
    *skip = *(const uint64_t *)at == 0;
    return *skip ? NULL : u64_value(*(const uint64_t *)at);
  case FIELD_WALL:
  case FIELD_SPAN:
    *skip = *(const int64_t *)at == INT64_MIN;
    return *skip ? NULL : json_integer(*(const int64_t *)at);
  case FIELD_WAIT:
    *skip = same_bytes(at, &no_wait, sizeof no_wait);
    return *skip ? NULL : write_fields(wait_fields, COUNT(wait_fields), at);
  case FIELD_STATE:
  case FIELD_REASON:
  case FIELD_ORIGIN:
  case FIELD_DIRECTION:
  case FIELD_SOURCE:
    return json_string(word_of(one->kind, *(const int *)at));
  }
  return NULL;
}

static json_t *write_fields(const field *fields, size_t count, const void *from) {
  json_t *object = json_object();
  for (size_t i = 0; object && i < count; i++) {
    bool skip = false;
    json_t *value = write_field(&fields[i], from, &skip);
    if (!skip && json_object_set_new(object, fields[i].name, value) != 0) {
      json_decref(object);
      return NULL;
    }
  }
  return object;
}

/* A list of `count` items of `size` bytes by their fields. */
static json_t *write_list(const field *fields, size_t field_count, const void *items, size_t count,
                          size_t size) {
  json_t *list = json_array();
  for (size_t i = 0; list && i < count; i++) {
    const void *item = (const char *)items + i * size;
    if (json_array_append_new(list, write_fields(fields, field_count, item)) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

typedef json_t *(*item_fn)(const wpm_peer_record *record, size_t index);

static json_t *multiaddr_item(const wpm_peer_record *record, size_t index) {
  return place_value(record->addresses[index].multiaddr);
}

static json_t *protocol_item(const wpm_peer_record *record, size_t index) {
  return text_value(record->protocols[index]);
}

static json_t *shard_item(const wpm_peer_record *record, size_t index) {
  return json_integer(record->shards[index]);
}

static json_t *write_items(const wpm_peer_record *record, size_t count, item_fn item) {
  json_t *list = json_array();
  for (size_t i = 0; list && i < count; i++) {
    if (json_array_append_new(list, item(record, i)) != 0) {
      json_decref(list);
      return NULL;
    }
  }
  return list;
}

/* Sets a list that is not empty. */
static bool set_list(json_t *object, const char *name, size_t count, json_t *list) {
  if (count == 0) {
    json_decref(list);
    return true;
  }
  return json_object_set_new(object, name, list) == 0;
}

json_t *json_record(const wpm_peer_record *record) {
  json_t *object = write_fields(record_fields, COUNT(record_fields), record);
  json_t *places = write_items(record, record->address_count, multiaddr_item);
  bool whole = object && places && json_object_set_new(object, "multiaddrs", places) == 0;
  whole = whole && set_list(object, "addresses", record->address_count,
                            write_list(address_fields, COUNT(address_fields), record->addresses,
                                       record->address_count, sizeof *record->addresses));
  whole = whole && set_list(object, "protocols", record->protocol_count,
                            write_items(record, record->protocol_count, protocol_item));
  whole = whole && set_list(object, "shards", record->shard_count,
                            write_items(record, record->shard_count, shard_item));
  whole = whole && set_list(object, "tags", record->tag_count,
                            write_list(tag_fields, COUNT(tag_fields), record->tags,
                                       record->tag_count, sizeof *record->tags));
  whole = whole && set_list(object, "app", record->app_count,
                            write_list(app_fields, COUNT(app_fields), record->app,
                                       record->app_count, sizeof *record->app));
  if (!whole) {
    json_decref(object);
    return NULL;
  }
  return object;
}

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct record_reader {
  read_record *out;
  wpm_wall now;
  wpm_error *error;
} record_reader;

static bool wrong(const record_reader *reader, const char *name, const char *what) {
  (void)snprintf(reader->error->text, sizeof reader->error->text, "\"%.60s\" %.180s", name, what);
  return false;
}

static bool no_memory(const record_reader *reader) {
  (void)snprintf(reader->error->text, sizeof reader->error->text, "out of memory");
  return false;
}

/* Takes over memory that the record points into. */
static bool own(const record_reader *reader, void *block) {
  read_record *out = reader->out;
  void **blocks = block ? realloc(out->blocks, (out->block_count + 1) * sizeof *blocks) : NULL;
  if (!blocks) {
    free(block);
    return no_memory(reader);
  }
  out->blocks = blocks;
  blocks[out->block_count++] = block;
  return true;
}

static bool own_copy(const record_reader *reader, const void *data, size_t len, wpm_bytes *out) {
  *out = (wpm_bytes){0};
  if (len == 0) {
    return true;
  }
  uint8_t *copy = malloc(len);
  if (copy) {
    memcpy(copy, data, len);
  }
  *out = (wpm_bytes){copy, len};
  return own(reader, copy);
}

static bool read_base64(const record_reader *reader, const char *name, const json_t *value,
                        const char *text, size_t len, bool url, wpm_bytes *out) {
  uint8_t *bytes = NULL;
  size_t count = 0;
  if (!json_is_string(value) || !base64_decode(text, len, url, &bytes, &count)) {
    return wrong(reader, name, url ? "must be enr:… in base64url" : "must be base64");
  }
  *out = (wpm_bytes){bytes, count};
  return own(reader, bytes);
}

/* {"base64": "…"}; false: it is none. */
static bool is_wrapped(const json_t *value, const json_t **inside) {
  *inside = json_object_get(value, "base64");
  return *inside && json_object_size(value) == 1;
}

/* A peer id, multiaddr or text as a string, or wrapped. */
static bool read_view(const record_reader *reader, const field *one, const json_t *value,
                      wpm_bytes *out) {
  const json_t *inside = NULL;
  wpm_multiaddr address;
  wpm_peer_id id;
  wpm_error error = {.text = ""};
  if (is_wrapped(value, &inside)) {
    return read_base64(reader, one->name, inside, json_string_value(inside),
                       json_string_length(inside), false, out);
  }
  if (!json_is_string(value)) {
    return wrong(reader, one->name, "must be a string, or {\"base64\": …}");
  }
  wpm_text text = {json_string_value(value), json_string_length(value)};
  if (one->kind == FIELD_ID) {
    return wpm_peer_id_parse(text, &id, &error) == WPM_OK
               ? own_copy(reader, id.bytes, id.len, out)
               : wrong(reader, one->name, "must be a peer id");
  }
  if (one->kind == FIELD_PLACE) {
    return wpm_multiaddr_parse(text, &address, &error) == WPM_OK
               ? own_copy(reader, address.bytes, address.len, out)
               : wrong(reader, one->name, error.text);
  }
  return own_copy(reader, text.data, text.len, out);
}

static bool read_number(const record_reader *reader, const char *name, const json_t *value,
                        int64_t least, int64_t most, int64_t *out) {
  *out = json_integer_value(value);
  return (json_is_integer(value) && *out >= least && *out <= most) ||
         wrong(reader, name, "must be a whole number in its range");
}

static bool read_u64(const record_reader *reader, const char *name, const json_t *value,
                     uint64_t *out) {
  int64_t number = 0;
  unsigned long long large = 0;
  char again[24] = "";
  if (!json_is_string(value)) {
    bool read = read_number(reader, name, value, 0, INT64_MAX, &number);
    *out = (uint64_t)number;
    return read;
  }
  large = strtoull(json_string_value(value), NULL, 10);
  (void)snprintf(again, sizeof again, "%llu", large);
  *out = large;
  return strcmp(again, json_string_value(value)) == 0 ||
         wrong(reader, name, "must be a whole number in its range");
}

static bool read_word(const record_reader *reader, const field *one, const json_t *value,
                      int *out) {
  for (*out = 0; json_is_string(value) && *out < words_of(one->kind); (*out)++) {
    if (strcmp(word_of(one->kind, *out), json_string_value(value)) == 0) {
      return true;
    }
  }
  *out = 0;
  return wrong(reader, one->name, "is none of its words");
}

static bool read_enr(const record_reader *reader, const char *name, const json_t *value,
                     wpm_bytes *out) {
  const char *text = json_string_value(value);
  size_t len = json_string_length(value);
  if (!text || len < 4 || memcmp(text, "enr:", 4) != 0) {
    return wrong(reader, name, "must be enr:… in base64url");
  }
  return read_base64(reader, name, value, text + 4, len - 4, true, out);
}

static bool read_fields(const record_reader *reader, const field *fields, size_t count,
                        const json_t *object, const char *name, void *into,
                        const char *const *others);

static bool read_field(const record_reader *reader, const field *one, const json_t *value,
                       void *into) {
  void *at = (char *)into + one->offset;
  wpm_bytes bytes = {0};
  int64_t number = 0;
  bool read = false;
  switch (one->kind) {
  case FIELD_TEXT:
    read = read_view(reader, one, value, &bytes);
    *(wpm_text *)at = (wpm_text){(const char *)bytes.data, bytes.len};
    return read;
  case FIELD_ID:
  case FIELD_PLACE:
    return read_view(reader, one, value, at);
  case FIELD_BYTES:
    return read_base64(reader, one->name, value, json_string_value(value),
                       json_string_length(value), false, at);
  case FIELD_ENR:
    return read_enr(reader, one->name, value, at);
  case FIELD_BOOL:
    *(bool *)at = json_is_true(value);
    return json_is_boolean(value) || wrong(reader, one->name, "must be true or false");
  case FIELD_U8:
    read = read_number(reader, one->name, value, 0, UINT8_MAX, &number);
    *(uint8_t *)at = (uint8_t)number;
    return read;
  case FIELD_U32:
    read = read_number(reader, one->name, value, 0, UINT32_MAX, &number);
    *(uint32_t *)at = (uint32_t)number;
    return read;
  case FIELD_I32:
    read = read_number(reader, one->name, value, INT32_MIN, INT32_MAX, &number);
    *(int32_t *)at = (int32_t)number;
    return read;
  case FIELD_I64:
  case FIELD_WALL:
  case FIELD_SPAN:
    return read_number(reader, one->name, value, INT64_MIN, INT64_MAX, at);
  case FIELD_U64:
    return read_u64(reader, one->name, value, at);
  case FIELD_WAIT:
    return read_fields(reader, wait_fields, COUNT(wait_fields), value, one->name, at, NULL) &&
           (((wpm_wait *)at)->length_ns >= 0 ||
            wrong(reader, one->name, "must have a length that is not negative"));
  case FIELD_STATE:
  case FIELD_REASON:
  case FIELD_ORIGIN:
  case FIELD_DIRECTION:
  case FIELD_SOURCE:
    return read_word(reader, one, value, at);
  }
  return false;
}

static bool is_among(const char *name, const char *const *names) {
  while (names && *names && strcmp(*names, name) != 0) {
    names++;
  }
  return names && *names;
}

/* `others` (ends in NULL; may be NULL): members that are read elsewhere. */
static bool read_fields(const record_reader *reader, const field *fields, size_t count,
                        const json_t *object, const char *name, void *into,
                        const char *const *others) {
  const char *key = NULL;
  json_t *value = NULL;
  if (!json_is_object(object)) {
    return wrong(reader, name, "must be an object");
  }
  json_object_foreach((json_t *)(uintptr_t)object, key, value) {
    size_t i = 0;
    while (i < count && strcmp(fields[i].name, key) != 0) {
      i++;
    }
    if (i == count && !is_among(key, others)) {
      return wrong(reader, key, "is not known");
    }
    if (i < count && !read_field(reader, &fields[i], value, into)) {
      return false;
    }
  }
  return true;
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* Makes room for the list of that name; *count 0: there is none. */
static bool begin_list(const record_reader *reader, const json_t *object, const char *name,
                       size_t size, const json_t **list, size_t *count, void *items) {
  void *memory = NULL;
  *list = json_object_get(object, name);
  *count = json_array_size(*list);
  if (*list && (!json_is_array(*list) || *count > JSON_RECORD_LIST_MAX)) {
    return wrong(reader, name, "must be a list of at most 65536");
  }
  if (*count > 0) {
    memory = calloc(*count, size);
    if (!own(reader, memory)) {
      return false;
    }
  }
  memcpy(items, &memory, sizeof memory);
  return true;
}

/* What an address is of which nothing more is said: given now by an import. */
static wpm_address plain_address(wpm_wall now) {
  wpm_wall second = {now.ns - now.ns % WPM_SECOND};
  return (wpm_address){.source = WPM_SOURCE_IMPORT,
                       .first_seen = second,
                       .last_seen = second,
                       .last_success = WPM_WALL_NONE,
                       .last_failure = WPM_WALL_NONE,
                       .expires = WPM_WALL_NONE};
}

/* `multiaddrs` beside `addresses`, which has as many, or is missing. An own /p2p/ID is allowed. */
static bool read_addresses(const record_reader *reader, const json_t *object) {
  static const field place = {"multiaddrs", FIELD_PLACE, 0};
  const json_t *details = json_object_get(object, "addresses");
  const json_t *list = NULL;
  wpm_address *addresses = NULL;
  wpm_peer_record *record = &reader->out->record;
  size_t count = 0;
  if (!begin_list(reader, object, place.name, sizeof *addresses, &list, &count, &addresses)) {
    return false;
  }
  if (details && (!json_is_array(details) || json_array_size(details) != count)) {
    return wrong(reader, "addresses", "must be a list as long as \"multiaddrs\"");
  }
  for (size_t i = 0; i < count; i++) {
    wpm_bytes transport = {0};
    wpm_bytes peer = {0};
    wpm_bytes whole = {0};
    if (!read_view(reader, &place, json_array_get(list, i), &whole)) {
      return false;
    }
    addresses[i] = plain_address(reader->now);
    if (details) {
      addresses[i].source = WPM_SOURCE_UNKNOWN;
      addresses[i].first_seen = addresses[i].last_seen = WPM_WALL_NONE;
    }
    if (details && !read_fields(reader, address_fields, COUNT(address_fields),
                                json_array_get(details, i), "addresses", &addresses[i], NULL)) {
      return false;
    }
    addresses[i].multiaddr = whole;
    if (wpm_multiaddr_split_peer(whole, &transport, &peer) == WPM_OK && peer.len > 0) {
      if (transport.len == 0 || peer.len != record->id.len ||
          memcmp(peer.data, record->id.data, peer.len) != 0) {
        return wrong(reader, "multiaddrs", "must be addresses of this peer");
      }
      addresses[i].multiaddr = transport;
    }
  }
  record->addresses = addresses;
  record->address_count = count;
  return true;
}

static bool read_protocols(const record_reader *reader, const json_t *object) {
  static const field protocol = {"protocols", FIELD_TEXT, 0};
  const json_t *list = NULL;
  wpm_text *protocols = NULL;
  size_t count = 0;
  if (!begin_list(reader, object, protocol.name, sizeof *protocols, &list, &count, &protocols)) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    if (!read_field(reader, &protocol, json_array_get(list, i), &protocols[i])) {
      return false;
    }
  }
  reader->out->record.protocols = protocols;
  reader->out->record.protocol_count = count;
  return true;
}

static bool read_shards(const record_reader *reader, const json_t *object) {
  const json_t *list = NULL;
  uint16_t *shards = NULL;
  size_t count = 0;
  if (!begin_list(reader, object, "shards", sizeof *shards, &list, &count, &shards)) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    int64_t number = 0;
    if (!read_number(reader, "shards", json_array_get(list, i), 0, UINT16_MAX, &number)) {
      return false;
    }
    shards[i] = (uint16_t)number;
  }
  reader->out->record.shards = shards;
  reader->out->record.shard_count = count;
  return true;
}

static bool read_objects(const record_reader *reader, const json_t *object, const char *name,
                         const field *fields, size_t field_count, size_t size, void *items,
                         size_t *count) {
  const json_t *list = NULL;
  char *first = NULL;
  if (!begin_list(reader, object, name, size, &list, count, items)) {
    return false;
  }
  memcpy(&first, items, sizeof first);
  for (size_t i = 0; i < *count; i++) {
    if (!read_fields(reader, fields, field_count, json_array_get(list, i), name, first + i * size,
                     NULL)) {
      return false;
    }
  }
  return true;
}

/* A tag has an end only where it says so, and a half-life that is not negative. */
static bool read_tags(const record_reader *reader, const json_t *object) {
  const json_t *list = NULL;
  wpm_tag *tags = NULL;
  size_t count = 0;
  if (!begin_list(reader, object, "tags", sizeof *tags, &list, &count, &tags)) {
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    tags[i].expires = WPM_WALL_NONE;
    if (!read_fields(reader, tag_fields, COUNT(tag_fields), json_array_get(list, i), "tags",
                     &tags[i], NULL)) {
      return false;
    }
    if (tags[i].half_life_ns < 0) {
      return wrong(reader, "tags", "must have half-lives that are not negative");
    }
  }
  reader->out->record.tags = tags;
  reader->out->record.tag_count = count;
  return true;
}

static bool read_lists(const record_reader *reader, const json_t *object) {
  wpm_peer_record *record = &reader->out->record;
  wpm_app_entry *app = NULL;
  bool read = read_addresses(reader, object) && read_protocols(reader, object) &&
              read_shards(reader, object) && read_tags(reader, object) &&
              read_objects(reader, object, "app", app_fields, COUNT(app_fields), sizeof *app, &app,
                           &record->app_count);
  record->app = app;
  return read;
}

bool json_record_read(const json_t *object, wpm_wall now, read_record *out, wpm_error *error) {
  static const char *const lists[] = {"multiaddrs", "addresses", "protocols", "shards",
                                      "tags",       "app",       NULL};
  const record_reader reader = {.out = out, .now = now, .error = error};
  *out = (read_record){.record = {.disconnect_time = WPM_WALL_NONE,
                                  .connected_time = WPM_WALL_NONE,
                                  .first_failure = WPM_WALL_NONE,
                                  .last_failure = WPM_WALL_NONE,
                                  .rtt_ns = WPM_SPAN_NONE}};
  if (!json_is_object(object)) {
    return wrong(&reader, "line", "must be an object");
  }
  if (!json_object_get(object, "peerId")) {
    return wrong(&reader, "peerId", "is missing");
  }
  return read_fields(&reader, record_fields, COUNT(record_fields), object, "line", &out->record,
                     lists) &&
         read_lists(&reader, object);
}

void read_record_free(read_record *record) {
  for (size_t i = 0; i < record->block_count; i++) {
    free(record->blocks[i]);
  }
  free(record->blocks);
  *record = (read_record){0};
}
