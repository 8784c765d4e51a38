#include "exchange/gob.h"

#include "base/bytes.h"

/* Ids of Go's own types, and the first that an encoder gives to a type of its own. */
enum { ID_FLOAT = 4, ID_STRING = 6, ID_INTERFACE = 8, ID_FIRST = 64 };

/* What follows a type's name where that type has to be defined. */
enum { DEFINES_SLICE = 1, DEFINES_STRUCT = 2, DEFINES_MAP = 3 };

#define TYPES_MAX 4

static const struct {
  wpm_gob_type type;
  wpm_text name; /* As Go registers it. */
} names[] = {{WPM_GOB_STRING, {"string", 6}},
             {WPM_GOB_STRINGS, {"[]string", 8}},
             {WPM_GOB_FLOAT, {"float64", 7}},
             {WPM_GOB_PROTOCOLS, {"map[protocol.ID]struct {}", 25}}};

/* ---- numbers --------------------------------------------------------------------------------- */

/* Below 128 a byte; else the negated number of bytes, and these, big-endian, without leading zeros. */
static int read_uint(wpm_bytes *in, uint64_t *out) {
  if (in->len == 0) {
    return WPM_ERR_TRUNCATED;
  }
  uint8_t first = in->data[0];
  size_t len = first < 0x80 ? 0 : 0x100U - first;
  if (len > sizeof *out) {
    return WPM_ERR_INVALID;
  }
  if (in->len - 1 < len) {
    return WPM_ERR_TRUNCATED;
  }
  *out = len == 0 ? first : 0;
  for (size_t i = 0; i < len; i++) {
    *out = *out << 8 | in->data[1 + i];
  }
  *in = (wpm_bytes){in->data + 1 + len, in->len - 1 - len};
  return WPM_OK;
}

/* The sign is the lowest bit; where it is set, the others are complemented. */
static int read_int(wpm_bytes *in, int64_t *out) {
  uint64_t value = 0;
  int err = read_uint(in, &value);
  *out = (int64_t)(value & 1 ? ~(value >> 1) : value >> 1);
  return err;
}

static int read_string(wpm_bytes *in, wpm_text *out) {
  uint64_t len = 0;
  int err = read_uint(in, &len);
  if (err == WPM_OK && len > in->len) {
    err = WPM_ERR_TRUNCATED;
  }
  if (err == WPM_OK) {
    *out = (wpm_text){(const char *)in->data, (size_t)len};
    *in = (wpm_bytes){in->data + len, in->len - (size_t)len};
  }
  return err;
}

static int expect_zero(wpm_bytes *in) {
  uint64_t value = 0;
  int err = read_uint(in, &value);
  return err == WPM_OK && value != 0 ? WPM_ERR_INVALID : err;
}

/* ---- types ----------------------------------------------------------------------------------- */

/* A type that the encoder defines. */
typedef struct gob_type {
  int64_t id;
  uint64_t kind; /* DEFINES_…. */
  int64_t key;   /* Of a map. */
  int64_t elem;  /* Of a slice or map. */
} gob_type;

typedef struct gob_reader {
  wpm_bytes stream;  /* Behind the message at hand. */
  wpm_bytes message; /* What is left of it. */
  gob_type types[TYPES_MAX];
  size_t type_count;
} gob_reader;

static int next_message(gob_reader *reader) {
  uint64_t len = 0;
  int err = read_uint(&reader->stream, &len);
  if (err == WPM_OK && (len == 0 || len > reader->stream.len)) {
    err = len == 0 ? WPM_ERR_INVALID : WPM_ERR_TRUNCATED;
  }
  if (err == WPM_OK) {
    reader->message = (wpm_bytes){reader->stream.data, (size_t)len};
    reader->stream = (wpm_bytes){reader->stream.data + len, reader->stream.len - (size_t)len};
  }
  return err;
}

/* The part that all definitions have: a name, and an id again. Fields come as the distance to the one
 * before, 0: the end. */
static int read_common(wpm_bytes *in) {
  uint64_t field = 0;
  for (;;) {
    uint64_t delta = 0;
    wpm_text name;
    int64_t id = 0;
    int err = read_uint(in, &delta);
    if (err != WPM_OK || delta == 0) {
      return err;
    }
    field += delta;
    err = field == 1 ? read_string(in, &name) : field == 2 ? read_int(in, &id) : WPM_ERR_INVALID;
    if (err != WPM_OK) {
      return err;
    }
  }
}

