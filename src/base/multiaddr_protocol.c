#include "base/multiaddr_protocol.h"

#include "base/bytes.h"
#include "base/ip_text.h"
#include "base/multiaddr.h"
#include "base/multibase.h"
#include "base/multihash.h"

/* ---- helpers --------------------------------------------------------------------------------- */

static int copy_out(const void *data, size_t size, void *out, size_t cap, size_t *len) {
  if (size > cap) {
    return WPM_ERR_NO_SPACE;
  }
  if (size) {
    memcpy(out, data, size);
  }
  *len = size;
  return WPM_OK;
}

static int write_text(wpm_bytes value, char *out, size_t cap, size_t *len) {
  if (cap == 0) {
    return WPM_ERR_NO_SPACE;
  }
  int err = copy_out(value.data, value.len, out, cap - 1, len);
  if (!err) {
    out[*len] = '\0';
  }
  return err;
}

/* Decimal digits only, leading zeros allowed, up to `most`: as Go's strconv.ParseUint. */
static int parse_number(wpm_text text, unsigned most, unsigned *out) {
  unsigned value = 0;
  if (text.len == 0) {
    return WPM_ERR_INVALID;
  }
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') {
      return WPM_ERR_INVALID;
    }
    value = value * 10 + (unsigned)(text.data[i] - '0');
    if (value > most) {
      return WPM_ERR_INVALID;
    }
  }
  *out = value;
  return WPM_OK;
}

static int format_number(unsigned value, char *out, size_t cap, size_t *len) {
  char digits[10];
  size_t at = sizeof(digits);
  do {
    digits[--at] = (char)('0' + value % 10);
  } while (value /= 10);
  return write_text((wpm_bytes){(const uint8_t *)digits + at, sizeof(digits) - at}, out, cap, len);
}

/* Length of the UTF-8 character beyond ASCII at `data`, of which `len` bytes are left; 0 where it is
 * malformed, overlong, a surrogate, above U+10FFFF or a control character (C1). */
static size_t utf8_length(const uint8_t *data, size_t len) {
  uint8_t lead = data[0];
  size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || size > len) {
    return 0;
  }
  for (size_t i = 1; i < size; i++) {
    if ((data[i] & 0xc0) != 0x80) {
      return 0;
    }
  }
  bool is_bad = (lead == 0xc2 && data[1] < 0xa0) || (lead == 0xe0 && data[1] < 0xa0) ||
                (lead == 0xed && data[1] >= 0xa0) || (lead == 0xf0 && data[1] < 0x90) ||
                (lead == 0xf4 && data[1] >= 0x90);
  return is_bad ? 0 : size;
}

static int check_text(wpm_bytes value) {
  for (size_t i = 0; i < value.len;) {
    uint8_t byte = value.data[i];
    bool is_printable_ascii = byte >= 0x20 && byte < 0x7f;
    size_t size = is_printable_ascii ? 1 : utf8_length(value.data + i, value.len - i);
    if (size == 0) {
      return WPM_ERR_INVALID;
    }
    i += size;
  }
  return WPM_OK;
}

/* ---- ip4, ip6, ipcidr ------------------------------------------------------------------------ */

/* go-multiaddr reads either notation for either family, where the address is an IPv4 one. */
static int parse_ip4(wpm_text text, uint8_t *out, size_t cap, size_t *len) {
  uint8_t ip[16];
  size_t size;
  int err = wpm_ip_parse(text, ip, &size);
  if (err) {
    return err;
  }
  if (size == 16 && !wpm_ip6_is_mapped(ip)) {
    return WPM_ERR_INVALID;
  }
  return copy_out(ip + size - 4, 4, out, cap, len);
}

static int parse_ip6(wpm_text text, uint8_t *out, size_t cap, size_t *len) {
  uint8_t ip[16];
  size_t size;
  int err = wpm_ip_parse(text, ip, &size);
  if (err) {
    return err;
  }
  if (size == 4) {
    memcpy(ip + 12, ip, 4);
    memset(ip, 0, 10);
    memset(ip + 10, 0xff, 2);
  }
  return copy_out(ip, 16, out, cap, len);
}

