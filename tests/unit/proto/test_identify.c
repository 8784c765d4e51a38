/* identify.h: what real peers send, parts, caps, damage, and our own message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "base/varint.h"
#include "proto/identify.h"
#include "support/alloc_fail.h"
#include "support/seed.h"
#include "support/vectors.h"

#include <stdlib.h>

/* ---- building messages by hand --------------------------------------------------------------- */

typedef struct message {
  uint8_t bytes[100000];
  size_t len;
} message;

static message scratch; /* Too large for the stack. */

static void put(message *m, const void *data, size_t len) {
  assert_true(m->len + len <= sizeof m->bytes);
  if (len > 0) {
    memcpy(m->bytes + m->len, data, len);
  }
  m->len += len;
}

static void put_varint(message *m, uint64_t value) {
  uint8_t bytes[WPM_VARINT_MAX];
  put(m, bytes, wpm_varint_write(value, bytes));
}

static void put_field(message *m, unsigned number, const void *data, size_t len) {
  put_varint(m, number << 3 | 2);
  put_varint(m, len);
  put(m, data, len);
}

static void put_text(message *m, unsigned number, const char *text) {
  put_field(m, number, text, strlen(text));
}

/* Gives a reader one part. */
static int give_part(wpm_identify_reader *reader, const message *part) {
  uint8_t prefix[WPM_VARINT_MAX];
  size_t len = wpm_varint_write(part->len, prefix);
  int rc = wpm_identify_reader_input(reader, (wpm_bytes){prefix, len});
  return rc == WPM_OK ? wpm_identify_reader_input(reader, (wpm_bytes){part->bytes, part->len}) : rc;
}

static wpm_identify_reader *new_reader(void) {
  wpm_identify_reader *reader = NULL;
  assert_int_equal(wpm_identify_reader_new(&reader), WPM_OK);
  return reader;
}

static bool text_is(wpm_text text, const char *expected) {
  return wpm_text_equal(text, wpm_text_of(expected));
}

/* /ip4/127.0.0.1/tcp/PORT */
static size_t address(uint16_t port, uint8_t out[8]) {
  memcpy(out, "\x04\x7f\x00\x00\x01\x06", 6);
  out[6] = (uint8_t)(port >> 8);
  out[7] = (uint8_t)port;
  return 8;
}

/* ---- real peers ------------------------------------------------------------------------------ */

typedef struct seen {
  const char *stream;    /* File of the whole stream. */
  const char *agent;     /* As it says. */
  const char *version;   /* Protocol version. */
  size_t protocol_count; /* Its protocols. */
  const char *protocol;  /* One of them. */
  size_t address_count;  /* Its addresses. */
  bool observed;         /* It says where it sees us. */
  bool record;           /* It sends a signed record. */
} seen;

static void check_stream(const seen *expected, size_t piece) {
  wpm_test_bytes stream = wpm_test_hex_file(expected->stream);
  wpm_identify_reader *reader = new_reader();
  wpm_identify out;
  /* Behind the two lines of negotiation. */
  size_t at = 1 + (size_t)stream.data[0];
  at += 1 + (size_t)stream.data[at];
  for (size_t len = 0; at < stream.len; at += len) {
    len = stream.len - at < piece ? stream.len - at : piece;
    assert_int_equal(wpm_identify_reader_input(reader, (wpm_bytes){stream.data + at, len}), WPM_OK);
  }
  assert_int_equal(wpm_identify_reader_finish(reader, &out), WPM_OK);
  assert_true(out.has_agent && text_is(out.agent, expected->agent));
  assert_true(out.has_protocol_version && text_is(out.protocol_version, expected->version));
  assert_int_equal(out.protocol_count, expected->protocol_count);
  bool found = false;
  for (size_t i = 0; i < out.protocol_count; i++) {
    found = found || text_is(out.protocols[i], expected->protocol);
  }
  assert_true(found);
  assert_int_equal(out.address_count, expected->address_count);
  assert_int_equal(out.addresses_skipped, 0);
  for (size_t i = 0; i < out.address_count; i++) {
    assert_int_equal(out.addresses[i].len, 8);
    assert_memory_equal(out.addresses[i].data, "\x04\x7f\x00\x00\x01\x06", 6);
  }
  assert_int_equal(out.observed_address.len > 0, expected->observed);
  assert_int_equal(out.signed_record.len > 0, expected->record);
  assert_true(out.public_key.len >= 36);
  wpm_identify_reader_free(reader);
  free(stream.data);
}

