/* Moving in and out: what other clients have stored, as a stream of peer records, and back.
 *
 * - Nothing is kept here: a reader calls for each peer it finds, a writer is given one record after
 *   the other. The caller puts them into a store or a database.
 * - Each item that cannot be taken over (a peer, an address, an entry) is counted and told with the
 *   reason; it never costs the others.
 * - What is read was written by others: everything is checked, addresses as wpm_multiaddr_check
 *   does, keys and signatures by crypto. Private addresses stay: whether one is dialled is decided
 *   when dialling.
 * - A file that is read is never changed. One that is written must not exist yet; a writer that
 *   fails leaves none.
 * - Calls block. They use no global state, so each thread may have its own.
 */
#ifndef WAKUPEERS_EXCHANGE_H
#define WAKUPEERS_EXCHANGE_H

#include <wakupeers/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum wpm_exchange_format {
  WPM_EXCHANGE_UNKNOWN = 0,
  WPM_EXCHANGE_NWAKU, /* nwaku's peers.db: SQLite, table Peer. */
  WPM_EXCHANGE_GO,    /* A go-libp2p datastore in SQLite, table peerstore, as go-waku keeps it. */
  WPM_EXCHANGE_TEXT,  /* Multiaddrs with /p2p/ID, one a line. */
  WPM_EXCHANGE_ENR    /* Node records in text (`enr:…`), one a line. */
} wpm_exchange_format;
#define WPM_EXCHANGE_FORMAT_COUNT 5

/* "unknown", "nwaku", "go", "text", "enr". */
WPM_API const char *wpm_exchange_format_name(wpm_exchange_format value);

/* True for those that are SQLite databases, false for those that are text. */
WPM_API bool wpm_exchange_is_database(wpm_exchange_format format);

/* How much was taken over. */
typedef struct wpm_exchange_counts {
  uint64_t records; /* Records handed on, or written. */
  uint64_t skipped; /* Items that were not, each with its reason. */
  uint64_t own;     /* Of a store that was read: its own node, which is no peer of itself, and
                       private keys, which stay where they are. */
} wpm_exchange_counts;

/* Told of each item that is skipped: `what` names it (a peer id, a key, a line's number), `why` is a
 * sentence. Both last for the call. */
typedef void (*wpm_exchange_skip_fn)(void *user, const char *what, const char *why);

/* Takes one record; its views last for the call. A result other than WPM_OK ends the reading and is
 * handed on. */
typedef int (*wpm_exchange_record_fn)(void *user, const wpm_peer_record *record);

/* ---- reading --------------------------------------------------------------------------------- */

/* Who takes what is read. */
typedef struct wpm_exchange_sink {
  wpm_wall now;                  /* The time: what is read is given now. */
  wpm_exchange_record_fn record; /* Takes the records. */
  wpm_exchange_skip_fn skipped;  /* Told of what is skipped; may be NULL. */
  void *user;                    /* Passed to both. */
} wpm_exchange_sink;

/* Tells the format of the file at `path` by what is in it. WPM_ERR_UNSUPPORTED: none of them;
 * WPM_ERR_NOT_FOUND, WPM_ERR_IO, WPM_ERR_CORRUPT, WPM_ERR_LOCKED, WPM_ERR_NO_MEMORY; *error (may be
 * NULL) says it in words. */
WPM_API WPM_MUST_USE int wpm_exchange_guess(const char *path, wpm_exchange_format *out,
                                            wpm_error *error);

/* Reads the database at `path`, whose owner may be running. Its records have addresses of source
 * `import`.
 *
 * nwaku (waku_peer_storage.nim): a peer that was Connected becomes CannotConnect with the reason
 * `imported`, since how that connection ended is not known; CanConnect gets `local_close`,
 * CannotConnect `imported`. A public key and a node record must be the peer's own.
 *
 * go (go-libp2p's pstoreds, go-ds-sql): addresses keep their times to live; one that is past its
 * time, or was held by a live connection, is kept by its quality alone, since nobody waits for a
 * store that lies on disk. Of the metadata what the record has a field for goes there (protocols,
 * AgentVersion, ProtocolVersion, score, pubSubTopics of one cluster); other values that are a string,
 * []string, float64 or map[protocol.ID]struct{} go into the application map, in gob as they are.
 *
 * WPM_ERR_NOT_FOUND (no file), WPM_ERR_IO, WPM_ERR_CORRUPT, WPM_ERR_LOCKED, WPM_ERR_INVALID (no such
 * table), WPM_ERR_UNSUPPORTED (a format that is text), WPM_ERR_NO_MEMORY, WPM_ERR_CRYPTO; *error (may
 * be NULL) says it in words. *counts is filled in also on failure. */
WPM_API WPM_MUST_USE int wpm_exchange_read_database(const char *path, wpm_exchange_format format,
                                                    const wpm_exchange_sink *sink,
                                                    wpm_exchange_counts *counts, wpm_error *error);

/* Reads a list: each line is a multiaddr with /p2p/ID or a node record, which is verified (EIP-778);
 * empty lines and what follows a `#` at a line's start are passed over. Lines of one peer that stand
 * behind each other make one record. WPM_ERR_NO_MEMORY, WPM_ERR_CRYPTO (a library refuses to
 * start). */
