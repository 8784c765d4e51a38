/* Lists in text: a multiaddr with /p2p/ID or a node record (`enr:…`) a line. */
#ifndef WPM_EXCHANGE_LIST_H
#define WPM_EXCHANGE_LIST_H

#include "exchange/proofs.h"

/* Reads all lines. Errors as wpm_exchange_read_list. */
WPM_MUST_USE int wpm_list_read(wpm_text list, wpm_crypto *crypto, const wpm_exchange_sink *sink,
                               wpm_report *report);

/* Writes a peer's addresses, a line each; *written says whether it has any. What `write` gave. */
WPM_MUST_USE int wpm_list_write_addresses(const wpm_peer_record *record,
                                          const wpm_exchange_target *target, wpm_report *report,
                                          bool *written);

/* Writes a peer's node record; *written says whether it has one. What `write` gave. */
WPM_MUST_USE int wpm_list_write_enr(const wpm_peer_record *record,
                                    const wpm_exchange_target *target, wpm_report *report,
                                    bool *written);

#endif
