#include "run_lists.h"

#include "complain.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum { SERVICE_SLOTS_MAX = 1000 }; /* Of one service. */

static wpm_text *texts_of(const text_list *list) {
  wpm_text *texts = calloc(list->count + 1, sizeof *texts);
  for (size_t i = 0; texts && i < list->count; i++) {
    texts[i] = (wpm_text){list->items[i], strlen(list->items[i])};
  }
  return texts;
}

static int read_ranges(const text_list *list, wpm_ip_range *out) {
  for (size_t i = 0; i < list->count; i++) {
    const char *text = list->items[i];
    if (wpm_ip_range_parse((wpm_text){text, strlen(text)}, &out[i]) != WPM_OK) {
      return complain(EXIT_USAGE,
                      "--inbound-allow: \"%s\" is no range of IP addresses; it takes one such as "
                      "10.0.0.0/8 or 2001:db8::/32",
                      text);
    }
  }
  return EXIT_DONE;
}

/* ---- services ---------------------------------------------------------------------------------- */

#define TEXT(literal)                                                                              \
  { (literal), sizeof(literal) - 1 }

/* Short names of the services that a Waku node offers, with the bits of 31/WAKU2-ENR. */
static const struct {
  const char *name;
  wpm_text protocol;
  uint8_t capability;
} known[] = {
    {"store", TEXT("/vac/waku/store-query/3.0.0"), 1},
    {"filter", TEXT("/vac/waku/filter-subscribe/2.0.0-beta1"), 2},
    {"lightpush", TEXT("/vac/waku/lightpush/3.0.0"), 3},
    {"peer-exchange", TEXT("/vac/waku/peer-exchange/2.0.0-alpha1"), WPM_NO_CAPABILITY},
};

/* NAME:N, NAME one of the above or a protocol id, which begins with a slash. */
static bool read_service(const char *text, wpm_service *out) {
  const char *colon = strrchr(text, ':');
  uint64_t slots = 0;
  if (!colon || colon == text || !text_to_number(colon + 1, 1, SERVICE_SLOTS_MAX, &slots)) {
    return false;
  }
  size_t length = (size_t)(colon - text);
  *out = (wpm_service){{text, length}, WPM_NO_CAPABILITY, (uint32_t)slots};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strlen(known[i].name) == length && strncmp(known[i].name, text, length) == 0) {
      out->protocol = known[i].protocol;
      out->capability = known[i].capability;
      return true;
    }
  }
  return *text == '/';
}

static int read_services(const text_list *list, wpm_service *out) {
  if (list->count > WPM_SERVICES_MAX) {
    return complain(EXIT_USAGE, "--service-slots: %zu services; it takes at most %u", list->count,
                    WPM_SERVICES_MAX);
  }
  for (size_t i = 0; i < list->count; i++) {
    if (!read_service(list->items[i], &out[i])) {
      return complain(
          EXIT_USAGE,
          "--service-slots: \"%s\" is no service and number; it takes store, filter, "
          "lightpush, peer-exchange or a protocol id, and how many peers, such as store:2",
          list->items[i]);
    }
  }
  return EXIT_DONE;
}

/* ---- all --------------------------------------------------------------------------------------- */

void run_lists_free(run_lists *lists) {
  free(lists->shards);
  free(lists->static_nodes);
  free(lists->allow);
  free(lists->services);
}

int run_lists_make(const app_options *options, run_lists *out) {
  *out = (run_lists){
      .shards = calloc(options->shards.count + 1, sizeof *out->shards),
      .shard_count = options->shards.count,
      .static_nodes = texts_of(&options->static_nodes),
      .static_node_count = options->static_nodes.count,
      .allow = calloc(options->inbound_allow.count + 1, sizeof *out->allow),
      .allow_count = options->inbound_allow.count,
      .services = calloc(options->service_slots.count + 1, sizeof *out->services),
      .service_count = options->service_slots.count,
  };
  if (!out->shards || !out->static_nodes || !out->allow || !out->services) {
    return complain_no_memory();
  }
  for (size_t i = 0; i < options->shards.count; i++) {
    uint64_t shard = 0;
    (void)text_to_number(options->shards.items[i], 0, UINT16_MAX, &shard); /* It was checked. */
    out->shards[i] = (uint16_t)shard;
  }
  int result = read_ranges(&options->inbound_allow, out->allow);
  return result == EXIT_DONE ? read_services(&options->service_slots, out->services) : result;
}

void run_lists_use(const run_lists *lists, wpm_node_config *config) {
  config->static_nodes = lists->static_nodes;
  config->static_node_count = lists->static_node_count;
  config->manager.shards = lists->shards;
  config->manager.shard_count = lists->shard_count;
  config->manager.services = lists->services;
  config->manager.service_count = lists->service_count;
  if (lists->allow_count > 0) {
    config->manager.inbound_allow = lists->allow;
    config->manager.inbound_allow_count = lists->allow_count;
  }
}
