#include "exchange/proofs.h"

#include "base/bytes.h"
#include "base/peer_id.h"
#include "proto/signed_record.h"

#include <stdlib.h>

int wpm_proofs_crypto(wpm_crypto **out) {
  static const uint8_t no_seed[32]; /* It blinds what is done with secrets: there are none. */
  return wpm_crypto_init(no_seed, out);
}

/* Why something signed is not taken, in words. */
static const char *refusal(int err) {
  return err == WPM_ERR_CRYPTO     ? "that does not verify"
         : err == WPM_ERR_MISMATCH ? "that is another peer's"
                                   : "that is malformed";
}

/* ---- public keys ----------------------------------------------------------------------------- */

static int check_key(wpm_crypto *crypto, wpm_bytes key, wpm_bytes id) {
  wpm_peer_id derived;
  int err = wpm_public_key_peer_id(crypto, key, NULL, &derived);
  return err == WPM_OK && !wpm_bytes_equal(wpm_peer_id_view(&derived), id) ? WPM_ERR_MISMATCH : err;
}

int wpm_proofs_own_key(wpm_crypto *crypto, const wpm_peer_record *record, wpm_bytes *out) {
  wpm_bytes carried = {0};
  *out = wpm_peer_id_inline_key(record->id, &carried) == WPM_OK ? carried : record->public_key;
  int err = out->len > 0 ? check_key(crypto, *out, record->id) : WPM_ERR_NOT_FOUND;
  return err == WPM_OK || err == WPM_ERR_NO_MEMORY ? err : WPM_ERR_NOT_FOUND;
}

int wpm_proofs_public_key(wpm_crypto *crypto, wpm_builder *builder, wpm_bytes key,
                          wpm_report *report) {
  wpm_bytes own = {0};
  int err = key.len > 0 ? check_key(crypto, key, builder->record.id) : WPM_OK;
  if (err == WPM_ERR_NO_MEMORY) {
    return err;
  }
  if (err != WPM_OK) {
    wpm_report_skip_peer(report, builder->record.id, "a public key %s", refusal(err));
  } else if (key.len > 0) {
    return wpm_builder_keep(builder, key, &builder->record.public_key);
  }
  err = wpm_proofs_own_key(crypto, &builder->record, &own);
  return err == WPM_OK              ? wpm_builder_keep(builder, own, &builder->record.public_key)
         : err == WPM_ERR_NOT_FOUND ? WPM_OK
                                    : err;
}

/* ---- node records ---------------------------------------------------------------------------- */

static int take_enr_addresses(wpm_builder *builder, const wpm_enr *enr, wpm_report *report) {
  wpm_enr_addresses walk;
  wpm_multiaddr address;
  int err = WPM_OK;
  wpm_enr_addresses_begin(&walk, enr);
  while (err == WPM_OK && wpm_enr_addresses_next(&walk, &address)) {
    err = wpm_builder_address(builder, wpm_multiaddr_view(&address), report, NULL);
  }
  return err;
}

int wpm_proofs_opened_enr(wpm_builder *builder, wpm_bytes enr, const wpm_enr *opened,
                          bool addresses_too, wpm_report *report) {
  wpm_peer_record *record = &builder->record;
  if (record->enr.len > 0 && record->enr_sequence >= opened->sequence) {
    return WPM_OK; /* One that is as new is held. */
  }
  int err = wpm_builder_keep(builder, enr, &record->enr);
  record->enr_sequence = opened->sequence;
  record->capabilities_known = opened->has_capabilities;
  record->capabilities = opened->has_capabilities ? opened->capabilities : 0;
  if (err == WPM_OK && opened->has_shards) {
    err = wpm_builder_shards(builder, opened->cluster_id, opened->shards, opened->shard_count);
  }
  if (err == WPM_OK && addresses_too) {
    err = take_enr_addresses(builder, opened, report);
  }
  return err;
}

int wpm_proofs_enr(wpm_crypto *crypto, wpm_builder *builder, wpm_bytes enr, bool addresses_too,
                   wpm_report *report) {
  wpm_enr opened;
  int err = wpm_enr_open(crypto, enr, &opened);
  if (err == WPM_OK && !wpm_bytes_equal(wpm_peer_id_view(&opened.peer_id), builder->record.id)) {
    err = WPM_ERR_MISMATCH;
  }
  if (err != WPM_OK) {
    wpm_report_skip_peer(report, builder->record.id, "a node record %s", refusal(err));
    return WPM_OK;
  }
  return wpm_proofs_opened_enr(builder, enr, &opened, addresses_too, report);
}

/* ---- signed peer records --------------------------------------------------------------------- */

static void certify(wpm_builder *builder, const wpm_signed_record *opened) {
  for (size_t i = 0; i < builder->record.address_count; i++) {
    wpm_address *address = &builder->addresses[i];
    for (size_t j = 0; j < opened->address_count && !address->certified; j++) {
      address->certified = wpm_bytes_equal(address->multiaddr, opened->addresses[j]);
    }
  }
}

int wpm_proofs_signed_record(wpm_crypto *crypto, wpm_builder *builder, wpm_bytes envelope,
                             wpm_report *report) {
  wpm_signed_record opened;
  int err = wpm_signed_record_open(crypto, envelope, &opened);
  if (err == WPM_ERR_NO_MEMORY) {
    return err;
  }
  if (err == WPM_OK && !wpm_bytes_equal(wpm_peer_id_view(&opened.peer_id), builder->record.id)) {
    err = WPM_ERR_MISMATCH;
  }
  if (err != WPM_OK) {
    wpm_report_skip_peer(report, builder->record.id, "a signed peer record %s", refusal(err));
    return WPM_OK;
  }
  certify(builder, &opened);
  builder->record.signed_sequence = opened.sequence;
  return wpm_builder_keep(builder, envelope, &builder->record.signed_record);
}
