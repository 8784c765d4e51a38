#include "datadir.h"

#include "complain.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *what, const char *path) {
  return complain(EXIT_FAILED, "%s %s: %s", what, path, strerror(errno));
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
    return complain(EXIT_USAGE, "neither XDG_STATE_HOME nor HOME is set; give --data-dir=DIR");
  }
  if (len < 0 || (size_t)len >= sizeof dir->path) {
    return complain(EXIT_USAGE, "--data-dir: the path is too long");
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
  return datadir_file(dir, name, out) ||
         complain(EXIT_FAILED, "--data-dir: the path is too long") == EXIT_DONE;
}

/* ---- the lock -------------------------------------------------------------------------------- */

/* True where the disk is what keeps us from writing. */
static bool cannot_write(void) {
  return errno == EROFS || errno == EACCES || errno == ENOSPC || errno == EDQUOT;
}

/* Who holds a lock on the file: a pid, 0 for one that is not seen from here (another container), -1
 * for nobody. */
static pid_t holder_of(int fd) {
  struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
  return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? lock.l_pid : -1;
}

static int locked_by_another(const datadir *dir, int fd) {
  char text[32] = "?";
  pid_t pid = holder_of(fd);
  if (pid > 0) {
    (void)snprintf(text, sizeof text, "%ld", (long)pid);
  } else {
    ssize_t len = pread(fd, text, sizeof text - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
  }
  return complain(EXIT_LOCKED,
                  "a daemon or db command with pid %s holds %s already; stop it, or give this one "
                  "another --data-dir",
                  text, dir->path);
}

/* The pid is in the file for people; a full disk does without. */
static void write_pid(int fd) {
  char pid[32];
  int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
  if (pwrite(fd, pid, (size_t)len, 0) != len || ftruncate(fd, len) != 0) {
    log_line(WPM_LOG_WARN, "run", "the pid cannot be written into the lock: %s", strerror(errno));
  }
}

int datadir_lock(datadir *dir) {
  char path[PATH_MAX];
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  if (!file_of(dir, "lock", path)) {
    return EXIT_FAILED;
  }
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 && !cannot_write()) {
    return failed("cannot open", path);
  }
  if (fd < 0) {
    log_line(WPM_LOG_WARN, "run", "nothing can be written to %s (%s): running from memory",
             dir->path, strerror(errno));
    return EXIT_DONE;
  }
  if (fcntl(fd, F_SETLK, &lock) != 0) {
    int result = errno == EAGAIN || errno == EACCES ? locked_by_another(dir, fd)
                                                    : failed("cannot lock", path);
    (void)close(fd);
    return result;
  }
  write_pid(fd);
  dir->lock = fd;
  return EXIT_DONE;
}

bool datadir_is_locked(const datadir *dir) {
  char path[PATH_MAX];
  int fd = datadir_file(dir, "lock", path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  bool locked = fd >= 0 && holder_of(fd) >= 0;
  if (fd >= 0) {
    (void)close(fd);
  }
  return locked;
}

void datadir_unlock(datadir *dir) {
  if (dir->lock >= 0) {
    (void)close(dir->lock);
  }
  dir->lock = -1;
}

/* ---- small files ----------------------------------------------------------------------------- */

/* Reads a small text file and cuts it at the first line's end. -1: it cannot be read. `mode` (may be
 * NULL) gets its permissions. */
static ssize_t read_line(const char *path, char *out, size_t cap, mode_t *mode) {
  struct stat about = {0};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return -1;
  }
  ssize_t len = fstat(fd, &about) == 0 ? read(fd, out, cap - 1) : -1;
  if (mode) {
    *mode = about.st_mode;
  }
  (void)close(fd);
  if (len >= 0) {
    out[len] = '\0';
    out[strcspn(out, "\r\n")] = '\0';
  }
  return len;
}