static int format_ip(wpm_bytes value, char *out, size_t cap, size_t *len) {
  char text[WPM_IP_TEXT];
  size_t size;
  int err = wpm_ip_format(value, text, &size);
  return err ? err : write_text((wpm_bytes){(const uint8_t *)text, size}, out, cap, len);
}

static int parse_ipcidr(wpm_text text, uint8_t *out, size_t cap, size_t *len) {
  unsigned bits;
  int err = parse_number(text, 255, &bits);
  return err ? err : copy_out(&(uint8_t){(uint8_t)bits}, 1, out, cap, len);
}

static int format_ipcidr(wpm_bytes value, char *out, size_t cap, size_t *len) {
  return format_number(value.data[0], out, cap, len);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static int parse_port(wpm_text text, uint8_t *out, size_t cap, size_t *len) {
  unsigned port;
  int err = parse_number(text, 65535, &port);
  if (err) {
    return err;
  }
  uint8_t bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};
  return copy_out(bytes, 2, out, cap, len);
}

static unsigned port_of(const uint8_t bytes[2]) {
  return (unsigned)bytes[0] << 8 | bytes[1];
}

static int format_port(wpm_bytes value, char *out, size_t cap, size_t *len) {
  return format_number(port_of(value.data), out, cap, len);
}

/* ---- names, zones, paths --------------------------------------------------------------------- */

static int parse_text(wpm_text text, uint8_t *out, size_t cap, size_t *len) {
  return copy_out(text.data, text.len, out, cap, len);
}

static int check_name(wpm_bytes value) {
  if (value.len == 0 || memchr(value.data, '/', value.len)) {
    return WPM_ERR_INVALID;
  }
  return check_text(value);
}

