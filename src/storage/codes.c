#include "storage/codes.h"

static const uint8_t connectivities[WPM_CONNECTIVITY_COUNT] = {
    [WPM_NOT_CONNECTED] = 0, [WPM_CANNOT_CONNECT] = 1, [WPM_CAN_CONNECT] = 2, [WPM_CONNECTED] = 3};

static const uint8_t reasons[WPM_REASON_COUNT] = {
    [WPM_REASON_NONE] = 0,
    [WPM_REASON_LOCAL_CLOSE] = 1,
    [WPM_REASON_PERSON] = 2,
    [WPM_REASON_SHUTDOWN] = 3,
    [WPM_REASON_CLUSTER_MISMATCH] = 4,
    [WPM_REASON_GO_AWAY] = 5,
    [WPM_REASON_EOF] = 6,
    [WPM_REASON_RESET] = 7,
    [WPM_REASON_GO_AWAY_ERROR] = 8,
    [WPM_REASON_TRUNCATED] = 9,
    [WPM_REASON_PING_TIMEOUT] = 10,
    [WPM_REASON_TIMED_OUT] = 11,
    [WPM_REASON_UNREACHABLE] = 12,
    [WPM_REASON_REFUSED] = 13,
    [WPM_REASON_DIAL_TIMEOUT] = 14,
    [WPM_REASON_NAME_NOT_FOUND] = 15,
    [WPM_REASON_UPGRADE_CLOSED] = 16,
    [WPM_REASON_NEGOTIATION_FAILED] = 17,
    [WPM_REASON_HANDSHAKE_FAILED] = 18,
    [WPM_REASON_PEER_ID_MISMATCH] = 19,
    [WPM_REASON_PROTOCOL_VIOLATION] = 20,
    [WPM_REASON_UNSUPPORTED_ADDRESS] = 21,
    [WPM_REASON_CRASH] = 22,
    [WPM_REASON_LOCAL_FAILURE] = 23,
    [WPM_REASON_IMPORTED] = 24,
    [WPM_REASON_CROWDED] = 25,
    [WPM_REASON_FEELER] = 26,
    [WPM_REASON_ROTATED] = 27,
    [WPM_REASON_SURPLUS] = 28,
    [WPM_REASON_DUPLICATE] = 29,
    [WPM_REASON_THIRD_CONNECTION] = 30,
    [WPM_REASON_LATE_DIAL] = 31,
    [WPM_REASON_NO_PLACE] = 32,
    [WPM_REASON_STORE_FULL] = 33,
    [WPM_REASON_INBOUND_PER_IP] = 34,
    [WPM_REASON_INBOUND_PER_NETWORK] = 35,
    [WPM_REASON_INBOUND_PACE] = 36,
    [WPM_REASON_BANNED] = 37,
    [WPM_REASON_RANGE_BANNED] = 38,
    [WPM_REASON_SELF] = 39,
};

static const uint8_t origins[WPM_ORIGIN_COUNT] = {[WPM_ORIGIN_UNKNOWN] = 0,
                                                  [WPM_ORIGIN_DISCV5] = 1,
                                                  [WPM_ORIGIN_STATIC] = 2,
                                                  [WPM_ORIGIN_PEER_EXCHANGE] = 3,
                                                  [WPM_ORIGIN_DNS] = 4};

static const uint8_t directions[WPM_DIRECTION_COUNT] = {
    [WPM_DIRECTION_NONE] = 0, [WPM_INBOUND] = 1, [WPM_OUTBOUND] = 2};

static const uint8_t sources[WPM_ADDRESS_SOURCE_COUNT] = {
    [WPM_SOURCE_UNKNOWN] = 0, [WPM_SOURCE_IMPORT] = 1, [WPM_SOURCE_PEER_EXCHANGE] = 2,
    [WPM_SOURCE_DISCV5] = 3,  [WPM_SOURCE_DNS] = 4,    [WPM_SOURCE_IDENTIFY] = 5,
    [WPM_SOURCE_PERSON] = 6,  [WPM_SOURCE_CONFIG] = 7};

/* Index of `code`; `count` where it is none of them. */
static unsigned index_of(const uint8_t *codes, unsigned count, uint8_t code) {
  unsigned i = 0;
  while (i < count && codes[i] != code) {
    i++;
  }
  return i;
}

uint8_t wpm_code_of_connectivity(wpm_connectivity value) {
  return connectivities[value];
}

bool wpm_code_to_connectivity(uint8_t code, wpm_connectivity *out) {
  unsigned i = index_of(connectivities, WPM_CONNECTIVITY_COUNT, code);
  *out = (wpm_connectivity)(i < (unsigned)WPM_CONNECTIVITY_COUNT ? i : 0);
  return i < (unsigned)WPM_CONNECTIVITY_COUNT;
}

uint8_t wpm_code_of_reason(wpm_reason value) {
  return reasons[value];
}

bool wpm_code_to_reason(uint8_t code, wpm_reason *out) {
  unsigned i = index_of(reasons, WPM_REASON_COUNT, code);
  *out = (wpm_reason)(i < (unsigned)WPM_REASON_COUNT ? i : 0);
  return i < (unsigned)WPM_REASON_COUNT;
}

uint8_t wpm_code_of_origin(wpm_origin value) {
  return origins[value];
}

bool wpm_code_to_origin(uint8_t code, wpm_origin *out) {
  unsigned i = index_of(origins, WPM_ORIGIN_COUNT, code);
  *out = (wpm_origin)(i < (unsigned)WPM_ORIGIN_COUNT ? i : 0);
  return i < (unsigned)WPM_ORIGIN_COUNT;
}

uint8_t wpm_code_of_direction(wpm_direction value) {
  return directions[value];
}

bool wpm_code_to_direction(uint8_t code, wpm_direction *out) {
  unsigned i = index_of(directions, WPM_DIRECTION_COUNT, code);
  *out = (wpm_direction)(i < (unsigned)WPM_DIRECTION_COUNT ? i : 0);
  return i < (unsigned)WPM_DIRECTION_COUNT;
}

uint8_t wpm_code_of_source(wpm_address_source value) {
  return sources[value];
}

bool wpm_code_to_source(uint8_t code, wpm_address_source *out) {
  unsigned i = index_of(sources, WPM_ADDRESS_SOURCE_COUNT, code);
  *out = (wpm_address_source)(i < (unsigned)WPM_ADDRESS_SOURCE_COUNT ? i : 0);
  return i < (unsigned)WPM_ADDRESS_SOURCE_COUNT;
}