/* A slice: common, elem. A map: common, key, elem. A struct: common, and fields, which the one that
 * we know has not. */
static int read_definition(wpm_bytes *in, gob_type *type) {
  uint64_t field = 0;
  for (;;) {
    uint64_t delta = 0;
    int err = read_uint(in, &delta);
    if (err != WPM_OK || delta == 0) {
      return err;
    }
    field += delta;
    if (field == 1) {
      err = read_common(in);
    } else if (type->kind == DEFINES_MAP && field == 2) {
      err = read_int(in, &type->key);
    } else if ((type->kind == DEFINES_MAP && field == 3) ||
               (type->kind == DEFINES_SLICE && field == 2)) {
      err = read_int(in, &type->elem);
    } else {
      err = WPM_ERR_UNSUPPORTED;
    }
    if (err != WPM_OK) {
      return err;
    }
  }
}

/* The definition of type `id`. */
static int read_type(gob_reader *reader, int64_t id) {
  gob_type type = {.id = id};
  int err = read_uint(&reader->message, &type.kind);
  /* The distance from before the first field is one more than the field's number. */
  if (err == WPM_OK && (type.kind < DEFINES_SLICE + 1 || type.kind > DEFINES_MAP + 1 ||
                        reader->type_count == TYPES_MAX)) {
    err = WPM_ERR_UNSUPPORTED;
  }
  type.kind--;
  if (err == WPM_OK) {
    err = read_definition(&reader->message, &type);
  }
  if (err == WPM_OK) {
    err = expect_zero(&reader->message);
  }
  if (err == WPM_OK) {
    reader->types[reader->type_count++] = type;
  }
  return err;
}

/* The id of the value's type, behind the definitions that it needs. */
static int read_type_sequence(gob_reader *reader, int64_t *id) {
  for (;;) {
    int err = reader->message.len == 0 ? next_message(reader) : WPM_OK;
    if (err == WPM_OK) {
      err = read_int(&reader->message, id);
    }
    if (err != WPM_OK || *id >= 0) {
      return err;
    }
    err = *id < -INT32_MAX ? WPM_ERR_INVALID : read_type(reader, -*id);
    uint64_t skipped = 0;
    if (err == WPM_OK && reader->message.len > 0) {
      err = read_uint(&reader->message, &skipped); /* The length of what follows. */
    }
    if (err != WPM_OK) {
      return err;
    }
  }
}

static const gob_type *find_type(const gob_reader *reader, int64_t id, uint64_t kind) {
  for (size_t i = 0; i < reader->type_count; i++) {
    if (reader->types[i].id == id && reader->types[i].kind == kind) {
      return &reader->types[i];
    }
  }
  return NULL;
}

