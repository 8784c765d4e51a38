#include "exchange/go_metadata.h"

#include "base/bytes.h"
#include "exchange/gob.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_LEN 255 /* Of an entry of the application map. */

static const wpm_text name_protocols = {"protocols", 9};
static const wpm_text name_agent = {"AgentVersion", 12};
static const wpm_text name_version = {"ProtocolVersion", 15};
static const wpm_text name_score = {"score", 5};
static const wpm_text name_topics = {"pubSubTopics", 12};

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct metadata_reader {
  wpm_builder *builder;
  wpm_report *report;
  wpm_text *into; /* Where a string goes. */
  uint32_t cluster_id;
  size_t shard_count;
  uint16_t shards[1024];
} metadata_reader;

static int take_protocol(void *user, wpm_text text) {
  metadata_reader *reader = user;
  return wpm_builder_protocol(reader->builder, text, reader->report);
}

static int take_text(void *user, wpm_text text) {
  metadata_reader *reader = user;
  wpm_bytes kept = {0};
  int err =
      wpm_builder_keep(reader->builder, (wpm_bytes){(const uint8_t *)text.data, text.len}, &kept);
  *reader->into = (wpm_text){(const char *)kept.data, kept.len};
  return err;
}

/* The number at *at up to `end`, in its one decimal form. */
static bool read_number(const char **at, const char *end, uint32_t *out) {
  const char *begin = *at;
  *out = 0;
  while (*at < end && **at >= '0' && **at <= '9' && *out <= UINT16_MAX) {
    *out = *out * 10 + (uint32_t)(*(*at)++ - '0');
  }
  return *at > begin && *out <= UINT16_MAX && (*begin != '0' || *at == begin + 1);
}

/* `/waku/2/rs/CLUSTER/SHARD`; anything else ends the reading. */
static int take_topic(void *user, wpm_text text) {
  static const char prefix[] = "/waku/2/rs/";
  metadata_reader *reader = user;
  const char *end = text.data + text.len;
  const char *at = text.data + (sizeof prefix - 1);
  uint32_t cluster = 0;
  uint32_t shard = 0;
  size_t i = 0;
  if (text.len < sizeof prefix || memcmp(text.data, prefix, sizeof prefix - 1) != 0 ||
      !read_number(&at, end, &cluster) || at == end || *at++ != '/' ||
      !read_number(&at, end, &shard) || at != end || cluster == 0 ||
      (reader->shard_count > 0 && cluster != reader->cluster_id) ||
      reader->shard_count == sizeof reader->shards / sizeof *reader->shards) {
    return WPM_ERR_UNSUPPORTED;
  }
  reader->cluster_id = cluster;
  for (i = reader->shard_count; i > 0 && reader->shards[i - 1] > shard; i--) {
    reader->shards[i] = reader->shards[i - 1];
  }
  if (i > 0 && reader->shards[i - 1] == shard) {
    return WPM_ERR_UNSUPPORTED; /* Twice: kept as it is. */
  }
  reader->shards[i] = (uint16_t)shard;
  reader->shard_count++;
  return WPM_OK;
}

/* Reads a value into the field of its name. WPM_ERR_UNSUPPORTED: there is none for it. */
static int take_field(metadata_reader *reader, wpm_text name, const wpm_gob_value *value,
                      wpm_bytes encoded) {
  wpm_peer_record *record = &reader->builder->record;
  wpm_gob_value again;
  if (wpm_text_equal(name, name_protocols) && value->type == WPM_GOB_PROTOCOLS) {
    record->protocols_known = true;
    return wpm_gob_read(encoded, &again, take_protocol, reader);
  }
  if (value->type == WPM_GOB_STRING &&
      (wpm_text_equal(name, name_agent) || wpm_text_equal(name, name_version))) {
    reader->into = wpm_text_equal(name, name_agent) ? &record->agent : &record->protocol_version;
    return wpm_gob_read(encoded, &again, take_text, reader);
  }
  if (wpm_text_equal(name, name_score) && value->type == WPM_GOB_FLOAT &&
      value->number >= INT32_MIN && value->number <= INT32_MAX &&
      (double)(int32_t)value->number == value->number) {
    record->score = (int32_t)value->number;
    return WPM_OK;
  }
  if (wpm_text_equal(name, name_topics) && value->type == WPM_GOB_STRINGS) {
    int err = wpm_gob_read(encoded, &again, take_topic, reader);
    return err == WPM_OK && value->count > 0
               ? wpm_builder_shards(reader->builder, reader->cluster_id, reader->shards,
                                    reader->shard_count)
           : err == WPM_OK ? WPM_ERR_UNSUPPORTED
                           : err;
  }
  return WPM_ERR_UNSUPPORTED;
}

static const char *problem_of(int err) {
  return err == WPM_ERR_UNSUPPORTED ? "a value of a Go type that is none of string, []string, "
                                      "float64 and map[protocol.ID]struct{}"
         : err == WPM_ERR_TOO_LARGE ? "a value that is too long"
                                    : "no valid gob";
}

int wpm_go_metadata_read(wpm_builder *builder, wpm_text name, wpm_bytes value, wpm_report *report) {
  metadata_reader reader = {.builder = builder, .report = report};
  wpm_gob_value read;
  char shown[80];
  int err = wpm_gob_read(value, &read, NULL, NULL);
  if (err == WPM_OK && (name.len == 0 || name.len > NAME_MAX_LEN)) {
    err = WPM_ERR_TOO_LARGE;
  }
  if (err != WPM_OK) {
    wpm_report_skip_peer(report, builder->record.id, "its metadata \"%s\": %s",
                         wpm_text_printable(name, shown, sizeof shown), problem_of(err));
    return WPM_OK;
  }
  err = take_field(&reader, name, &read, value);
  return err == WPM_ERR_UNSUPPORTED ? wpm_builder_app(builder, name, value, report) : err;
}

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct metadata_writer {
  const wpm_peer_record *record;
  wpm_buffer *space;
  wpm_go_metadata_fn fn;
  void *user;
  wpm_report *report;
} metadata_writer;

