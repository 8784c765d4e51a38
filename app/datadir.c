#include "datadir.h"

#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *what, const char *path) {
  (void)fprintf(stderr, "wakupeers: %s %s: %s\n", what, path, strerror(errno));
  return EXIT_FAILED;
}

int datadir_find(datadir *dir, const char *given) {
  const char *state = getenv("XDG_STATE_HOME");
  const char *home = getenv("HOME");
  int len = 0;
  dir->lock = -1;
  if (given) {
    len = snprintf(dir->path, sizeof dir->path, "%s", given);
  } else if (state && *state == '/') {
    len = snprintf(dir->path, sizeof dir->path, "%s/wakupeers", state);
  } else if (home && *home != '\0') {
    len = snprintf(dir->path, sizeof dir->path, "%s/.local/state/wakupeers", home);
  } else {
    (void)fputs("wakupeers: neither XDG_STATE_HOME nor HOME is set; give --data-dir=DIR\n", stderr);
    return EXIT_USAGE;
  }
  if (len < 0 || (size_t)len >= sizeof dir->path) {
    (void)fputs("wakupeers: --data-dir: the path is too long\n", stderr);
    return EXIT_USAGE;
  }
  return EXIT_DONE;
}

int datadir_create(const datadir *dir) {
  char path[PATH_MAX];
  (void)snprintf(path, sizeof path, "%s", dir->path);
  for (char *at = path + 1; *at; at++) {
    if (*at != '/') {
      continue;
    }
    *at = '\0';
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
      return failed("cannot create", path);
    }
    *at = '/';
  }
  if (mkdir(path, 0700) != 0 && errno != EEXIST) {
    return failed("cannot create", path);
  }
  return EXIT_DONE;
}

bool datadir_file(const datadir *dir, const char *name, char out[PATH_MAX]) {
  int len = snprintf(out, PATH_MAX, "%s/%s", dir->path, name);
  return len > 0 && len < PATH_MAX;
}

/* As datadir_file, but says so where it fails. */
static bool file_of(const datadir *dir, const char *name, char out[PATH_MAX]) {
  bool fits = datadir_file(dir, name, out);
  if (!fits) {
    (void)fputs("wakupeers: --data-dir: the path is too long\n", stderr);
  }
  return fits;
}

/* ---- the lock -------------------------------------------------------------------------------- */

int datadir_lock(datadir *dir) {
  char path[PATH_MAX];
  char pid[32] = "";
  if (!file_of(dir, "lock", path)) {
    return EXIT_FAILED;
  }
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return failed("cannot open", path);
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    bool held = errno == EWOULDBLOCK;
    ssize_t len = held ? read(fd, pid, sizeof pid - 1) : -1;
    pid[len > 0 ? len : 0] = '\0';
    pid[strcspn(pid, "\n")] = '\0';
    int result = held ? EXIT_LOCKED : failed("cannot lock", path);
    if (held) {
      (void)fprintf(stderr,
                    "wakupeers: a daemon with pid %s holds %s already; stop it, or give this one "
                    "another --data-dir\n",
                    pid, dir->path);
    }
    (void)close(fd);
    return result;
  }
  int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)len, 0) != len) {
    int result = failed("cannot write", path);
    (void)close(fd);
    return result;
  }
  dir->lock = fd;
  return EXIT_DONE;
}

void datadir_unlock(datadir *dir) {
  if (dir->lock >= 0) {
    (void)close(dir->lock);
  }
  dir->lock = -1;
}

/* ---- small files ----------------------------------------------------------------------------- */

/* Reads a small text file and cuts it at the first line's end. -1: it cannot be read. */
static ssize_t read_line(const char *path, char *out, size_t cap) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return -1;
  }
  ssize_t len = read(fd, out, cap - 1);
  (void)close(fd);
  if (len >= 0) {
    out[len] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
  }
  return len;
}

/* Writes a small text file, 0600, whole or not at all. */
static int write_file(const datadir *dir, const char *name, const char *text) {
  char path[PATH_MAX];
  char fresh[PATH_MAX];
  char fresh_name[64];
  (void)snprintf(fresh_name, sizeof fresh_name, "%s.new", name);
  if (!file_of(dir, name, path) || !file_of(dir, fresh_name, fresh)) {
    return EXIT_FAILED;
  }
  int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) {
    return failed("cannot write", fresh);
  }
  size_t len = strlen(text);
  bool written = fchmod(fd, 0600) == 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
  int result = written ? EXIT_DONE : failed("cannot write", fresh);
  (void)close(fd);
  if (result == EXIT_DONE && rename(fresh, path) != 0) {
    result = failed("cannot write", path);
  }
  if (result != EXIT_DONE) {
    (void)unlink(fresh);
  }
  return result;
}

int datadir_read_key(const datadir *dir, wpm_node_key *key, bool *found) {
  char path[PATH_MAX];
  char text[2 * WPM_NODE_KEY_TEXT];
  wpm_error error;
  *found = false;
  if (!file_of(dir, "nodekey", path)) {
    return EXIT_FAILED;
  }
  ssize_t len = read_line(path, text, sizeof text);
  if (len < 0) {
    return errno == ENOENT ? EXIT_DONE : failed("cannot read", path);
  }
  int err = wpm_node_key_parse((wpm_text){text, strlen(text)}, key, &error);
  explicit_bzero(text, sizeof text);
  if (err != WPM_OK) {
    (void)fprintf(stderr, "wakupeers: %s: %s; restore it, or remove it to get a new identity\n",
                  path, error.text);
    return EXIT_FAILED;
  }
  *found = true;
  return EXIT_DONE;
}

int datadir_write_key(const datadir *dir, const wpm_node_key *key) {
  char text[WPM_NODE_KEY_TEXT + 1];
  int err = wpm_node_key_format(key, text, sizeof text - 1);
  if (err != WPM_OK) {
    (void)fprintf(stderr, "wakupeers: the node key cannot be written: %s\n", wpm_strerror(err));
    return EXIT_FAILED;
  }
  size_t len = strlen(text);
  memcpy(text + len, "\n", sizeof "\n");
  int result = write_file(dir, "nodekey", text);
  explicit_bzero(text, sizeof text);
  return result;
}

bool datadir_read_rest(const datadir *dir, char *out, size_t cap) {
  char path[PATH_MAX];
  return datadir_file(dir, "rest-address", path) && read_line(path, out, cap) > 0;
}

int datadir_write_rest(const datadir *dir, const char *url) {
  char text[300];
  (void)snprintf(text, sizeof text, "%s\n", url);
  return write_file(dir, "rest-address", text);
}

void datadir_remove_rest(const datadir *dir) {
  char path[PATH_MAX];
  if (datadir_file(dir, "rest-address", path)) {
    (void)unlink(path);
  }
}
