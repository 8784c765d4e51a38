#include "support/net/attacker.h"

#include "support/test.h"

#include "base/bytes.h"
#include "base/multiaddr.h"
#include "net/address.h"
#include "proto/muxer.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_MAX (64U * 1024 * 1024)
#define GARBAGE_SIZE 70000 /* More than the longest message of any step. */

static const wpm_text yamux_id = {"/yamux/1.0.0", 12};
static const wpm_text noise_id = {WPM_NOISE_PROTOCOL_ID, sizeof WPM_NOISE_PROTOCOL_ID - 1};

/* ---- life ------------------------------------------------------------------------------------ */

void attacker_init(attacker *a, uv_loop_t *loop, wpm_crypto *crypto, uint8_t fill) {
  uint8_t secret[32];
  memset(a, 0, sizeof *a);
  memset(secret, fill, sizeof secret);
  assert_int_equal(wpm_identity_init(crypto, WPM_KEY_ED25519, secret, &a->identity), WPM_OK);
  secret[0] ^= 0xa5;
  assert_int_equal(wpm_noise_static_init(crypto, &a->identity, secret, &a->static_key), WPM_OK);
  a->loop = loop;
  a->crypto = crypto;
  a->fill = fill;
  a->muxers = &yamux_id;
  a->muxer_count = 1;
  a->early_muxer = true;
  a->security = &noise_id;
  a->cut_at = SIZE_MAX;
  wpm_buffer_init(&a->in, BUFFER_MAX);
  wpm_buffer_init(&a->out, BUFFER_MAX);
  wpm_buffer_init(&a->plain, BUFFER_MAX);
}

static void handle_closed(uv_handle_t *handle) {
  attacker *a = handle->data;
  a->handles--;
}

static void close_handle(uv_handle_t *handle) {
  if (handle->data && !uv_is_closing(handle)) {
    uv_close(handle, handle_closed);
  }
}

void attacker_fini(attacker *a) {
  close_handle((uv_handle_t *)&a->tcp);
  close_handle((uv_handle_t *)&a->listener);
  while (a->handles > 0) {
    uv_run(a->loop, UV_RUN_ONCE);
  }
  wpm_noise_free(a->noise);
  wpm_noise_static_fini(&a->static_key);
  wpm_identity_fini(&a->identity);
  wpm_buffer_fini(&a->in);
  wpm_buffer_fini(&a->out);
  wpm_buffer_fini(&a->plain);
}

/* ---- sending --------------------------------------------------------------------------------- */

typedef struct write_request {
  uv_write_t request;
  attacker *attacker;
  size_t size;
  uint8_t bytes[];
} write_request;

static void written(uv_write_t *request, int status) {
  (void)status; /* The host may be gone: that is for the test to judge. */
  write_request *write = request->data;
  write->attacker->writing -= write->size;
  free(write);
}

void attacker_send(attacker *a, const void *data, size_t len) {
  if (len == 0 || uv_is_closing((uv_handle_t *)&a->tcp)) {
    return;
  }
  write_request *write = malloc(sizeof *write + len);
  assert_non_null(write);
  write->request.data = write;
  write->attacker = a;
  write->size = sizeof *write + len;
  memcpy(write->bytes, data, len);
  uv_buf_t buffer = uv_buf_init((char *)write->bytes, (unsigned)len);
  if (uv_write(&write->request, (uv_stream_t *)&a->tcp, &buffer, 1, written) != 0) {
    free(write);
    return;
  }
  a->writing += write->size;
}

void attacker_send_sealed(attacker *a, const void *plain, size_t plain_len, size_t len) {
  wpm_buffer sealed;
  wpm_buffer_init(&sealed, BUFFER_MAX);
  assert_int_equal(wpm_noise_seal(&a->cipher, a->crypto, (wpm_bytes){plain, plain_len}, &sealed),
                   WPM_OK);
  wpm_bytes view = wpm_buffer_view(&sealed);
  attacker_send(a, view.data, view.len < len ? view.len : len);
  wpm_buffer_fini(&sealed);
}

