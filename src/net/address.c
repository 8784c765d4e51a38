#include "net/address.h"

#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

int wpm_address_from_socket(const struct sockaddr *socket, wpm_multiaddr *out) {
  if (socket->sa_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, socket, sizeof in);
    return wpm_multiaddr_from_tcp((wpm_bytes){(const uint8_t *)&in.sin_addr, 4}, ntohs(in.sin_port),
                                  out);
  }
  if (socket->sa_family == AF_INET6) {
    struct sockaddr_in6 in;
    memcpy(&in, socket, sizeof in);
    return wpm_multiaddr_from_tcp((wpm_bytes){(const uint8_t *)&in.sin6_addr, 16},
                                  ntohs(in.sin6_port), out);
  }
  return WPM_ERR_UNSUPPORTED;
}

int wpm_address_to_socket(const wpm_tcp_target *target, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (target->host_code == WPM_P_IP4) {
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(target->port)};
    memcpy(&in.sin_addr, target->host.data, 4);
    memcpy(out, &in, sizeof in);
    return WPM_OK;
  }
  if (target->host_code == WPM_P_IP6) {
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(target->port)};
    memcpy(&in.sin6_addr, target->host.data, 16);
    if (target->zone.len > 0) {
      char name[IF_NAMESIZE];
      if (target->zone.len >= sizeof name) {
        return WPM_ERR_INVALID;
      }
      memcpy(name, target->zone.data, target->zone.len);
      name[target->zone.len] = '\0';
      in.sin6_scope_id = if_nametoindex(name);
      if (in.sin6_scope_id == 0) {
        return WPM_ERR_INVALID;
      }
    }
    memcpy(out, &in, sizeof in);
    return WPM_OK;
  }
  return WPM_ERR_UNSUPPORTED;
}

bool wpm_address_is_wildcard(wpm_bytes host) {
  for (size_t i = 0; i < host.len; i++) {
    if (host.data[i] != 0) {
      return false;
    }
  }
  return true;
}

wpm_reason wpm_reason_of_connect(int uv_error) {
  switch (uv_error) {
  case UV_ECONNREFUSED:
    return WPM_REASON_REFUSED;
  case UV_ETIMEDOUT:
    return WPM_REASON_TIMED_OUT;
  case UV_EHOSTUNREACH:
  case UV_ENETUNREACH:
  case UV_EHOSTDOWN:
    return WPM_REASON_UNREACHABLE;
  case UV_ECONNRESET:
  case UV_ECONNABORTED:
    return WPM_REASON_UPGRADE_CLOSED;
  case UV_EINVAL:
  case UV_EAFNOSUPPORT:
    return WPM_REASON_UNSUPPORTED_ADDRESS;
  default: /* EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, ENETDOWN, EACCES, EPERM, … */
    return WPM_REASON_LOCAL_FAILURE;
  }
}

wpm_reason wpm_reason_of_end(int uv_error, bool mid_frame) {
  switch (uv_error) {
  case UV_ETIMEDOUT:
    return WPM_REASON_TIMED_OUT;
  case UV_EHOSTUNREACH:
  case UV_ENETUNREACH:
  case UV_EHOSTDOWN:
    return WPM_REASON_UNREACHABLE;
  case UV_ENETDOWN:
  case UV_ENOBUFS:
  case UV_ENOMEM:
    return WPM_REASON_LOCAL_FAILURE;
  case UV_EOF:
    return mid_frame ? WPM_REASON_TRUNCATED : WPM_REASON_EOF;
  default: /* ECONNRESET, EPIPE, …: the other side is gone. */
    return mid_frame ? WPM_REASON_TRUNCATED : WPM_REASON_RESET;
  }
}
