/* Reads that are whole or fail: a VFS of SQLite in front of the system's.
 *
 * SQLite takes a short read for the end of the file and goes on with zeros in place of the rest. Where a
 * disk, or a file system, gives back less than there is, a healthy database would then look damaged, and
 * a page that is changed would be written back without its other half. So a short read of bytes that the
 * file has is an I/O error, which is reported and tried again.
 */
#ifndef WPM_STORAGE_WHOLE_READS_H
#define WPM_STORAGE_WHOLE_READS_H

#include <sqlite3.h>

/* Its name, for sqlite3_open_v2. It is in front of what was the default at the first call. NULL: it cannot
 * be registered, or SQLite has no VFS; the default does without. From any thread. */
const char *wpm_whole_reads(void);

#endif
