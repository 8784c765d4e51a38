/* The input as the rows of a record, its seal apart, and as those of a contact and a tombstone: what
 * can be read is written again, and read to the same. */
#include "base/record.h"
#include "storage/codec.h"
#include "storage/contact.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PLACE = 77 };

static const uint8_t id[] = {0x00, 0x04, 0x08, 0x01, 0x12, 0x00};

static void require(bool holds) {
  if (!holds) {
    abort();
  }
}

/* `row` with the seal that it lacks. */
static wpm_bytes sealed(wpm_room *room, wpm_bytes row, int64_t owner) {
  wpm_packer p = {.scratch = room};
  wpm_pack_raw(&p, row.data, row.len);
  wpm_pack_seal(&p, owner);
  require(p.err == WPM_OK);
  return (wpm_bytes){room->memory, p.len};
}

static void check_record(wpm_bytes row, wpm_room *room, wpm_words *words) {
  wpm_codec_lists lists = {.tags = {NULL, 0}};
  wpm_peer_record record = {.id = {id, sizeof(id)}};
  wpm_bytes whole = sealed(room, row, PLACE ^ wpm_seal_of_id(record.id));
  if (wpm_codec_unpack(whole, PLACE, words, &lists, &record, NULL) == WPM_OK &&
      wpm_codec_check(&record) == WPM_OK) {
    wpm_peer_record *copy = wpm_record_clone(&record);
    require(copy != NULL);
    wpm_packer p = {.scratch = room};
    wpm_codec_pack(&p, copy, words, PLACE);
    require(p.err == WPM_OK);
    record = (wpm_peer_record){.id = {id, sizeof(id)}};
    require(wpm_codec_unpack((wpm_bytes){room->memory, p.len}, PLACE, words, &lists, &record,
                             NULL) == WPM_OK);
    require(wpm_record_equal(copy, &record));
    free(copy);
  }
  uint8_t used[WPM_WORDS_MAX];
  (void)wpm_codec_mark_words(record.id, sealed(room, row, PLACE ^ wpm_seal_of_id(record.id)), PLACE,
                             used);
  wpm_codec_lists_fini(&lists);
}

static void check_small_rows(wpm_bytes row, wpm_room *room) {
  wpm_record_contact contact;
  if (wpm_contact_unpack(sealed(room, row, PLACE), PLACE, &contact) == WPM_OK) {
    wpm_packer p = {.scratch = room};
    wpm_record_contact again;
    wpm_contact_pack(&p, &contact, PLACE);
    require(wpm_contact_unpack((wpm_bytes){room->memory, p.len}, PLACE, &again) == WPM_OK);
    wpm_peer_record records[2] = {{.score = 0}, {.score = 0}};
    wpm_contact_apply(&contact, &records[0]);
    wpm_contact_apply(&again, &records[1]);
    require(wpm_record_equal(&records[0], &records[1]));
  }
  wpm_tombstone tombstone = {.id = {id, sizeof(id)}};
  if (wpm_codec_unpack_tombstone(sealed(room, row, wpm_seal_of_id(tombstone.id)), &tombstone) ==
      WPM_OK) {
    require(wpm_codec_check_tombstone(&tombstone) == WPM_OK);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  wpm_words words;
  wpm_room room = {NULL, 0};
  wpm_words_init(&words);
  require(wpm_words_enter(&words, 0, (wpm_text){"/vac/waku/relay/2.0.0", 21}) == WPM_OK);
  require(wpm_words_enter(&words, 2, (wpm_text){"nwaku", 5}) == WPM_OK);
  check_record((wpm_bytes){data, size}, &room, &words);
  check_small_rows((wpm_bytes){data, size}, &room);
  wpm_room_fini(&room);
  wpm_words_fini(&words);
  return 0;
}