/* Whether the type `id` is what the name said. */
static bool is_shape(const gob_reader *reader, wpm_gob_type type, int64_t id) {
  const gob_type *slice = find_type(reader, id, DEFINES_SLICE);
  const gob_type *map = find_type(reader, id, DEFINES_MAP);
  switch (type) {
  case WPM_GOB_STRING:
    return id == ID_STRING;
  case WPM_GOB_FLOAT:
    return id == ID_FLOAT;
  case WPM_GOB_STRINGS:
    return slice && slice->elem == ID_STRING;
  case WPM_GOB_PROTOCOLS:
    return map && map->key == ID_STRING && find_type(reader, map->elem, DEFINES_STRUCT);
  }
  return false;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* A float's bytes stand in reverse: its low ones are often zeros. */
static uint64_t reverse(uint64_t bits) {
  uint64_t reversed = 0;
  for (int i = 0; i < 8; i++) {
    reversed = reversed << 8 | (bits >> 8 * i & 0xff);
  }
  return reversed;
}

static int read_strings(wpm_bytes *in, wpm_gob_value *out, wpm_gob_string_fn fn, void *user) {
  uint64_t count = 1;
  int err = out->type == WPM_GOB_STRING ? WPM_OK : read_uint(in, &count);
  if (err == WPM_OK && count > WPM_GOB_ITEMS_MAX) {
    err = WPM_ERR_TOO_LARGE;
  }
  out->count = (size_t)count;
  for (uint64_t i = 0; err == WPM_OK && i < count; i++) {
    wpm_text text = {0};
    err = read_string(in, &text);
    if (err == WPM_OK && out->type == WPM_GOB_PROTOCOLS) {
      err = expect_zero(in); /* struct{} has no field. */
    }
    if (err == WPM_OK && fn) {
      err = fn(user, text);
    }
  }
  return err;
}

static int read_value(wpm_bytes *in, wpm_gob_value *out, wpm_gob_string_fn fn, void *user) {
  uint64_t bits = 0;
  int err = expect_zero(in); /* A value that is no struct stands as its one field. */
  if (err != WPM_OK) {
    return err;
  }
  if (out->type != WPM_GOB_FLOAT) {
    return read_strings(in, out, fn, user);
  }
  err = read_uint(in, &bits);
  bits = reverse(bits);
  memcpy(&out->number, &bits, sizeof out->number);
  return err;
}

static int read_name(wpm_bytes *in, wpm_gob_type *type) {
  wpm_text name = {0};
  int err = read_string(in, &name);
  for (size_t i = 0; err == WPM_OK && i < sizeof names / sizeof *names; i++) {
    if (wpm_text_equal(names[i].name, name)) {
      *type = names[i].type;
      return WPM_OK;
    }
  }
  return err == WPM_OK ? WPM_ERR_UNSUPPORTED : err;
}

/* The interface's head: its own type, the name of what is in it, and that type. */
static int read_head(gob_reader *reader, wpm_gob_type *type) {
  int64_t id = 0;
  int err = next_message(reader);
  if (err == WPM_OK) {
    err = read_int(&reader->message, &id);
  }
  if (err == WPM_OK && id != ID_INTERFACE) {
    err = WPM_ERR_UNSUPPORTED;
  }
  if (err == WPM_OK) {
    err = expect_zero(&reader->message);
  }
  if (err == WPM_OK) {
    err = read_name(&reader->message, type);
  }
  if (err == WPM_OK) {
    err = read_type_sequence(reader, &id);
  }
  return err == WPM_OK && !is_shape(reader, *type, id) ? WPM_ERR_INVALID : err;
}

int wpm_gob_read(wpm_bytes encoded, wpm_gob_value *out, wpm_gob_string_fn fn, void *user) {
  gob_reader reader = {.stream = encoded};
  uint64_t len = 0;
  *out = (wpm_gob_value){.type = WPM_GOB_STRING};
  if (encoded.len > WPM_GOB_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  int err = read_head(&reader, &out->type);
  if (err == WPM_OK) {
    err = read_uint(&reader.message, &len);
  }
  if (err == WPM_OK && (len != reader.message.len || reader.stream.len > 0)) {
    err = WPM_ERR_INVALID;
  }
  if (err == WPM_OK) {
    err = read_value(&reader.message, out, fn, user);
  }
  return err == WPM_OK && reader.message.len > 0 ? WPM_ERR_INVALID : err;
}

/* ---- writing --------------------------------------------------------------------------------- */

static size_t write_uint(uint64_t value, uint8_t out[9]) {
  size_t len = 0;
  if (value < 0x80) {
    out[0] = (uint8_t)value;
    return 1;
  }
  while (len < 8 && value >> 8 * len) {
    len++;
  }
  out[0] = (uint8_t)(0x100U - len);
  for (size_t i = 0; i < len; i++) {
    out[1 + i] = (uint8_t)(value >> 8 * (len - 1 - i));
  }
  return 1 + len;
}

static int add(wpm_buffer *out, const void *data, size_t len) {
  return wpm_buffer_append(out, data, len);
}

static int add_uint(wpm_buffer *out, uint64_t value) {
  uint8_t bytes[9];
  return add(out, bytes, write_uint(value, bytes));
}

static int add_text(wpm_buffer *out, wpm_text text) {
  int err = add_uint(out, text.len);
  return err == WPM_OK ? add(out, text.data, text.len) : err;
}

/* The types that a value's name needs, as Go's encoder writes them when they are its first: negated id,
 * kind, and in it common part with id, key and element. For `[]string` 64 is the list; for the set 66
 * is the map, and 65, in a message of its own, the empty struct. */
static const uint8_t strings_type[] = {0x7f, 2, 1, 2, 0xff, 128, 0, 1, 2 * ID_STRING, 0, 0};
static const uint8_t map_type[] = {0xff, 131,           4, 1,    2,   0xff, 132, 0,
                                   1,    2 * ID_STRING, 1, 0xff, 130, 0,    0};
static const uint8_t struct_message[] = {10, 0xff, 129, 3, 1, 2, 0xff, 130, 0, 0, 0};

/* Everything before the value. Definitions close the first message. */
static int add_head(wpm_buffer *message, wpm_gob_type type) {
  int err = add_uint(message, 2 * ID_INTERFACE);
  if (err == WPM_OK) {
    err = add_uint(message, 0);
  }
  if (err == WPM_OK) {
    err = add_text(message, names[type].name);
  }
  if (err == WPM_OK && type == WPM_GOB_STRINGS) {
    err = add(message, strings_type, sizeof strings_type);
  }
  if (err == WPM_OK && type == WPM_GOB_PROTOCOLS) {
    err = add(message, map_type, sizeof map_type);
  }
  return err;
}

static int add_message(wpm_buffer *out, const wpm_buffer *message) {
  wpm_bytes view = wpm_buffer_view(message);
  int err = add_uint(out, view.len);
  return err == WPM_OK ? add(out, view.data, view.len) : err;
}

/* The value behind its type's id and its length. */
static int add_value(wpm_buffer *message, int64_t id, wpm_bytes value) {
  int err = add_uint(message, (uint64_t)id * 2);
  if (err == WPM_OK) {
    err = add_uint(message, value.len);
  }
  return err == WPM_OK ? add(message, value.data, value.len) : err;
}

static int add_all(wpm_gob_type type, wpm_bytes value, wpm_buffer *message, wpm_buffer *whole) {
  bool defines = type == WPM_GOB_STRINGS || type == WPM_GOB_PROTOCOLS;
  int64_t id = type == WPM_GOB_STRING    ? ID_STRING
               : type == WPM_GOB_FLOAT   ? ID_FLOAT
               : type == WPM_GOB_STRINGS ? ID_FIRST
                                         : ID_FIRST + 2;
  int err = add_head(message, type);
  if (err == WPM_OK && defines) {
    err = add_message(whole, message);
    wpm_buffer_clear(message);
  }
  if (err == WPM_OK && type == WPM_GOB_PROTOCOLS) {
    err = add(whole, struct_message, sizeof struct_message);
  }
  if (err == WPM_OK) {
    err = add_value(message, id, value);
  }
  return err == WPM_OK ? add_message(whole, message) : err;
}

/* Appends the finished encoding to `out`, at once. */
static int write_whole(wpm_gob_type type, const wpm_buffer *value, wpm_buffer *out) {
  wpm_buffer message;
  wpm_buffer whole;
  wpm_buffer_init(&message, WPM_GOB_MAX);
  wpm_buffer_init(&whole, WPM_GOB_MAX);
  int err = add_all(type, wpm_buffer_view(value), &message, &whole);
  if (err == WPM_ERR_FULL) {
    err = WPM_ERR_TOO_LARGE;
  }
  if (err == WPM_OK) {
    wpm_bytes view = wpm_buffer_view(&whole);
    err = add(out, view.data, view.len);
  }
  wpm_buffer_fini(&message);
  wpm_buffer_fini(&whole);
  return err;
}

int wpm_gob_write_strings(wpm_gob_type type, const wpm_text *strings, size_t count,
                          wpm_buffer *out) {
  wpm_buffer value;
  wpm_buffer_init(&value, WPM_GOB_MAX);
  int err = count > WPM_GOB_ITEMS_MAX ? WPM_ERR_TOO_LARGE : add_uint(&value, 0);
  if (err == WPM_OK && type != WPM_GOB_STRING) {
    err = add_uint(&value, count);
  }
  for (size_t i = 0; err == WPM_OK && i < count; i++) {
    err = add_text(&value, strings[i]);
    if (err == WPM_OK && type == WPM_GOB_PROTOCOLS) {
      err = add_uint(&value, 0);
    }
  }
  if (err == WPM_ERR_FULL) {
    err = WPM_ERR_TOO_LARGE;
  }
  if (err == WPM_OK) {
    err = write_whole(type, &value, out);
  }
  wpm_buffer_fini(&value);
  return err;
}

int wpm_gob_write_number(double number, wpm_buffer *out) {
  uint64_t bits = 0;
  wpm_buffer value;
  memcpy(&bits, &number, sizeof bits);
  wpm_buffer_init(&value, WPM_GOB_MAX);
  int err = add_uint(&value, 0);
  if (err == WPM_OK) {
    err = add_uint(&value, reverse(bits));
  }
  if (err == WPM_OK) {
    err = write_whole(WPM_GOB_FLOAT, &value, out);
  }
  wpm_buffer_fini(&value);
  return err;
}
