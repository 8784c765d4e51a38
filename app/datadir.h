/* The data directory: the peer database, the node key, and what tells others of a running daemon.
 *
 *   peers.db      the peers (SQLite)
 *   nodekey       the node's private key, mode 0600
 *   lock          locked (fcntl) by the running daemon; holds its pid
 *   rest-address  http://HOST:PORT of the running daemon's REST interface
 *
 * A disk that is full or read-only does not keep a daemon from running: what it cannot write there
 * it does without, and says so. Only a new node key must be kept.
 */
#ifndef APP_DATADIR_H
#define APP_DATADIR_H

#include <wakupeers/node.h>

#include <limits.h>
#include <stdbool.h>

typedef struct datadir {
  char path[PATH_MAX];
  int lock; /* Descriptor of the held lock; -1: not held. */
} datadir;

/* Finds the directory: `given`, or wakupeers under $XDG_STATE_HOME, or ~/.local/state/wakupeers.
 * Does not create it. EXIT_DONE, or EXIT_USAGE after saying why. */
int datadir_find(datadir *dir, const char *given);

/* Creates it (0700) where it is missing. EXIT_DONE or EXIT_FAILED. */
int datadir_create(const datadir *dir);

/* Takes the lock for a daemon. EXIT_LOCKED: another daemon holds it (its pid is told). EXIT_DONE also
 * where no lock can be had because nothing can be written there; a warning says so. */
int datadir_lock(datadir *dir);
void datadir_unlock(datadir *dir);

/* True where a daemon holds the lock. */
bool datadir_is_locked(const datadir *dir);

/* The path of a file in it. False: too long. */
bool datadir_file(const datadir *dir, const char *name, char out[PATH_MAX]);

/* Reads the node key; *found says whether there is one. A file that others may read is made 0600
 * again, with a warning. EXIT_DONE or EXIT_FAILED. */
int datadir_read_key(const datadir *dir, wpm_node_key *key, bool *found);
/* Writes the node key, 0600, whole or not at all. EXIT_DONE or EXIT_FAILED. */
int datadir_write_key(const datadir *dir, const wpm_node_key *key);

/* The REST address that the daemon wrote; one that was killed leaves it behind. False: there is
 * none. */
bool datadir_read_rest(const datadir *dir, char *out, size_t cap);
/* Writes it; a failure is a warning only. */
void datadir_write_rest(const datadir *dir, const char *url);
void datadir_remove_rest(const datadir *dir);

#endif
