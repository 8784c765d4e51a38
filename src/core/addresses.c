#include "core/addresses.h"

#include "base/bytes.h"

#include <stdlib.h>

/* A list under construction; its items point to bytes that belong to others. */
typedef struct draft {
  wpm_address *items;
  size_t count;
  size_t cap; /* 0: none. */
} draft;

static int draft_init(draft *d, size_t most, size_t cap) {
  *d = (draft){.cap = cap};
  if (most > UINT32_MAX || most > SIZE_MAX / 2 / sizeof(*d->items)) {
    return WPM_ERR_NO_MEMORY;
  }
  d->items = malloc((most ? most : 1) * sizeof(*d->items));
  return d->items ? WPM_OK : WPM_ERR_NO_MEMORY;
}

static wpm_address *find(wpm_address *items, size_t count, wpm_bytes multiaddr) {
  for (size_t i = 0; i < count; i++) {
    if (wpm_bytes_equal(items[i].multiaddr, multiaddr)) {
      return &items[i];
    }
  }
  return NULL;
}

/* True where `a` is to give way before `b`. */
static bool worth_less(const wpm_address *a, const wpm_address *b) {
  if (a->source != b->source) {
    return a->source < b->source;
  }
  return a->last_success.ns < b->last_success.ns; /* WPM_WALL_NONE is the least. */
}

/* Makes room for an address of `source`; false where none may give way. */
static bool draft_evict(draft *d, wpm_address_source source) {
  size_t worst = 0;
  for (size_t i = 1; i < d->count; i++) {
    if (worth_less(&d->items[i], &d->items[worst])) {
      worst = i;
    }
  }
  if (d->count == 0 || d->items[worst].source >= source) {
    return false;
  }
  d->count--;
  memmove(&d->items[worst], &d->items[worst + 1], (d->count - worst) * sizeof(*d->items));
  return true;
}

/* Adds one; false where the cap leaves it out. */
static bool draft_add(draft *d, const wpm_address *item) {
  wpm_address *held = find(d->items, d->count, item->multiaddr);
  if (held) {
    if (item->source > held->source) {
      held->source = item->source;
    }
    return true;
  }
  if (wpm_multiaddr_check(item->multiaddr) != WPM_OK) {
    return true;
  }
  if (d->cap > 0 && d->count >= d->cap && !draft_evict(d, item->source)) {
    return false;
  }
  d->items[d->count++] = *item;
  return true;
}

/* Turns the draft into a list of its own and frees the draft. */
static int draft_finish(draft *d, wpm_address_list *out) {
  size_t size = d->count * sizeof(*d->items);
  for (size_t i = 0; i < d->count; i++) {
    size += d->items[i].multiaddr.len;
  }
  *out = (wpm_address_list){NULL, (uint32_t)d->count};
  if (d->count > 0) {
    out->items = malloc(size);
    if (!out->items) {
      free(d->items);
      *out = (wpm_address_list){NULL, 0};
      return WPM_ERR_NO_MEMORY;
    }
    uint8_t *bytes = (uint8_t *)(out->items + d->count);
    for (size_t i = 0; i < d->count; i++) {
      out->items[i] = d->items[i];
      size_t len = d->items[i].multiaddr.len;
      memcpy(bytes, d->items[i].multiaddr.data, len);
      out->items[i].multiaddr.data = bytes;
      bytes += len;
    }
  }
  free(d->items);
  return WPM_OK;
}

int wpm_addresses_with(const wpm_address_list *old, const wpm_bytes *added, size_t added_count,
                       wpm_address_source source, size_t cap, wpm_address_list *out,
                       size_t *left_out) {
  draft d;
  int err = added_count > SIZE_MAX / 2 ? WPM_ERR_NO_MEMORY
                                       : draft_init(&d, old->count + added_count, cap);
  if (err) {
    return err;
  }
  for (uint32_t i = 0; i < old->count; i++) {
    d.items[d.count++] = old->items[i];
  }
  size_t refused = 0;
  for (size_t i = 0; i < added_count; i++) {
    wpm_address item = {added[i], source, WPM_WALL_NONE, WPM_WALL_NONE};
    refused += !draft_add(&d, &item);
  }
  if (left_out) {
    *left_out = refused;
  }
  return draft_finish(&d, out);
}

