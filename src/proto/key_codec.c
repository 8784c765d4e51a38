#include "proto/key_codec.h"

#include "base/bytes.h"
#include "proto/key.pb.h"
#include "proto/pb_view.h"

#include <pb_encode.h>

/* ---- the Key message ------------------------------------------------------------------------- */

int wpm_key_message_read(wpm_bytes encoded, wpm_key_message *out) {
  wpm_pb_single data = {0};
  wpm_pb_Key key = wpm_pb_Key_init_zero;
  key.data.funcs.decode = wpm_pb_read_single;
  key.data.arg = &data;
  wpm_pb_cursor cursor;
  pb_istream_t stream = wpm_pb_stream(&cursor, encoded);
  if (!pb_decode(&stream, wpm_pb_Key_fields, &key) || !data.present) {
    return WPM_ERR_INVALID;
  }
  if ((unsigned)key.type > (unsigned)wpm_pb_KeyType_ECDSA) {
    return WPM_ERR_UNSUPPORTED;
  }
  *out = (wpm_key_message){(wpm_key_type)key.type, data.value};
  return WPM_OK;
}

static bool write_data(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
  const wpm_bytes *data = *arg;
  return pb_encode_tag_for_field(stream, field) && pb_encode_string(stream, data->data, data->len);
}

int wpm_key_message_write(const wpm_key_message *message, uint8_t *out, size_t cap, size_t *len) {
  wpm_pb_Key key = wpm_pb_Key_init_zero;
  wpm_bytes data = message->data;
  key.type = (wpm_pb_KeyType)message->type;
  key.data.funcs.encode = write_data;
  key.data.arg = &data;
  pb_ostream_t stream = pb_ostream_from_buffer(out, cap);
  if (!pb_encode(&stream, wpm_pb_Key_fields, &key)) {
    return WPM_ERR_NO_SPACE;
  }
  *len = stream.bytes_written;
  return WPM_OK;
}

