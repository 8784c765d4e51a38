/* Worlds with so many connections that some must go, and who went. */
#pragma once

#include "support/core/world.h"

/* A world of peer 2000 with so many places, where connections come in without limits of their own; none is
 * pinged, and no relay peers are wanted. Change `config`, then start it. */
wpm_world *wpm_crowded_new(size_t max_connections);

/* Who was crowded out, at most one; -1: nobody. Newcomers that were refused are gone then, too. */
int wpm_crowded_out(wpm_world *w);

/* How many were, of those numbered from `first` on and below `end`. None went for another reason. */
size_t wpm_crowded_out_of(wpm_world *w, int first, int end);
