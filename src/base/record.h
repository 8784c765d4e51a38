/* Deep copies of peer records, for handing one to another thread or keeping it. */
#ifndef WPM_BASE_RECORD_H
#define WPM_BASE_RECORD_H

#include <wakupeers/types.h>

/* A copy in a single allocation that shares nothing with the original, to be freed by free(). NULL:
 * out of memory. */
WPM_MUST_USE wpm_peer_record *wpm_record_clone(const wpm_peer_record *record);

/* True where every field is equal; an absent value (NULL) equals an empty one. */
WPM_MUST_USE bool wpm_record_equal(const wpm_peer_record *a, const wpm_peer_record *b);

#endif