static bool app_has(const wpm_peer_record *record, wpm_text name) {
  for (size_t i = 0; i < record->app_count; i++) {
    if (wpm_text_equal(record->app[i].key, name)) {
      return true;
    }
  }
  return false;
}

/* Hands on what was encoded with the result `err`. */
static int hand_on(const metadata_writer *writer, wpm_text name, int err) {
  char shown[80];
  if (err == WPM_ERR_TOO_LARGE || err == WPM_ERR_FULL) {
    wpm_report_skip_peer(writer->report, writer->record->id, "\"%s\" is too long for gob",
                         wpm_text_printable(name, shown, sizeof shown));
    return WPM_OK;
  }
  return err == WPM_OK ? writer->fn(writer->user, name, wpm_buffer_view(writer->space)) : err;
}

static int put_strings(const metadata_writer *writer, wpm_text name, wpm_gob_type type,
                       const wpm_text *strings, size_t count) {
  wpm_buffer_clear(writer->space);
  return hand_on(writer, name, wpm_gob_write_strings(type, strings, count, writer->space));
}

static int put_score(const metadata_writer *writer) {
  wpm_buffer_clear(writer->space);
  return hand_on(writer, name_score,
                 wpm_gob_write_number((double)writer->record->score, writer->space));
}

#define TOPIC_ROOM 40

static int put_topics(const metadata_writer *writer) {
  const wpm_peer_record *record = writer->record;
  wpm_text *topics = calloc(record->shard_count, sizeof *topics + TOPIC_ROOM);
  char *text = topics ? (char *)(topics + record->shard_count) : NULL;
  if (!topics) {
    return WPM_ERR_NO_MEMORY;
  }
  for (size_t i = 0; i < record->shard_count; i++, text += TOPIC_ROOM) {
    int len = snprintf(text, TOPIC_ROOM, "/waku/2/rs/%u/%u", (unsigned)record->cluster_id,
                       (unsigned)record->shards[i]);
    topics[i] = (wpm_text){text, (size_t)len};
  }
  int err = put_strings(writer, name_topics, WPM_GOB_STRINGS, topics, record->shard_count);
  free(topics);
  return err;
}

static int put_fields(const metadata_writer *writer) {
  const wpm_peer_record *record = writer->record;
  int err = WPM_OK;
  if (record->protocols_known) {
    err = put_strings(writer, name_protocols, WPM_GOB_PROTOCOLS, record->protocols,
                      record->protocol_count);
  }
  if (err == WPM_OK && record->agent.len > 0) {
    err = put_strings(writer, name_agent, WPM_GOB_STRING, &record->agent, 1);
  }
  if (err == WPM_OK && record->protocol_version.len > 0) {
    err = put_strings(writer, name_version, WPM_GOB_STRING, &record->protocol_version, 1);
  }
  if (err == WPM_OK && record->score != 0 && !app_has(record, name_score)) {
    err = put_score(writer);
  }
  if (err == WPM_OK && record->shard_count > 0 && record->cluster_id > 0 &&
      !app_has(record, name_topics)) {
    err = put_topics(writer);
  }
  return err;
}

/* Whether go-datastore leaves the name as it is: no empty part, no `.` or `..`, no NUL; and it is none that
 * we would not read again. */
static bool is_clean(wpm_text name) {
  if (name.len > NAME_MAX_LEN) {
    return false;
  }
  size_t begin = 0;
  for (size_t i = 0; i <= name.len; i++) {
    if (i < name.len && name.data[i] == '\0') {
      return false;
    }
    if (i == name.len || name.data[i] == '/') {
      wpm_text part = {name.data + begin, i - begin};
      if (part.len == 0 || wpm_text_equal(part, WPM_TEXT(".")) ||
          wpm_text_equal(part, WPM_TEXT(".."))) {
        return false;
      }
      begin = i + 1;
    }
  }
  return true;
}

/* Names that a field of the record has written. */
static bool is_field(const wpm_peer_record *record, wpm_text name) {
  return (record->protocols_known && wpm_text_equal(name, name_protocols)) ||
         (record->agent.len > 0 && wpm_text_equal(name, name_agent)) ||
         (record->protocol_version.len > 0 && wpm_text_equal(name, name_version));
}

int wpm_go_metadata_write(const wpm_peer_record *record, wpm_buffer *space, wpm_go_metadata_fn fn,
                          void *user, wpm_report *report) {
  metadata_writer writer = {record, space, fn, user, report};
  int err = put_fields(&writer);
  for (size_t i = 0; err == WPM_OK && i < record->app_count; i++) {
    const wpm_app_entry *entry = &record->app[i];
    wpm_gob_value value;
    char shown[80];
    if (is_field(record, entry->key) || !is_clean(entry->key) ||
        wpm_gob_read(entry->value, &value, NULL, NULL) != WPM_OK) {
      wpm_report_skip_peer(report, record->id, "\"%s\" of its application map is no Go metadata",
                           wpm_text_printable(entry->key, shown, sizeof shown));
    } else {
      err = fn(user, entry->key, entry->value);
    }
  }
  return err;
}
