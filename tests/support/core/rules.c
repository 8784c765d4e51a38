/* In a build with WPM_MUTATION: the rule that WPM_RULE_OFF names does not hold (tests/mutation). */
#include "core/rules.h"

#ifdef WPM_MUTATION

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
#define NAME_OF(id, name) name,
    WPM_RULES(NAME_OF)
#undef NAME_OF
};

__attribute__((constructor)) static void switch_off(void) {
  const char *off = getenv("WPM_RULE_OFF");
  for (unsigned rule = 0; off && rule < WPM_RULE_COUNT; rule++) {
    if (strcmp(off, names[rule]) == 0) {
      wpm_rule_off = (wpm_rule)rule;
      return;
    }
  }
  if (off) {
    (void)fprintf(stderr, "WPM_RULE_OFF: there is no rule %s\n", off);
    abort();
  }
}

#else
typedef int wpm_no_rule_can_be_switched_off;
#endif
