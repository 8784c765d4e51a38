/* Where `db import` puts peers: to the daemon that --rest-address or --rest-port on the command line names;
 * else into the data directory's database or, while a daemon runs on it, to that daemon over its REST
 * interface, so that the one who holds the peers in memory takes them in. In the environment these options
 * only say where a daemon that runs on the data directory is found: there they are meant for it, too.
 *
 * Either way a peer is verified and brought together with what is known of it (wpm_exchange_take), no
 * peer that is held gives way to one that is imported, and what the caps cut off is told.
 */
#ifndef APP_DB_SINK_H
#define APP_DB_SINK_H

#include "db.h"

typedef struct db_sink db_sink;

/* Finds out where to, and makes the data directory where it is missing. `exact`: a peer that is new is
 * kept as it was exported, connected ones too. Exit codes, after saying why. */
int db_sink_open(const app_options *options, datadir *dir, bool exact, db_account *account,
                 db_sink **out);

/* Takes one record. WPM_ERR_CLOSED: it cannot go on, and has said why. */
int db_sink_take(db_sink *sink, const wpm_peer_record *record);

/* Brings all of it to disk. EXIT_DONE, EXIT_FAILED. */
int db_sink_end(db_sink *sink);
void db_sink_free(db_sink *sink);

#endif
