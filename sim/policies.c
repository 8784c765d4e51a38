#include "sim/policy.h"

#include <string.h>

static const sim_policy_type *const policies[] = {&sim_policy_ours, &sim_policy_nwaku,
                                                  &sim_policy_go_waku, &sim_policy_js_waku};

const sim_policy_type *const *sim_policies(size_t *count) {
  *count = sizeof(policies) / sizeof(*policies);
  return policies;
}

const sim_policy_type *const *sim_policy_find(const char *name) {
  size_t count = 0;
  const sim_policy_type *const *all = sim_policies(&count);
  for (size_t i = 0; i < count; i++) {
    if (strcmp(all[i]->name, name) == 0) {
      return &all[i];
    }
  }
  return NULL;
}