static int check_unix(wpm_bytes value) {
  if (value.len < 2 || value.data[0] != '/' || value.data[value.len - 1] == '/') {
    return WPM_ERR_INVALID;
  }
  return check_text(value);
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

/* Percent-encoding as in a URL's query (Go's url.QueryEscape): a space is `+`. */
static int parse_http_path(wpm_text text, uint8_t *out, size_t cap, size_t *len) {
  size_t at = 0;
  for (size_t i = 0; i < text.len; i++) {
    uint8_t byte = (uint8_t)text.data[i];
    if (byte == '+') {
      byte = ' ';
    } else if (byte == '%') {
      if (text.len - i < 3 || hex_digit(text.data[i + 1]) < 0 || hex_digit(text.data[i + 2]) < 0) {
        return WPM_ERR_INVALID;
      }
      byte = (uint8_t)(hex_digit(text.data[i + 1]) << 4 | hex_digit(text.data[i + 2]));
      i += 2;
    }
    if (at == cap) {
      return WPM_ERR_NO_SPACE;
    }
    out[at++] = byte;
  }
  *len = at;
  return WPM_OK;
}

static int format_http_path(wpm_bytes value, char *out, size_t cap, size_t *len) {
  size_t at = 0;
  if (cap == 0) {
    return WPM_ERR_NO_SPACE;
  }
  for (size_t i = 0; i < value.len; i++) {
    uint8_t c = value.data[i];
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                 c == '-' || c == '_' || c == '.' || c == '~';
    bool escaped = !plain && c != ' ';
    if ((escaped ? 3u : 1u) >= cap - at) { /* The NUL needs its place too. */
      return WPM_ERR_NO_SPACE;
    }
    if (!escaped) {
      out[at++] = plain ? (char)c : '+';
    } else {
      out[at++] = '%';
      out[at++] = "0123456789ABCDEF"[c >> 4];
      out[at++] = "0123456789ABCDEF"[c & 0xf];
    }
  }
  out[at] = '\0';
  *len = at;
  return WPM_OK;
}

/* ---- p2p, certhash --------------------------------------------------------------------------- */

static int parse_p2p(wpm_text text, uint8_t *out, size_t cap, size_t *len) {
  wpm_peer_id id;
  int err = wpm_peer_id_parse(text, &id, NULL);
  return err ? err : copy_out(id.bytes, id.len, out, cap, len);
}

static int check_certhash(wpm_bytes value) {
  uint64_t function;
  wpm_bytes digest;
  return wpm_multihash_read(value, &function, &digest);
}

static int format_certhash(wpm_bytes value, char *out, size_t cap, size_t *len) {
  if (cap < 2) {
    return WPM_ERR_NO_SPACE;
  }
  out[0] = 'u';
  int err = wpm_base64url_encode(value, out + 1, cap - 1, len);
  if (!err) {
    ++*len;
  }
  return err;
}

/* ---- onion3, garlic64 ------------------------------------------------------------------------ */

#define ONION3_HOST 35
#define ONION3_TEXT 56
#define GARLIC64_LEAST 386

/* 56 base32 characters, a colon, a port. */
static int parse_onion3(wpm_text text, uint8_t *out, size_t cap, size_t *len) {
  if (text.len < ONION3_TEXT + 1 || text.data[ONION3_TEXT] != ':') {
    return WPM_ERR_INVALID;
  }
  uint8_t value[ONION3_HOST + 2];
  size_t size;
  int err = wpm_base32_decode((wpm_text){text.data, ONION3_TEXT}, value, ONION3_HOST, &size);
  if (err) {
    return err;
  }
  wpm_text port = {text.data + ONION3_TEXT + 1, text.len - ONION3_TEXT - 1};
  err = parse_port(port, value + ONION3_HOST, 2, &size);
  return err ? err : copy_out(value, sizeof(value), out, cap, len);
}

static int check_onion3(wpm_bytes value) {
  return port_of(value.data + ONION3_HOST) ? WPM_OK : WPM_ERR_INVALID;
}

static int format_onion3(wpm_bytes value, char *out, size_t cap, size_t *len) {
  int err = wpm_base32_encode((wpm_bytes){value.data, ONION3_HOST}, out, cap, len);
  if (err) {
    return err;
  }
  size_t digits;
  out[ONION3_TEXT] = ':';
  err = format_number(port_of(value.data + ONION3_HOST), out + ONION3_TEXT + 1,
                      cap - ONION3_TEXT - 1, &digits);
  if (!err) {
    *len = ONION3_TEXT + 1 + digits;
  }
  return err;
}

static int check_garlic64(wpm_bytes value) {
  return value.len >= GARLIC64_LEAST ? WPM_OK : WPM_ERR_INVALID;
}

/* A number of 64 bits, big endian. */
static int parse_memory(wpm_text text, uint8_t *out, size_t cap, size_t *len) {
  uint64_t number = 0;
  if (text.len == 0) {
    return WPM_ERR_INVALID;
  }
  for (size_t i = 0; i < text.len; i++) {
    unsigned digit = (unsigned)(uint8_t)text.data[i] - '0';
    if (digit > 9 || number > (UINT64_MAX - digit) / 10) {
      return WPM_ERR_INVALID;
    }
    number = number * 10 + digit;
  }
  uint8_t bytes[8];
  for (size_t i = 0; i < sizeof(bytes); i++) {
    bytes[i] = (uint8_t)(number >> (56 - 8 * i));
  }
  return copy_out(bytes, sizeof(bytes), out, cap, len);
}

static int format_memory(wpm_bytes value, char *out, size_t cap, size_t *len) {
  uint64_t number = 0;
  for (size_t i = 0; i < value.len; i++) {
    number = number << 8 | value.data[i];
  }
  char digits[20];
  size_t at = sizeof(digits);
  do {
    digits[--at] = (char)('0' + number % 10);
  } while (number /= 10);
  wpm_bytes text = {(const uint8_t *)digits + at, sizeof(digits) - at};
  return write_text(text, out, cap, len);
}

/* ---- the table ------------------------------------------------------------------------------- */

#define FLAG(code, name)                                                                           \
  { code, 0, false, name, NULL, NULL, NULL, NULL }
#define NAME(code, name, takes)                                                                    \
  { code, WPM_VALUE_PREFIXED, false, name, takes, parse_text, write_text, check_name }

/* The most frequent first: look-ups walk through it. */
static const wpm_multiaddr_protocol protocols[] = {
    {WPM_P_IP4, 4, false, "ip4", "an IPv4 address such as 192.0.2.1", parse_ip4, format_ip, NULL},
    {WPM_P_TCP, 2, false, "tcp", "a port from 0 to 65535", parse_port, format_port, NULL},
    {WPM_P_P2P, WPM_VALUE_PREFIXED, false, "p2p",
     "a peer id such as 16Uiu2HA… (complete, in base58 or as a CID)", parse_p2p, wpm_peer_id_format,
     wpm_peer_id_check},
    {WPM_P_IP6, 16, false, "ip6", "an IPv6 address such as 2001:db8::1", parse_ip6, format_ip,
     NULL},
    NAME(WPM_P_DNS4, "dns4", "a domain name"),
    FLAG(WPM_P_WS, "ws"),
    FLAG(WPM_P_WSS, "wss"),
    FLAG(WPM_P_TLS, "tls"),
    NAME(WPM_P_DNS, "dns", "a domain name"),
    NAME(WPM_P_DNS6, "dns6", "a domain name"),
    NAME(WPM_P_DNSADDR, "dnsaddr", "a domain name"),
    FLAG(WPM_P_P2P_CIRCUIT, "p2p-circuit"),
    {WPM_P_UDP, 2, false, "udp", "a port from 0 to 65535", parse_port, format_port, NULL},
    FLAG(WPM_P_QUIC_V1, "quic-v1"),
    FLAG(WPM_P_QUIC, "quic"),
    FLAG(WPM_P_WEBTRANSPORT, "webtransport"),
    {WPM_P_CERTHASH, WPM_VALUE_PREFIXED, false, "certhash",
     "a multihash in multibase, such as uEi…", wpm_multibase_decode, format_certhash,
     check_certhash},
    FLAG(WPM_P_WEBRTC_DIRECT, "webrtc-direct"),
    FLAG(WPM_P_WEBRTC, "webrtc"),
    NAME(WPM_P_SNI, "sni", "a domain name"),
    FLAG(WPM_P_NOISE, "noise"),
    NAME(WPM_P_IP6ZONE, "ip6zone", "an interface name such as eth0"),
    {WPM_P_IPCIDR, 1, false, "ipcidr", "a number of bits from 0 to 255", parse_ipcidr,
     format_ipcidr, NULL},
    FLAG(WPM_P_HTTP, "http"),
    {WPM_P_HTTP_PATH, WPM_VALUE_PREFIXED, false, "http-path", "a percent-encoded path",
     parse_http_path, format_http_path, NULL},
    {WPM_P_ONION3, ONION3_HOST + 2, false, "onion3",
     "56 base32 characters, a colon and a port from 1 to 65535", parse_onion3, format_onion3,
     check_onion3},
    {WPM_P_GARLIC64, WPM_VALUE_PREFIXED, false, "garlic64",
     "an I2P destination in I2P's base64 (at least 516 characters)", wpm_base64i2p_decode,
     wpm_base64i2p_encode, check_garlic64},
    {WPM_P_MEMORY, 8, false, "memory", "a number of at most 64 bits", parse_memory, format_memory,
     NULL},
    {WPM_P_SCTP, 2, false, "sctp", "a port from 0 to 65535", parse_port, format_port, NULL},
    {WPM_P_DCCP, 2, false, "dccp", "a port from 0 to 65535", parse_port, format_port, NULL},
    FLAG(WPM_P_UDT, "udt"),
    FLAG(WPM_P_UTP, "utp"),
    FLAG(WPM_P_HTTPS, "https"),
    FLAG(WPM_P_PLAINTEXT, "plaintextv2"),
    FLAG(WPM_P_P2P_WEBRTC_DIRECT, "p2p-webrtc-direct"),
    {WPM_P_UNIX, WPM_VALUE_PREFIXED, true, "unix", "the path of a socket", parse_text, write_text,
     check_unix},
};

#define PROTOCOL_COUNT (sizeof(protocols) / sizeof(protocols[0]))

const wpm_multiaddr_protocol *wpm_multiaddr_protocol_by_code(uint64_t code) {
  for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
    if (protocols[i].code == code) {
      return &protocols[i];
    }
  }
  return NULL;
}

const wpm_multiaddr_protocol *wpm_multiaddr_protocol_by_name(wpm_text name) {
  if (wpm_text_equal(name, WPM_TEXT("ipfs"))) { /* The old name. */
    name = WPM_TEXT("p2p");
  }
  for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
    if (wpm_text_equal(name, wpm_text_of(protocols[i].name))) {
      return &protocols[i];
    }
  }
  return NULL;
}