int wpm_public_key_message_read(wpm_bytes encoded, wpm_key_message *out) {
  if (encoded.len > WPM_PUBLIC_KEY_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  int rc = wpm_key_message_read(encoded, out);
  if (rc != WPM_OK) {
    return rc;
  }
  uint8_t canonical[WPM_PUBLIC_KEY_MAX];
  size_t len = 0;
  rc = wpm_key_message_write(out, canonical, sizeof canonical, &len);
  if (rc != WPM_OK || !wpm_bytes_equal((wpm_bytes){canonical, len}, encoded)) {
    return WPM_ERR_INVALID;
  }
  return WPM_OK;
}

/* ---- DER ------------------------------------------------------------------------------------- */

enum { DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_SEQUENCE = 0x30 };

/* Takes one element with `tag` off the front of *in; its contents go to *contents. Lengths in their
 * shortest form only, at most two bytes long. */
static bool der_take(wpm_bytes *in, uint8_t tag, wpm_bytes *contents) {
  if (in->len < 2 || in->data[0] != tag) {
    return false;
  }
  size_t len = in->data[1];
  size_t header = 2;
  if (len == 0x81) {
    header = 3;
    if (in->len < header || in->data[2] < 0x80) {
      return false;
    }
    len = in->data[2];
  } else if (len == 0x82) {
    header = 4;
    if (in->len < header || in->data[2] == 0) {
      return false;
    }
    len = (size_t)in->data[2] << 8 | in->data[3];
  } else if (len > 0x7f) {
    return false;
  }
  if (in->len - header < len) {
    return false;
  }
  *contents = (wpm_bytes){in->data + header, len};
  *in = (wpm_bytes){in->data + header + len, in->len - header - len};
  return true;
}

/* Takes a positive INTEGER, shortest form, without its sign byte. */
static bool der_take_positive(wpm_bytes *in, wpm_bytes *number) {
  wpm_bytes value;
  if (!der_take(in, DER_INTEGER, &value) || value.len == 0 || value.data[0] >= 0x80) {
    return false;
  }
  if (value.data[0] == 0) {
    if (value.len == 1 || value.data[1] < 0x80) {
      return false;
    }
    value = (wpm_bytes){value.data + 1, value.len - 1};
  }
  *number = value;
  return true;
}

/* Takes a BIT STRING of whole bytes. */
static bool der_take_bits(wpm_bytes *in, wpm_bytes *bytes) {
  wpm_bytes value;
  if (!der_take(in, DER_BIT_STRING, &value) || value.len == 0 || value.data[0] != 0) {
    return false;
  }
  *bytes = (wpm_bytes){value.data + 1, value.len - 1};
  return true;
}

/* Splits a SubjectPublicKeyInfo into its AlgorithmIdentifier's contents and the key's bytes. */
static bool der_split_key_info(wpm_bytes der, wpm_bytes *algorithm, wpm_bytes *key) {
  wpm_bytes info;
  return der_take(&der, DER_SEQUENCE, &info) && der.len == 0 &&
         der_take(&info, DER_SEQUENCE, algorithm) && der_take_bits(&info, key) && info.len == 0;
}

static size_t bits_of(wpm_bytes number) {
  size_t bits = number.len * 8;
  for (uint8_t top = number.data[0]; top < 0x80; top = (uint8_t)(top << 1)) {
    bits--;
  }
  return bits;
}

int wpm_rsa_public_key_read(wpm_bytes der, wpm_rsa_numbers *out) {
  /* OBJECT IDENTIFIER rsaEncryption (1.2.840.113549.1.1.1), NULL. */
  static const uint8_t rsa_encryption[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                           0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
  wpm_bytes algorithm;
  wpm_bytes key;
  wpm_bytes numbers;
  wpm_rsa_numbers rsa;
  if (!der_split_key_info(der, &algorithm, &key) ||
      !wpm_bytes_equal(algorithm, (wpm_bytes){rsa_encryption, sizeof rsa_encryption}) ||
      !der_take(&key, DER_SEQUENCE, &numbers) || key.len != 0 ||
      !der_take_positive(&numbers, &rsa.modulus) || !der_take_positive(&numbers, &rsa.exponent) ||
      numbers.len != 0) {
    return WPM_ERR_INVALID;
  }
  size_t bits = bits_of(rsa.modulus);
  if (bits > WPM_RSA_BITS_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  bool odd = (rsa.modulus.data[rsa.modulus.len - 1] & rsa.exponent.data[rsa.exponent.len - 1] & 1);
  size_t exponent_bits = bits_of(rsa.exponent);
  if (bits < WPM_RSA_BITS_MIN || !odd || exponent_bits < 2 || exponent_bits > 31) {
    return WPM_ERR_INVALID;
  }
  *out = rsa;
  return WPM_OK;
}

int wpm_p256_public_key_read(wpm_bytes der, wpm_bytes *point) {
  /* OBJECT IDENTIFIER id-ecPublicKey (1.2.840.10045.2.1), and prime256v1 (1.2.840.10045.3.1.7). */
  static const uint8_t ec_public_key[] = {0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
  static const uint8_t prime256v1[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
  wpm_bytes algorithm;
  wpm_bytes key;
  if (!der_split_key_info(der, &algorithm, &key) || algorithm.len < sizeof ec_public_key ||
      memcmp(algorithm.data, ec_public_key, sizeof ec_public_key) != 0) {
    return WPM_ERR_INVALID;
  }
  wpm_bytes curve = {algorithm.data + sizeof ec_public_key, algorithm.len - sizeof ec_public_key};
  if (!wpm_bytes_equal(curve, (wpm_bytes){prime256v1, sizeof prime256v1}) ||
      key.len != WPM_P256_POINT || key.data[0] != 0x04) {
    return WPM_ERR_UNSUPPORTED;
  }
  *point = key;
  return WPM_OK;
}
