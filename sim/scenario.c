#include "sim/scenario.h"

#include "sim/overlaps.h"

#include <wakupeers/types.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 8, LINE_MAX_BYTES = 256 };

/* ---- values ---------------------------------------------------------------------------------- */

/* Reads digits; false where there are none, or too many. */
static bool read_digits(const char **at, uint64_t *out) {
  uint64_t value = 0;
  const char *c = *at;
  for (; *c >= '0' && *c <= '9'; c++) {
    if (value > UINT64_C(100000000000000000)) {
      return false;
    }
    value = value * 10 + (uint64_t)(*c - '0');
  }
  bool any = c != *at;
  *at = c;
  *out = value;
  return any;
}

static bool read_number(const char *word, uint32_t *out) {
  uint64_t value = 0;
  if (!read_digits(&word, &value) || *word || value > UINT32_MAX / 2) {
    return false;
  }
  *out = (uint32_t)value;
  return true;
}

static bool read_span(const char *word, int64_t *out) {
  static const struct {
    const char *unit;
    int64_t ns;
  } units[] = {{"ms", WPM_MILLISECOND},
               {"s", WPM_SECOND},
               {"m", WPM_MINUTE},
               {"h", WPM_HOUR},
               {"d", WPM_DAY}};
  bool negative = *word == '-';
  uint64_t value = 0;
  word += negative;
  if (!read_digits(&word, &value)) {
    return false;
  }
  for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
    if (strcmp(word, units[i].unit) == 0 &&
        value <= (uint64_t)(3650 * WPM_DAY) / (uint64_t)units[i].ns) {
      *out = (int64_t)value * units[i].ns * (negative ? -1 : 1);
      return true;
    }
  }
  return false;
}

/* A percentage with at most one decimal. */
static bool read_share(const char *word, uint32_t *out) {
  uint64_t whole = 0;
  uint64_t tenth = 0;
  if (!read_digits(&word, &whole) || whole > 100) {
    return false;
  }
  if (*word == '.') {
    word++;
    if (!read_digits(&word, &tenth) || tenth > 9) {
      return false;
    }
  }
  *out = (uint32_t)(whole * 10 + tenth);
  return strcmp(word, "%") == 0 && *out <= 1000;
}

/* ---- settings -------------------------------------------------------------------------------- */

typedef enum value_kind { A_NUMBER, A_SHARE, A_SPAN, A_SESSIONS } value_kind;

static const struct {
  const char *key;
  value_kind kind;
  size_t offset;
} settings[] = {
#define AT(field) offsetof(sim_scenario, field)
    {"duration", A_SPAN, AT(duration)},
    {"peers", A_NUMBER, AT(peers)},
    {"static", A_NUMBER, AT(static_peers)},
    {"heard", A_NUMBER, AT(heard)},
    {"relay", A_SHARE, AT(relay)},
    {"unreachable", A_SHARE, AT(unreachable)},
    {"full", A_SHARE, AT(full)},
    {"vanish", A_SHARE, AT(vanish)},
    {"moving", A_SHARE, AT(moving)},
    {"stale", A_SHARE, AT(stale)},
    {"dead", A_SHARE, AT(dead)},
    {"sessions", A_SESSIONS, AT(sessions)},
    {"session_mean", A_SPAN, AT(session_mean)},
    {"away_mean", A_SPAN, AT(away_mean)},
    {"latency_least", A_SPAN, AT(latency_least)},
    {"latency_most", A_SPAN, AT(latency_most)},
    {"inbound_every", A_SPAN, AT(inbound_every)},
    {"discover_every", A_SPAN, AT(discover_every)},
    {"discover_count", A_NUMBER, AT(discover_count)},
    {"prune_every", A_SPAN, AT(prune_every)},
    {"prune_for", A_SPAN, AT(prune_for)},
    {"traffic_every", A_SPAN, AT(traffic_every)},
    {"idle_limit", A_SPAN, AT(idle_limit)},
    {"idle_told", A_SPAN, AT(idle_told)},
    {"idle_share", A_SHARE, AT(idle_share)},
    {"late", A_SHARE, AT(late)},
    {"managers", A_NUMBER, AT(managers)},
    {"groups", A_NUMBER, AT(groups)},
    {"peers_per_ip", A_NUMBER, AT(peers_per_ip)},
    {"attackers", A_NUMBER, AT(attackers)},
    {"attacker_groups", A_NUMBER, AT(attacker_groups)},
    {"attack_from", A_SPAN, AT(attack_from)},
    {"attack_to", A_SPAN, AT(attack_to)},
    {"attack_every", A_SPAN, AT(attack_every)},
    {"attack_count", A_NUMBER, AT(attack_count)},
    {"attack_inbound_every", A_SPAN, AT(attack_inbound_every)},
    {"max_connections", A_NUMBER, AT(max_connections)},
    {"max_dials", A_NUMBER, AT(max_dials)},
    {"high_water", A_NUMBER, AT(high_water)},
    {"relay_outbound", A_NUMBER, AT(relay_outbound)},
    {"relay_inbound", A_NUMBER, AT(relay_inbound)},
    {"shards", A_NUMBER, AT(shards)},
    {"service_slots", A_NUMBER, AT(service_slots)},
    {"max_peers", A_NUMBER, AT(max_peers)},
    {"prune_backoff", A_SPAN, AT(prune_backoff)},
    {"backoff_slack", A_SPAN, AT(backoff_slack)},
#undef AT
};

