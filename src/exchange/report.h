/* What was taken over and what was not, counted and told. */
#ifndef WPM_EXCHANGE_REPORT_H
#define WPM_EXCHANGE_REPORT_H

#include <wakupeers/exchange.h>

typedef struct wpm_report {
  wpm_exchange_counts counts;   /* So far. */
  wpm_exchange_skip_fn skipped; /* Told of each item that is skipped; may be NULL. */
  void *user;                   /* Passed to it. */
} wpm_report;

/* Counts an item that is skipped: `what` names it, `format` says why. */
void wpm_report_skip(wpm_report *report, const char *what, const char *format, ...)
    WPM_PRINTF(3, 4);

/* The same of a peer, or of something of it. */
void wpm_report_skip_peer(wpm_report *report, wpm_bytes id, const char *format, ...)
    WPM_PRINTF(3, 4);

/* How a peer id is shown: base58, or hex where it is none. */
#define WPM_SHOWN_ID_MAX (2 * WPM_PEER_ID_MAX + 4)
const char *wpm_shown_id(wpm_bytes id, char out[WPM_SHOWN_ID_MAX]);

#endif
