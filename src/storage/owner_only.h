/* A database that is ours is for its owner alone, also where it lay there with a wider mode: it may hold
 * private keys, and tells whom its owner speaks with. Its log and the log's index, which SQLite makes with
 * the mode of the file and leaves as they are where a run that was killed left them, are treated alike.
 *
 * Whose it is tells the file's own header, and nothing of another program, or of a newer schema, is
 * touched. The header is read through SQLite's own handle: closing one of our own would give up the locks
 * that this process holds on the file.
 */
#ifndef WPM_STORAGE_OWNER_ONLY_H
#define WPM_STORAGE_OWNER_ONLY_H

#include <sqlite3.h>
#include <stdbool.h>
#include <wakupeers/types.h>

/* Takes from all but the owner what they may do with the database at the absolute path `real`, which `db`
 * is connected to and has not read yet. `fresh`: an empty file is about to become ours. Where it may not
 * be done (a file of another owner) it is left undone. WPM_OK, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_owner_only(sqlite3 *db, const char *real, bool fresh);

#endif