/* Writes a small text file, 0600, whole or not at all. errno says why not. */
static bool write_file(const datadir *dir, const char *name, const char *text) {
  char path[PATH_MAX];
  char fresh[PATH_MAX];
  char fresh_name[64];
  (void)snprintf(fresh_name, sizeof fresh_name, "%s.new", name);
  if (!datadir_file(dir, name, path) || !datadir_file(dir, fresh_name, fresh)) {
    errno = ENAMETOOLONG;
    return false;
  }
  (void)unlink(fresh); /* Nobody else's file, and no link to elsewhere. */
  int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return false;
  }
  size_t len = strlen(text);
  ssize_t written = write(fd, text, len);
  if (written >= 0 && (size_t)written != len) {
    errno = ENOSPC;
  }
  bool whole = written == (ssize_t)len && fsync(fd) == 0;
  whole = close(fd) == 0 && whole && rename(fresh, path) == 0;
  if (!whole) {
    int why = errno;
    (void)unlink(fresh);
    errno = why;
  }
  return whole;
}

/* Others must not read a node key. */
static void keep_private(const char *path, mode_t mode) {
  if ((mode & 077) == 0) {
    return;
  }
  if (chmod(path, 0600) == 0) {
    log_line(WPM_LOG_WARN, "run", "%s could be read by others (mode %03o); it is 0600 again", path,
             (unsigned)mode & 0777);
  } else {
    log_line(WPM_LOG_WARN, "run", "%s can be read by others (mode %03o): %s", path,
             (unsigned)mode & 0777, strerror(errno));
  }
}

int datadir_read_key(const datadir *dir, wpm_node_key *key, bool *found) {
  char path[PATH_MAX];
  char text[2 * WPM_NODE_KEY_TEXT];
  mode_t mode = 0;
  wpm_error error;
  *found = false;
  if (!file_of(dir, "nodekey", path)) {
    return EXIT_FAILED;
  }
  ssize_t len = read_line(path, text, sizeof text, &mode);
  if (len < 0) {
    return errno == ENOENT ? EXIT_DONE : failed("cannot read", path);
  }
  keep_private(path, mode);
  int err = wpm_node_key_parse((wpm_text){text, strlen(text)}, key, &error);
  explicit_bzero(text, sizeof text);
  if (err != WPM_OK) {
    return complain(EXIT_FAILED, "%s: %s; restore it, or remove it to get a new identity", path,
                    error.text);
  }
  *found = true;
  return EXIT_DONE;
}

int datadir_write_key(const datadir *dir, const wpm_node_key *key) {
  char text[WPM_NODE_KEY_TEXT + 1];
  int err = wpm_node_key_format(key, text, sizeof text - 1);
  if (err != WPM_OK) {
    return complain(EXIT_FAILED, "the node key cannot be written: %s", wpm_strerror(err));
  }
  size_t len = strlen(text);
  memcpy(text + len, "\n", sizeof "\n");
  bool written = write_file(dir, "nodekey", text);
  explicit_bzero(text, sizeof text);
  return written ? EXIT_DONE
                 : complain(EXIT_FAILED,
                            "the node key cannot be kept in %s: %s; give another --data-dir, or a "
                            "--nodekey",
                            dir->path, strerror(errno));
}

bool datadir_read_rest(const datadir *dir, char *out, size_t cap) {
  char path[PATH_MAX];
  return datadir_file(dir, "rest-address", path) && read_line(path, out, cap, NULL) > 0;
}

void datadir_write_rest(const datadir *dir, const char *url) {
  char text[300];
  (void)snprintf(text, sizeof text, "%s\n", url);
  if (!write_file(dir, "rest-address", text)) {
    log_line(WPM_LOG_WARN, "run",
             "%s/rest-address cannot be written (%s): wakupeers peers will need --rest-port",
             dir->path, strerror(errno));
  }
}

void datadir_remove_rest(const datadir *dir) {
  char path[PATH_MAX];
  if (datadir_file(dir, "rest-address", path)) {
    (void)unlink(path);
  }
}
