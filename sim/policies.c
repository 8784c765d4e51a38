#include "sim/policy.h"

static const sim_policy_type *const policies[] = {&sim_policy_ours, &sim_policy_nwaku,
                                                  &sim_policy_go_waku, &sim_policy_js_waku};

const sim_policy_type *const *sim_policies(size_t *count) {
  *count = sizeof(policies) / sizeof(*policies);
  return policies;
}
