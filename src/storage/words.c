#include "storage/words.h"

#include <stdlib.h>
#include <string.h>

static wpm_text *list_of(const wpm_words *words) {
  return words->list.memory;
}

static wpm_bytes text_of(const void *user, uint32_t slot) {
  const wpm_words *words = user;
  wpm_text text = list_of(words)[slot];
  return (wpm_bytes){(const uint8_t *)text.data, text.len};
}

void wpm_words_init(wpm_words *words) {
  /* The seed is no secret: a word's place in memory is all that it decides, and their number is
   * capped. */
  const wpm_siphash_key key = {UINT64_C(0x77616b75), (uint64_t)(uintptr_t)words};
  *words = (wpm_words){.count = 0};
  wpm_map_init(&words->by_text, key, text_of, words);
}

void wpm_words_clear(wpm_words *words) {
  for (uint32_t i = 0; i < words->count; i++) {
    free((char *)(uintptr_t)list_of(words)[i].data);
  }
  wpm_map_fini(&words->by_text);
  words->count = 0;
  words->gap = 0;
  words->added_count = 0;
  words->stored_count = 0;
}

void wpm_words_fini(wpm_words *words) {
  wpm_words_clear(words);
  wpm_room_fini(&words->list);
  wpm_room_fini(&words->added);
}

wpm_text wpm_words_at(const wpm_words *words, uint64_t number) {
  return number < words->count ? list_of(words)[number] : (wpm_text){NULL, 0};
}

int wpm_words_enter(wpm_words *words, uint64_t number, wpm_text text) {
  const wpm_bytes bytes = {(const uint8_t *)text.data, text.len};
  if (number >= WPM_WORDS_MAX || text.len == 0 || text.len > WPM_WORD_LEN_MAX ||
      wpm_words_at(words, number).data || wpm_map_find(&words->by_text, bytes) != WPM_MAP_NONE) {
    return WPM_ERR_INVALID;
  }
  char *copy = malloc(text.len);
  if (!copy || wpm_room_reserve(&words->list, number + 1, sizeof(wpm_text))) {
    free(copy);
    return WPM_ERR_NO_MEMORY;
  }
  memcpy(copy, text.data, text.len);
  while (words->count <= number) {
    list_of(words)[words->count++] = (wpm_text){NULL, 0};
  }
  list_of(words)[number] = (wpm_text){copy, text.len};
  if (wpm_map_add(&words->by_text, bytes, (uint32_t)number)) {
    list_of(words)[number] = (wpm_text){NULL, 0};
    free(copy);
    return WPM_ERR_NO_MEMORY;
  }
  return WPM_OK;
}

void wpm_words_pass_over(wpm_words *words, int64_t number) {
  if (number >= words->gap && number < WPM_WORDS_MAX) {
    words->gap = (uint32_t)number + 1;
  }
}

uint32_t wpm_words_use(wpm_words *words, wpm_text text) {
  uint32_t found = wpm_map_find(&words->by_text, (wpm_bytes){(const uint8_t *)text.data, text.len});
  if (found != WPM_MAP_NONE) {
    return found;
  }
  while (wpm_words_at(words, words->gap).data) {
    words->gap++;
  }
  uint32_t number = words->gap;
  if (wpm_room_reserve(&words->added, words->added_count + 1, sizeof(uint32_t)) ||
      wpm_words_enter(words, number, text)) {
    return WPM_WORD_NONE;
  }
  ((uint32_t *)words->added.memory)[words->added_count++] = number;
  return number;
}

void wpm_words_keep(wpm_words *words) {
  words->added_count = 0;
  words->stored_count = 0;
}

void wpm_words_drop_added(wpm_words *words) {
  const uint32_t *added = words->added.memory;
  for (size_t i = 0; i < words->added_count; i++) {
    wpm_text *text = &list_of(words)[added[i]];
    (void)wpm_map_remove(&words->by_text, text_of(words, added[i]));
    free((char *)(uintptr_t)text->data);
    *text = (wpm_text){NULL, 0};
    words->gap = added[i] < words->gap ? added[i] : words->gap;
  }
  words->added_count = 0;
  words->stored_count = 0;
}
