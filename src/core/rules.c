#include "core/rules.h"

#ifdef WPM_MUTATION
wpm_rule wpm_rule_off = WPM_RULE_COUNT;
#endif