void attacker_send_frame(attacker *a, wpm_yamux_frame frame, const void *data, size_t len,
                         size_t part) {
  uint8_t *bytes = malloc(WPM_YAMUX_HEADER + len);
  assert_non_null(bytes);
  wpm_yamux_encode(frame, bytes);
  if (len > 0) {
    memcpy(bytes + WPM_YAMUX_HEADER, data, len);
  }
  size_t whole = WPM_YAMUX_HEADER + len;
  attacker_send_sealed(a, bytes, part < whole ? part : whole, SIZE_MAX);
  free(bytes);
}

void attacker_say(attacker *a, uint32_t stream_id, uint16_t flags, const void *data, size_t len) {
  wpm_yamux_frame frame = {
      .type = WPM_YAMUX_DATA, .flags = flags, .stream_id = stream_id, .length = (uint32_t)len};
  attacker_send_frame(a, frame, data, len, SIZE_MAX);
}

void attacker_signal(attacker *a, uint8_t type, uint16_t flags, uint32_t stream_id,
                     uint32_t length) {
  wpm_yamux_frame frame = {.type = type, .flags = flags, .stream_id = stream_id, .length = length};
  attacker_send_frame(a, frame, NULL, 0, SIZE_MAX);
}

size_t attacker_unsent(const attacker *a) {
  return uv_stream_get_write_queue_size((const uv_stream_t *)&a->tcp);
}

static void shut_down(uv_shutdown_t *request, int status) {
  (void)status;
  free(request);
}

void attacker_close(attacker *a) {
  uv_shutdown_t *request = malloc(sizeof *request);
  assert_non_null(request);
  if (uv_shutdown(request, (uv_stream_t *)&a->tcp, shut_down) != 0) {
    free(request);
  }
}

void attacker_reset(attacker *a) {
  if (!uv_is_closing((uv_handle_t *)&a->tcp)) {
    assert_int_equal(uv_tcp_close_reset(&a->tcp, handle_closed), 0);
  }
}

/* ---- the upgrade ----------------------------------------------------------------------------- */

static void cut(attacker *a, wpm_step step) {
  a->phase = ATTACKER_CUT;
  a->cut_step = step;
  switch (a->then) {
  case ATTACKER_STALLS:
    break;
  case ATTACKER_CLOSES:
    attacker_close(a);
    break;
  case ATTACKER_RESETS:
    attacker_reset(a);
    break;
  case ATTACKER_SENDS_GARBAGE: {
    uint8_t *garbage = malloc(GARBAGE_SIZE);
    assert_non_null(garbage);
    memset(garbage, 0xff, GARBAGE_SIZE);
    attacker_send(a, garbage, GARBAGE_SIZE);
    free(garbage);
    break;
  }
  }
}

/* Sends what `out` holds of the upgrade. False: it was cut. */
static bool send_upgrade(attacker *a, wpm_step step) {
  wpm_bytes view = wpm_buffer_view(&a->out);
  if (view.len == 0) {
    return true;
  }
  size_t left = a->cut_at - a->sent;
  size_t len = view.len < left ? view.len : left;
  bool whole = len == view.len;
  attacker_send(a, view.data, len);
  wpm_buffer_clear(&a->out);
  a->sent += len;
  if (!whole) {
    cut(a, step);
    return false;
  }
  assert_true(a->end_count < sizeof a->ends / sizeof *a->ends);
  a->ends[a->end_count++] = a->sent;
  return true;
}

static void begin_negotiation(attacker *a, const wpm_text *protocols, size_t count) {
  wpm_multistream_init(&a->negotiation, a->dialler, protocols, count);
  assert_int_equal(wpm_multistream_start(&a->negotiation, &a->out), WPM_OK);
}

static void seal_out(attacker *a) {
  wpm_buffer plain = a->out;
  wpm_buffer_init(&a->out, BUFFER_MAX);
  if (wpm_buffer_size(&plain) > 0) {
    assert_int_equal(wpm_noise_seal(&a->cipher, a->crypto, wpm_buffer_view(&plain), &a->out),
                     WPM_OK);
  }
  wpm_buffer_fini(&plain);
}

