#include "storage/row_1.h"

#include "base/record.h"
#include "storage/list_1.h"

#include <string.h>

/* The columns of table peer_1, but for `id` and `peer_id`. */
enum {
  PUBLIC_KEY,
  OBSERVED_ADDRESS,
  OBSERVED_ADDRESS_TEXT,
  PROTOCOLS,
  PROTOCOLS_KNOWN,
  AGENT,
  PROTOCOL_VERSION,
  METADATA_KNOWN,
  CLUSTER_ID,
  SHARDS,
  CONNECTIVITY,
  REASON,
  DISCONNECT_TIME,
  CONNECTED_TIME,
  ORIGIN,
  DIRECTION,
  FAILURES,
  FIRST_FAILURE,
  LAST_FAILURE,
  RTT_NS,
  IS_STATIC,
  HELD,
  HELD_OFF,
  PRUNE_BACKOFF, /* A wait takes four columns: mono, wall, boot_id, length_ns. */
  RETRY_DELAY = PRUNE_BACKOFF + 4,
  MISMATCH_DELAY = RETRY_DELAY + 4,
  CHANGING = MISMATCH_DELAY + 4
};

static const char *const names[CHANGING] = {
    [PUBLIC_KEY] = "public_key",
    [OBSERVED_ADDRESS] = "observed_address",
    [OBSERVED_ADDRESS_TEXT] = "observed_address_text",
    [PROTOCOLS] = "protocols",
    [PROTOCOLS_KNOWN] = "protocols_known",
    [AGENT] = "agent",
    [PROTOCOL_VERSION] = "protocol_version",
    [METADATA_KNOWN] = "metadata_known",
    [CLUSTER_ID] = "cluster_id",
    [SHARDS] = "shards",
    [CONNECTIVITY] = "connectivity",
    [REASON] = "reason",
    [DISCONNECT_TIME] = "disconnect_time",
    [CONNECTED_TIME] = "connected_time",
    [ORIGIN] = "origin",
    [DIRECTION] = "direction",
    [FAILURES] = "failures",
    [FIRST_FAILURE] = "first_failure",
    [LAST_FAILURE] = "last_failure",
    [RTT_NS] = "rtt_ns",
    [IS_STATIC] = "is_static",
    [HELD] = "held",
    [HELD_OFF] = "held_off",
    [PRUNE_BACKOFF] = "prune_backoff_mono",
    [PRUNE_BACKOFF + 1] = "prune_backoff_wall",
    [PRUNE_BACKOFF + 2] = "prune_backoff_boot_id",
    [PRUNE_BACKOFF + 3] = "prune_backoff_length_ns",
    [RETRY_DELAY] = "retry_delay_mono",
    [RETRY_DELAY + 1] = "retry_delay_wall",
    [RETRY_DELAY + 2] = "retry_delay_boot_id",
    [RETRY_DELAY + 3] = "retry_delay_length_ns",
    [MISMATCH_DELAY] = "mismatch_delay_mono",
    [MISMATCH_DELAY + 1] = "mismatch_delay_wall",
    [MISMATCH_DELAY + 2] = "mismatch_delay_boot_id",
    [MISMATCH_DELAY + 3] = "mismatch_delay_length_ns",
};

void wpm_row_1_scratch_fini(wpm_row_1_scratch *scratch) {
  wpm_room_fini(&scratch->lists);
  wpm_room_fini(&scratch->bytes);
  wpm_room_fini(&scratch->shards);
}

int wpm_row_1_prepare_select(sqlite3 *db, sqlite3_stmt **out) {
  sqlite3_str *sql = sqlite3_str_new(db);
  sqlite3_str_appendall(sql, "SELECT ");
  for (int i = 0; i < CHANGING; i++) {
    sqlite3_str_appendf(sql, "%s, ", names[i]);
  }
  sqlite3_str_appendall(sql, "id, peer FROM peer_1 ORDER BY peer");
  char *text = sqlite3_str_finish(sql);
  if (!text) {
    return SQLITE_NOMEM;
  }
  int code = sqlite3_prepare_v2(db, text, -1, out, NULL);
  sqlite3_free(text);
  return code;
}

