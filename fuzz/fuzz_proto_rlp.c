/* The input as RLP, items within items: what is read and written again is the input. */
#include "base/bytes.h"
#include "proto/rlp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

static void check_number(const wpm_rlp_item *item, wpm_buffer *scratch) {
  wpm_bytes rest = item->whole;
  uint64_t number = 0;
  int rc = wpm_rlp_next_number(&rest, UINT64_MAX, &number);
  if (rc != WPM_OK) {
    require(item->is_list || item->contents.len > 8 || item->contents.data[0] == 0);
    return;
  }
  wpm_buffer_clear(scratch);
  require(wpm_rlp_write_number(scratch, number) == WPM_OK);
  require(wpm_bytes_equal(wpm_buffer_view(scratch), item->whole));
}

/* All items of `in`, written to `out`; false where one is malformed. */
static bool copy_items(wpm_bytes in, size_t depth, wpm_buffer *scratch, wpm_buffer *out) {
  while (in.len > 0) {
    wpm_rlp_item item;
    if (wpm_rlp_next(&in, &item) != WPM_OK) {
      return false;
    }
    check_number(&item, scratch);
    if (!item.is_list || depth == 0) {
      require(item.is_list ? wpm_buffer_append(out, item.whole.data, item.whole.len) == WPM_OK
                           : wpm_rlp_write_string(out, item.contents) == WPM_OK);
      continue;
    }
    uint8_t prefix[WPM_RLP_PREFIX_MAX];
    size_t len = wpm_rlp_list_prefix(item.contents.len, prefix);
    require(wpm_buffer_append(out, prefix, len) == WPM_OK);
    if (!copy_items(item.contents, depth - 1, scratch, out)) {
      return false;
    }
  }
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wpm_buffer out;
  wpm_buffer scratch;
  wpm_buffer_init(&out, size);
  wpm_buffer_init(&scratch, 16);
  if (copy_items((wpm_bytes){data, size}, 100, &scratch, &out)) {
    require(wpm_bytes_equal(wpm_buffer_view(&out), (wpm_bytes){data, size}));
  }
  wpm_buffer_fini(&scratch);
  wpm_buffer_fini(&out);
  return 0;
}
