/* Words for the closed sets of <wakupeers/types.h>. */
#include <wakupeers/types.h>

const char *wpm_strerror(int err) {
  switch ((wpm_err)err) {
  case WPM_OK:
    return "no error";
  case WPM_ERR_NO_MEMORY:
    return "out of memory";
  case WPM_ERR_INVALID:
    return "not of the form it must have";
  case WPM_ERR_TOO_LARGE:
    return "larger than the limit";
  case WPM_ERR_TRUNCATED:
    return "ends too early";
  case WPM_ERR_NO_SPACE:
    return "the output buffer is too small";
  case WPM_ERR_UNSUPPORTED:
    return "of a kind this library does not know";
  case WPM_ERR_NOT_FOUND:
    return "not found";
  case WPM_ERR_EXISTS:
    return "exists already";
  case WPM_ERR_FULL:
    return "a cap is reached";
  case WPM_ERR_STATE:
    return "not allowed in the present state";
  case WPM_ERR_CRYPTO:
    return "does not verify";
  case WPM_ERR_PROTOCOL:
    return "the other side broke the protocol";
  case WPM_ERR_MISMATCH:
    return "not the identity that was asked for";
  case WPM_ERR_TIMEOUT:
    return "took too long";
  case WPM_ERR_CLOSED:
    return "has ended";
  case WPM_ERR_IO:
    return "the operating system refused";
  case WPM_ERR_LOCKED:
    return "another process holds it";
  case WPM_ERR_READ_ONLY:
    return "cannot be written";
  case WPM_ERR_CORRUPT:
    return "stored data is damaged";
  case WPM_ERR_DISK_FULL:
    return "no room on the disk";
  case WPM_ERR_NEWER_SCHEMA:
    return "written by a newer version of this program";
  case WPM_ERR_STALE:
    return "not newer than what is held";
  case WPM_ERR_RANGES_FULL:
    return "as many ranges of addresses are banned as may be";
  case WPM_ERR_NO_VICTIM:
    return "the store is full of peers that may not be evicted";
  }
  return "unknown error";
}

const char *wpm_connectivity_name(wpm_connectivity value) {
  switch (value) {
  case WPM_NOT_CONNECTED:
    return "NotConnected";
  case WPM_CANNOT_CONNECT:
    return "CannotConnect";
  case WPM_CAN_CONNECT:
    return "CanConnect";
  case WPM_CONNECTED:
    return "Connected";
  }
  return "?";
}

static const char *const reason_names[WPM_REASON_COUNT] = {
    [WPM_REASON_NONE] = "none",
    [WPM_REASON_LOCAL_CLOSE] = "local_close",
    [WPM_REASON_CROWDED] = "crowded",
    [WPM_REASON_FEELER] = "feeler",
    [WPM_REASON_ROTATED] = "rotated",
    [WPM_REASON_SURPLUS] = "surplus",
    [WPM_REASON_DUPLICATE] = "duplicate",
    [WPM_REASON_THIRD_CONNECTION] = "third_connection",
    [WPM_REASON_LATE_DIAL] = "late_dial",
    [WPM_REASON_NO_PLACE] = "no_place",
    [WPM_REASON_STORE_FULL] = "store_full",
    [WPM_REASON_INBOUND_PER_IP] = "inbound_per_ip",
    [WPM_REASON_INBOUND_PER_NETWORK] = "inbound_per_network",
    [WPM_REASON_INBOUND_PACE] = "inbound_pace",
    [WPM_REASON_BANNED] = "banned",
    [WPM_REASON_RANGE_BANNED] = "range_banned",
    [WPM_REASON_SELF] = "self",
    [WPM_REASON_PERSON] = "person",
    [WPM_REASON_SHUTDOWN] = "shutdown",
    [WPM_REASON_CLUSTER_MISMATCH] = "cluster_mismatch",
    [WPM_REASON_GO_AWAY] = "go_away",
    [WPM_REASON_EOF] = "eof",
    [WPM_REASON_RESET] = "reset",
    [WPM_REASON_GO_AWAY_ERROR] = "go_away_error",
    [WPM_REASON_TRUNCATED] = "truncated",
    [WPM_REASON_PING_TIMEOUT] = "ping_timeout",
    [WPM_REASON_TIMED_OUT] = "timed_out",
    [WPM_REASON_UNREACHABLE] = "unreachable",
    [WPM_REASON_REFUSED] = "refused",
    [WPM_REASON_DIAL_TIMEOUT] = "dial_timeout",
    [WPM_REASON_NAME_NOT_FOUND] = "name_not_found",
    [WPM_REASON_UPGRADE_CLOSED] = "upgrade_closed",
    [WPM_REASON_NEGOTIATION_FAILED] = "negotiation_failed",
    [WPM_REASON_HANDSHAKE_FAILED] = "handshake_failed",
    [WPM_REASON_PEER_ID_MISMATCH] = "peer_id_mismatch",
    [WPM_REASON_PROTOCOL_VIOLATION] = "protocol_violation",
    [WPM_REASON_UNSUPPORTED_ADDRESS] = "unsupported_address",
    [WPM_REASON_CRASH] = "crash",
    [WPM_REASON_IMPORTED] = "imported",
    [WPM_REASON_LOCAL_FAILURE] = "local_failure",
};

