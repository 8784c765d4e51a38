#include "base/multiaddr.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/ip_text.h"
#include "base/multiaddr_protocol.h"
#include "base/varint.h"

/* ---- binary ---------------------------------------------------------------------------------- */

/* Takes the first component off *rest. *code gets its code even where the protocol is unknown. */
static int take_part(wpm_bytes *rest, wpm_multiaddr_part *part,
                     const wpm_multiaddr_protocol **protocol, uint64_t *code) {
  size_t header;
  uint64_t size;
  *code = 0;
  int err = wpm_varint_read(*rest, code, &header);
  if (err) {
    return err;
  }
  *protocol = wpm_multiaddr_protocol_by_code(*code);
  if (!*protocol) {
    return WPM_ERR_UNSUPPORTED;
  }
  if ((*protocol)->size == WPM_VALUE_PREFIXED) {
    size_t used;
    wpm_bytes behind = {rest->data + header, rest->len - header};
    err = wpm_varint_read(behind, &size, &used);
    if (err) {
      return err;
    }
    if (size == 0) {
      return WPM_ERR_INVALID;
    }
    header += used;
  } else {
    size = (uint64_t)(*protocol)->size;
  }
  if (size > rest->len - header) {
    return WPM_ERR_TRUNCATED;
  }
  part->code = (*protocol)->code;
  part->value = (wpm_bytes){rest->data + header, (size_t)size};
  part->whole = (wpm_bytes){rest->data, header + (size_t)size};
  *rest = (wpm_bytes){rest->data + part->whole.len, rest->len - part->whole.len};
  return WPM_OK;
}

/* As take_part, and checks the value and that nothing follows a path. */
static int take_checked(wpm_bytes *rest, wpm_multiaddr_part *part,
                        const wpm_multiaddr_protocol **protocol, uint64_t *code) {
  int err = take_part(rest, part, protocol, code);
  if (err) {
    return err;
  }
  if ((*protocol)->is_path && rest->len) {
    return WPM_ERR_INVALID;
  }
  return (*protocol)->check ? (*protocol)->check(part->value) : WPM_OK;
}

bool wpm_multiaddr_next(wpm_bytes *rest, wpm_multiaddr_part *part) {
  const wpm_multiaddr_protocol *protocol;
  uint64_t code;
  return rest->len > 0 && take_part(rest, part, &protocol, &code) == WPM_OK;
}

/* Checks all of `addr`; *last gets its last component. */
static int check_whole(wpm_bytes addr, wpm_multiaddr_part *last) {
  if (addr.len == 0) {
    return WPM_ERR_INVALID;
  }
  if (addr.len > WPM_MULTIADDR_MAX) {
    return WPM_ERR_TOO_LARGE;
  }
  const wpm_multiaddr_protocol *protocol;
  uint64_t code;
  for (size_t parts = 0; addr.len; parts++) {
    if (parts == WPM_MULTIADDR_PARTS_MAX) {
      return WPM_ERR_TOO_LARGE;
    }
    int err = take_checked(&addr, last, &protocol, &code);
    if (err) {
      return err;
    }
  }
  return WPM_OK;
}

/* An IP address with a port, and WebSocket or QUIC above it or nothing: most of all addresses, told by
 * their bytes alone. False says nothing. */
static bool is_plain(wpm_bytes addr) {
  enum { IP4 = 4, IP6 = 41, TCP = 6 };
  static const uint8_t udp[] = {0x91, 0x02};
  static const uint8_t above[][2] = {
      {0xdd, 0x03}, {0xde, 0x03}, {0xcd, 0x03}}; /* ws, wss, quic-v1 */
  size_t at = addr.len == 0 ? 0 : addr.data[0] == IP4 ? 5 : addr.data[0] == IP6 ? 17 : 0;
  if (at == 0 || addr.len < at + 3) {
    return false;
  }
  if (addr.data[at] == TCP) {
    at += 3;
  } else if (memcmp(addr.data + at, udp, sizeof(udp)) == 0) {
    at += 4;
  } else {
    return false;
  }
  if (addr.len != at + 2) {
    return addr.len == at;
  }
  for (size_t i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
    if (memcmp(addr.data + at, above[i], sizeof(above[i])) == 0) {
      return true;
    }
  }
  return false;
}