static bool read_sessions(const char *word, uint32_t *out) {
  static const char *const names[] = {"always", "exponential", "measured"};
  for (uint32_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
    if (strcmp(word, names[i]) == 0) {
      *out = i;
      return true;
    }
  }
  return false;
}

static bool read_value(value_kind kind, const char *word, void *field) {
  switch (kind) {
  case A_NUMBER:
    return read_number(word, field);
  case A_SHARE:
    return read_share(word, field);
  case A_SPAN:
    return read_span(word, field) && *(int64_t *)field >= 0;
  case A_SESSIONS:
    return read_sessions(word, field);
  }
  return false;
}

static bool read_setting(char *const *words, size_t count, sim_scenario *out) {
  for (size_t i = 0; count == 2 && i < sizeof(settings) / sizeof(*settings); i++) {
    if (strcmp(words[0], settings[i].key) == 0) {
      return read_value(settings[i].kind, words[1], (char *)out + settings[i].offset);
    }
  }
  return false;
}

/* ---- faults and expectations ----------------------------------------------------------------- */

static const struct {
  const char *name;
  bool takes_number, takes_share, takes_span;
} faults[SIM_FAULT_COUNT] = {
    [SIM_FAULT_CONNECT] = {"connect", true, false, false},
    [SIM_FAULT_FIND] = {"find", true, false, false},
    [SIM_FAULT_PROTECT] = {"protect", true, false, false},
    [SIM_FAULT_BAN] = {"ban", true, false, true},
    [SIM_FAULT_BAN_RANGE] = {"ban_range", true, false, true},
    [SIM_FAULT_MISBEHAVE] = {"misbehave", true, false, false},
    [SIM_FAULT_SHORTAGE] = {"shortage", false, false, false},
    [SIM_FAULT_BURST] = {"burst", true, false, true},
    [SIM_FAULT_OFFLINE] = {"offline", false, false, true},
    [SIM_FAULT_SLEEP] = {"sleep", false, false, true},
    [SIM_FAULT_PARTITION] = {"partition", false, true, true},
    [SIM_FAULT_QUAKE] = {"quake", false, true, true},
    [SIM_FAULT_ADDRESS] = {"address", false, false, false},
    [SIM_FAULT_CLOCK] = {"clock", false, false, true},
    [SIM_FAULT_SHUTDOWN] = {"shutdown", false, false, true},
    [SIM_FAULT_CRASH] = {"crash", false, false, true},
    [SIM_FAULT_STRIKE] = {"crash_at_commit", true, false, true},
    [SIM_FAULT_REBOOT] = {"reboot", false, false, true},
};