static bool negotiate_security(attacker *a) {
  size_t used = 0;
  int err = wpm_multistream_read(&a->negotiation, wpm_buffer_view(&a->in), &used, &a->out);
  wpm_buffer_consume(&a->in, used);
  if (!send_upgrade(a, WPM_STEP_SECURITY)) {
    return false;
  }
  if (err != WPM_OK && a->security != &noise_id) {
    a->phase = ATTACKER_CUT; /* The host's handshake, which did not wait for the answer. */
    return false;
  }
  assert_int_equal(err, WPM_OK);
  if (a->negotiation.state != WPM_MULTISTREAM_AGREED) {
    return false;
  }
  uint8_t ephemeral[32];
  memset(ephemeral, a->fill ^ 0x3c, sizeof ephemeral);
  wpm_noise_config config = {.crypto = a->crypto,
                             .identity = &a->identity,
                             .static_key = &a->static_key,
                             .initiator = a->dialler,
                             .ephemeral = ephemeral,
                             .muxers = a->muxers,
                             .muxer_count = a->early_muxer ? a->muxer_count : 0,
                             .expected_peer = a->expected_peer};
  assert_int_equal(wpm_noise_new(&config, &a->noise), WPM_OK);
  assert_int_equal(wpm_noise_start(a->noise, &a->out), WPM_OK);
  a->phase = ATTACKER_SHAKES_HANDS;
  return send_upgrade(a, WPM_STEP_HANDSHAKE);
}

static bool shake_hands(attacker *a) {
  assert_int_equal(wpm_noise_read(a->noise, &a->in, &a->out), WPM_OK);
  if (!send_upgrade(a, WPM_STEP_HANDSHAKE) || !wpm_noise_done(a->noise)) {
    return false;
  }
  wpm_noise_take_cipher(a->noise, &a->cipher);
  int muxer = wpm_noise_muxer(a->noise);
  if (muxer >= 0) {
    a->muxer = (size_t)muxer;
    a->was_early = true;
    a->phase = ATTACKER_UP;
    return true;
  }
  a->phase = ATTACKER_SECURED;
  begin_negotiation(a, a->muxers, a->muxer_count);
  seal_out(a);
  return send_upgrade(a, WPM_STEP_MUXER);
}

static bool negotiate_muxer(attacker *a) {
  size_t used = 0;
  assert_int_equal(
      wpm_multistream_read(&a->negotiation, wpm_buffer_view(&a->plain), &used, &a->out), WPM_OK);
  wpm_buffer_consume(&a->plain, used);
  seal_out(a);
  if (!send_upgrade(a, WPM_STEP_MUXER) || a->negotiation.state != WPM_MULTISTREAM_AGREED) {
    return false;
  }
  a->muxer = a->negotiation.agreed;
  a->phase = ATTACKER_UP;
  return true;
}

/* Opens the messages that have come whole. */
static void open_sealed(attacker *a) {
  wpm_bytes plain;
  size_t used = 0;
  while (wpm_noise_open(&a->cipher, a->crypto, a->in.memory + a->in.begin, wpm_buffer_size(&a->in),
                        &plain, &used) == WPM_OK) {
    if (plain.len > 0) {
      assert_int_equal(wpm_buffer_append(&a->plain, plain.data, plain.len), WPM_OK);
    }
    wpm_buffer_consume(&a->in, used);
  }
}

static void go_on(attacker *a) {
  if (a->phase == ATTACKER_NEGOTIATES && !negotiate_security(a)) {
    return;
  }
  if (a->phase == ATTACKER_SHAKES_HANDS && !shake_hands(a)) {
    return;
  }
  if (a->phase == ATTACKER_SECURED || a->phase == ATTACKER_UP) {
    open_sealed(a);
  }
  if (a->phase == ATTACKER_SECURED) {
    (void)negotiate_muxer(a);
  }
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  static char memory[65536];
  (void)handle;
  (void)suggested;
  *buffer = uv_buf_init(memory, sizeof memory);
}

static void bytes_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  attacker *a = stream->data;
  if (count < 0) {
    a->ended = (int)count;
    (void)uv_read_stop(stream);
  } else if (count > 0) {
    a->received += (size_t)count;
    if (a->phase != ATTACKER_CUT) {
      assert_int_equal(wpm_buffer_append(&a->in, buffer->base, (size_t)count), WPM_OK);
      go_on(a);
    }
  }
}

void attacker_stop_reading(attacker *a) {
  (void)uv_read_stop((uv_stream_t *)&a->tcp);
}

