/* The rules of the policy by name, so that a test can ask of each whether it would be missed.
 *
 * In every build but one each of them holds, and the compiler leaves nothing of this. Built with
 * WPM_MUTATION, for tests/mutation, any may be switched off while the program runs: with it off at least
 * one test must fail. A rule that decides something has its line here.
 *
 * Names alone: what a rule says, and where it is from, stands in the header of the file that asks for it.
 */
#ifndef WPM_CORE_RULES_H
#define WPM_CORE_RULES_H

#include <stdbool.h>

#define WPM_RULES(X)                                                                               \
  /* When a peer may be dialled (core/schedule.h, core/backoff.h). */                              \
  X(PRUNE_BACKOFF, "prune_backoff")                                                                \
  X(PRUNE_STANDS, "prune_stands")                                                                  \
  X(PRUNE_JITTER, "prune_jitter")                                                                  \
  X(PRUNE_SLACK, "prune_slack")                                                                    \
  X(PRUNE_DAY, "prune_day")                                                                        \
  X(PRUNE_NAMED, "prune_named")                                                                    \
  X(PRUNE_CANCELS, "prune_cancels")                                                                \
  X(PRUNE_GOSSIP, "prune_gossip")                                                                  \
  X(RETRY_DELAY, "retry_delay")                                                                    \
  X(RETRY_DOUBLES, "retry_doubles")                                                                \
  X(MAXIMUM_LOWERS, "maximum_lowers")                                                              \
  X(RETRY_JITTER, "retry_jitter")                                                                  \
  X(DIALLED_ONCE, "dialled_once")                                                                  \
  X(MISMATCH_DELAY, "mismatch_delay")                                                              \
  X(BAN, "ban")                                                                                    \
  X(BAN_RANGE, "ban_range")                                                                        \
  X(BAN_CANCELS, "ban_cancels")                                                                    \
  X(BAN_ENDS, "ban_ends")                                                                          \
  X(BAN_LATE, "ban_late")                                                                          \
  X(BAN_PERSON, "ban_person")                                                                      \
  X(BAN_EXEMPTS_NONE, "ban_exempts_none")                                                          \
  X(HELD_OFF, "held_off")                                                                          \
  X(SCOPE, "scope")                                                                                \
  X(SCOPE_LOOPBACK, "scope_loopback")                                                              \
  X(SCOPE_NOWHERE, "scope_nowhere")                                                                \
  X(SCOPE_MET, "scope_met")                                                                        \
  X(SCOPE_GIVEN, "scope_given")                                                                    \
  X(MAX_CONNECTIONS, "max_connections")                                                            \
  X(MAX_DIALS, "max_dials")                                                                        \
  X(SHORT_LIVED, "short_lived")                                                                    \
  X(SETBACK_OURS, "setback_ours")                                                                  \
  X(SETBACK_GAP, "setback_gap")                                                                    \
  X(CROWDED_STAYS, "crowded_stays")                                                                \
  X(SHARD_SHARED, "shard_shared")                                                                  \
  X(FREED_PLACE, "freed_place")                                                                    \
  X(STATIC_FIRST, "static_first")                                                                  \
  X(RELAY_FIRST, "relay_first")                                                                    \
  X(LAST_FIRST, "last_first")                                                                      \
  X(STABLE_FORGETS, "stable_forgets")                                                              \
  X(LOCAL_FAILURE, "local_failure")                                                                \
  X(LOCAL_DELAY, "local_delay")                                                                    \
  X(LOCAL_CHOSEN, "local_chosen")                                                                  \
  X(DISCOURAGED, "discouraged")                                                                    \
  X(DISCOURAGED_STATIC, "discouraged_static")                                                      \
  X(VIOLATION, "violation")                                                                        \
  X(SILENCE, "silence")                                                                            \
  X(SILENCE_ALONE, "silence_alone")                                                                \
  X(FADING, "fading")                                                                              \
  X(TAG_EXPIRES, "tag_expires")                                                                    \
  X(TAG_FADES, "tag_fades")                                                                        \
  X(TAG_PROTECTS, "tag_protects")                                                                  \
  X(TAG_RESTORED, "tag_restored")                                                                  \
  X(LATE_RESULT, "late_result")                                                                    \
  X(LATE_DIAL, "late_dial")                                                                        \
  X(SURVIVOR, "survivor")                                                                          \
  X(STABLE_AFTER, "stable_after")                                                                  \
  /* Which of its addresses (core/rank.h), over which paths (core/black_hole.h). */                \
  X(ADDRESS_BACKOFF, "address_backoff")                                                            \
  X(ADDRESS_EPOCH, "address_epoch")                                                                \
  X(ADDRESS_JITTER, "address_jitter")                                                              \
  X(ADDRESS_DOUBLES, "address_doubles")                                                            \
  X(ADDRESS_ALL_HELD, "address_all_held")                                                          \
  X(PERSON_ALL, "person_all")                                                                      \
  X(WORKED_FIRST, "worked_first")                                                                  \
  X(LATEST_FIRST, "latest_first")                                                                  \
  X(LONGEST_FAILED_FIRST, "longest_failed_first")                                                  \
  X(CERTIFIED_FIRST, "certified_first")                                                            \
  X(TRUSTED_FIRST, "trusted_first")                                                                \
  X(NEAREST_FIRST, "nearest_first")                                                                \
  X(FEWEST_LAYERS, "fewest_layers")                                                                \
  X(FAMILIES_ALTERNATE, "families_alternate")                                                      \
  X(BLACK_HOLE, "black_hole")                                                                      \
  X(BLACK_HOLE_WITNESS, "black_hole_witness")                                                      \
  X(BLACK_HOLE_VOUCHED, "black_hole_vouched")                                                      \
  X(BLACK_HOLE_LIVE, "black_hole_live")                                                            \
  X(BLACK_HOLE_PROBE, "black_hole_probe")                                                          \
  X(BLACK_HOLE_BESIDE, "black_hole_beside")                                                        \
  X(BLACK_HOLE_SWALLOWED, "black_hole_swallowed")                                                  \
  X(BLACK_HOLE_PUBLIC, "black_hole_public")                                                        \
  X(BLACK_HOLE_ANSWER, "black_hole_answer")                                                        \
  X(BLACK_HOLE_EPOCH, "black_hole_epoch")                                                          \
  /* What is kept of its addresses (core/addresses.h). */                                          \
  X(ADDRESS_ENDS, "address_ends")                                                                  \
  X(ADDRESS_FORGOTTEN, "address_forgotten")                                                        \
  X(ADDRESS_FAILED, "address_failed")                                                              \
  X(ADDRESS_VOUCHED, "address_vouched")                                                            \
  X(ADDRESS_LAST_GOOD, "address_last_good")                                                        \
  X(ADDRESS_WORTH, "address_worth")                                                                \
  X(ADDRESS_UNTOLD, "address_untold")                                                              \
  X(ADDRESS_MOVES, "address_moves")                                                                \
  X(ADDRESS_TRUST, "address_trust")                                                                \
  X(ADDRESS_LATER, "address_later")                                                                \
  /* Restart, sleep, network (core/restart.h, core/epoch.h). */                                    \
  X(RESTART_FIRST, "restart_first")                                                                \
  X(RESTART_PLACES, "restart_places")                                                              \
  X(RESTART_KEPT, "restart_kept")                                                                  \
  X(RESTART_GROUPS, "restart_groups")                                                              \
  X(RESTART_OWED, "restart_owed")                                                                  \
  X(RESTART_ORDER, "restart_order")                                                                \
  X(RESTART_AT_THE_STOP, "restart_at_the_stop")                                                    \
  X(RESTART_LONG_WAIT, "restart_long_wait")                                                        \
  X(RESTART_WAITS, "restart_waits")                                                                \
  X(RESTART_AGAIN, "restart_again")                                                                \
  X(RESTART_CAME_IN, "restart_came_in")                                                            \
  X(CRASH_END, "crash_end")                                                                        \
  X(DISCONNECT_TIME, "disconnect_time")                                                            \
  X(WAIT_RESUMED, "wait_resumed")                                                                  \
  X(WAIT_AS_SEEN, "wait_as_seen")                                                                  \
  X(WAIT_BOOT_CLOCK, "wait_boot_clock")                                                            \
  X(WAIT_ANEW, "wait_anew")                                                                        \
  X(SLEEP, "sleep")                                                                                \
  X(OFFLINE, "offline")                                                                            \
  X(VOID_DELAYS, "void_delays")                                                                    \
  X(VOID_OF_BEFORE, "void_of_before")                                                              \
  X(NETWORK_CHANGED, "network_changed")                                                            \
  X(GAP_END, "gap_end")                                                                            \
  X(DOUBT_HASTE, "doubt_haste")                                                                    \
  X(DOUBT_DIALS, "doubt_dials")                                                                    \
  X(DOUBT_PROBED, "doubt_probed")                                                                  \
  X(BEYOND, "beyond")                                                                              \
  X(BEYOND_SPARES, "beyond_spares")                                                                \
  X(BEYOND_NO_RELAY, "beyond_no_relay")                                                            \
  X(WANTS_CHOSEN, "wants_chosen")                                                                  \
  X(GAP_PROBE, "gap_probe")                                                                        \
  X(GAP_ONE_MISS, "gap_one_miss")                                                                  \
  X(GAP_PROBE_TIMEOUT, "gap_probe_timeout")                                                        \
  X(CUT_SHORT, "cut_short")                                                                        \
  X(VAIN_DIALS, "vain_dials")                                                                      \
  X(VAIN_ALONE, "vain_alone")                                                                      \
  /* What is told of it (core/history_ring.h). */                                                  \
  X(HISTORY_SHARE, "history_share")                                                                \
  X(HISTORY_REPEATS, "history_repeats")                                                            \
  X(HISTORY_STRANGERS, "history_strangers")                                                        \
  /* Connections (core/keepalive.h, core/idle.h, core/duplicate.h). */                             \
  X(PING_INTERVAL, "ping_interval")                                                                \
  X(PING_JITTER, "ping_jitter")                                                                    \
  X(BYTES_DEFER_PINGS, "bytes_defer_pings")                                                        \
  X(MISSES_IN_A_ROW, "misses_in_a_row")                                                            \
  X(TWO_MISSES, "two_misses")                                                                      \
  X(PING_TIMEOUT_ADAPTS, "ping_timeout_adapts")                                                    \
  X(PING_TIMEOUT_DOUBLES, "ping_timeout_doubles")                                                  \
  X(IDLE_LEARNED, "idle_learned")                                                                  \
  X(IDLE_TAKEN_BACK, "idle_taken_back")                                                            \
  X(IDLE_STRETCHED, "idle_stretched")                                                              \
  X(IDLE_RETURN, "idle_return")                                                                    \
  X(IDLE_TWO_OF_ONE, "idle_two_of_one")                                                            \
  X(IDLE_ABSENT, "idle_absent")                                                                    \
  X(IDLE_STANDS, "idle_stands")                                                                    \
  X(IDLE_OF_NOW, "idle_of_now")                                                                    \
  X(IDLE_HOUR, "idle_hour")                                                                        \
  X(IDLE_DAY, "idle_day")                                                                          \
  X(IDLE_EPOCH, "idle_epoch")                                                                      \
  X(IDLE_GAP, "idle_gap")                                                                          \
  X(IDLE_LOSS, "idle_loss")                                                                        \
  X(IDLE_TESTED, "idle_tested")                                                                    \
  X(IDLE_CLOSE, "idle_close")                                                                      \
  X(IDLE_TURNS, "idle_turns")                                                                      \
  X(RACE, "race")                                                                                  \
  X(RACE_SPAN, "race_span")                                                                        \
  X(RACE_SETTLES, "race_settles")                                                                  \
  X(WINNER_PINGED, "winner_pinged")                                                                \
  X(OLDER_PINGED, "older_pinged")                                                                  \
  X(SILENT_ENDS, "silent_ends")                                                                    \
  X(NO_THIRD, "no_third")                                                                          \
  X(MISMATCH_ENDS, "mismatch_ends")                                                                \
  X(UNKNOWN_MATCHES, "unknown_matches")                                                            \
  X(RELAY_KEPT, "relay_kept")                                                                      \
  X(RELAY_PREFIX, "relay_prefix")                                                                  \
  /* Whom we choose (core/targets.h, core/shards.h, core/services.h). */                           \
  X(RELAY_OUTBOUND, "relay_outbound")                                                              \
  X(DIAL_PACE, "dial_pace")                                                                        \
  X(ONE_PER_GROUP, "one_per_group")                                                                \
  X(GROUPS_ALIKE, "groups_alike")                                                                  \
  X(GROUP_PUBLIC, "group_public")                                                                  \
  X(GROUP_DOMAIN, "group_domain")                                                                  \
  X(GROUP_WORKED, "group_worked")                                                                  \
  X(FRESHNESS, "freshness")                                                                        \
  X(FAILURES_WEIGH, "failures_weigh")                                                              \
  X(ROTATION, "rotation")                                                                          \
  X(ROTATION_SPARES, "rotation_spares")                                                            \
  X(ROTATION_STABLE, "rotation_stable")                                                            \
  X(ROTATION_PROBED, "rotation_probed")                                                            \
  X(TRIED_OR_NEW, "tried_or_new")                                                                  \
  X(SHARDS_FIRST, "shards_first")                                                                  \
  X(SHARD_NEEDS, "shard_needs")                                                                    \
  X(SHARD_POOREST, "shard_poorest")                                                                \
  X(SERVICE_SLOTS, "service_slots")                                                                \
  X(SERVICE_PROMISED, "service_promised")                                                          \
  X(SERVICE_RTT, "service_rtt")                                                                    \
  X(SERVICE_NEEDS, "service_needs")                                                                \
  X(SERVICE_POOREST, "service_poorest")                                                            \
  X(KEPT_PLACES, "kept_places")                                                                    \
  X(KEPT_HALF, "kept_half")                                                                        \
  X(KEPT_FROM_WANTED, "kept_from_wanted")                                                          \
  X(KEPT_FOR_STATIC, "kept_for_static")                                                            \
  X(KEPT_FOR_OURS, "kept_for_ours")                                                                \
  /* Who comes in, who goes (core/inbound.h, core/crowd.h, core/shares.h, core/evict_kind.h). */   \
  X(INBOUND_ALLOW, "inbound_allow")                                                                \
  X(INBOUND_STATIC, "inbound_static")                                                              \
  X(ORIGIN_IP6, "origin_ip6")                                                                      \
  X(ORIGINS_LIVE, "origins_live")                                                                  \
  X(ORIGINS_NEXT, "origins_next")                                                                  \
  X(PER_IP, "per_ip")                                                                              \
  X(PER_NETWORK, "per_network")                                                                    \
  X(PACE, "pace")                                                                                  \
  X(PACE_OF_PEER, "pace_of_peer")                                                                  \
  X(PACE_OF_NETWORK, "pace_of_network")                                                            \
  X(PACE_ONCE, "pace_once")                                                                        \
  X(HIGH_WATER, "high_water")                                                                      \
  X(CROWD_SPARED, "crowd_spared")                                                                  \
  X(CROWD_DIVERSE, "crowd_diverse")                                                                \
  X(CROWD_FAST, "crowd_fast")                                                                      \
  X(CROWD_USEFUL, "crowd_useful")                                                                  \
  X(CROWD_OLD, "crowd_old")                                                                        \
  X(CROWD_GRACE, "crowd_grace")                                                                    \
  X(CROWD_PACE, "crowd_pace")                                                                      \
  X(CROWD_GROUPS, "crowd_groups")                                                                  \
  X(CROWD_YOUNGEST, "crowd_youngest")                                                              \
  X(CROWD_REST, "crowd_rest")                                                                      \
  X(CROWD_RESTART, "crowd_restart")                                                                \
  X(CROWD_ROOM, "crowd_room")                                                                      \
  X(CROWD_IN_VAIN, "crowd_in_vain")                                                                \
  X(CROWD_NEEDED, "crowd_needed")                                                                  \
  X(CROWD_RESTART_ONLY, "crowd_restart_only")                                                      \
  X(CROWD_INBOUND, "crowd_inbound")                                                                \
  X(CROWD_DISCOURAGED, "crowd_discouraged")                                                        \
  X(DISCOURAGED_WAITS, "discouraged_waits")                                                        \
  X(GREETED, "greeted")                                                                            \
  X(CROWD_TRUSTED, "crowd_trusted")                                                                \
  X(GREETED_STRANGERS, "greeted_strangers")                                                        \
  X(SHARES, "shares")                                                                              \
  X(RELAY_INBOUND, "relay_inbound")                                                                \
  X(SHORTAGE, "shortage")                                                                          \
  X(SHORTAGE_ONCE, "shortage_once")                                                                \
  X(SHORTAGE_FEWEST, "shortage_fewest")                                                            \
  X(CEILING_RISES, "ceiling_rises")                                                                \
  X(EVICT_SPARED, "evict_spared")                                                                  \
  X(EVICT_UNREACHABLE, "evict_unreachable")                                                        \
  X(EVICT_PARTED, "evict_parted")                                                                  \
  X(EVICT_STALEST, "evict_stalest")                                                                \
  X(TOMBSTONES, "tombstones")                                                                      \
  /* Who tells us of whom, and trial connections (core/sources.h, tellers.h, feelers.h). */        \
  X(SOURCE_LIMIT, "source_limit")                                                                  \
  X(SOURCE_NETWORK, "source_network")                                                              \
  X(SOURCE_WEIGHS, "source_weighs")                                                                \
  X(SOURCE_SEEN, "source_seen")                                                                    \
  X(SOURCE_FREED, "source_freed")                                                                  \
  X(SOURCE_TRIED, "source_tried")                                                                  \
  X(SOURCE_STATIC, "source_static")                                                                \
  X(SOURCE_DISCOURAGED, "source_discouraged")                                                      \
  X(SOURCE_FEWEST, "source_fewest")                                                                \
  X(SOURCE_INBOUND, "source_inbound")                                                              \
  X(SOURCE_RESTORED, "source_restored")                                                            \
  X(FEELERS, "feelers")                                                                            \
  X(FEELERS_LAST, "feelers_last")                                                                  \
  X(FEELER_SPREAD, "feeler_spread")                                                                \
  X(FEELER_ROOM, "feeler_room")                                                                    \
  X(FEELER_HELD, "feeler_held")                                                                    \
  X(FEELER_LONGEST, "feeler_longest")                                                              \
  X(FEELER_APART, "feeler_apart")                                                                  \
  X(FEELER_GOES, "feeler_goes")                                                                    \
  X(FEELER_GROUPS, "feeler_groups")                                                                \
  X(FEELER_ANSWERED, "feeler_answered")                                                            \
  X(FEELER_SHARDS, "feeler_shards")                                                                \
  X(FEELER_LINGERS, "feeler_lingers")                                                              \
  X(FEELER_STAYS, "feeler_stays")                                                                  \
  X(TEST_BEFORE_EVICT, "test_before_evict")                                                        \
  X(BLAME, "blame")                                                                                \
  X(BLAME_LIVE, "blame_live")                                                                      \
  X(BLAME_PACE, "blame_pace")                                                                      \
  X(BLAME_REASONS, "blame_reasons")                                                                \
  X(BLAME_DIALLED, "blame_dialled")                                                                \
  X(BLAME_SHARE, "blame_share")                                                                    \
  X(BLAME_ANEW, "blame_anew")

typedef enum wpm_rule {
#define WPM_RULE_ENUM(id, name) WPM_RULE_##id,
  WPM_RULES(WPM_RULE_ENUM)
#undef WPM_RULE_ENUM
      WPM_RULE_COUNT
} wpm_rule;

#ifdef WPM_MUTATION
extern wpm_rule wpm_rule_off; /* WPM_RULE_COUNT: all hold. */

static inline bool wpm_rule_holds(wpm_rule rule) {
  return rule != wpm_rule_off;
}
#else
static inline bool wpm_rule_holds(wpm_rule rule) {
  (void)rule;
  return true;
}
#endif

#endif
