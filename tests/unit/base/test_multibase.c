#include "base/bytes.h"
#include "base/multibase.h"
#include "support/test.h"
#include "support/vectors.h"

typedef int (*encode_fn)(wpm_bytes in, char *out, size_t cap, size_t *len);
typedef int (*decode_fn)(wpm_text in, uint8_t *out, size_t cap, size_t *len);

typedef struct base_vector {
  const char *hex;
  const char *text;
} base_vector;

/* Decodes a copy that ends where the text does, so that reading on is seen. */
static int decode_exact(decode_fn decode, const char *text, uint8_t *out, size_t cap, size_t *len) {
  size_t size = strlen(text);
  char *exact = malloc(size + !size);
  assert_non_null(exact);
  memcpy(exact, text, size);
  int err = decode((wpm_text){exact, size}, out, cap, len);
  free(exact);
  return err;
}

/* Both directions, with buffers that just suffice, and one byte less. */
static void check_vector(encode_fn encode, decode_fn decode, base_vector vector) {
  wpm_test_bytes bytes = wpm_test_hex(vector.hex);
  size_t text_len = strlen(vector.text);
  size_t len;

  char *text = malloc(text_len + 1);
  assert_non_null(text);
  assert_int_equal(encode(wpm_test_view(bytes), text, text_len + 1, &len), WPM_OK);
  assert_string_equal(text, vector.text);
  assert_int_equal(len, text_len);
  assert_int_equal(encode(wpm_test_view(bytes), text, text_len + 1, NULL), WPM_OK);
  assert_int_equal(encode(wpm_test_view(bytes), text, text_len, &len), WPM_ERR_NO_SPACE);
  free(text);

  uint8_t *out = malloc(bytes.len + 1);
  assert_non_null(out);
  assert_int_equal(decode_exact(decode, vector.text, out, bytes.len, &len), WPM_OK);
  assert_int_equal(len, bytes.len);
  assert_memory_equal(out, bytes.data, len);
  if (bytes.len) {
    assert_int_equal(decode(wpm_text_of(vector.text), out, bytes.len - 1, &len), WPM_ERR_NO_SPACE);
  }
  free(out);
  free(bytes.data);
}

#define CHECK_ALL(vectors, encode, decode)                                                         \
  for (size_t i = 0; i < sizeof(vectors) / sizeof((vectors)[0]); i++) {                            \
    check_vector(encode, decode, (vectors)[i]);                                                    \
  }

static void check_refused(decode_fn decode, const char *const *texts) {
  for (; *texts; texts++) {
    uint8_t out[64];
    size_t len;
    assert_int_equal(decode_exact(decode, *texts, out, sizeof(out), &len), WPM_ERR_INVALID);
  }
}

/* draft-msporny-base58, and Bitcoin's src/test/data/base58_encode_decode.json. */
static void base58_vectors(void **state) {
  (void)state;
  static const base_vector vectors[] = {
      {"-", ""},
      {"61", "2g"},
      {"626262", "a3gV"},
      {"636363", "aPEr"},
      {"73696d706c792061206c6f6e6720737472696e67", "2cFupjhnEsSn59qHXstmK2ffpLv2"},
      {"00eb15231dfceb60925886b67d065299925915aeb172c06647", "1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L"},
      {"516b6fcd0f", "ABnLTmg"},
      {"bf4f89001e670274dd", "3SEo3LWLoPntC"},
      {"572e4794", "3EFU7m"},
      {"ecac89cad93923c02321", "EJDM8drfXA6uyA"},
      {"10c8511e", "Rt5zm"},
      {"00000000000000000000", "1111111111"},
      {"0000287fb4cd", "11233QC4"},
      {"48656c6c6f20576f726c6421", "2NEpo7TZRRrLZSi2U"},
      {"54686520717569636b2062726f776e20666f78206a756d7073206f76657220746865206c617a7920646f672e",
       "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z"},
  };
  CHECK_ALL(vectors, wpm_base58_encode, wpm_base58_decode)
  static const char *const refused[] = {"0",  "O",       "I",     "l",   "1 ",
                                        " 1", "a3g\xff", "1\x80", "a+b", NULL};
  check_refused(wpm_base58_decode, refused);
}

