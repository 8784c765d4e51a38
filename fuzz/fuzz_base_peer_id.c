/* The input as text and as bytes of a peer id. */
#include "base/bytes.h"
#include "base/peer_id.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

/* Both text forms of an id lead back to it. */
static void check_texts(wpm_bytes id) {
  char text[WPM_PEER_ID_TEXT];
  size_t len;
  wpm_peer_id again;
  require(wpm_peer_id_format(id, text, sizeof(text), &len) == WPM_OK);
  require(wpm_peer_id_parse((wpm_text){text, len}, &again, NULL) == WPM_OK);
  require(wpm_bytes_equal(wpm_peer_id_view(&again), id));
  require(wpm_peer_id_format_cid(id, text, sizeof(text), &len) == WPM_OK);
  require(wpm_peer_id_parse((wpm_text){text, len}, &again, NULL) == WPM_OK);
  require(wpm_bytes_equal(wpm_peer_id_view(&again), id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wpm_bytes bytes = {data, size};
  if (wpm_peer_id_check(bytes) == WPM_OK) {
    check_texts(bytes);
    wpm_bytes key;
    wpm_peer_id id;
    if (wpm_peer_id_inline_key(bytes, &key) == WPM_OK) {
      require(wpm_peer_id_wrap_key(key, &id) == WPM_OK);
      require(wpm_bytes_equal(wpm_peer_id_view(&id), bytes));
    }
  }
  wpm_peer_id id;
  wpm_error error;
  int err = wpm_peer_id_parse((wpm_text){(const char *)data, size}, &id, &error);
  if (err) {
    require(error.code == err && strlen(error.text) > 0);
    return 0;
  }
  require(wpm_peer_id_check(wpm_peer_id_view(&id)) == WPM_OK);
  check_texts(wpm_peer_id_view(&id));
  return 0;
}
