#include "storage/row.h"

#include "storage/list.h"
#include "storage/utf8.h"

#include <string.h>

/* The columns of table peer that change; `id` and `peer_id` are written once. */
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

/* SQLite counts columns of a result from 0 and parameters from 1. */
#define PARAMETER(column) ((column) + 1)

void wpm_row_scratch_fini(wpm_row_scratch *scratch) {
  wpm_scratch_fini(&scratch->lists);
  wpm_scratch_fini(&scratch->bytes);
  wpm_scratch_fini(&scratch->shards);
}

/* ---- statements ------------------------------------------------------------------------------ */

/* Prepares what stands in `sql`, which is used up. */
static int prepare(sqlite3 *db, sqlite3_str *sql, sqlite3_stmt **out) {
  char *text = sqlite3_str_finish(sql);
  if (!text) {
    return SQLITE_NOMEM;
  }
  int code = sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
  sqlite3_free(text);
  return code;
}

int wpm_row_prepare_insert(sqlite3 *db, sqlite3_stmt **out) {
  sqlite3_str *sql = sqlite3_str_new(db);
  sqlite3_str_appendall(sql, "INSERT INTO peer (");
  for (int i = 0; i < CHANGING; i++) {
    sqlite3_str_appendf(sql, "%s, ", names[i]);
  }
  sqlite3_str_appendall(sql, "id, peer_id) VALUES (");
  for (int i = 0; i < CHANGING; i++) {
    sqlite3_str_appendall(sql, "?, ");
  }
  sqlite3_str_appendall(sql, "?, ?)");
  return prepare(db, sql, out);
}

int wpm_row_prepare_update(sqlite3 *db, sqlite3_stmt **out) {
  sqlite3_str *sql = sqlite3_str_new(db);
  for (int i = 0; i < CHANGING; i++) {
    sqlite3_str_appendf(sql, "%s %s = ?", i == 0 ? "UPDATE peer SET" : ",", names[i]);
  }
  sqlite3_str_appendall(sql, " WHERE peer = ?");
  return prepare(db, sql, out);
}

int wpm_row_prepare_select(sqlite3 *db, sqlite3_stmt **out) {
  sqlite3_str *sql = sqlite3_str_new(db);
  sqlite3_str_appendall(sql, "SELECT ");
  for (int i = 0; i < CHANGING; i++) {
    sqlite3_str_appendf(sql, "%s, ", names[i]);
  }
  sqlite3_str_appendall(sql, "id, peer FROM peer ORDER BY peer");
  return prepare(db, sql, out);
}

