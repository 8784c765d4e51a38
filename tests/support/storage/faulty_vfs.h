/* A disk that fails on demand: a VFS of SQLite in front of the system's own.
 *
 * - Reads, writes and syncs are counted, of the database and its log alike; the n-th of a kind fails,
 *   is cut short, or is held up.
 * - It can also forget at a power loss what was not synced: beside each file it then keeps NAME.synced,
 *   what would be left of it, which wpm_disk_lose_power puts in its place. Nothing is really synced
 *   then: the machine under test stays up.
 *
 * Once installed it is the default VFS of the process for good, and passes everything on until armed.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum wpm_disk_call { WPM_DISK_READ, WPM_DISK_WRITE, WPM_DISK_SYNC } wpm_disk_call;
#define WPM_DISK_CALL_COUNT 3

typedef enum wpm_disk_fault {
  WPM_DISK_FAILS,   /* It does nothing and reports an I/O error. */
  WPM_DISK_IS_FULL, /* The same, but for want of room. */
  WPM_DISK_SHORT, /* Half of it is done, and an I/O error reported; of a read that it was short, with
                       zeros for the rest, which SQLite takes for the end of the file. */
  WPM_DISK_WAITS  /* It is done after `wait` has returned. */
} wpm_disk_fault;

typedef struct wpm_disk_plan {
  wpm_disk_call call;       /* What fails. */
  wpm_disk_fault fault;     /* How. */
  size_t first;             /* The first one that does, counted from 1; 0: none. */
  bool only_one;            /* Later ones pass. */
  void (*wait)(void *user); /* For WPM_DISK_WAITS; called on the thread of the call. */
  void *user;               /* Passed to `wait`. */
} wpm_disk_plan;

/* Makes it the default VFS. */
void wpm_disk_install(void);

/* Counts from now on, and fails by the plan. */
void wpm_disk_arm(const wpm_disk_plan *plan);

/* Lets everything pass again; returns how many calls failed or waited since it was armed. */
size_t wpm_disk_disarm(void);

/* From now on files that are opened remember what was synced. */
void wpm_disk_remember_syncs(void);

/* What a power loss leaves of the database at `path`: its files become what was last synced of them.
 * Nobody may have them open. */
void wpm_disk_lose_power(const char *path);