static void base58_is_capped(void **state) {
  (void)state;
  static uint8_t in[WPM_BASE58_MAX + 1];
  static uint8_t out[WPM_BASE58_MAX];
  static char text[2 * WPM_BASE58_MAX];
  size_t len;
  for (int fill = 0; fill <= 0xff; fill += 0xff) {
    memset(in, fill, sizeof(in));
    assert_int_equal(wpm_base58_encode((wpm_bytes){in, sizeof(in)}, text, sizeof(text), &len),
                     WPM_ERR_TOO_LARGE);
    assert_int_equal(wpm_base58_encode((wpm_bytes){in, WPM_BASE58_MAX}, text, sizeof(text), &len),
                     WPM_OK);
    assert_int_equal(wpm_base58_decode((wpm_text){text, len}, out, sizeof(out), &len), WPM_OK);
    assert_int_equal(len, WPM_BASE58_MAX);
    assert_memory_equal(in, out, len);
  }
  memset(text, '1', sizeof(text));
  assert_int_equal(wpm_base58_decode((wpm_text){text, WPM_BASE58_MAX + 1}, out, sizeof(out), &len),
                   WPM_ERR_TOO_LARGE);
  memset(text, 'z', sizeof(text));
  assert_int_equal(wpm_base58_decode((wpm_text){text, sizeof(text)}, out, sizeof(out), &len),
                   WPM_ERR_TOO_LARGE);
  text[0] = '1'; /* 512 bytes of digits, and a zero byte before them. */
  memset(text + 1, 'z', 699);
  assert_int_equal(wpm_base58_decode((wpm_text){text + 1, 699}, out, sizeof(out), &len), WPM_OK);
  assert_int_equal(len, WPM_BASE58_MAX);
  assert_int_equal(wpm_base58_decode((wpm_text){text, 700}, out, sizeof(out), &len),
                   WPM_ERR_TOO_LARGE);
}

/* RFC 4648 §10. */
static void base32_vectors(void **state) {
  (void)state;
  static const base_vector vectors[] = {
      {"-", ""},
      {"66", "my"},
      {"666f", "mzxq"},
      {"666f6f", "mzxw6"},
      {"666f6f62", "mzxw6yq"},
      {"666f6f6261", "mzxw6ytb"},
      {"666f6f626172", "mzxw6ytboi"},
  };
  CHECK_ALL(vectors, wpm_base32_encode, wpm_base32_decode)
  uint8_t out[8];
  size_t len;
  assert_int_equal(wpm_base32_decode(WPM_TEXT("MZXw6yTB"), out, sizeof(out), &len), WPM_OK);
  assert_int_equal(len, 5);
  assert_memory_equal(out, "fooba", 5);
  /* Padding, foreign characters, left-over bits, and a last character that says nothing. */
  static const char *const refused[] = {"my======", "m1", "m8",  "m-", "mz",
                                        "mzxr",     "m",  "mzx", NULL};
  check_refused(wpm_base32_decode, refused);
}

static void base64url_vectors(void **state) {
  (void)state;
  static const base_vector vectors[] = {
      {"-", ""},
      {"66", "Zg"},
      {"666f", "Zm8"},
      {"666f6f", "Zm9v"},
      {"666f6f62", "Zm9vYg"},
      {"666f6f6261", "Zm9vYmE"},
      {"666f6f626172", "Zm9vYmFy"},
      {"fbefff", "--__"},
  };
  CHECK_ALL(vectors, wpm_base64url_encode, wpm_base64url_decode)
  static const char *const refused[] = {"Zg==", "Zh", "Zm9", "Z", "Zm9vY", "++//", "Z g", NULL};
  check_refused(wpm_base64url_decode, refused);
}

