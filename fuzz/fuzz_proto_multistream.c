/* The input, behind its first byte, as what a peer sends in a negotiation; the first byte says in
 * which role we are and where the bytes are cut. */
#include "base/bytes.h"
#include "proto/multistream.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const wpm_text protocols[] = {{"/noise", 6}, {"/yamux/1.0.0", 12}, {"/ipfs/ping/1.0.0", 16}};

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

typedef struct negotiation {
  wpm_multistream ms;
  wpm_buffer out;
  size_t used;
  int err;
} negotiation;

/* Gives it all up to `len`, from what it has not taken yet. */
static void feed(negotiation *n, wpm_bytes in, size_t len) {
  size_t rest = len - n->used;
  uint8_t *copy = malloc(rest + 1);
  require(copy);
  if (rest > 0) {
    memcpy(copy, in.data + n->used, rest);
  }
  size_t used;
  n->err = wpm_multistream_read(&n->ms, (wpm_bytes){copy, rest}, &used, &n->out);
  require(used <= rest);
  require(n->err == WPM_OK || n->err == WPM_ERR_PROTOCOL);
  n->used += used;
  free(copy);
}

static void begin(negotiation *n, bool dialler) {
  *n = (negotiation){0};
  wpm_buffer_init(&n->out, 1 << 16);
  wpm_multistream_init(&n->ms, dialler, protocols, 3);
  require(wpm_multistream_start(&n->ms, &n->out) == WPM_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  bool dialler = data[0] & 1;
  size_t cut = data[0] >> 1;
  wpm_bytes in = {data + 1, size - 1};
  cut = cut < in.len ? cut : in.len;
  negotiation whole;
  negotiation cut_once;
  begin(&whole, dialler);
  begin(&cut_once, dialler);
  feed(&whole, in, in.len);
  feed(&cut_once, in, cut);
  if (!cut_once.err) {
    feed(&cut_once, in, in.len);
  }
  require(whole.err == cut_once.err && whole.used == cut_once.used);
  require(whole.ms.state == cut_once.ms.state && whole.ms.agreed == cut_once.ms.agreed);
  require(wpm_bytes_equal(wpm_buffer_view(&whole.out), wpm_buffer_view(&cut_once.out)));
  require(whole.ms.state != WPM_MULTISTREAM_AGREED || whole.ms.agreed < 3);
  wpm_buffer_fini(&whole.out);
  wpm_buffer_fini(&cut_once.out);
  return 0;
}
