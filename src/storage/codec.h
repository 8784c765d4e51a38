/* The rows of tables peer, word, tombstone and range_ban; of a record all but its id and its contact.
 *
 * - A varint of flags (see codec.c) says which of the optional parts follow, in their order.
 * - Protocol ids, agent and protocol version are words (words.h) or stand there themselves: a varint,
 *   whose lowest bit tells which, of the word's number or the length.
 * - A public key that lies inside of the peer id (libp2p/specs peer-ids: identity multihash) is not
 *   repeated.
 * - Times of addresses that are whole seconds take a varint; the classes of time to live take three
 *   bits.
 */
#ifndef WPM_STORAGE_CODEC_H
#define WPM_STORAGE_CODEC_H

#include "storage/pack.h"
#include "storage/words.h"

#include <wakupeers/store.h>

/* The most that the variable parts of one record may take together, in bytes. */
#define WPM_RECORD_MAX (16u << 20)

/* The lists of a record that is read. Zero-initialise. */
typedef struct wpm_codec_lists {
  wpm_room addresses;
  wpm_room protocols;
  wpm_room shards;
  wpm_room tags;
  wpm_room app;
} wpm_codec_lists;

void wpm_codec_lists_fini(wpm_codec_lists *lists);

/* Whether a record, contact included, can be stored. WPM_ERR_INVALID (id longer than
 * WPM_PEER_ID_MAX, a value outside its closed set, a wait of negative length), WPM_ERR_TOO_LARGE
 * (WPM_RECORD_MAX). */
WPM_MUST_USE int wpm_codec_check(const wpm_peer_record *record);

/* Writes the row of a record that passed the check; may add to `words`. */
void wpm_codec_pack(wpm_packer *p, const wpm_peer_record *record, wpm_words *words, int64_t place);

/* Reads it; `out->id` must be there already. The contact is none; views point into `row`, `words` and
 * `lists`. *missing (NULL: that is an error) gets the number of words that `words` lacks, which are
 * then left out. WPM_ERR_INVALID, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_codec_unpack(wpm_bytes row, int64_t place, const wpm_words *words,
                                  wpm_codec_lists *lists, wpm_peer_record *out, size_t *missing);

/* The same for a word, whose row is its text. */
void wpm_codec_pack_word(wpm_packer *p, wpm_text text, int64_t number);
WPM_MUST_USE int wpm_codec_enter_word(wpm_bytes row, int64_t number, wpm_words *words);

/* Sets used[n] for each word n that the row of `id` uses. WPM_ERR_INVALID, WPM_ERR_NO_MEMORY. */
WPM_MUST_USE int wpm_codec_mark_words(wpm_bytes id, wpm_bytes row, int64_t place,
                                      uint8_t used[WPM_WORDS_MAX]);

/* As the functions on records. */
WPM_MUST_USE int wpm_codec_check_tombstone(const wpm_tombstone *tombstone);
void wpm_codec_pack_tombstone(wpm_packer *p, const wpm_tombstone *tombstone);
WPM_MUST_USE int wpm_codec_unpack_tombstone(wpm_bytes row, wpm_tombstone *out);

/* The same; `key` is the range's (base/ip_range.h). */
WPM_MUST_USE int wpm_codec_check_range_ban(const wpm_range_ban *ban);
void wpm_codec_pack_range_ban(wpm_packer *p, const wpm_range_ban *ban);
WPM_MUST_USE int wpm_codec_unpack_range_ban(wpm_bytes key, wpm_bytes row, wpm_range_ban *out);

#endif
