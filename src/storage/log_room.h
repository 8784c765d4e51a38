/* The room that the write-ahead log takes on a small disk.
 *
 * - SQLite merges the log into the database every 1 000 pages (4 MB), and merging needs room itself: as
 *   much as the database grows by. A log that has filled the disk could not be merged any more. So while
 *   little is free each commit is merged at once, and the log is no larger than the largest commit.
 * - A batch that found no room has filled the disk with what it had written of itself. After its rollback
 *   the log is merged and cut off, which gives that back; a smaller batch, or the same one, may then fit.
 * - Neither is an error where it does not succeed: the log is read as well as the database is.
 */
#ifndef WPM_STORAGE_LOG_ROOM_H
#define WPM_STORAGE_LOG_ROOM_H

#include "storage/handle.h"

/* A commit was made. */
void wpm_log_room_committed(wpm_storage *storage);

/* A batch that found no room was rolled back. */
void wpm_log_room_lacked(wpm_storage *storage);

#endif