const char *sim_fault_name(sim_fault_type type) {
  return faults[type].name;
}

static bool read_fault(char *const *words, size_t count, sim_scenario *out) {
  if (count < 3 || out->fault_count == SIM_FAULTS_MAX) {
    return false;
  }
  sim_fault *fault = &out->faults[out->fault_count];
  for (size_t i = 0; i < SIM_FAULT_COUNT; i++) {
    if (strcmp(words[2], faults[i].name) != 0) {
      continue;
    }
    size_t next = 3;
    bool fits = read_span(words[1], &fault->at) && fault->at >= 0;
    if (faults[i].takes_number || faults[i].takes_share) {
      fits = fits && next < count &&
             (faults[i].takes_share ? read_share(words[next], &fault->number)
                                    : read_number(words[next], &fault->number));
      next++;
    }
    if (faults[i].takes_span) {
      fits = fits && next < count && read_span(words[next], &fault->span) &&
             (fault->span >= 0 || i == SIM_FAULT_CLOCK);
      next++;
    }
    fault->type = (sim_fault_type)i;
    out->fault_count += fits && next == count;
    return fits && next == count;
  }
  return false;
}

/* A plain number, or a time: in milliseconds. */
static bool read_expected(const char *word, int64_t *out) {
  uint32_t number = 0;
  int64_t span = 0;
  if (read_number(word, &number)) {
    *out = number;
    return true;
  }
  if (read_span(word, &span)) {
    *out = span / WPM_MILLISECOND;
    return true;
  }
  return false;
}