/* An address that is stored as it is now is not written again. */
int wpm_row_prepare_put_address(sqlite3 *db, sqlite3_stmt **out) {
  return sqlite3_prepare_v3(
      db,
      "INSERT INTO address (peer, position, multiaddr, multiaddr_text, source, last_success,"
      " last_failure) VALUES (?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (peer, position) DO UPDATE SET multiaddr = excluded.multiaddr,"
      " multiaddr_text = excluded.multiaddr_text, source = excluded.source,"
      " last_success = excluded.last_success, last_failure = excluded.last_failure"
      " WHERE multiaddr IS NOT excluded.multiaddr OR source IS NOT excluded.source"
      " OR last_success IS NOT excluded.last_success"
      " OR last_failure IS NOT excluded.last_failure",
      -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
}

int wpm_row_prepare_select_addresses(sqlite3 *db, sqlite3_stmt **out) {
  return sqlite3_prepare_v2(db,
                            "SELECT peer, multiaddr, source, last_success, last_failure"
                            " FROM address ORDER BY peer, position",
                            -1, out, NULL);
}

/* ---- checking -------------------------------------------------------------------------------- */

static bool add_len(size_t *total, size_t len) {
  return !__builtin_add_overflow(*total, len, total) && *total <= WPM_ROW_RECORD_MAX;
}

static bool fits(const wpm_peer_record *record) {
  size_t total = 0;
  bool ok = add_len(&total, record->public_key.len) &&
            add_len(&total, record->observed_address.len) && add_len(&total, record->agent.len) &&
            add_len(&total, record->protocol_version.len) && add_len(&total, record->shard_count) &&
            add_len(&total, record->protocol_count) && add_len(&total, record->address_count);
  for (size_t i = 0; ok && i < record->protocol_count; i++) {
    ok = add_len(&total, record->protocols[i].len);
  }
  for (size_t i = 0; ok && i < record->address_count; i++) {
    ok = add_len(&total, record->addresses[i].multiaddr.len);
  }
  return ok;
}

int wpm_row_check(const wpm_peer_record *record) {
  if (record->id.len == 0 || record->id.len > WPM_PEER_ID_MAX ||
      (unsigned)record->connectivity >= WPM_CONNECTIVITY_COUNT ||
      (unsigned)record->reason >= WPM_REASON_COUNT ||
      (unsigned)record->origin >= WPM_ORIGIN_COUNT ||
      (unsigned)record->direction >= WPM_DIRECTION_COUNT || record->prune_backoff.length_ns < 0 ||
      record->retry_delay.length_ns < 0 || record->mismatch_delay.length_ns < 0) {
    return WPM_ERR_INVALID;
  }
  if (!fits(record)) {
    return WPM_ERR_TOO_LARGE;
  }
  for (size_t i = 0; i < record->address_count; i++) {
    if ((unsigned)record->addresses[i].source >= WPM_ADDRESS_SOURCE_COUNT) {
      return WPM_ERR_INVALID;
    }
  }
  return WPM_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A statement being bound: the first failure stays, and ends the binding. */
typedef struct binder {
  sqlite3_stmt *statement;
  int code;
} binder;

static void bind_number(binder *b, int column, int64_t value) {
  if (b->code == SQLITE_OK) {
    b->code = sqlite3_bind_int64(b->statement, PARAMETER(column), value);
  }
}

/* INT64_MIN is WPM_WALL_NONE and WPM_SPAN_NONE. */
static void bind_time(binder *b, int column, int64_t ns) {
  if (b->code == SQLITE_OK) {
    b->code = ns == INT64_MIN ? sqlite3_bind_null(b->statement, PARAMETER(column))
                              : sqlite3_bind_int64(b->statement, PARAMETER(column), ns);
  }
}

static void bind_bytes(binder *b, int column, wpm_bytes bytes) {
  if (b->code == SQLITE_OK) {
    b->code = bytes.len == 0 ? sqlite3_bind_null(b->statement, PARAMETER(column))
                             : sqlite3_bind_blob64(b->statement, PARAMETER(column), bytes.data,
                                                   bytes.len, SQLITE_STATIC);
  }
}

static void bind_text(binder *b, int column, const char *text, size_t len) {
  if (b->code == SQLITE_OK) {
    b->code =
        sqlite3_bind_text64(b->statement, PARAMETER(column), text, len, SQLITE_STATIC, SQLITE_UTF8);
  }
}

static void bind_word(binder *b, int column, const char *word) {
  bind_text(b, column, word, strlen(word));
}

/* Text that a peer sent. */
static void bind_foreign_text(binder *b, int column, wpm_text text) {
  if (text.len > 0 && wpm_utf8_is_plain(text)) {
    bind_text(b, column, text.data, text.len);
  } else {
    bind_bytes(b, column, (wpm_bytes){(const uint8_t *)text.data, text.len});
  }
}

/* The text form of a multiaddr, NULL where it has none. `buffer` holds WPM_MULTIADDR_TEXT. */
static void bind_multiaddr_text(binder *b, int column, wpm_bytes multiaddr, char *buffer) {
  size_t len = 0;
  if (multiaddr.len == 0 ||
      wpm_multiaddr_format(multiaddr, buffer, WPM_MULTIADDR_TEXT, &len, NULL) != WPM_OK) {
    bind_bytes(b, column, (wpm_bytes){NULL, 0});
  } else {
    bind_text(b, column, buffer, len);
  }
}

static void bind_wait(binder *b, int column, const wpm_wait *wait) {
  bind_number(b, column, wait->start.mono.ns);
  bind_time(b, column + 1, wait->start.wall.ns);
  bind_number(b, column + 2, (int64_t)wait->start.boot_id);
  bind_number(b, column + 3, wait->length_ns);
}

static void bind_lists(binder *b, const wpm_peer_record *record, wpm_scratch *lists) {
  size_t room = wpm_list_texts_room(record->protocols, record->protocol_count);
  if (wpm_scratch_reserve(lists, room + wpm_list_numbers_room(record->shard_count), 1) != WPM_OK) {
    b->code = SQLITE_NOMEM;
    return;
  }
  char *protocols = lists->memory;
  char *shards = protocols + room;
  bind_text(b, PROTOCOLS, protocols,
            wpm_list_write_texts(record->protocols, record->protocol_count, protocols));
  bind_text(b, SHARDS, shards, wpm_list_write_numbers(record->shards, record->shard_count, shards));
}

static void bind_record(binder *b, const wpm_peer_record *record, wpm_row_scratch *scratch) {
  bind_bytes(b, PUBLIC_KEY, record->public_key);
  bind_bytes(b, OBSERVED_ADDRESS, record->observed_address);
  bind_multiaddr_text(b, OBSERVED_ADDRESS_TEXT, record->observed_address, scratch->observed);
  bind_lists(b, record, &scratch->lists);
  bind_number(b, PROTOCOLS_KNOWN, record->protocols_known);
  bind_foreign_text(b, AGENT, record->agent);
  bind_foreign_text(b, PROTOCOL_VERSION, record->protocol_version);
  bind_number(b, METADATA_KNOWN, record->metadata_known);
  bind_number(b, CLUSTER_ID, record->cluster_id);
  bind_word(b, CONNECTIVITY, wpm_connectivity_name(record->connectivity));
  bind_word(b, REASON, wpm_reason_name(record->reason));
  bind_time(b, DISCONNECT_TIME, record->disconnect_time.ns);
  bind_time(b, CONNECTED_TIME, record->connected_time.ns);
  bind_word(b, ORIGIN, wpm_origin_name(record->origin));
  bind_word(b, DIRECTION, wpm_direction_name(record->direction));
  bind_number(b, FAILURES, record->failures);
  bind_time(b, FIRST_FAILURE, record->first_failure.ns);
  bind_time(b, LAST_FAILURE, record->last_failure.ns);
  bind_time(b, RTT_NS, record->rtt_ns);
  bind_number(b, IS_STATIC, record->is_static);
  bind_number(b, HELD, record->held);
  bind_number(b, HELD_OFF, record->held_off);
  bind_wait(b, PRUNE_BACKOFF, &record->prune_backoff);
  bind_wait(b, RETRY_DELAY, &record->retry_delay);
  bind_wait(b, MISMATCH_DELAY, &record->mismatch_delay);
}

int wpm_row_bind_insert(sqlite3_stmt *statement, const wpm_peer_record *record,
                        wpm_row_scratch *scratch) {
  char *peer_id = scratch->address_text;
  size_t len = 0;
  _Static_assert(WPM_MULTIADDR_TEXT >= WPM_PEER_ID_TEXT, "an id's text fits");
  if (wpm_peer_id_format(record->id, peer_id, WPM_MULTIADDR_TEXT, &len) != WPM_OK) {
    return SQLITE_INTERNAL;
  }
  binder b = {statement, SQLITE_OK};
  bind_record(&b, record, scratch);
  bind_bytes(&b, CHANGING, record->id);
  bind_text(&b, CHANGING + 1, peer_id, len);
  return b.code;
}

int wpm_row_bind_update(sqlite3_stmt *statement, const wpm_peer_record *record, sqlite3_int64 key,
                        wpm_row_scratch *scratch) {
  binder b = {statement, SQLITE_OK};
  bind_record(&b, record, scratch);
  bind_number(&b, CHANGING, key);
  return b.code;
}

int wpm_row_bind_address(sqlite3_stmt *statement, const wpm_address *address, sqlite3_int64 key,
                         size_t position, wpm_row_scratch *scratch) {
  binder b = {statement, SQLITE_OK};
  bind_number(&b, 0, key);
  bind_number(&b, 1, (int64_t)position);
  if (address->multiaddr.len > 0) {
    bind_bytes(&b, 2, address->multiaddr);
  } else {
    b.code = sqlite3_bind_zeroblob(statement, PARAMETER(2), 0);
  }
  bind_multiaddr_text(&b, 3, address->multiaddr, scratch->address_text);
  bind_word(&b, 4, wpm_address_source_name(address->source));
  bind_time(&b, 5, address->last_success.ns);
  bind_time(&b, 6, address->last_failure.ns);
  return b.code;
}

/* ---- reading --------------------------------------------------------------------------------- */

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

static void read_protocols(reader *r, wpm_row_scratch *scratch, wpm_peer_record *record) {
  wpm_text list = read_text(r, PROTOCOLS);
  if (wpm_scratch_reserve(&scratch->lists, wpm_list_count_bound(list), sizeof(wpm_text)) ||
      wpm_scratch_reserve(&scratch->bytes, list.len, 1)) {
    fail(r, WPM_ERR_NO_MEMORY);
    return;
  }
  if (wpm_list_read_texts(list, scratch->lists.memory, &record->protocol_count,
                          scratch->bytes.memory)) {
    fail(r, WPM_ERR_INVALID);
  }
  record->protocols = scratch->lists.memory;
}

static void read_shards(reader *r, wpm_row_scratch *scratch, wpm_peer_record *record) {
  wpm_text list = read_text(r, SHARDS);
  if (wpm_scratch_reserve(&scratch->shards, wpm_list_count_bound(list), sizeof(uint16_t))) {
    fail(r, WPM_ERR_NO_MEMORY);
    return;
  }
  if (wpm_list_read_numbers(list, scratch->shards.memory, &record->shard_count)) {
    fail(r, WPM_ERR_INVALID);
  }
  record->shards = scratch->shards.memory;
}

int wpm_row_read(sqlite3_stmt *statement, wpm_row_scratch *scratch, wpm_peer_record *record,
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

sqlite3_int64 wpm_row_address_key(sqlite3_stmt *statement) {
  return sqlite3_column_int64(statement, 0);
}

int wpm_row_read_address(sqlite3_stmt *statement, wpm_address *address) {
  reader r = {statement, WPM_OK};
  *address = (wpm_address){
      .multiaddr = read_bytes(&r, 1),
      .source = read_wpm_address_source(&r, 2),
      .last_success = {read_time(&r, 3)},
      .last_failure = {read_time(&r, 4)},
  };
  return r.err;
}
