/* What of our peers is durable: a model of the storage and of the node's way to use it.
 *
 * - Changes are written behind: all that were asked for are committed together, a second after the
 *   first of them. What cannot wait (a prune backoff, a ban, a protection) is committed at once, and
 *   with it all that was waiting before.
 * - Before a peer is dialled, and while it is, its record is stored as connected: should we die while the
 *   dial comes up, we know that we may have been connected.
 * - A heartbeat is stored every second while we run.
 * - A crash loses what was not committed, and nothing else. It may come with a commit: the process dies as
 *   soon as that is durable, and stores nothing more.
 * - In place of a disk, NULL keeps nothing: that of a node which only sleeps.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <wakupeers/manager.h>

typedef struct sim_disk sim_disk;

/* For peers numbered below `peers`. NULL: no memory. */
sim_disk *sim_disk_new(uint32_t peers);
void sim_disk_free(sim_disk *disk);

/* Calls return 0 or a negative wpm_err. */

/* The manager asks for the record of the peer to be stored, of which `fields` changed. */
WPM_MUST_USE int sim_disk_persist(sim_disk *disk, const wpm_manager *manager, uint32_t peer,
                                  uint32_t fields, wpm_instant now);
/* It asks for it to be deleted, but for what outlives it. */
WPM_MUST_USE int sim_disk_forget(sim_disk *disk, const wpm_manager *manager, uint32_t peer,
                                 const wpm_tombstone *tombstone, wpm_instant now);
/* The same of a ban of a range. */
WPM_MUST_USE int sim_disk_persist_range(sim_disk *disk, const wpm_manager *manager,
                                        const wpm_range_ban *ban, wpm_instant now);
/* It is about to dial the peer. */
WPM_MUST_USE int sim_disk_dialling(sim_disk *disk, const wpm_manager *manager, uint32_t peer,
                                   wpm_instant now);

/* When the next commit is due; INT64_MAX: nothing waits. */
int64_t sim_disk_deadline(const sim_disk *disk);
/* Commits what waits. */
WPM_MUST_USE int sim_disk_commit(sim_disk *disk, const wpm_manager *manager, wpm_instant now);

/* The process dies with that commit, counted from now (1: the next one). */
void sim_disk_die_after(sim_disk *disk, uint32_t commits);
/* It has died so. */
bool sim_disk_has_died(const sim_disk *disk);
/* It died, this way or another: loses what waits, and serves the next process. */
void sim_disk_lose(sim_disk *disk);

/* Hands all that is durable to a new manager. */
WPM_MUST_USE int sim_disk_restore(sim_disk *disk, wpm_manager *manager,
                                  const wpm_instant *heartbeat, wpm_instant now);

#endif