const char *wpm_reason_name(wpm_reason value) {
  return (unsigned)value < WPM_REASON_COUNT ? reason_names[value] : "?";
}

wpm_connectivity wpm_reason_leaves(wpm_reason reason) {
  switch (reason) {
  case WPM_REASON_NONE:
  case WPM_REASON_LOCAL_FAILURE:
    return WPM_NOT_CONNECTED;
  case WPM_REASON_LOCAL_CLOSE:
  case WPM_REASON_CROWDED:
  case WPM_REASON_FEELER:
  case WPM_REASON_ROTATED:
  case WPM_REASON_SURPLUS:
  case WPM_REASON_DUPLICATE:
  case WPM_REASON_THIRD_CONNECTION:
  case WPM_REASON_LATE_DIAL:
  case WPM_REASON_NO_PLACE:
  case WPM_REASON_STORE_FULL:
  case WPM_REASON_INBOUND_PER_IP:
  case WPM_REASON_INBOUND_PER_NETWORK:
  case WPM_REASON_INBOUND_PACE:
  case WPM_REASON_BANNED:
  case WPM_REASON_RANGE_BANNED:
  case WPM_REASON_SELF:
  case WPM_REASON_PERSON:
  case WPM_REASON_SHUTDOWN:
  case WPM_REASON_CLUSTER_MISMATCH:
  case WPM_REASON_GO_AWAY:
  case WPM_REASON_EOF:
  case WPM_REASON_RESET:
    return WPM_CAN_CONNECT;
  case WPM_REASON_GO_AWAY_ERROR:
  case WPM_REASON_TRUNCATED:
  case WPM_REASON_PING_TIMEOUT:
  case WPM_REASON_TIMED_OUT:
  case WPM_REASON_UNREACHABLE:
  case WPM_REASON_REFUSED:
  case WPM_REASON_DIAL_TIMEOUT:
  case WPM_REASON_NAME_NOT_FOUND:
  case WPM_REASON_UPGRADE_CLOSED:
  case WPM_REASON_NEGOTIATION_FAILED:
  case WPM_REASON_HANDSHAKE_FAILED:
  case WPM_REASON_PEER_ID_MISMATCH:
  case WPM_REASON_PROTOCOL_VIOLATION:
  case WPM_REASON_UNSUPPORTED_ADDRESS:
  case WPM_REASON_CRASH:
  case WPM_REASON_IMPORTED:
    return WPM_CANNOT_CONNECT;
  }
  return WPM_NOT_CONNECTED;
}

