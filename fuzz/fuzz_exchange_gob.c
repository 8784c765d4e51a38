/* The input as a value in gob, and as metadata of a peer under each name that has a field. What is
 * read can be written, and reads the same. */
#include "exchange_sink.h"

#include "exchange/go_metadata.h"
#include "exchange/gob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct strings {
  wpm_text *items;
  size_t count;
} strings;

static int keep(void *user, wpm_text text) {
  strings *into = user;
  touch((wpm_bytes){(const uint8_t *)text.data, text.len});
  into->items[into->count++] = text;
  return WPM_OK;
}

static void check_value(wpm_bytes encoded) {
  wpm_gob_value value;
  wpm_gob_value again;
  strings found = {.items = calloc(WPM_GOB_ITEMS_MAX, sizeof *found.items)};
  wpm_buffer out;
  require(found.items != NULL);
  wpm_buffer_init(&out, WPM_GOB_MAX);
  if (wpm_gob_read(encoded, &value, keep, &found) == WPM_OK) {
    int err = value.type == WPM_GOB_FLOAT
                  ? wpm_gob_write_number(value.number, &out)
                  : wpm_gob_write_strings(value.type, found.items, found.count, &out);
    require(err == WPM_OK || err == WPM_ERR_TOO_LARGE);
    if (err == WPM_OK) {
      require(wpm_gob_read(wpm_buffer_view(&out), &again, NULL, NULL) == WPM_OK);
      require(again.type == value.type && again.count == value.count);
      require(memcmp(&again.number, &value.number, sizeof value.number) == 0);
    }
  }
  wpm_buffer_fini(&out);
  free(found.items);
}

static int take(void *user, wpm_text name, wpm_bytes value) {
  wpm_gob_value read;
  (void)user;
  require(name.len > 0);
  require(wpm_gob_read(value, &read, NULL, NULL) == WPM_OK);
  return WPM_OK;
}

static void check_metadata(const char *name, wpm_bytes encoded) {
  wpm_report report = {0};
  wpm_builder builder;
  wpm_buffer space;
  wpm_builder_init(&builder, (wpm_wall){WPM_DAY});
  wpm_buffer_init(&space, WPM_GOB_MAX);
  require(wpm_builder_begin(&builder, WPM_BYTES("\x00\x01\x01")) == WPM_OK);
  require(wpm_go_metadata_read(&builder, wpm_text_of(name), encoded, &report) == WPM_OK);
  const wpm_peer_record *record = wpm_builder_end(&builder);
  check_record(record);
  require(wpm_go_metadata_write(record, &space, take, NULL, &report) == WPM_OK);
  wpm_buffer_fini(&space);
  wpm_builder_fini(&builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const names[] = {"protocols", "AgentVersion", "score", "pubSubTopics",
                                      "other"};
  wpm_bytes encoded = {data, size};
  check_value(encoded);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    check_metadata(names[i], encoded);
  }
  return 0;
}