#define CAPTURE(name) WPM_TEST_DATA("captures/" name ".hex")

static void test_real_peers(void **state) {
  (void)state;
  static const seen peers[] = {
      {CAPTURE("identify-stream.go-libp2p-ed25519"), "wakupeers/interop/libp2p@", "", 4,
       "/vac/waku/relay/2.0.0", 1, true, true},
      {CAPTURE("identify-stream.go-libp2p-rsa"), "wakupeers/interop/libp2p@", "", 4,
       "/ipfs/ping/1.0.0", 1, true, true},
      {CAPTURE("identify-stream.go-libp2p-secp256k1"), "wakupeers/interop/libp2p@", "", 4,
       "/ipfs/ping/1.0.0", 1, true, true},
      /* Two parts. So many protocols leave go-libp2p no room for addresses. */
      {CAPTURE("identify-stream.go-libp2p-many-protocols"), "wakupeers/interop/libp2p@", "", 133,
       "/wakupeers/interop/protocol-with-a-long-name/129/1.0.0", 0, true, true},
      {CAPTURE("identify-stream.go-waku"), "go-waku", "", 9, "/vac/waku/metadata/1.0.0", 1, true,
       true},
      {CAPTURE("identify-stream.js-libp2p"), "js-libp2p/2.10.0 node/22.23.3", "ipfs/0.1.0", 4,
       "/vac/waku/metadata/1.0.0", 1, true, true},
      {CAPTURE("identify-stream.js-waku"), "js-waku", "ipfs/0.1.0", 4, "/vac/waku/relay/2.0.0", 1,
       true, true},
      {CAPTURE("identify-push-stream.go-libp2p-ed25519"), "wakupeers/interop/libp2p@", "", 5,
       "/ipfs/id/push/1.0.0", 1, true, true},
  };
  for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
    check_stream(&peers[i], 1);
    check_stream(&peers[i], 7);
    check_stream(&peers[i], 100000);
  }
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void test_merge(void **state) {
  (void)state;
  wpm_identify_reader *reader = new_reader();
  wpm_identify out;
  uint8_t one[8];
  uint8_t two[8];
  address(1, one);
  address(2, two);
  message *part = &scratch;
  part->len = 0;
  put_text(part, 5, "first version");
  put_text(part, 6, "first agent");
  put_field(part, 2, one, 8);
  put_text(part, 3, "/a");
  put_text(part, 3, "/b");
  put_field(part, 4, one, 8);
  put_field(part, 1, "key", 3);
  assert_int_equal(give_part(reader, part), WPM_OK);
  part->len = 0; /* An empty part changes nothing. */
  assert_int_equal(give_part(reader, part), WPM_OK);
  put_text(part, 6, "second agent");
  put_text(part, 6, "third agent");
  put_field(part, 2, two, 8);
  put_field(part, 2, one, 8);
  put_text(part, 3, "/b");
  put_text(part, 3, "/c");
  put_field(part, 4, two, 8);
  put_field(part, 8, "record", 6);
  assert_int_equal(give_part(reader, part), WPM_OK);
  assert_int_equal(wpm_identify_reader_finish(reader, &out), WPM_OK);
  assert_true(out.has_protocol_version && text_is(out.protocol_version, "first version"));
  assert_true(out.has_agent && text_is(out.agent, "third agent"));
  assert_true(wpm_bytes_equal(out.public_key, WPM_BYTES("key")));
  assert_true(wpm_bytes_equal(out.signed_record, WPM_BYTES("record")));
  assert_true(wpm_bytes_equal(out.observed_address, (wpm_bytes){two, 8}));
  assert_int_equal(out.address_count, 2);
  assert_true(wpm_bytes_equal(out.addresses[0], (wpm_bytes){one, 8}));
  assert_true(wpm_bytes_equal(out.addresses[1], (wpm_bytes){two, 8}));
  assert_int_equal(out.addresses_skipped, 0);
  assert_int_equal(out.protocol_count, 3);
  assert_true(text_is(out.protocols[0], "/a") && text_is(out.protocols[1], "/b") &&
              text_is(out.protocols[2], "/c"));
  /* More may follow; the end may be asked for again. */
  part->len = 0;
  put_text(part, 3, "/d");
  assert_int_equal(give_part(reader, part), WPM_OK);
  assert_int_equal(wpm_identify_reader_finish(reader, &out), WPM_OK);
  assert_int_equal(out.protocol_count, 4);
  wpm_identify_reader_free(reader);
}