int wpm_multiaddr_check(wpm_bytes addr) {
  if (is_plain(addr)) {
    return WPM_OK;
  }
  wpm_multiaddr_part last;
  return check_whole(addr, &last);
}

int wpm_multiaddr_split_peer(wpm_bytes addr, wpm_bytes *transport, wpm_bytes *peer) {
  wpm_multiaddr_part last;
  int err = check_whole(addr, &last);
  if (err) {
    return err;
  }
  *transport = addr;
  *peer = (wpm_bytes){NULL, 0};
  if (last.code == WPM_P_P2P) {
    transport->len -= last.whole.len;
    *peer = last.value;
  }
  return WPM_OK;
}

/* Writes code, length prefix where the protocol has one, and value. */
static int append_part(wpm_multiaddr *addr, const wpm_multiaddr_protocol *protocol,
                       wpm_bytes value) {
  uint8_t header[2 * WPM_VARINT_MAX];
  size_t size = wpm_varint_write(protocol->code, header);
  if (protocol->size == WPM_VALUE_PREFIXED) {
    size += wpm_varint_write(value.len, header + size);
  }
  size_t room = sizeof(addr->bytes) - addr->len;
  if (size > room || value.len > room - size) {
    return WPM_ERR_TOO_LARGE;
  }
  memcpy(addr->bytes + addr->len, header, size);
  if (value.len) {
    memcpy(addr->bytes + addr->len + size, value.data, value.len);
  }
  addr->len = (uint16_t)(addr->len + size + value.len);
  return WPM_OK;
}

int wpm_multiaddr_with_peer(wpm_bytes transport, wpm_bytes peer, wpm_multiaddr *out) {
  if (peer.len == 0) {
    return WPM_ERR_INVALID;
  }
  if (transport.len > sizeof(out->bytes)) {
    return WPM_ERR_TOO_LARGE;
  }
  if (transport.len) {
    memmove(out->bytes, transport.data, transport.len);
  }
  out->len = (uint16_t)transport.len;
  return append_part(out, wpm_multiaddr_protocol_by_code(WPM_P_P2P), peer);
}

/* ---- text to binary -------------------------------------------------------------------------- */

/* Takes what stands before the next slash off *rest, and that slash. */
static wpm_text take_segment(wpm_text *rest) {
  const char *slash = rest->len ? memchr(rest->data, '/', rest->len) : NULL;
  size_t len = slash ? (size_t)(slash - rest->data) : rest->len;
  wpm_text segment = {rest->data, len};
  size_t taken = slash ? len + 1 : len;
  *rest = (wpm_text){rest->data + taken, rest->len - taken};
  return segment;
}

static int fail_value(wpm_error *error, int err, const wpm_multiaddr_protocol *protocol,
                      wpm_text value) {
  char shown[64];
  wpm_text_printable(value, shown, sizeof(shown));
  if (err == WPM_ERR_TOO_LARGE) {
    return wpm_fail(error, err, "the value \"%s\" of /%s makes the multiaddr longer than %d bytes",
                    shown, protocol->name, WPM_MULTIADDR_MAX);
  }
  return wpm_fail(error, err, "\"%s\" in a multiaddr is not a value for /%s, which takes %s", shown,
                  protocol->name, protocol->takes);
}

static int parse_value(wpm_multiaddr *out, const wpm_multiaddr_protocol *protocol, wpm_text text,
                       wpm_error *error) {
  uint8_t value[WPM_MULTIADDR_MAX];
  size_t len;
  int err = protocol->parse(text, value, sizeof(value), &len);
  if (!err && protocol->size == WPM_VALUE_PREFIXED && len == 0) {
    err = WPM_ERR_INVALID;
  }
  if (!err && protocol->check) {
    err = protocol->check((wpm_bytes){value, len});
  }
  if (!err) {
    err = append_part(out, protocol, (wpm_bytes){value, len});
  }
  if (err == WPM_ERR_NO_SPACE) {
    err = WPM_ERR_TOO_LARGE;
  }
  return err ? fail_value(error, err, protocol, text) : WPM_OK;
}

