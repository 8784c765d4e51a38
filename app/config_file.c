#include "config_file.h"

#include "complain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_space(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Cuts space off both ends of [text, end), in place. */
static char *trim(char *text, char *end) {
  while (text < end && is_space(*text)) {
    text++;
  }
  while (end > text && is_space(end[-1])) {
    end--;
  }
  *end = '\0';
  return text;
}

static char *unquote(char *value) {
  size_t len = strlen(value);
  if (len < 2 || value[0] != '"' || value[len - 1] != '"') {
    return value;
  }
  value[len - 1] = '\0';
  return value + 1;
}

static int wrong(const char *path, unsigned line, const char *what) {
  return complain(EXIT_USAGE, "%s: line %u %s", path, line, what);
}

/* One line, from `text` to `end`, where there is room for a NUL. */
static int read_line(const char *path, unsigned line, char *text, char *end, config_entry entry,
                     void *user) {
  if (memchr(text, '\0', (size_t)(end - text))) {
    return wrong(path, line, "holds a NUL byte: it is not text");
  }
  text = trim(text, end);
  size_t len = strlen(text);
  if (len == 0 || *text == '#' || *text == ';' || (*text == '[' && text[len - 1] == ']')) {
    return EXIT_DONE;
  }
  char *equals = strchr(text, '=');
  if (!equals || equals == text) {
    return wrong(path, line, "is not NAME = VALUE");
  }
  char *value = trim(equals + 1, text + len);
  return entry(user, line, trim(text, equals), unquote(value));
}

int config_text_read(const char *path, char *text, size_t len, config_entry entry, void *user) {
  int result = EXIT_DONE;
  char *end = text + len;
  if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
    text += 3;
  }
  for (unsigned line = 1; text < end; line++) {
    char *next = memchr(text, '\n', (size_t)(end - text));
    next = next ? next : end;
    int one = read_line(path, line, text, next, entry, user);
    result = one != EXIT_DONE ? one : result;
    text = next + 1;
  }
  return result;
}

/* Reads the whole file; *len is CONFIG_FILE_MAX + 1 where it is larger. */
static bool read_whole(int fd, char *text, size_t *len) {
  ssize_t got = 1;
  *len = 0;
  while (got > 0 && *len <= CONFIG_FILE_MAX) {
    got = read(fd, text + *len, CONFIG_FILE_MAX + 1 - *len);
    if (got < 0 && errno == EINTR) {
      got = 1;
      continue;
    }
    *len += got > 0 ? (size_t)got : 0;
  }
  return got >= 0;
}

int config_file_read(const char *path, config_entry entry, void *user) {
  char *text = malloc(CONFIG_FILE_MAX + 2);
  size_t len = 0;
  int result = EXIT_USAGE;
  if (!text) {
    return complain_no_memory();
  }
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || !read_whole(fd, text, &len)) {
    (void)complain(EXIT_USAGE, "--config-file: %s cannot be read: %s", path, strerror(errno));
  } else if (len > CONFIG_FILE_MAX) {
    (void)complain(EXIT_USAGE, "--config-file: %s is larger than 1 MiB", path);
  } else {
    result = config_text_read(path, text, len, entry, user);
  }
  if (fd >= 0) {
    (void)close(fd);
  }
  explicit_bzero(text, len); /* It may hold the node key. */
  free(text);
  return result;
}
