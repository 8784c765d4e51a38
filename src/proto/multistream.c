#include "proto/multistream.h"

#include "base/bytes.h"
#include "base/varint.h"

#include <assert.h>

#define HEADER WPM_TEXT(WPM_MULTISTREAM_PROTOCOL_ID)
#define REFUSAL WPM_TEXT("na")
#define LIST WPM_TEXT("ls")

/* Bytes that `text` takes as a message: length, text, newline. */
static size_t line_size(wpm_text text) {
  return wpm_varint_size(text.len + 1) + text.len + 1;
}

/* Writes `text` as a message and returns the place behind it. */
static uint8_t *put_line(uint8_t *at, wpm_text text) {
  at += wpm_varint_write(text.len + 1, at);
  if (text.len > 0) {
    memcpy(at, text.data, text.len);
  }
  at[text.len] = '\n';
  return at + text.len + 1;
}

static int send_line(wpm_buffer *out, wpm_text text) {
  uint8_t *space;
  int err = wpm_buffer_reserve(out, line_size(text), &space);
  if (err) {
    return err;
  }
  put_line(space, text);
  wpm_buffer_commit(out, line_size(text));
  return WPM_OK;
}

/* The answer to `ls`: one message that holds each protocol as a message of its own, then a
 * newline. */
static int send_list(const wpm_multistream *ms, wpm_buffer *out) {
  size_t size = 1;
  for (size_t i = 0; i < ms->protocol_count; i++) {
    size += line_size(ms->protocols[i]);
  }
  size_t total = wpm_varint_size(size) + size;
  uint8_t *at;
  int err = wpm_buffer_reserve(out, total, &at);
  if (err) {
    return err;
  }
  at += wpm_varint_write(size, at);
  for (size_t i = 0; i < ms->protocol_count; i++) {
    at = put_line(at, ms->protocols[i]);
  }
  *at = '\n';
  wpm_buffer_commit(out, total);
  return WPM_OK;
}

void wpm_multistream_init(wpm_multistream *ms, bool dialler, const wpm_text *protocols,
                          size_t protocol_count) {
  assert(!dialler || protocol_count > 0);
  for (size_t i = 0; i < protocol_count; i++) {
    assert(protocols[i].len > 0 && protocols[i].len < WPM_MULTISTREAM_LINE);
  }
  *ms = (wpm_multistream){
      .protocols = protocols, .protocol_count = protocol_count, .dialler = dialler};
}

int wpm_multistream_start(wpm_multistream *ms, wpm_buffer *out) {
  if (!ms->dialler) {
    return send_line(out, HEADER);
  }
  wpm_text first = ms->protocols[0];
  size_t total = line_size(HEADER) + line_size(first);
  uint8_t *space;
  int err = wpm_buffer_reserve(out, total, &space);
  if (err) {
    return err;
  }
  put_line(put_line(space, HEADER), first);
  wpm_buffer_commit(out, total);
  return WPM_OK;
}

/* Takes one message from the front of `in`; *line is its text without the newline.
 * WPM_ERR_TRUNCATED: not all of it is there yet. WPM_ERR_PROTOCOL. */
static int take_line(wpm_bytes in, wpm_text *line, size_t *used) {
  uint64_t len = 0;
  size_t prefix = 0;
  int err = wpm_varint_read(in, &len, &prefix);
  if (err == WPM_ERR_TRUNCATED && in.len < wpm_varint_size(WPM_MULTISTREAM_LINE)) {
    return err;
  }
  if (err || len == 0 || len > WPM_MULTISTREAM_LINE) {
    return WPM_ERR_PROTOCOL;
  }
  if (in.len - prefix < len) {
    return WPM_ERR_TRUNCATED;
  }
  const char *text = (const char *)in.data + prefix;
  if (text[len - 1] != '\n') {
    return WPM_ERR_PROTOCOL;
  }
  *line = (wpm_text){text, (size_t)len - 1};
  *used = prefix + (size_t)len;
  return WPM_OK;
}

/* A dialler's turn: the answer to its last proposal. */
static int take_answer(wpm_multistream *ms, wpm_text line, wpm_buffer *out) {
  if (wpm_text_equal(line, ms->protocols[ms->proposed])) {
    ms->agreed = ms->proposed;
    ms->state = WPM_MULTISTREAM_AGREED;
    return WPM_OK;
  }
  if (!wpm_text_equal(line, REFUSAL)) {
    return WPM_ERR_PROTOCOL;
  }
  if (ms->proposed + 1 == ms->protocol_count) {
    ms->state = WPM_MULTISTREAM_FAILED;
    return WPM_OK;
  }
  int err = send_line(out, ms->protocols[ms->proposed + 1]);
  if (!err) {
    ms->proposed++;
  }
  return err;
}

/* A listener's turn: a proposal, or `ls`. */
static int take_proposal(wpm_multistream *ms, wpm_text line, wpm_buffer *out) {
  if (ms->proposed == WPM_MULTISTREAM_PROPOSALS) {
    ms->state = WPM_MULTISTREAM_FAILED;
    return WPM_OK;
  }
  size_t i = 0;
  while (i < ms->protocol_count && !wpm_text_equal(line, ms->protocols[i])) {
    i++;
  }
  int err;
  if (i < ms->protocol_count) {
    err = send_line(out, line);
  } else if (wpm_text_equal(line, LIST)) {
    err = send_list(ms, out);
  } else {
    err = send_line(out, REFUSAL);
  }
  if (err) {
    return err;
  }
  ms->proposed++;
  if (i < ms->protocol_count) {
    ms->agreed = i;
    ms->state = WPM_MULTISTREAM_AGREED;
  }
  return WPM_OK;
}

static int take_message(wpm_multistream *ms, wpm_text line, wpm_buffer *out) {
  if (!ms->header_received) {
    if (!wpm_text_equal(line, HEADER)) {
      return WPM_ERR_PROTOCOL;
    }
    ms->header_received = true;
    return WPM_OK;
  }
  return ms->dialler ? take_answer(ms, line, out) : take_proposal(ms, line, out);
}

int wpm_multistream_read(wpm_multistream *ms, wpm_bytes in, size_t *used, wpm_buffer *out) {
  *used = 0;
  while (ms->state == WPM_MULTISTREAM_OPEN && *used < in.len) {
    wpm_text line = {0};
    size_t taken = 0;
    int err = take_line((wpm_bytes){in.data + *used, in.len - *used}, &line, &taken);
    if (err == WPM_ERR_TRUNCATED) {
      return WPM_OK;
    }
    if (!err) {
      err = take_message(ms, line, out);
    }
    if (err) {
      return err;
    }
    *used += taken;
  }
  return WPM_OK;
}
