#include "bench/store/peer_file.h"

#include "bench/measure.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct cursor {
  const wpm_peer_file *file;
  size_t at;
} cursor;

/* The next `len` bytes. */
static const uint8_t *take(cursor *c, size_t len) {
  if (len > c->file->size - c->at) {
    wpm_bench_fail("the file of peers ends too early; make it anew");
  }
  const uint8_t *bytes = c->file->data + c->at;
  c->at += len;
  return bytes;
}

static uint8_t take_byte(cursor *c) {
  return *take(c, 1);
}

static uint32_t take_u32(cursor *c) {
  const uint8_t *b = take(c, 4);
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static wpm_bytes take_bytes(cursor *c) {
  size_t len = take_byte(c);
  return (wpm_bytes){take(c, len), len};
}

static size_t take_count(cursor *c) {
  size_t count = take_byte(c);
  if (count > WPM_PEER_FILE_LIST) {
    wpm_bench_fail("the file of peers is damaged; make it anew");
  }
  return count;
}

static void take_peer(cursor *c, wpm_file_peer *out) {
  out->id = take_bytes(c);
  out->connectivity = (wpm_connectivity)take_byte(c);
  out->address_count = take_count(c);
  for (size_t i = 0; i < out->address_count; i++) {
    out->addresses[i] = take_bytes(c);
  }
  out->protocol_count = take_count(c);
  for (size_t i = 0; i < out->protocol_count; i++) {
    uint8_t index = take_byte(c);
    if (index >= c->file->protocol_count) {
      wpm_bench_fail("the file of peers is damaged; make it anew");
    }
    out->protocols[i] = c->file->protocols[index];
  }
  out->shard_count = take_count(c);
  for (size_t i = 0; i < out->shard_count; i++) {
    out->shards[i] = take_byte(c);
  }
}

static void map_file(const char *path, wpm_peer_file *out) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0 || status.st_size <= 0 || status.st_size > UINT32_MAX) {
    wpm_bench_fail("cannot read the peers of %s", path);
  }
  out->size = (size_t)status.st_size;
  void *data = mmap(NULL, out->size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  close(fd);
  if (data == MAP_FAILED) {
    wpm_bench_fail("cannot map %s", path);
  }
  out->data = data;
}

void wpm_peer_file_open(const char *path, wpm_peer_file *out) {
  memset(out, 0, sizeof *out);
  map_file(path, out);
  cursor c = {out, 0};
  if (memcmp(take(&c, strlen(WPM_PEER_FILE_MAGIC)), WPM_PEER_FILE_MAGIC,
             strlen(WPM_PEER_FILE_MAGIC)) != 0) {
    wpm_bench_fail("%s is no file of peers", path);
  }
  out->peers = take_u32(&c);
  out->protocol_count = take_byte(&c);
  out->asked = take_byte(&c);
  if (out->peers == 0 || out->protocol_count > WPM_PEER_FILE_PROTOCOLS ||
      out->asked >= out->protocol_count) {
    wpm_bench_fail("%s is damaged; make it anew", path);
  }
  for (size_t i = 0; i < out->protocol_count; i++) {
    wpm_bytes name = take_bytes(&c);
    out->protocols[i] = (wpm_text){(const char *)name.data, name.len};
  }
  out->offsets = malloc(out->peers * sizeof *out->offsets);
  out->order = malloc(out->peers * sizeof *out->order);
  if (!out->offsets || !out->order) {
    wpm_bench_fail("out of memory");
  }
  for (uint32_t i = 0; i < out->peers; i++) {
    wpm_file_peer peer;
    out->offsets[i] = (uint32_t)c.at;
    take_peer(&c, &peer);
  }
  for (uint32_t i = 0; i < out->peers; i++) {
    out->order[i] = take_u32(&c);
    if (out->order[i] >= out->peers) {
      wpm_bench_fail("%s is damaged; make it anew", path);
    }
  }
}

void wpm_peer_file_close(wpm_peer_file *file) {
  free(file->offsets);
  free(file->order);
  munmap((void *)(uintptr_t)file->data, file->size);
}

void wpm_peer_file_get(const wpm_peer_file *file, uint32_t index, wpm_file_peer *out) {
  cursor c = {file, file->offsets[index]};
  take_peer(&c, out);
}
