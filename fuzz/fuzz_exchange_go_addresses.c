/* The input as an AddrBookRecord of go-libp2p's; what is read can be written, and reads the same. */
#include "exchange_sink.h"

#include "exchange/go_addresses.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static wpm_crypto *crypto;

/* The Ed25519 key of libp2p/specs' test vectors. */
static const uint8_t id[] = "\x00\x24\x08\x01\x12\x20\x1e\xd1\xe8\xfa\xe2\xc4\xa1\x44\xb8\xbe\x8f"
                            "\xd4\xb4\x7b\xf3\xd3\xb3\x4b\x87\x1c\x3c\xac\xf6\x01\x0f\x0e\x42\xd4"
                            "\x74\xfc\xe2\x7e";

static size_t read_into(wpm_builder *builder, wpm_bytes encoded) {
  wpm_report report = {0};
  require(wpm_builder_begin(builder, (wpm_bytes){id, sizeof id - 1}) == WPM_OK);
  require(wpm_go_addresses_read(crypto, encoded, builder, &report) == WPM_OK);
  return report.counts.skipped;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const wpm_wall now = {INT64_C(1767225600) * WPM_SECOND};
  wpm_builder builder;
  wpm_builder other;
  wpm_buffer encoded;
  if (!crypto) {
    require(wpm_proofs_crypto(&crypto) == WPM_OK);
  }
  wpm_builder_init(&builder, now);
  wpm_builder_init(&other, now);
  wpm_buffer_init(&encoded, 1 << 22);
  (void)read_into(&builder, (wpm_bytes){data, size});
  const wpm_peer_record *record = wpm_builder_end(&builder);
  check_record(record);
  int err = wpm_go_addresses_write(record, now, &encoded);
  require(err == WPM_OK || err == WPM_ERR_TOO_LARGE);
  if (err == WPM_OK) {
    require(read_into(&other, wpm_buffer_view(&encoded)) == 0);
    const wpm_peer_record *again = wpm_builder_end(&other);
    require(again->address_count == record->address_count);
    require(wpm_bytes_equal(again->signed_record, record->signed_record));
    require(again->signed_sequence == record->signed_sequence);
  }
  wpm_buffer_fini(&encoded);
  wpm_builder_fini(&other);
  wpm_builder_fini(&builder);
  return 0;
}
