#include "base/peer_id.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/multibase.h"
#include "base/multihash.h"
#include "base/varint.h"

/* Codes of the multicodec table. */
enum { LIBP2P_KEY = 0x72, CID_V1 = 0x01 };

#define DIGEST_LEN 32

int wpm_peer_id_from_bytes(wpm_bytes bytes, wpm_peer_id *out) {
  if (bytes.len > WPM_PEER_ID_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  out->len = (uint8_t)bytes.len;
  if (bytes.len) {
    memcpy(out->bytes, bytes.data, bytes.len);
  }
  return WPM_OK;
}

int wpm_peer_id_check(wpm_bytes bytes) {
  uint64_t function;
  wpm_bytes digest;
  int err = wpm_multihash_read(bytes, &function, &digest);
  if (err) {
    return err;
  }
  if (function == WPM_MULTIHASH_IDENTITY) {
    return digest.len <= WPM_PEER_ID_INLINE_MAX ? WPM_OK : WPM_ERR_INVALID;
  }
  if (function == WPM_MULTIHASH_SHA2_256) {
    return digest.len == DIGEST_LEN ? WPM_OK : WPM_ERR_INVALID;
  }
  return WPM_ERR_UNSUPPORTED;
}

/* The multihash of a binary CIDv1 of codec libp2p-key. */
static int unwrap_cid(wpm_bytes cid, wpm_bytes *id) {
  uint64_t version;
  uint64_t codec;
  size_t used;
  if (wpm_varint_read(cid, &version, &used) != WPM_OK) {
    return WPM_ERR_INVALID;
  }
  if (version != CID_V1) {
    return WPM_ERR_UNSUPPORTED;
  }
  cid = (wpm_bytes){cid.data + used, cid.len - used};
  if (wpm_varint_read(cid, &codec, &used) != WPM_OK) {
    return WPM_ERR_INVALID;
  }
  if (codec != LIBP2P_KEY) {
    return WPM_ERR_UNSUPPORTED;
  }
  *id = (wpm_bytes){cid.data + used, cid.len - used};
  return WPM_OK;
}

static int parse(wpm_text text, wpm_peer_id *out) {
  uint8_t decoded[WPM_PEER_ID_MAX + 2];
  wpm_bytes id = {decoded, 0};
  int err;
  bool bare =
      text.len && (text.data[0] == '1' || (text.len > 1 && memcmp(text.data, "Qm", 2) == 0));
  if (bare) {
    err = wpm_base58_decode(text, decoded, sizeof(decoded), &id.len);
  } else {
    err = wpm_multibase_decode(text, decoded, sizeof(decoded), &id.len);
    if (!err) {
      err = unwrap_cid(id, &id);
    }
  }
  if (err) {
    return err == WPM_ERR_NO_SPACE ? WPM_ERR_TOO_LARGE : err;
  }
  err = wpm_peer_id_check(id);
  return err ? err : wpm_peer_id_from_bytes(id, out);
}

int wpm_peer_id_parse(wpm_text text, wpm_peer_id *out, wpm_error *error) {
  int err = parse(text, out);
  if (!err) {
    return WPM_OK;
  }
  char shown[80];
  wpm_text_printable(text, shown, sizeof(shown));
  if (text.len == 0) {
    return wpm_fail(error, err, "empty peer id: give one such as 16Uiu2HA…");
  }
  if (err == WPM_ERR_UNSUPPORTED) {
    return wpm_fail(error, err,
                    "peer id \"%s\" is of an unknown kind: it must be an identity or SHA-256 "
                    "multihash in base58, or a CIDv1 of a libp2p key",
                    shown);
  }
  if (err == WPM_ERR_TOO_LARGE) {
    return wpm_fail(error, err, "peer id \"%s\" is too long", shown);
  }
  return wpm_fail(error, err,
                  "\"%s\" is not a peer id: it must be base58 (16Uiu2HA…, 12D3Koo…, Qm…) or a CID "
                  "(bafz…), and complete",
                  shown);
}

int wpm_peer_id_format(wpm_bytes id, char *out, size_t cap, size_t *len) {
  if (id.len > WPM_PEER_ID_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  return wpm_base58_encode(id, out, cap, len);
}

int wpm_peer_id_format_cid(wpm_bytes id, char *out, size_t cap, size_t *len) {
  uint8_t cid[WPM_PEER_ID_MAX + 2] = {CID_V1, LIBP2P_KEY};
  if (id.len > WPM_PEER_ID_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  if (cap == 0) {
    return WPM_ERR_NO_SPACE;
  }
  if (id.len) {
    memcpy(cid + 2, id.data, id.len);
  }
  size_t digits;
  int err = wpm_base32_encode((wpm_bytes){cid, id.len + 2}, out + 1, cap - 1, &digits);
  if (err) {
    return err;
  }
  out[0] = 'b';
  if (len) {
    *len = digits + 1;
  }
  return WPM_OK;
}

int wpm_peer_id_wrap_key(wpm_bytes encoded_key, wpm_peer_id *out) {
  if (encoded_key.len > WPM_PEER_ID_INLINE_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  out->bytes[0] = WPM_MULTIHASH_IDENTITY;
  out->bytes[1] = (uint8_t)encoded_key.len;
  if (encoded_key.len) {
    memcpy(out->bytes + 2, encoded_key.data, encoded_key.len);
  }
  out->len = (uint8_t)(encoded_key.len + 2);
  return WPM_OK;
}

void wpm_peer_id_wrap_digest(const uint8_t digest[32], wpm_peer_id *out) {
  out->bytes[0] = WPM_MULTIHASH_SHA2_256;
  out->bytes[1] = DIGEST_LEN;
  memcpy(out->bytes + 2, digest, DIGEST_LEN);
  out->len = DIGEST_LEN + 2;
}

int wpm_peer_id_inline_key(wpm_bytes id, wpm_bytes *encoded_key) {
  uint64_t function;
  wpm_bytes digest;
  if (wpm_multihash_read(id, &function, &digest) != WPM_OK || function != WPM_MULTIHASH_IDENTITY) {
    return WPM_ERR_NOT_FOUND;
  }
  *encoded_key = digest;
  return WPM_OK;
}
