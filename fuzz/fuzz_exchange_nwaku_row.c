/* The input as the value of a row of nwaku's, for two peers: one whose id carries its key, and one
 * whose id is a digest. What is read can be written, and reads the same again. */
#include "exchange_sink.h"

#include "exchange/nwaku_row.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static wpm_crypto *crypto;

#define VIEW(literal)                                                                              \
  { (const uint8_t *)(literal), sizeof(literal) - 1 }

/* The Ed25519 key of libp2p/specs' test vectors, and a digest. */
static const wpm_bytes ids[] = {
    VIEW("\x00\x24\x08\x01\x12\x20\x1e\xd1\xe8\xfa\xe2\xc4\xa1\x44\xb8\xbe\x8f\xd4\xb4"
         "\x7b\xf3\xd3\xb3\x4b\x87\x1c\x3c\xac\xf6\x01\x0f\x0e\x42\xd4\x74\xfc\xe2\x7e"),
    VIEW("\x12\x20\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11"
         "\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20")};

static void check_again(const wpm_peer_record *record) {
  wpm_report report = {0};
  wpm_builder builder;
  wpm_buffer row;
  bool is_row = false;
  bool is_record = false;
  wpm_builder_init(&builder, (wpm_wall){WPM_DAY});
  wpm_buffer_init(&row, 1 << 22);
  require(wpm_nwaku_row_write(crypto, record, &row, &report, &is_row) == WPM_OK);
  if (is_row) {
    require(wpm_nwaku_row_read(crypto, record->id, wpm_buffer_view(&row), &builder, &report,
                               &is_record) == WPM_OK);
    require(is_record);
    const wpm_peer_record *again = wpm_builder_end(&builder);
    require(again->connectivity == record->connectivity);
    require(again->protocol_count == record->protocol_count);
    require(again->address_count <= record->address_count);
  }
  wpm_buffer_fini(&row);
  wpm_builder_fini(&builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!crypto) {
    require(wpm_proofs_crypto(&crypto) == WPM_OK);
  }
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    wpm_report report = {0};
    wpm_builder builder;
    bool is_record = false;
    wpm_builder_init(&builder, (wpm_wall){WPM_DAY});
    require(wpm_nwaku_row_read(crypto, ids[i], (wpm_bytes){data, size}, &builder, &report,
                               &is_record) == WPM_OK);
    require(is_record || report.counts.skipped > 0);
    if (is_record) {
      const wpm_peer_record *record = wpm_builder_end(&builder);
      check_record(record);
      check_again(record);
    }
    wpm_builder_fini(&builder);
  }
  return 0;
}