static void test_missing_fields(void **state) {
  (void)state;
  wpm_identify_reader *reader = new_reader();
  wpm_identify out;
  assert_int_equal(wpm_identify_reader_input(reader, (wpm_bytes){(const uint8_t *)"", 1}), WPM_OK);
  assert_int_equal(wpm_identify_reader_finish(reader, &out), WPM_OK);
  assert_false(out.has_agent || out.has_protocol_version);
  assert_int_equal(out.public_key.len + out.agent.len + out.protocol_version.len +
                       out.address_count + out.addresses_skipped + out.observed_address.len +
                       out.protocol_count + out.signed_record.len,
                   0);
  wpm_identify_reader_free(reader);
  wpm_identify_reader_free(NULL);
}

static void test_strange_fields(void **state) {
  (void)state;
  wpm_identify_reader *reader = new_reader();
  wpm_identify out;
  message *part = &scratch;
  part->len = 0;
  put(part, "\x38\x05", 2);       /* Field 7, a varint: unknown. */
  put_text(part, 100, "unknown"); /* Field 100. */
  put(part,
      "\x55wxyz\x59"
      "abcdefgh",
      14);                                  /* Fields 10 and 11, fixed32 and fixed64. */
  put(part, "\x10\x05\x18\x05\x28\x05", 6); /* Fields 2, 3 and 5 as varints: unknown. */
  put(part, "\x35wxyz", 5);                 /* Field 6 as a fixed32. */
  put_text(part, 3, "");                    /* No protocol. */
  put_text(part, 3, "/a");
  put_text(part, 6, "");             /* An agent that says nothing has still been sent. */
  put_field(part, 4, "nonsense", 8); /* An observed address that is none. */
  assert_int_equal(give_part(reader, part), WPM_OK);
  assert_int_equal(wpm_identify_reader_finish(reader, &out), WPM_OK);
  assert_int_equal(out.protocol_count, 1);
  assert_int_equal(out.address_count, 0);
  assert_int_equal(out.observed_address.len, 0);
  assert_true(out.has_agent && out.agent.len == 0);
  assert_false(out.has_protocol_version);
  wpm_identify_reader_free(reader);
}

/* Addresses that are not understood are skipped and counted. */
static void test_bad_addresses(void **state) {
  (void)state;
  wpm_identify_reader *reader = new_reader();
  wpm_identify out;
  message *part = &scratch;
  uint8_t good[8];
  part->len = 0;
  put_field(part, 2, "\xee\xee\x03", 3);                 /* An unknown code. */
  put_field(part, 2, "\x04\x7f\x00", 3);                 /* Cut. */
  put_field(part, 2, "", 0);                             /* Empty. */
  put_field(part, 2, good, address(9, good));            /* The only good one. */
  put_field(part, 2, "\x04\x7f\x00\x00\x01\x06\x01", 7); /* Half a port. */
  assert_int_equal(give_part(reader, part), WPM_OK);
  assert_int_equal(wpm_identify_reader_finish(reader, &out), WPM_OK);
  assert_int_equal(out.address_count, 1);
  assert_int_equal(out.addresses_skipped, 4);
  wpm_identify_reader_free(reader);
}

/* ---- caps ------------------------------------------------------------------------------------ */

