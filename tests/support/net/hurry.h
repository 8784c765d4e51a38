/* Brings deadlines nearer once a test has everything where it wants it, so that no deadline passes
 * before, however slow the machine is. */
#pragma once

#include "net/conn.h"

/* Upgrades under way have `timeout_ms` from now on; later ones what they always had. */
static inline void hurry_upgrades(wpm_host *host, uint64_t timeout_ms) {
  uint64_t usual = host->upgrades.length_ms;
  host->upgrades.length_ms = timeout_ms;
  (void)uv_timer_stop(&host->upgrades.timer);
  for (wpm_conn *conn = host->connections; conn; conn = conn->next) {
    if (conn->upgrade) {
      wpm_deadline_set(&host->upgrades, &conn->upgrade->deadline);
    }
  }
  host->upgrades.length_ms = usual;
}

/* The same for streams that have a deadline. */
static inline void hurry_streams(wpm_host *host, uint64_t timeout_ms) {
  uint64_t usual = host->streams.length_ms;
  host->streams.length_ms = timeout_ms;
  (void)uv_timer_stop(&host->streams.timer);
  for (wpm_conn *conn = host->connections; conn; conn = conn->next) {
    for (wpm_stream *stream = conn->streams; stream; stream = stream->next) {
      if (stream->deadline.next) {
        wpm_deadline_set(&host->streams, &stream->deadline);
      }
    }
  }
  host->streams.length_ms = usual;
}