static bool read_expectation(char *const *words, size_t count, sim_scenario *out) {
  static const char *const relations[] = {"<=", ">=", "=="};
  if (count != 4 || out->expectation_count == SIM_EXPECTATIONS_MAX) {
    return false;
  }
  sim_expectation *expectation = &out->expectations[out->expectation_count];
  for (size_t i = 0; i < 3; i++) {
    if (strcmp(words[2], relations[i]) == 0) {
      expectation->relation = (sim_relation)i;
      bool fits = sim_metric_find(words[1], &expectation->metric) &&
                  read_expected(words[3], &expectation->value);
      out->expectation_count += fits;
      return fits;
    }
  }
  return false;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static size_t split(char *line, char **words) {
  size_t count = 0;
  line[strcspn(line, "#")] = '\0';
  for (char *at = line; count + 1 < WORDS_MAX;) {
    at += strspn(at, " \t\r");
    if (!*at) {
      break;
    }
    words[count++] = at;
    at += strcspn(at, " \t\r");
    if (*at) {
      *at++ = '\0';
    }
  }
  return count;
}

static bool read_line(char *line, sim_scenario *out) {
  char *words[WORDS_MAX];
  if (strncmp(line, "about ", 6) == 0) {
    size_t length = strlen(line + 6);
    if (length >= sizeof(out->about)) {
      return false;
    }
    memcpy(out->about, line + 6, length + 1);
    return true;
  }
  size_t count = split(line, words);
  if (count == 0) {
    return true;
  }
  if (strcmp(words[0], "at") == 0) {
    return read_fault(words, count, out);
  }
  if (strcmp(words[0], "expect") == 0) {
    return read_expectation(words, count, out);
  }
  return read_setting(words, count, out);
}

bool sim_scenario_expect(sim_scenario *scenario, const char *text) {
  char line[LINE_MAX_BYTES];
  char *words[WORDS_MAX];
  size_t length = strlen(text);
  if (length >= sizeof(line)) {
    return false;
  }
  memcpy(line, text, length + 1);
  size_t count = split(line, words + 1);
  words[0] = line;
  return count + 1 < WORDS_MAX && read_expectation(words, count + 1, scenario);
}

static void set_defaults(sim_scenario *out) {
  *out = (sim_scenario){
      .duration = WPM_HOUR,
      .peers = 100,
      .relay = 1000,
      .vanish = 200,
      .session_mean = 4 * WPM_HOUR,
      .away_mean = WPM_HOUR,
      .latency_least = 10 * WPM_MILLISECOND,
      .latency_most = 60 * WPM_MILLISECOND,
      .discover_count = 10,
      .idle_share = 1000,
      .max_connections = 300,
      .max_dials = 256,
      .prune_backoff = WPM_MINUTE,
      .backoff_slack = 2 * WPM_SECOND,
  };
}

/* In a burst each may dial more than once. */
static bool takes_too_many(const sim_scenario *s, const sim_fault *fault) {
  uint64_t most = fault->type == SIM_FAULT_BURST ? UINT64_C(16) * s->peers : s->peers;
  return fault->number > most && fault->type <= SIM_FAULT_BURST;
}

/* What does not fit together. */
static const char *contradiction(const sim_scenario *s) {
  if (s->peers == 0 || s->peers > 4000000) {
    return "peers must be from 1 to 4000000";
  }
  if (s->static_peers > s->peers || s->heard > s->peers - s->static_peers) {
    return "more static or heard peers than there are";
  }
  if (s->managers > 0 && (s->managers != s->peers || s->fault_count > 0 || s->attackers > 0 ||
                          s->discover_every == 0)) {
    return "managers are as many as peers, without faults or attackers, and discover others";
  }
  if (s->managers > 0 && (s->shards > 0 || s->service_slots > 0 || s->relay_inbound > 0)) {
    return "shards, service_slots and relay_inbound are of one node";
  }
  if (s->shards > SIM_SHARDS) {
    return "more shards than there are";
  }
  if (s->attackers > 0 && (s->attacker_groups == 0 || s->groups == 0)) {
    return "attackers need groups and attacker_groups";
  }
  if (s->groups > SIM_GROUPS_MAX || s->attacker_groups > SIM_GROUPS_MAX - s->groups) {
    return "more groups than there are";
  }
  if (s->attackers >= s->peers || s->static_peers + s->heard > s->peers - s->attackers) {
    return "more attackers than there are peers besides";
  }
  if (s->latency_least > s->latency_most || s->latency_most > 10 * WPM_SECOND) {
    return "latency_least must not be above latency_most, nor that above 10s";
  }
  if (s->duration == 0 || s->max_connections == 0 || s->max_dials == 0) {
    return "duration, max_connections and max_dials must be more than 0";
  }
  if (s->sessions != SIM_SESSIONS_ALWAYS && (s->session_mean == 0 || s->away_mean == 0)) {
    return "session_mean and away_mean must be more than 0";
  }
  for (size_t i = 0; i < s->fault_count; i++) {
    if (takes_too_many(s, &s->faults[i])) {
      return "a fault takes more peers than there are";
    }
  }
  return s->about[0] ? NULL : "about is missing";
}

bool sim_scenario_read(const char *text, sim_scenario *out, char *error, size_t cap) {
  char line[LINE_MAX_BYTES];
  set_defaults(out);
  for (unsigned number = 1; *text; number++) {
    size_t length = strcspn(text, "\n");
    if (length >= sizeof(line)) {
      (void)snprintf(error, cap, "line %u is too long", number);
      return false;
    }
    memcpy(line, text, length);
    line[length] = '\0';
    if (!read_line(line, out)) {
      (void)snprintf(error, cap, "line %u cannot be read: %.*s", number, (int)length, text);
      return false;
    }
    text += length + (text[length] == '\n');
  }
  const char *wrong = contradiction(out);
  if (wrong) {
    (void)snprintf(error, cap, "%s", wrong);
  }
  return !wrong && !sim_faults_overlap(out, error, cap);
}

const sim_source *sim_source_find(const char *name) {
  for (size_t i = 0; i < sim_source_count; i++) {
    if (strcmp(sim_sources[i].name, name) == 0) {
      return &sim_sources[i];
    }
  }
  return NULL;
}