int wpm_row_1_prepare_select_addresses(sqlite3 *db, sqlite3_stmt **out) {
  return sqlite3_prepare_v2(db,
                            "SELECT peer, multiaddr, source, last_success, last_failure"
                            " FROM address_1 ORDER BY peer, position",
                            -1, out, NULL);
}

/* A row being read: the first failure stays. */
typedef struct reader {
  sqlite3_stmt *statement;
  int err;
} reader;

static void fail(reader *r, int err) {
  if (!r->err) {
    r->err = err;
  }
}

/* A number from `least` to `most`. */
static int64_t read_number(reader *r, int column, int64_t least, int64_t most) {
  if (sqlite3_column_type(r->statement, column) == SQLITE_INTEGER) {
    int64_t value = sqlite3_column_int64(r->statement, column);
    if (value >= least && value <= most) {
      return value;
    }
  }
  fail(r, WPM_ERR_INVALID);
  return least;
}

static bool read_bool(reader *r, int column) {
  return read_number(r, column, 0, 1) == 1;
}

static int64_t read_time(reader *r, int column) {
  if (sqlite3_column_type(r->statement, column) == SQLITE_NULL) {
    return INT64_MIN;
  }
  return read_number(r, column, INT64_MIN + 1, INT64_MAX);
}

static wpm_bytes read_bytes(reader *r, int column) {
  int type = sqlite3_column_type(r->statement, column);
  if (type == SQLITE_NULL) {
    return (wpm_bytes){NULL, 0};
  }
  if (type != SQLITE_BLOB && type != SQLITE_TEXT) {
    fail(r, WPM_ERR_INVALID);
    return (wpm_bytes){NULL, 0};
  }
  const uint8_t *data = sqlite3_column_blob(r->statement, column);
  size_t len = (size_t)sqlite3_column_bytes(r->statement, column);
  if (!data && len > 0) {
    fail(r, WPM_ERR_NO_MEMORY);
    len = 0;
  }
  return (wpm_bytes){data, len};
}

static wpm_text read_text(reader *r, int column) {
  wpm_bytes bytes = read_bytes(r, column);
  return (wpm_text){(const char *)bytes.data, bytes.len};
}

static bool is_word(wpm_text text, const char *word) {
  return strlen(word) == text.len && memcmp(word, text.data, text.len) == 0;
}

/* Defines a function that reads a word of a closed set. */
#define READ_WORD(type, count, first)                                                              \
  static type read_##type(reader *r, int column) {                                                 \
    wpm_text word = read_text(r, column);                                                          \
    for (unsigned i = 0; word.len > 0 && i < (count); i++) {                                       \
      if (is_word(word, type##_name((type)i))) {                                                   \
        return (type)i;                                                                            \
      }                                                                                            \
    }                                                                                              \
    fail(r, WPM_ERR_INVALID);                                                                      \
    return (first);                                                                                \
  }

READ_WORD(wpm_connectivity, WPM_CONNECTIVITY_COUNT, WPM_NOT_CONNECTED)
READ_WORD(wpm_reason, WPM_REASON_COUNT, WPM_REASON_NONE)
READ_WORD(wpm_origin, WPM_ORIGIN_COUNT, WPM_ORIGIN_UNKNOWN)
READ_WORD(wpm_direction, WPM_DIRECTION_COUNT, WPM_DIRECTION_NONE)
READ_WORD(wpm_address_source, WPM_ADDRESS_SOURCE_COUNT, WPM_SOURCE_IDENTIFY)

static wpm_wait read_wait(reader *r, int column) {
  return (wpm_wait){
      .start = {.mono = {read_number(r, column, INT64_MIN, INT64_MAX)},
                .wall = {read_time(r, column + 1)},
                .boot_id = (uint64_t)read_number(r, column + 2, INT64_MIN, INT64_MAX)},
      .length_ns = read_number(r, column + 3, 0, INT64_MAX)};
}

static void read_protocols(reader *r, wpm_row_1_scratch *scratch, wpm_peer_record *record) {
  wpm_text list = read_text(r, PROTOCOLS);
  if (wpm_room_reserve(&scratch->lists, wpm_list_1_count_bound(list), sizeof(wpm_text)) ||
      wpm_room_reserve(&scratch->bytes, list.len, 1)) {
    fail(r, WPM_ERR_NO_MEMORY);
    return;
  }
  if (wpm_list_1_read_texts(list, scratch->lists.memory, &record->protocol_count,
                            scratch->bytes.memory)) {
    fail(r, WPM_ERR_INVALID);
  }
  record->protocols = scratch->lists.memory;
}

