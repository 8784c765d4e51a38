#include "db_losses.h"

#include <inttypes.h>

#define IN(format) (1U << (format))

static bool has_ban(const wpm_peer_record *record) {
  return record->ban.length_ns > 0;
}

static bool has_wait(const wpm_peer_record *record) {
  return record->prune_backoff.length_ns > 0 || record->retry_delay.length_ns > 0 ||
         record->mismatch_delay.length_ns > 0;
}

static bool has_tag(const wpm_peer_record *record) {
  return record->tag_count > 0;
}

static bool has_mark(const wpm_peer_record *record) {
  return record->held_off || record->is_static;
}

static bool has_app(const wpm_peer_record *record) {
  return record->app_count > 0;
}

static bool has_protocol(const wpm_peer_record *record) {
  return record->protocol_count > 0;
}

static bool has_agent(const wpm_peer_record *record) {
  return record->agent.len > 0 || record->protocol_version.len > 0;
}

static bool has_score(const wpm_peer_record *record) {
  return record->score != 0;
}

static bool has_signed(const wpm_peer_record *record) {
  return record->signed_record.len > 0;
}

static bool has_node_record(const wpm_peer_record *record) {
  return record->enr.len > 0;
}

static bool has_contact(const wpm_peer_record *record) {
  return record->held || record->reason != WPM_REASON_NONE || record->failures > 0 ||
         record->rtt_ns != WPM_SPAN_NONE;
}

/* go holds the shards of a cluster; a node record says its own. */
static bool loses_shards(const wpm_peer_record *record, db_format format) {
  bool has_any = record->cluster_id > 0 || record->shard_count > 0;
  switch (format) {
  case DB_GO:
    return has_any && (record->cluster_id == 0 || record->shard_count == 0);
  case DB_NWAKU:
  case DB_ENR:
    return has_any && record->enr.len == 0;
  case DB_JSONL:
    return false;
  case DB_JS:
  case DB_TEXT:
  case DB_UNKNOWN:
    break;
  }
  return has_any;
}

/* jsonl holds all of them. */
static const struct {
  const char *name;
  bool (*has)(const wpm_peer_record *record);
  unsigned formats; /* That hold it. */
} kinds[] = {
    {"a ban", has_ban, 0},
    {"a prune backoff or another wait", has_wait, 0},
    {"tags", has_tag, 0},
    {"a mark of a person or of the configuration (heldOff, static)", has_mark, 0},
    {"entries of the application map", has_app, IN(DB_GO)},
    {"protocols", has_protocol, IN(DB_GO) | IN(DB_NWAKU)},
    {"agent or protocol version", has_agent, IN(DB_GO)},
    {"score", has_score, IN(DB_GO)},
    {"a signed peer record", has_signed, IN(DB_GO)},
    {"a node record", has_node_record, IN(DB_NWAKU) | IN(DB_ENR)},
    {"what happened on contact (connectivity, times, failures)", has_contact, IN(DB_NWAKU)}};
#define KINDS (sizeof kinds / sizeof *kinds)
#define SHARDS KINDS
_Static_assert(KINDS + 1 == DB_FACT_KINDS, "one more than the table: shards");

void db_losses_count(db_losses *losses, db_format format, const wpm_peer_record *record) {
  if (format == DB_JSONL) {
    return;
  }
  for (size_t i = 0; i < KINDS; i++) {
    losses->peers[i] += !(kinds[i].formats & IN(format)) && kinds[i].has(record);
  }
  losses->peers[SHARDS] += loses_shards(record, format);
}

void db_losses_tell(const db_losses *losses) {
  for (size_t i = 0; i < DB_FACT_KINDS; i++) {
    if (losses->peers[i] > 0) {
      (void)complain(EXIT_DONE,
                     "left out, since this format has no place for it: %s, of %" PRIu64 " peers",
                     i == SHARDS ? "cluster or shards" : kinds[i].name, losses->peers[i]);
    }
  }
}
