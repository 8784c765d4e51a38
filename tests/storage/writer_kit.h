/* What tests of the writer share: a database on the disk whose faults they choose (a folder of its own
 * for each test), and to be woken by the writer. */
#pragma once

#include "node/writer.h"

#include "storage/stored.h"
#include "support/storage/faulty_vfs.h"

#include <uv.h>

typedef struct writer_kit {
  char *dir;
  char *path;
  uv_mutex_t mutex;
  uv_cond_t woken; /* Signalled at each wake. */
} writer_kit;

static writer_kit kit;

static int writer_kit_install(void **state) {
  (void)state;
  wpm_disk_install();
  return uv_mutex_init(&kit.mutex) || uv_cond_init(&kit.woken);
}

/* For a test: a database of so many peers. */
static void writer_kit_set_up(uint32_t peers) {
  kit.dir = wpm_test_dir_new();
  kit.path = wpm_test_dir_file(kit.dir, "peers.db");
  stored_make(kit.path, peers);
}

static int writer_kit_tear_down(void **state) {
  (void)state;
  free(kit.path);
  wpm_test_dir_remove(kit.dir);
  return 0;
}

static void writer_kit_wake(void *user) {
  (void)user;
  uv_mutex_lock(&kit.mutex);
  uv_cond_broadcast(&kit.woken);
  uv_mutex_unlock(&kit.mutex);
}

static int writer_kit_ignore_record(void *user, const wpm_peer_record *record) {
  (void)user;
  (void)record;
  return WPM_OK;
}

/* A running writer on that database, otherwise as configured. */
static wpm_writer *writer_kit_start(wpm_writer_config config) {
  wpm_writer *writer = NULL;
  config.path = kit.path;
  config.wake = writer_kit_wake;
  assert_int_equal(wpm_writer_open(&config, &writer), WPM_OK);
  const wpm_writer_sink sink = {.record = writer_kit_ignore_record};
  wpm_writer_load(writer, &sink, NULL);
  assert_int_equal(wpm_writer_start(writer), WPM_OK);
  return writer;
}
