/* Sleep, the loss of the network, and its return: network epochs.
 *
 * - A *gap* is a span in which nothing could come: the machine slept (we were called later than a
 *   deadline of ours by more than `sleep_gap`; while a connection is live there is one at least that
 *   often), or the host said that there was no network. Time runs on in it, by the boot clock, so
 *   backoffs pass.
 * - A connection from which nothing came since the gap began, and that then ends by no choice of ours,
 *   counts as ended when the gap began, for its prune backoff too: not when we noticed. A sleep began
 *   when we first missed a deadline, at the latest. Not at its own last byte either, which came before:
 *   that it lived until the gap, as we did, cannot be ruled out, and of two moments from which the other
 *   side may count its backoff the later is the safe one.
 * - When a gap is over, and pings are sent at all, each connection is pinged at once, and one that stays
 *   silent for `probe_timeout` has ended. The others stay (status-go#2996, GO PR#632: neither miss a
 *   sleep nor kill all).
 * - A new *epoch* begins with the end of a gap, with a change of our interfaces, and with the first
 *   connection after many dials in a row had failed and none had been live. Failures of before say
 *   nothing of the network there is now: every retry delay is void (GO#1307), some peers at a time,
 *   and what was learned of its paths is forgotten (core/idle.h). The GossipSub prune backoff is not ours
 *   to void; bans and mismatches stay as well.
 * - While there is no network nothing is dialled, and no failure counts against a peer, nor does that of
 *   a dial that a gap cut short (GO PR#1244). That the host says nothing is no reason to think that
 *   there is none (ND#3435), and a person's dial goes at all times.
 */
#ifndef WPM_CORE_EPOCH_H
#define WPM_CORE_EPOCH_H

#include "core/connections.h"

/* We are called at this time, which becomes m->now: was there a sleep before it? */
void wpm_epoch_call(wpm_manager *m, wpm_instant now);

/* The host says what became of the network. */
WPM_MUST_USE int wpm_on_network(wpm_manager *m, const wpm_event *event, wpm_instant now);

/* A dial ended without a connection; one came up. */
void wpm_epoch_dial_failed(wpm_manager *m);
void wpm_epoch_connected(wpm_manager *m);

/* Whether the failure of the dial tells nothing of its peer: a gap cut it short. */
bool wpm_epoch_cut_short(const wpm_manager *m, wpm_dial_id dial);

/* When a connection that ends now counts as ended. */
wpm_instant wpm_epoch_end_of(const wpm_manager *m, const wpm_connection *connection,
                             wpm_instant now);

/* Voids the retry delays of some more peers; when that goes on. */
void wpm_epoch_run(wpm_manager *m, wpm_instant now);
wpm_mono wpm_epoch_deadline(const wpm_manager *m);

#endif