void attacker_read_on(attacker *a) {
  assert_int_equal(uv_read_start((uv_stream_t *)&a->tcp, give_buffer, bytes_read), 0);
}

static void begin(attacker *a) {
  assert_int_equal(uv_tcp_nodelay(&a->tcp, 1),
                   0); /* Else a reset discards what waits for an ACK. */
  a->phase = ATTACKER_NEGOTIATES;
  attacker_read_on(a);
  begin_negotiation(a, a->security, 1);
  (void)send_upgrade(a, WPM_STEP_SECURITY);
}

static void connected(uv_connect_t *request, int status) {
  attacker *a = request->handle->data;
  if (status == 0) {
    begin(a);
  } else {
    a->ended = status;
  }
}

static void init_tcp(attacker *a, uv_tcp_t *tcp) {
  assert_int_equal(uv_tcp_init(a->loop, tcp), 0);
  tcp->data = a;
  a->handles++;
}

void attacker_dial(attacker *a, wpm_bytes multiaddr) {
  wpm_tcp_target target;
  struct sockaddr_storage address;
  assert_int_equal(wpm_multiaddr_tcp_target(multiaddr, &target), WPM_OK);
  assert_int_equal(wpm_address_to_socket(&target, &address), WPM_OK);
  a->dialler = true;
  init_tcp(a, &a->tcp);
  assert_int_equal(
      uv_tcp_connect(&a->connect, &a->tcp, (const struct sockaddr *)&address, connected), 0);
}

static void connection_waits(uv_stream_t *server, int status) {
  attacker *a = server->data;
  assert_int_equal(status, 0);
  init_tcp(a, &a->tcp);
  assert_int_equal(uv_accept(server, (uv_stream_t *)&a->tcp), 0);
  uv_close((uv_handle_t *)server, handle_closed);
  begin(a);
}

void attacker_listen(attacker *a, wpm_multiaddr *out) {
  struct sockaddr_in any;
  struct sockaddr_storage bound;
  int len = sizeof bound;
  assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &any), 0);
  init_tcp(a, &a->listener);
  assert_int_equal(uv_tcp_bind(&a->listener, (const struct sockaddr *)&any, 0), 0);
  assert_int_equal(uv_listen((uv_stream_t *)&a->listener, 1, connection_waits), 0);
  assert_int_equal(uv_tcp_getsockname(&a->listener, (struct sockaddr *)&bound, &len), 0);
  assert_int_equal(wpm_address_from_socket((struct sockaddr *)&bound, out), WPM_OK);
}

/* ---- what it received ------------------------------------------------------------------------ */

bool attacker_next_frame(attacker *a, wpm_yamux_frame *frame, wpm_bytes *data) {
  wpm_bytes view = wpm_buffer_view(&a->plain);
  if (view.len < WPM_YAMUX_HEADER) {
    return false;
  }
  *frame = wpm_yamux_decode(view.data);
  size_t len = frame->type == WPM_YAMUX_DATA ? frame->length : 0;
  if (view.len - WPM_YAMUX_HEADER < len) {
    return false;
  }
  *data = (wpm_bytes){view.data + WPM_YAMUX_HEADER, len};
  wpm_buffer_consume(&a->plain, WPM_YAMUX_HEADER + len);
  return true;
}

static size_t count_in(wpm_bytes view, const char *text) {
  size_t len = strlen(text);
  size_t count = 0;
  for (size_t i = 0; i + len <= view.len; i++) {
    count += memcmp(view.data + i, text, len) == 0;
  }
  return count;
}

bool attacker_find_stream(attacker *a, const char *text, uint32_t *id) {
  wpm_yamux_frame frame;
  wpm_bytes data;
  while (attacker_next_frame(a, &frame, &data)) {
    if (count_in(data, text) > 0) {
      *id = frame.stream_id;
      return true;
    }
  }
  return false;
}

size_t attacker_count_frames(attacker *a, uint8_t type, uint16_t flags) {
  wpm_yamux_frame frame;
  wpm_bytes data;
  size_t count = 0;
  while (attacker_next_frame(a, &frame, &data)) {
    count += frame.type == type && (frame.flags & flags) == flags;
  }
  return count;
}

size_t attacker_count(const attacker *a, const char *text) {
  return count_in(wpm_buffer_view(&a->plain), text);
}