static void test_list_caps(void **state) {
  (void)state;
  enum { EACH = 420, SENT = EACH * WPM_IDENTIFY_PARTS };
  wpm_identify_reader *reader = new_reader();
  wpm_identify out;
  message *part = &scratch;
  assert_true(SENT > WPM_IDENTIFY_PROTOCOLS_MAX);
  for (unsigned i = 0; i < WPM_IDENTIFY_PARTS; i++) {
    part->len = 0;
    for (unsigned j = 0; j < EACH; j++) {
      char id[16];
      uint8_t addr[8];
      snprintf(id, sizeof id, "/p/%u", i * EACH + j);
      put_text(part, 3, id);
      put_field(part, 2, addr, address((uint16_t)(i * EACH + j), addr));
    }
    assert_int_equal(give_part(reader, part), WPM_OK);
  }
  assert_int_equal(wpm_identify_reader_finish(reader, &out), WPM_OK);
  assert_int_equal(out.protocol_count, WPM_IDENTIFY_PROTOCOLS_MAX);
  for (unsigned i = 0; i < WPM_IDENTIFY_PROTOCOLS_MAX; i++) {
    char id[16];
    snprintf(id, sizeof id, "/p/%u", i);
    assert_true(text_is(out.protocols[i], id)); /* In their order, none of them lost. */
  }
  assert_int_equal(out.address_count, WPM_IDENTIFY_ADDRESSES_MAX);
  assert_int_equal(out.addresses_skipped, SENT - WPM_IDENTIFY_ADDRESSES_MAX);
  wpm_identify_reader_free(reader);
}

/* A stream as full as it may be of repeated entries hides none behind them: here all ids of one
 * byte, over and over, in an order of each run's own. */
static void test_repeated_entries(void **state) {
  (void)state;
  wpm_identify_reader *reader = new_reader();
  wpm_identify out;
  wpm_rng rng;
  message *part = &scratch;
  bool sent[256] = {false};
  bool found[256] = {false};
  size_t distinct = 0;
  wpm_rng_init(&rng, wpm_test_seed());
  for (unsigned i = 0; i < WPM_IDENTIFY_PARTS; i++) {
    part->len = 0;
    while (part->len + 3 <= WPM_IDENTIFY_PART_MAX - 32) {
      uint8_t id = (uint8_t)wpm_rng_next(&rng);
      put_field(part, 3, &id, 1);
      distinct += !sent[id];
      sent[id] = true;
    }
    if (i == WPM_IDENTIFY_PARTS - 1) {
      put_text(part, 3, "/vac/waku/relay/2.0.0");
    }
    assert_int_equal(give_part(reader, part), WPM_OK);
  }
  assert_int_equal(wpm_identify_reader_finish(reader, &out), WPM_OK);
  assert_int_equal(out.protocol_count, distinct + 1);
  for (size_t i = 0; i < distinct; i++) {
    uint8_t id = (uint8_t)out.protocols[i].data[0];
    assert_int_equal(out.protocols[i].len, 1);
    assert_true(sent[id] && !found[id]);
    found[id] = true;
  }
  assert_true(text_is(out.protocols[distinct], "/vac/waku/relay/2.0.0"));
  wpm_identify_reader_free(reader);
}

static void test_text_caps(void **state) {
  (void)state;
  wpm_identify_reader *reader = new_reader();
  wpm_identify out;
  char text[WPM_IDENTIFY_PROTOCOL_ID_MAX + 1];
  message *part = &scratch;
  part->len = 0;
  memset(text, 'x', sizeof text);
  put_field(part, 3, text, WPM_IDENTIFY_PROTOCOL_ID_MAX);
  put_field(part, 3, text, WPM_IDENTIFY_PROTOCOL_ID_MAX + 1);
  put_field(part, 5, text, sizeof text);
  /* A character of three bytes across the cap goes whole. */
  memcpy(text + WPM_IDENTIFY_TEXT_MAX - 2, "\xe2\x82\xac", 3);
  put_field(part, 6, text, sizeof text);
  assert_int_equal(give_part(reader, part), WPM_OK);
  assert_int_equal(wpm_identify_reader_finish(reader, &out), WPM_OK);
  assert_int_equal(out.protocol_count, 1);
  assert_int_equal(out.protocols[0].len, WPM_IDENTIFY_PROTOCOL_ID_MAX);
  assert_int_equal(out.protocol_version.len, WPM_IDENTIFY_TEXT_MAX);
  assert_int_equal(out.agent.len, WPM_IDENTIFY_TEXT_MAX - 2);
  /* What is no UTF-8 at all is cut too. */
  part->len = 0;
  memset(text, 0x80, sizeof text);
  put_field(part, 6, text, sizeof text);
  assert_int_equal(give_part(reader, part), WPM_OK);
  assert_int_equal(wpm_identify_reader_finish(reader, &out), WPM_OK);
  assert_in_range(out.agent.len, WPM_IDENTIFY_TEXT_MAX - 4, WPM_IDENTIFY_TEXT_MAX);
  wpm_identify_reader_free(reader);
}