static void i2p_base64_has_its_own_alphabet_and_padding(void **state) {
  (void)state;
  static const base_vector vectors[] = {
      {"-", ""},          {"66", "Zg=="},     {"666f", "Zm8="},
      {"666f6f", "Zm9v"}, {"fbefff", "--~~"}, {"666f6f62", "Zm9vYg=="},
  };
  CHECK_ALL(vectors, wpm_base64i2p_encode, wpm_base64i2p_decode)
  static const char *const refused[] = {
      "Zg", "Zg=", "Zh==", "Z===", "====", "Zg==Zg==", "--__", "Zm9=", "=", NULL};
  check_refused(wpm_base64i2p_decode, refused);
}

/* multiformats/multibase tests/basic.csv, leading_zero.csv and two_leading_zeros.csv. */
static void multibase_vectors(void **state) {
  (void)state;
  static const base_vector vectors[] = {
      {"796573206d616e692021", "f796573206d616e692021"},
      {"796573206d616e692021", "F796573206D616E692021"},
      {"796573206d616e692021", "bpfsxgidnmfxgsibb"},
      {"796573206d616e692021", "BPFSXGIDNMFXGSIBB"},
      {"796573206d616e692021", "k2lcpzo5yikidynfl"},
      {"796573206d616e692021", "K2LCPZO5YIKIDYNFL"},
      {"796573206d616e692021", "z7paNL19xttacUY"},
      {"796573206d616e692021", "meWVzIG1hbmkgIQ"},
      {"796573206d616e692021", "ueWVzIG1hbmkgIQ"},
      {"00796573206d616e692021", "f00796573206d616e692021"},
      {"00796573206d616e692021", "bab4wk4zanvqw42jaee"},
      {"00796573206d616e692021", "k02lcpzo5yikidynfl"},
      {"00796573206d616e692021", "z17paNL19xttacUY"},
      {"00796573206d616e692021", "mAHllcyBtYW5pICE"},
      {"00796573206d616e692021", "uAHllcyBtYW5pICE"},
      {"0000796573206d616e692021", "baaahszltebwwc3tjeaqq"},
      {"0000796573206d616e692021", "K002LCPZO5YIKIDYNFL"},
      {"0000796573206d616e692021", "z117paNL19xttacUY"},
      {"0123456789abcdef", "f0123456789abcdef"},
      {"0123456789abcdef", "F0123456789ABCDEF"},
      {"04008c51b4", "baqaiyunu"},
      {"04008c51b4", "BAQAIYUNU"},
      {"0e4d12", "kK36a"},
      {"0e4d12", "Kk36A"},
      {"-", "f"},
      {"-", "k"},
      {"-", "z"},
      {"fbefff", "m++//"},
  };
  for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
    wpm_test_bytes bytes = wpm_test_hex(vectors[i].hex);
    uint8_t out[64];
    size_t len;
    assert_int_equal(decode_exact(wpm_multibase_decode, vectors[i].text, out, sizeof(out), &len),
                     WPM_OK);
    assert_int_equal(len, bytes.len);
    assert_memory_equal(out, bytes.data, len);
    free(bytes.data);
  }
  static const char *const refused[] = {"",   "f0", "f0g", "f0@", "b1", "k_",
                                        "k@", "k{", "z0",  "mZh", "u+", NULL};
  check_refused(wpm_multibase_decode, refused);
  uint8_t out[64];
  size_t len;
  assert_int_equal(wpm_multibase_decode(WPM_TEXT("vabc"), out, sizeof(out), &len),
                   WPM_ERR_UNSUPPORTED);
  assert_int_equal(wpm_multibase_decode(WPM_TEXT("7abc"), out, sizeof(out), &len),
                   WPM_ERR_UNSUPPORTED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(base58_vectors),
      cmocka_unit_test(base58_is_capped),
      cmocka_unit_test(base32_vectors),
      cmocka_unit_test(base64url_vectors),
      cmocka_unit_test(i2p_base64_has_its_own_alphabet_and_padding),
      cmocka_unit_test(multibase_vectors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