const char *wpm_origin_name(wpm_origin value) {
  switch (value) {
  case WPM_ORIGIN_UNKNOWN:
    return "UnknownOrigin";
  case WPM_ORIGIN_DISCV5:
    return "Discv5";
  case WPM_ORIGIN_STATIC:
    return "Static";
  case WPM_ORIGIN_PEER_EXCHANGE:
    return "PeerExchange";
  case WPM_ORIGIN_DNS:
    return "Dns";
  }
  return "?";
}

const char *wpm_direction_name(wpm_direction value) {
  switch (value) {
  case WPM_DIRECTION_NONE:
    return "none";
  case WPM_INBOUND:
    return "inbound";
  case WPM_OUTBOUND:
    return "outbound";
  }
  return "?";
}

const char *wpm_address_source_name(wpm_address_source value) {
  switch (value) {
  case WPM_SOURCE_UNKNOWN:
    return "unknown";
  case WPM_SOURCE_IMPORT:
    return "import";
  case WPM_SOURCE_PEER_EXCHANGE:
    return "peer_exchange";
  case WPM_SOURCE_DISCV5:
    return "discv5";
  case WPM_SOURCE_DNS:
    return "dns";
  case WPM_SOURCE_IDENTIFY:
    return "identify";
  case WPM_SOURCE_PERSON:
    return "person";
  case WPM_SOURCE_CONFIG:
    return "config";
  }
  return "?";
}

const char *wpm_confidence_name(wpm_confidence value) {
  switch (value) {
  case WPM_CONFIDENCE_HEARD:
    return "heard";
  case WPM_CONFIDENCE_DIALLED:
    return "dialled";
  case WPM_CONFIDENCE_IDENTIFIED:
    return "identified";
  case WPM_CONFIDENCE_CERTIFIED:
    return "certified";
  case WPM_CONFIDENCE_CONNECTED:
    return "connected";
  }
  return "?";
}

const char *wpm_cause_name(wpm_cause value) {
  switch (value) {
  case WPM_CAUSE_FACT:
    return "fact";
  case WPM_CAUSE_PERSON:
    return "person";
  case WPM_CAUSE_UNREACHABLE:
    return "unreachable";
  case WPM_CAUSE_UNTRIED:
    return "untried";
  case WPM_CAUSE_LOST:
    return "lost";
  case WPM_CAUSE_PARTED:
    return "parted";
  }
  return "?";
}

const char *wpm_step_name(wpm_step value) {
  switch (value) {
  case WPM_STEP_NONE:
    return "none";
  case WPM_STEP_ADDRESS:
    return "address";
  case WPM_STEP_RESOLVE:
    return "resolve";
  case WPM_STEP_CONNECT:
    return "connect";
  case WPM_STEP_SECURITY:
    return "security";
  case WPM_STEP_HANDSHAKE:
    return "handshake";
  case WPM_STEP_MUXER:
    return "muxer";
  case WPM_STEP_IDENTIFY:
    return "identify";
  case WPM_STEP_METADATA:
    return "metadata";
  case WPM_STEP_PING:
    return "ping";
  }
  return "?";
}

const char *wpm_cluster_match_name(wpm_cluster_match value) {
  switch (value) {
  case WPM_CLUSTER_UNKNOWN:
    return "unknown";
  case WPM_CLUSTER_MATCH:
    return "match";
  case WPM_CLUSTER_MISMATCH:
    return "mismatch";
  }
  return "?";
}

const char *wpm_shortage_name(wpm_shortage value) {
  switch (value) {
  case WPM_SHORTAGE_DESCRIPTORS:
    return "descriptors";
  case WPM_SHORTAGE_MEMORY:
    return "memory";
  }
  return "?";
}

const char *wpm_log_level_name(wpm_log_level level) {
  switch (level) {
  case WPM_LOG_TRACE:
    return "trace";
  case WPM_LOG_DEBUG:
    return "debug";
  case WPM_LOG_INFO:
    return "info";
  case WPM_LOG_NOTICE:
    return "notice";
  case WPM_LOG_WARN:
    return "warn";
  case WPM_LOG_ERROR:
    return "error";
  case WPM_LOG_FATAL:
    return "fatal";
  }
  return "?";
}