static void test_part_caps(void **state) {
  (void)state;
  wpm_identify_reader *reader = new_reader();
  message *part = &scratch;
  /* A full part, and one byte more. */
  part->len = 0;
  put_field(part, 9, part->bytes + 50000, WPM_IDENTIFY_PART_MAX - 3);
  assert_int_equal(part->len, WPM_IDENTIFY_PART_MAX);
  assert_int_equal(give_part(reader, part), WPM_OK);
  part->len = WPM_IDENTIFY_PART_MAX + 1;
  assert_int_equal(give_part(reader, part), WPM_ERR_TOO_LARGE);
  wpm_identify_reader_free(reader);
  /* Ten parts, and an eleventh, be it empty. */
  reader = new_reader();
  part->len = 0;
  for (unsigned i = 0; i < WPM_IDENTIFY_PARTS; i++) {
    assert_int_equal(give_part(reader, part), WPM_OK);
  }
  assert_int_equal(give_part(reader, part), WPM_ERR_TOO_LARGE);
  wpm_identify_reader_free(reader);
  /* 1 GiB: known from its length. */
  reader = new_reader();
  part->len = 0;
  put_varint(part, 1 << 30);
  assert_int_equal(wpm_identify_reader_input(reader, (wpm_bytes){part->bytes, part->len}),
                   WPM_ERR_TOO_LARGE);
  wpm_identify_reader_free(reader);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static int read_all(wpm_bytes in) {
  wpm_identify_reader *reader = new_reader();
  wpm_identify out;
  int rc = wpm_identify_reader_input(reader, in);
  if (rc == WPM_OK) {
    rc = wpm_identify_reader_finish(reader, &out);
  }
  wpm_identify_reader_free(reader);
  return rc;
}

static void test_malformed(void **state) {
  (void)state;
  static const struct {
    const char *hex;
    int rc;
  } cases[] = {
      {"-", WPM_ERR_TRUNCATED},
      {"80", WPM_ERR_TRUNCATED},
      {"05 0a", WPM_ERR_TRUNCATED},
      {"00 80", WPM_ERR_TRUNCATED},
      {"8000", WPM_ERR_PROTOCOL},
      {"ffffffffffffffffffff", WPM_ERR_PROTOCOL},
      {"ffffffffffffffff7f", WPM_ERR_TOO_LARGE},
      {"01 0a", WPM_ERR_PROTOCOL},
      {"02 0a05", WPM_ERR_PROTOCOL},
      {"02 0a80", WPM_ERR_PROTOCOL},
      {"01 0b", WPM_ERR_PROTOCOL},
      {"02 0200", WPM_ERR_PROTOCOL},
      {"0b 0affffffffffffffffffff01", WPM_ERR_PROTOCOL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    wpm_test_bytes in = wpm_test_hex(cases[i].hex);
    int rc = read_all(wpm_test_view(in));
    if (rc != cases[i].rc) {
      fail_msg("%s: %s", cases[i].hex, wpm_strerror(rc));
    }
    free(in.data);
  }
}

static void test_random_damage(void **state) {
  (void)state;
  wpm_rng rng;
  wpm_rng_init(&rng, wpm_test_seed());
  wpm_test_bytes stream = wpm_test_hex_file(CAPTURE("identify-stream.go-waku"));
  size_t begin = 1 + (size_t)stream.data[0];
  begin += 1 + (size_t)stream.data[begin];
  size_t len = stream.len - begin;
  uint8_t *copy = malloc(len);
  assert_non_null(copy);
  size_t accepted = 0;
  for (int round = 0; round < 1000; round++) {
    memcpy(copy, stream.data + begin, len);
    for (uint64_t flips = wpm_rng_below(&rng, 4) + 1; flips > 0; flips--) {
      copy[wpm_rng_below(&rng, len)] = (uint8_t)wpm_rng_next(&rng);
    }
    size_t cut = wpm_rng_below(&rng, 2) ? len : (size_t)wpm_rng_below(&rng, len);
    accepted += read_all((wpm_bytes){copy, cut}) == WPM_OK;
  }
  assert_in_range(accepted, 1, 999);
  free(copy);
  free(stream.data);
}

/* ---- our own --------------------------------------------------------------------------------- */

static void write_and_read(const wpm_identify *sent, wpm_identify_reader *reader,
                           wpm_identify *received, size_t *size) {
  wpm_buffer out;
  wpm_buffer_init(&out, WPM_IDENTIFY_SEND_MAX);
  assert_int_equal(wpm_identify_write(sent, &out), WPM_OK);
  *size = wpm_buffer_size(&out);
  assert_int_equal(wpm_identify_reader_input(reader, wpm_buffer_view(&out)), WPM_OK);
  assert_int_equal(wpm_identify_reader_finish(reader, received), WPM_OK);
  wpm_buffer_fini(&out);
}

static void test_written(void **state) {
  (void)state;
  wpm_identify_reader *reader = new_reader();
  wpm_identify received;
  uint8_t bytes[2][8];
  wpm_bytes addresses[] = {{bytes[0], address(1, bytes[0])}, {bytes[1], address(2, bytes[1])}};
  wpm_text protocols[] = {WPM_TEXT("/ipfs/id/1.0.0"), WPM_TEXT("/ipfs/ping/1.0.0")};
  wpm_identify sent = {.public_key = WPM_BYTES("key"),
                       .has_agent = true,
                       .agent = WPM_TEXT("wakupeers"),
                       .has_protocol_version = true,
                       .protocol_version = WPM_TEXT("ipfs/0.1.0"),
                       .addresses = addresses,
                       .address_count = 2,
                       .observed_address = addresses[0],
                       .protocols = protocols,
                       .protocol_count = 2,
                       .signed_record = WPM_BYTES("record")};
  size_t size = 0;
  write_and_read(&sent, reader, &received, &size);
  assert_int_equal(size, 1 + 5 + 2 * 10 + 16 + 18 + 10 + 12 + 11 + 8);
  assert_true(wpm_bytes_equal(received.public_key, sent.public_key));
  assert_true(received.has_agent && wpm_text_equal(received.agent, sent.agent));
  assert_true(received.has_protocol_version &&
              wpm_text_equal(received.protocol_version, sent.protocol_version));
  assert_int_equal(received.address_count, 2);
  assert_true(wpm_bytes_equal(received.addresses[1], addresses[1]));
  assert_true(wpm_bytes_equal(received.observed_address, addresses[0]));
  assert_int_equal(received.protocol_count, 2);
  assert_true(wpm_text_equal(received.protocols[0], protocols[0]));
  assert_true(wpm_bytes_equal(received.signed_record, sent.signed_record));
  wpm_identify_reader_free(reader);
  /* What is not given is not written. */
  wpm_buffer out;
  wpm_identify nothing = {0};
  wpm_buffer_init(&out, 10);
  assert_int_equal(wpm_identify_write(&nothing, &out), WPM_OK);
  assert_true(wpm_bytes_equal(wpm_buffer_view(&out), (wpm_bytes){(const uint8_t *)"", 1}));
  wpm_buffer_fini(&out);
}

/* However much there is to say, the message fits one that rust-libp2p reads, whole entries only. */
static void test_written_cut(void **state) {
  (void)state;
  static char ids[300][40];
  static uint8_t bytes[300][8];
  static wpm_text protocols[300];
  static wpm_bytes addresses[300];
  static uint8_t long_one[3000];
  for (size_t i = 0; i < 300; i++) {
    size_t len = (size_t)snprintf(ids[i], sizeof ids[i], "/a/protocol/of/ours/%zu/1.0.0", i);
    protocols[i] = (wpm_text){ids[i], len};
    addresses[i] = (wpm_bytes){bytes[i], address((uint16_t)i, bytes[i])};
  }
  memset(long_one, 'x', sizeof long_one);
  for (size_t protocol_count = 0; protocol_count < 300; protocol_count += 23) {
    for (size_t address_count = 0; address_count < 300; address_count += 27) {
      wpm_identify_reader *reader = new_reader();
      wpm_identify received;
      wpm_identify sent = {.public_key = WPM_BYTES("key"),
                           .has_agent = true,
                           .agent = {(const char *)long_one, sizeof long_one},
                           .addresses = addresses,
                           .address_count = address_count,
                           .protocols = protocols,
                           .protocol_count = protocol_count,
                           .signed_record = {long_one, 500}};
      size_t size = 0;
      write_and_read(&sent, reader, &received, &size);
      assert_true(size <= WPM_IDENTIFY_SEND_MAX);
      assert_int_equal(received.agent.len, WPM_IDENTIFY_TEXT_MAX);
      assert_true(received.protocol_count == protocol_count || received.address_count == 0);
      assert_true(received.address_count == (address_count < WPM_IDENTIFY_ADDRESSES_MAX
                                                 ? address_count
                                                 : WPM_IDENTIFY_ADDRESSES_MAX) ||
                  received.signed_record.len == 0);
      /* Nothing is cut without need. */
      bool cut = received.protocol_count < protocol_count ||
                 received.address_count + received.addresses_skipped < address_count;
      assert_true(!cut || size > WPM_IDENTIFY_SEND_MAX - 40);
      wpm_identify_reader_free(reader);
    }
  }
  wpm_identify record = {.signed_record = {long_one, sizeof long_one}};
  wpm_buffer out;
  wpm_buffer_init(&out, WPM_IDENTIFY_SEND_MAX);
  assert_int_equal(wpm_identify_write(&record, &out), WPM_OK);
  assert_int_equal(wpm_buffer_size(&out), 2 + 3 + sizeof long_one);
  wpm_buffer_fini(&out);
  static uint8_t huge[WPM_IDENTIFY_SEND_MAX];
  wpm_identify key = {.public_key = {huge, sizeof huge}};
  assert_int_equal(wpm_identify_write(&key, &out), WPM_ERR_TOO_LARGE);
  assert_int_equal(wpm_buffer_size(&out), 0);
}

static void test_no_room(void **state) {
  (void)state;
  wpm_identify sent = {.has_agent = true, .agent = WPM_TEXT("wakupeers")};
  wpm_buffer out;
  wpm_buffer_init(&out, 11);
  assert_int_equal(wpm_identify_write(&sent, &out), WPM_ERR_FULL);
  wpm_buffer_init(&out, 12);
  wpm_alloc_fail_at(1);
  assert_int_equal(wpm_identify_write(&sent, &out), WPM_ERR_NO_MEMORY);
  wpm_alloc_fail_off();
  assert_int_equal(wpm_identify_write(&sent, &out), WPM_OK);
  wpm_buffer_fini(&out);
}

static int read_stream(wpm_bytes stream, size_t *protocols) {
  wpm_identify_reader *reader = NULL;
  wpm_identify out;
  int rc = wpm_identify_reader_new(&reader);
  if (rc == WPM_OK) {
    rc = wpm_identify_reader_input(reader, stream);
  }
  if (rc == WPM_OK) {
    rc = wpm_identify_reader_finish(reader, &out);
    *protocols = rc == WPM_OK ? out.protocol_count : 0;
  }
  wpm_identify_reader_free(reader);
  return rc;
}

static void test_no_memory(void **state) {
  (void)state;
  wpm_test_bytes stream = wpm_test_hex_file(CAPTURE("identify-stream.go-libp2p-many-protocols"));
  size_t begin = 1 + (size_t)stream.data[0];
  begin += 1 + (size_t)stream.data[begin];
  wpm_bytes view = {stream.data + begin, stream.len - begin};
  size_t failing = 0;
  for (size_t n = 1;; n++) {
    size_t protocols = 0;
    wpm_alloc_fail_at(n);
    int rc = read_stream(view, &protocols);
    bool failed = wpm_alloc_failed() > 0;
    wpm_alloc_fail_off();
    assert_int_equal(rc, failed ? WPM_ERR_NO_MEMORY : WPM_OK);
    if (!failed) {
      assert_int_equal(protocols, 133);
      break;
    }
    failing++;
  }
  assert_in_range(failing, 6, 30);
  free(stream.data);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_real_peers),       cmocka_unit_test(test_merge),
      cmocka_unit_test(test_missing_fields),   cmocka_unit_test(test_strange_fields),
      cmocka_unit_test(test_bad_addresses),    cmocka_unit_test(test_list_caps),
      cmocka_unit_test(test_repeated_entries), cmocka_unit_test(test_text_caps),
      cmocka_unit_test(test_part_caps),        cmocka_unit_test(test_malformed),
      cmocka_unit_test(test_random_damage),    cmocka_unit_test(test_written),
      cmocka_unit_test(test_written_cut),      cmocka_unit_test(test_no_room),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
