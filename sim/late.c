/* Late facts: hosts race, so that something may be told of a link or a dial that is long over. Only of dials
 * of this run: a policy that begins anew numbers them from the beginning. */
#include "sim/check.h"

#define LATE_AFTER (7 * WPM_SECOND)

enum { OF_LATE = 500 };

void sim_late_plan(sim_world *world, sim_event_kind kind, uint32_t peer, uint64_t number) {
  if (sim_happens(sim_world_draw(world, OF_LATE, number), world->scenario->late)) {
    sim_world_plan(world, LATE_AFTER, kind, peer, number);
  }
}

static sim_fact draw_fact(const sim_world *world, const sim_event *event) {
  static const sim_fact_type types[] = {SIM_FACT_DISCONNECTED, SIM_FACT_PONG, SIM_FACT_RECEIVED,
                                        SIM_FACT_IDENTIFIED};
  uint64_t draw = sim_world_draw(world, OF_LATE, event->number + 1);
  sim_fact fact = {.peer = event->slot};
  if (event->kind == SIM_EVENT_LATE_DIAL) {
    fact.type = SIM_FACT_DIAL_FAILED;
    fact.dial = event->number;
    fact.reason = WPM_REASON_REFUSED;
    return fact;
  }
  fact.type = types[draw % (sizeof(types) / sizeof(*types))];
  fact.link = event->number;
  fact.reason = WPM_REASON_TRUNCATED;
  fact.relay = draw & 16;
  return fact;
}

void sim_late_event(sim_world *world, const sim_event *event) {
  bool of_this_run = world->restarted_at <= world->now - LATE_AFTER;
  if (!sim_world_listens(world) || (event->kind == SIM_EVENT_LATE_DIAL && !of_this_run)) {
    return;
  }
  /* What was due anyway is done before. */
  world->error = world->type->advance(world->policy, sim_world_clocks(world));
  sim_world_pull(world);
  sim_fact fact = draw_fact(world, event);
  uint64_t before = world->acted;
  sim_world_tell(world, &fact);
  sim_check_late(world, event->slot, world->acted != before);
}