static void read_shards(reader *r, wpm_row_1_scratch *scratch, wpm_peer_record *record) {
  wpm_text list = read_text(r, SHARDS);
  if (wpm_room_reserve(&scratch->shards, wpm_list_1_count_bound(list), sizeof(uint16_t))) {
    fail(r, WPM_ERR_NO_MEMORY);
    return;
  }
  if (wpm_list_1_read_numbers(list, scratch->shards.memory, &record->shard_count)) {
    fail(r, WPM_ERR_INVALID);
  }
  record->shards = scratch->shards.memory;
}

int wpm_row_1_read(sqlite3_stmt *statement, wpm_row_1_scratch *scratch, wpm_peer_record *record,
                   sqlite3_int64 *key) {
  reader r = {statement, WPM_OK};
  *key = sqlite3_column_int64(statement, CHANGING + 1);
  *record = (wpm_peer_record){
      .id = read_bytes(&r, CHANGING),
      .public_key = read_bytes(&r, PUBLIC_KEY),
      .observed_address = read_bytes(&r, OBSERVED_ADDRESS),
      .protocols_known = read_bool(&r, PROTOCOLS_KNOWN),
      .agent = read_text(&r, AGENT),
      .protocol_version = read_text(&r, PROTOCOL_VERSION),
      .metadata_known = read_bool(&r, METADATA_KNOWN),
      .cluster_id = (uint32_t)read_number(&r, CLUSTER_ID, 0, UINT32_MAX),
      .connectivity = read_wpm_connectivity(&r, CONNECTIVITY),
      .reason = read_wpm_reason(&r, REASON),
      .disconnect_time = {read_time(&r, DISCONNECT_TIME)},
      .connected_time = {read_time(&r, CONNECTED_TIME)},
      .origin = read_wpm_origin(&r, ORIGIN),
      .direction = read_wpm_direction(&r, DIRECTION),
      .failures = (uint32_t)read_number(&r, FAILURES, 0, UINT32_MAX),
      .first_failure = {read_time(&r, FIRST_FAILURE)},
      .last_failure = {read_time(&r, LAST_FAILURE)},
      .rtt_ns = read_time(&r, RTT_NS),
      .is_static = read_bool(&r, IS_STATIC),
      .held = read_bool(&r, HELD),
      .held_off = read_bool(&r, HELD_OFF),
      .prune_backoff = read_wait(&r, PRUNE_BACKOFF),
      .retry_delay = read_wait(&r, RETRY_DELAY),
      .mismatch_delay = read_wait(&r, MISMATCH_DELAY),
  };
  read_protocols(&r, scratch, record);
  read_shards(&r, scratch, record);
  if (record->id.len == 0 || record->id.len > WPM_PEER_ID_MAX) {
    fail(&r, WPM_ERR_INVALID);
  }
  return r.err;
}

char *wpm_row_1_describe(sqlite3_stmt *statement) {
  sqlite3_str *text = sqlite3_str_new(sqlite3_db_handle(statement));
  sqlite3_str_appendall(text, "undecoded row of schema 1:");
  for (int i = 0; i < CHANGING; i++) {
    sqlite3_str_appendf(text, " %s=%Q", names[i], (const char *)sqlite3_column_text(statement, i));
  }
  return sqlite3_str_finish(text);
}

sqlite3_int64 wpm_row_1_address_key(sqlite3_stmt *statement) {
  return sqlite3_column_int64(statement, 0);
}

int wpm_row_1_read_address(sqlite3_stmt *statement, wpm_address *address) {
  reader r = {statement, WPM_OK};
  *address = (wpm_address){
      .multiaddr = read_bytes(&r, 1),
      .source = read_wpm_address_source(&r, 2),
      .first_seen = WPM_WALL_NONE,
      .last_seen = WPM_WALL_NONE,
      .last_success = {read_time(&r, 3)},
      .last_failure = {read_time(&r, 4)},
      .ttl_ns = WPM_TTL_QUALITY,
      .expires = WPM_WALL_NONE,
  };
  address->identified = address->source == WPM_SOURCE_IDENTIFY;
  address->confidence = wpm_address_confidence(address);
  return r.err;
}