/* Reads one component off *rest. */
static int parse_part(wpm_text *rest, wpm_multiaddr *out, wpm_error *error) {
  wpm_text whole = *rest;
  wpm_text name = take_segment(rest);
  const wpm_multiaddr_protocol *protocol = wpm_multiaddr_protocol_by_name(name);
  if (!protocol) {
    char shown[64];
    wpm_text_printable(name, shown, sizeof(shown));
    if (name.len == 0) {
      return wpm_fail(error, WPM_ERR_INVALID,
                      "two slashes in a row in a multiaddr: a protocol name is missing");
    }
    return wpm_fail(error, WPM_ERR_UNSUPPORTED,
                    "unknown protocol \"%s\" in a multiaddr: known are ip4, ip6, dns4, tcp, ws, "
                    "wss, p2p and others",
                    shown);
  }
  if (protocol->size == 0) {
    int err = append_part(out, protocol, (wpm_bytes){NULL, 0});
    return err ? wpm_fail(error, err, "the multiaddr is longer than %d bytes", WPM_MULTIADDR_MAX)
               : WPM_OK;
  }
  if (name.len == whole.len) {
    return wpm_fail(error, WPM_ERR_INVALID, "the multiaddr ends after /%s, which takes %s",
                    protocol->name, protocol->takes);
  }
  wpm_text value;
  if (protocol->is_path) {
    value = (wpm_text){rest->data - 1, rest->len + 1}; /* With the slash before it. */
    *rest = (wpm_text){rest->data + rest->len, 0};
  } else {
    value = take_segment(rest);
  }
  return parse_value(out, protocol, value, error);
}

int wpm_multiaddr_parse(wpm_text text, wpm_multiaddr *out, wpm_error *error) {
  out->len = 0;
  while (text.len && text.data[text.len - 1] == '/') {
    text.len--;
  }
  if (text.len == 0) {
    return wpm_fail(error, WPM_ERR_INVALID,
                    "empty multiaddr: give one such as /ip4/192.0.2.1/tcp/60000");
  }
  if (text.data[0] != '/') {
    char shown[64];
    return wpm_fail(error, WPM_ERR_INVALID,
                    "multiaddr \"%s\" does not begin with a slash: give one such as "
                    "/ip4/192.0.2.1/tcp/60000",
                    wpm_text_printable(text, shown, sizeof(shown)));
  }
  wpm_text rest = {text.data + 1, text.len - 1};
  for (size_t parts = 0; rest.len; parts++) {
    int err = parts == WPM_MULTIADDR_PARTS_MAX
                  ? wpm_fail(error, WPM_ERR_TOO_LARGE, "the multiaddr has more than %d components",
                             WPM_MULTIADDR_PARTS_MAX)
                  : parse_part(&rest, out, error);
    if (err) {
      out->len = 0;
      return err;
    }
  }
  return WPM_OK;
}

/* ---- binary to text -------------------------------------------------------------------------- */

static int format_part(const wpm_multiaddr_protocol *protocol, wpm_bytes value, char *out,
                       size_t cap, size_t *len) {
  size_t name = strlen(protocol->name);
  size_t at = name + 1;
  if (at >= cap) {
    return WPM_ERR_NO_SPACE;
  }
  out[0] = '/';
  memcpy(out + 1, protocol->name, name);
  out[at] = '\0';
  if (protocol->size != 0) {
    if (!protocol->is_path) { /* A path begins with its own slash. */
      out[at++] = '/';
    }
    size_t written;
    int err = protocol->format(value, out + at, cap - at, &written);
    if (err) {
      return err;
    }
    at += written;
  }
  *len = at;
  return WPM_OK;
}

static int fail_binary(wpm_error *error, int err, const wpm_multiaddr_protocol *protocol,
                       uint64_t code) {
  if (!protocol && err == WPM_ERR_UNSUPPORTED) {
    return wpm_fail(error, err, "unknown protocol code %llu in a binary multiaddr",
                    (unsigned long long)code);
  }
  if (err == WPM_ERR_TRUNCATED) {
    return wpm_fail(error, err, "the binary multiaddr ends inside a component");
  }
  if (!protocol) {
    return wpm_fail(error, err, "malformed protocol code in a binary multiaddr");
  }
  return wpm_fail(error, err, "malformed /%s in a binary multiaddr", protocol->name);
}

