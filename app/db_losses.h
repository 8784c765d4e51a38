/* Facts that a format has no place for: they are counted while peers are exported, and told at the end,
 * once for each kind. What a format holds in part counts as held. */
#ifndef APP_DB_LOSSES_H
#define APP_DB_LOSSES_H

#include "db.h"

#define DB_FACT_KINDS 12

typedef struct db_losses {
  uint64_t peers[DB_FACT_KINDS]; /* Peers that had such a fact. */
} db_losses;

/* Counts what `format` loses of a record. */
void db_losses_count(db_losses *losses, db_format format, const wpm_peer_record *record);

/* Says it on stderr. */
void db_losses_tell(const db_losses *losses);

#endif