int wpm_addresses_identified(const wpm_address_list *old, const wpm_bytes *told, size_t told_count,
                             size_t cap, wpm_address_list *out) {
  draft d;
  int err =
      told_count > SIZE_MAX / 2 ? WPM_ERR_NO_MEMORY : draft_init(&d, old->count + told_count, cap);
  if (err) {
    return err;
  }
  for (uint32_t i = 0; i < old->count; i++) {
    if (old->items[i].source != WPM_SOURCE_IDENTIFY) {
      d.items[d.count++] = old->items[i];
    }
  }
  for (size_t i = 0; i < told_count; i++) {
    wpm_address item = {told[i], WPM_SOURCE_IDENTIFY, WPM_WALL_NONE, WPM_WALL_NONE};
    const wpm_address *held = wpm_addresses_find(old, told[i]);
    if (held) {
      item.last_success = held->last_success;
      item.last_failure = held->last_failure;
    }
    (void)draft_add(&d, &item);
  }
  return draft_finish(&d, out);
}

int wpm_addresses_copy(const wpm_address *items, size_t count, size_t cap, wpm_address_list *out) {
  draft d;
  int err = draft_init(&d, count, cap);
  if (err) {
    return err;
  }
  for (size_t i = 0; i < count; i++) {
    (void)draft_add(&d, &items[i]);
  }
  return draft_finish(&d, out);
}

wpm_address *wpm_addresses_find(const wpm_address_list *list, wpm_bytes multiaddr) {
  return find(list->items, list->count, multiaddr);
}

bool wpm_addresses_equal(const wpm_address_list *a, const wpm_address_list *b) {
  if (a->count != b->count) {
    return false;
  }
  for (uint32_t i = 0; i < a->count; i++) {
    const wpm_address *x = &a->items[i];
    const wpm_address *y = &b->items[i];
    if (x->source != y->source || x->last_success.ns != y->last_success.ns ||
        x->last_failure.ns != y->last_failure.ns || !wpm_bytes_equal(x->multiaddr, y->multiaddr)) {
      return false;
    }
  }
  return true;
}

typedef enum outcome { WORKED, UNTRIED, FAILED } outcome;

static outcome outcome_of(const wpm_address *a) {
  if (!wpm_wall_known(a->last_success) && !wpm_wall_known(a->last_failure)) {
    return UNTRIED;
  }
  return a->last_success.ns >= a->last_failure.ns ? WORKED : FAILED;
}

/* True where `a` is to be dialled before `b`; false where they are equal. */
static bool more_promising(const wpm_address *a, const wpm_address *b) {
  outcome of_a = outcome_of(a);
  outcome of_b = outcome_of(b);
  if (of_a != of_b) {
    return of_a < of_b;
  }
  switch (of_a) {
  case WORKED:
    return a->last_success.ns > b->last_success.ns;
  case UNTRIED:
    return a->source > b->source;
  case FAILED:
    return a->last_failure.ns < b->last_failure.ns;
  }
  return false;
}

/* The lists are short, so insertion sort does. While sorting, a view stands for its entry. */
static wpm_bytes view_of_entry(const wpm_address *item) {
  return (wpm_bytes){(const void *)item, 0};
}

static const wpm_address *entry_of_view(wpm_bytes view) {
  return (const void *)view.data;
}

void wpm_addresses_rank(const wpm_address_list *list, wpm_bytes *out) {
  for (uint32_t i = 0; i < list->count; i++) {
    const wpm_address *item = &list->items[i];
    uint32_t at = i;
    for (; at > 0 && more_promising(item, entry_of_view(out[at - 1])); at--) {
      out[at] = out[at - 1];
    }
    out[at] = view_of_entry(item);
  }
  for (uint32_t i = 0; i < list->count; i++) {
    out[i] = entry_of_view(out[i])->multiaddr;
  }
}
