#include "core/rules.h"

_Static_assert(WPM_RULE_COUNT <= 64, "they are bits of a number");

#ifdef WPM_MUTATION
uint64_t wpm_rules_off;
#endif
