/* The input as what comes on an identify stream, in pieces whose length its first byte gives. */
#include "base/bytes.h"
#include "proto/identify.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void check_caps(const wpm_identify *message) {
  require(message->protocol_count <= WPM_IDENTIFY_PROTOCOLS_MAX);
  require(message->address_count <= WPM_IDENTIFY_ADDRESSES_MAX);
  require(message->agent.len <= WPM_IDENTIFY_TEXT_MAX);
  require(message->protocol_version.len <= WPM_IDENTIFY_TEXT_MAX);
  for (size_t i = 0; i < message->protocol_count; i++) {
    require(message->protocols[i].len > 0 &&
            message->protocols[i].len <= WPM_IDENTIFY_PROTOCOL_ID_MAX);
  }
  for (size_t i = 0; i < message->address_count; i++) {
    require(wpm_multiaddr_check(message->addresses[i]) == WPM_OK);
  }
}

/* What we write of it is one message, and what is read back is its beginning. */
static void check_written(const wpm_identify *message) {
  wpm_buffer out;
  wpm_identify_reader *reader = NULL;
  wpm_identify again;
  wpm_buffer_init(&out, WPM_IDENTIFY_SEND_MAX);
  int rc = wpm_identify_write(message, &out);
  require(rc == WPM_OK || rc == WPM_ERR_TOO_LARGE);
  if (rc == WPM_OK) {
    require(wpm_identify_reader_new(&reader) == WPM_OK);
    require(wpm_identify_reader_input(reader, wpm_buffer_view(&out)) == WPM_OK);
    require(wpm_identify_reader_finish(reader, &again) == WPM_OK);
    require(wpm_bytes_equal(again.public_key, message->public_key));
    require(again.has_agent == message->has_agent && wpm_text_equal(again.agent, message->agent));
    require(again.protocol_count <= message->protocol_count);
    for (size_t i = 0; i < again.protocol_count; i++) {
      require(wpm_text_equal(again.protocols[i], message->protocols[i]));
    }
    require(again.address_count <= message->address_count);
    wpm_identify_reader_free(reader);
  }
  wpm_buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wpm_identify_reader *reader = NULL;
  wpm_identify message;
  size_t piece = size > 0 && data[0] > 0 ? data[0] : 10000;
  require(wpm_identify_reader_new(&reader) == WPM_OK);
  int rc = WPM_OK;
  for (size_t at = 1; rc == WPM_OK && at < size; at += piece) {
    size_t len = size - at < piece ? size - at : piece;
    rc = wpm_identify_reader_input(reader, (wpm_bytes){data + at, len});
  }
  if (rc == WPM_OK && wpm_identify_reader_finish(reader, &message) == WPM_OK) {
    check_caps(&message);
    check_written(&message);
  }
  wpm_identify_reader_free(reader);
  return 0;
}