WPM_API WPM_MUST_USE int wpm_exchange_read_list(wpm_text list, const wpm_exchange_sink *sink,
                                                wpm_exchange_counts *counts);

/* ---- what is known here and elsewhere -------------------------------------------------------- */

/* Takes records of elsewhere in; holds what verifying needs. WPM_ERR_NO_MEMORY, WPM_ERR_CRYPTO (a
 * library refuses to start). */
typedef struct wpm_exchange_taker wpm_exchange_taker;
WPM_API WPM_MUST_USE int wpm_exchange_taker_new(wpm_exchange_taker **out);
WPM_API void wpm_exchange_taker_free(wpm_exchange_taker *taker); /* NULL is allowed. */

/* A record that was read elsewhere, as it may be taken in here, in one piece of memory, to be freed by
 * wpm_exchange_record_free. `held` is what is known of the peer here (NULL: nothing).
 *
 * - What a peer must have signed is verified (its node record, its signed peer record) or derived (its
 *   id from its public key); what does not verify is left out, which `skipped` (may be NULL) is told. So
 *   is an observed address that is no valid multiaddr.
 * - What happened here stands: the connections held, failed attempts, waits, what the peer told us
 *   itself, a person's decisions. `other` fills in what is not known.
 * - Addresses come together; of one that both have, the more trusted source, the earliest and latest
 *   times and the longer time to live. Tags and the application map come together, ours first. Of node
 *   records and signed records the newer is taken; of a wait the one that ends later.
 * - A connection that was live elsewhere is not ours: CannotConnect, reason `imported`.
 *
 * *skips (may be NULL) counts what was left out. WPM_ERR_NO_MEMORY, WPM_ERR_INVALID (two different
 * peers). */
WPM_API WPM_MUST_USE int wpm_exchange_take(wpm_exchange_taker *taker, const wpm_peer_record *held,
                                           const wpm_peer_record *other,
                                           wpm_exchange_skip_fn skipped, void *user,
                                           uint64_t *skips, wpm_peer_record **out);
WPM_API void wpm_exchange_record_free(wpm_peer_record *record); /* NULL is allowed. */

/* Tells `skipped` what of `taken` a store has not kept, and why: it exceeds a cap, is no valid multiaddr, or
 * is empty. `kept` is the record as the store has it after wpm_store_put; `now`: tags and addresses whose
 * end is past then are no loss. Returns the number of things told. */
WPM_API uint64_t wpm_exchange_tell_cuts(const wpm_peer_record *taken, const wpm_peer_record *kept,
                                        wpm_wall now, wpm_exchange_skip_fn skipped, void *user);

/* ---- writing --------------------------------------------------------------------------------- */

typedef struct wpm_exchange_writer wpm_exchange_writer;

/* Takes the next piece of text that is written. A result other than WPM_OK is handed on. */
typedef int (*wpm_exchange_write_fn)(void *user, wpm_text text);

/* Where records go. */
typedef struct wpm_exchange_target {
  wpm_exchange_format format;   /* What is written. */
  const char *path;             /* Of a database: the file, which must not exist. */
  wpm_exchange_write_fn write;  /* Of text: takes it. */
  wpm_wall now;                 /* The time, from which times to live run. */
  wpm_exchange_skip_fn skipped; /* Told of what cannot be written; may be NULL. */
  void *user;                   /* Passed to both. */
} wpm_exchange_target;

/* Begins to write. WPM_ERR_EXISTS, WPM_ERR_IO, WPM_ERR_DISK_FULL, WPM_ERR_READ_ONLY, WPM_ERR_INVALID
 * (no format), WPM_ERR_NO_MEMORY, WPM_ERR_CRYPTO; *error (may be NULL) says it in words. */
WPM_API WPM_MUST_USE int wpm_exchange_writer_new(const wpm_exchange_target *target,
                                                 wpm_exchange_writer **out, wpm_error *error);

/* Writes a record, as far as the format can hold it.
 *
 * nwaku: only what nwaku itself decodes, since one bad row makes it refuse all; so peers whose public
 * key is not known are skipped, and addresses of protocols that nim-libp2p does not have.
 *
 * go: an address that stays by its quality is written as a permanent one. Entries of the application
 * map are written where they are gob of one of the four shapes.
 *
 * text: peers without an address are skipped. enr: those without a node record.
 *
 * WPM_ERR_IO, WPM_ERR_DISK_FULL, WPM_ERR_NO_MEMORY, what `write` gave; the writer is then only to be
 * freed. */
WPM_API WPM_MUST_USE int wpm_exchange_put(wpm_exchange_writer *writer,
                                          const wpm_peer_record *record, wpm_error *error);

/* Ends the writing: a database is whole and on disk. Errors as wpm_exchange_put. */
WPM_API WPM_MUST_USE int wpm_exchange_finish(wpm_exchange_writer *writer,
                                             wpm_exchange_counts *counts, wpm_error *error);

/* Frees it; a database that was not finished is removed. NULL is allowed. */
WPM_API void wpm_exchange_writer_free(wpm_exchange_writer *writer);

#ifdef __cplusplus
}
#endif

#endif