int wpm_multiaddr_format(wpm_bytes addr, char *out, size_t cap, size_t *len, wpm_error *error) {
  if (addr.len == 0) {
    return wpm_fail(error, WPM_ERR_INVALID, "empty binary multiaddr");
  }
  if (addr.len > WPM_MULTIADDR_MAX) {
    return wpm_fail(error, WPM_ERR_TOO_LARGE, "the binary multiaddr is longer than %d bytes",
                    WPM_MULTIADDR_MAX);
  }
  size_t at = 0;
  for (size_t parts = 0; addr.len; parts++) {
    if (parts == WPM_MULTIADDR_PARTS_MAX) {
      return wpm_fail(error, WPM_ERR_TOO_LARGE, "the binary multiaddr has more than %d components",
                      WPM_MULTIADDR_PARTS_MAX);
    }
    wpm_multiaddr_part part;
    const wpm_multiaddr_protocol *protocol = NULL;
    uint64_t code;
    int err = take_checked(&addr, &part, &protocol, &code);
    if (err) {
      return fail_binary(error, err, protocol, code);
    }
    size_t written;
    err = format_part(protocol, part.value, out + at, cap - at, &written);
    if (err) {
      return wpm_fail(error, err, "the multiaddr's text does not fit into %zu bytes", cap);
    }
    at += written;
  }
  if (len) {
    *len = at;
  }
  return WPM_OK;
}

/* ---- IP and TCP addresses ---------------------------------------------------------------------- */

bool wpm_multiaddr_ip(wpm_bytes multiaddr, uint8_t out[16]) {
  wpm_multiaddr_part part;
  while (wpm_multiaddr_next(&multiaddr, &part)) {
    if (part.code == WPM_P_IP4) {
      memset(out, 0, 10);
      memset(out + 10, 0xff, 2);
      memcpy(out + 12, part.value.data, 4);
      return true;
    }
    if (part.code == WPM_P_IP6) {
      memcpy(out, part.value.data, 16);
      return true;
    }
    if (part.code != WPM_P_IP6ZONE) { /* A zone is in front of its address. */
      return false;
    }
  }
  return false;
}

int wpm_multiaddr_tcp_target(wpm_bytes addr, wpm_tcp_target *out) {
  wpm_multiaddr_part part;
  int err = check_whole(addr, &part);
  if (err) {
    return err;
  }
  wpm_bytes rest = addr;
  *out = (wpm_tcp_target){0};
  if (!wpm_multiaddr_next(&rest, &part)) {
    return WPM_ERR_INVALID;
  }
  if (part.code == WPM_P_IP6ZONE) {
    out->zone = (wpm_text){(const char *)part.value.data, part.value.len};
    if (!wpm_multiaddr_next(&rest, &part) || part.code != WPM_P_IP6) {
      return WPM_ERR_UNSUPPORTED;
    }
  }
  bool is_host = part.code == WPM_P_IP4 || part.code == WPM_P_IP6 || part.code == WPM_P_DNS ||
                 part.code == WPM_P_DNS4 || part.code == WPM_P_DNS6;
  if (!is_host) {
    return WPM_ERR_UNSUPPORTED;
  }
  out->host_code = part.code;
  out->host = part.value;
  if (!wpm_multiaddr_next(&rest, &part) || part.code != WPM_P_TCP) {
    return WPM_ERR_UNSUPPORTED;
  }
  out->port = (uint16_t)(part.value.data[0] << 8 | part.value.data[1]);
  if (wpm_multiaddr_next(&rest, &part)) {
    if (part.code != WPM_P_P2P || rest.len) {
      return WPM_ERR_UNSUPPORTED;
    }
    out->peer = part.value;
  }
  return WPM_OK;
}

int wpm_multiaddr_from_tcp(wpm_bytes host, uint16_t port, wpm_multiaddr *out) {
  if (host.len == 16 && wpm_ip6_is_mapped(host.data)) {
    host = (wpm_bytes){host.data + 12, 4};
  }
  if (host.len != 4 && host.len != 16) {
    return WPM_ERR_INVALID;
  }
  uint8_t port_bytes[2] = {(uint8_t)(port >> 8), (uint8_t)port};
  out->len = 0;
  int err =
      append_part(out, wpm_multiaddr_protocol_by_code(host.len == 4 ? WPM_P_IP4 : WPM_P_IP6), host);
  if (err) {
    return err;
  }
  return append_part(out, wpm_multiaddr_protocol_by_code(WPM_P_TCP), (wpm_bytes){port_bytes, 2});
}
