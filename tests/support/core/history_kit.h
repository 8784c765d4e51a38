/* What the tests of the history look at it with. */
#pragma once

#include "support/core/world.h"

#include <wakupeers/explain.h>

/* A started world of peer 100 with this max_history. */
wpm_world *wpm_history_world(size_t max_history);

/* The next event before *cursor of that peer (-1: of all), which there must be. */
wpm_history_entry wpm_history_next(const wpm_world *w, int peer, uint64_t *cursor);
/* Fails the test where there is one. */
void wpm_history_expect_end(const wpm_world *w, int peer, uint64_t cursor);
void wpm_history_expect_is(const wpm_history_entry *entry, int peer, wpm_history_kind kind,
                           wpm_reason reason);
/* How many events are told of that peer (-1: of all). */
size_t wpm_history_count(const wpm_world *w, int peer);

/* Something happens to our own network. */
void wpm_history_own(wpm_world *w, wpm_network_state state);
