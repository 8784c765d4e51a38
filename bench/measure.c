#include "bench/measure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void wpm_bench_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  wpm_bench_end(1);
}

void wpm_bench_end(int code) {
  _exit(code); /* what was said has been written */
}

void wpm_bench_check(int uv_error, const char *what) {
  if (uv_error < 0) {
    wpm_bench_fail("%s: %s", what, uv_strerror(uv_error));
  }
}

void wpm_bench_say(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vprintf(format, args);
  va_end(args);
  putchar('\n');
  fflush(stdout);
}

static double number(const char *name, const char *text) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= 0) || value > 1e9) {
    wpm_bench_fail("--%s takes a number from 0 to 1e9, not '%s'", name, text);
  }
  return value;
}

static const char *one_of(const char *name, const char *text, const char *first,
                          const char *second) {
  if (strcmp(text, first) != 0 && strcmp(text, second) != 0) {
    wpm_bench_fail("--%s takes %s or %s, not '%s'", name, first, second, text);
  }
  return text;
}

/* Takes the option `name` (behind the dashes) with its value; false where there is none. */
static bool take_option(wpm_bench_options *out, const char *name, const char *value) {
  if (strcmp(name, "addr") == 0) {
    out->addr = value;
  } else if (strcmp(name, "key") == 0) {
    out->key = one_of(name, value, "ed25519", "secp256k1");
  } else if (strcmp(name, "mode") == 0) {
    out->fresh = strcmp(one_of(name, value, "open", "fresh"), "fresh") == 0;
  } else if (strcmp(name, "parallel") == 0) {
    out->parallel = (unsigned)number(name, value);
  } else if (strcmp(name, "count") == 0) {
    out->count = (uint64_t)number(name, value);
  } else if (strcmp(name, "seconds") == 0) {
    out->seconds = number(name, value);
  } else if (strcmp(name, "warmup") == 0) {
    out->warmup = number(name, value);
  } else {
    return false;
  }
  return true;
}

void wpm_bench_options_read(int argc, char **argv, wpm_bench_options *out) {
  if (argc < 2) {
    wpm_bench_fail("use: %s COMMAND [OPTION…]; see bench/README.md", argv[0]);
  }
  *out = (wpm_bench_options){.command = argv[1], .key = "ed25519", .parallel = 1};
  for (int i = 2; i < argc; i++) {
    if (strcmp(argv[i], "--ping") == 0) {
      out->ping = true;
      continue;
    }
    if (i + 1 == argc) {
      wpm_bench_fail("%s needs a value", argv[i]);
    }
    if (strncmp(argv[i], "--", 2) != 0 || !take_option(out, argv[i] + 2, argv[i + 1])) {
      wpm_bench_fail("unknown option %s", argv[i]);
    }
    i++;
  }
  if (strcmp(out->command, "listen") != 0 && !out->addr) {
    wpm_bench_fail("%s needs --addr", out->command);
  }
  if (out->parallel == 0) {
    wpm_bench_fail("--parallel takes a number from 1");
  }
}

static double seconds_of(struct timeval t) {
  return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

double wpm_bench_cpu_seconds(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) {
    wpm_bench_fail("getrusage failed");
  }
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

double wpm_bench_seconds_since(uint64_t begin) {
  return (double)(uv_hrtime() - begin) / 1e9;
}

void wpm_bench_pings_begin(wpm_bench_pings *pings, const wpm_bench_options *options) {
  if (options->seconds <= 0 && options->count == 0) {
    wpm_bench_fail("ping needs --seconds or --count");
  }
  *pings = (wpm_bench_pings){.begun = uv_hrtime(), .warm = options->warmup <= 0};
}

bool wpm_bench_pings_add(wpm_bench_pings *pings, const wpm_bench_options *options, uint64_t ns) {
  if (!pings->warm) {
    if (wpm_bench_seconds_since(pings->begun) >= options->warmup) {
      pings->warm = true;
      pings->begun = uv_hrtime();
    }
    return true;
  }
  if (pings->count == pings->capacity) {
    size_t capacity = pings->capacity ? 2 * pings->capacity : 65536;
    uint64_t *took = realloc(pings->took, capacity * sizeof *took);
    if (!took) {
      wpm_bench_fail("out of memory");
    }
    pings->took = took;
    pings->capacity = capacity;
  }
  pings->took[pings->count++] = ns;
  if (options->count > 0 && pings->count >= options->count) {
    return false;
  }
  return options->seconds <= 0 || wpm_bench_seconds_since(pings->begun) < options->seconds;
}

static int ascending(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a;
  uint64_t y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static double microseconds(const wpm_bench_pings *pings, size_t percent) {
  size_t at = pings->count * percent / 100;
  return (double)pings->took[at] / 1e3;
}

void wpm_bench_pings_report(wpm_bench_pings *pings) {
  if (pings->count == 0) {
    wpm_bench_fail("ping: nothing was measured");
  }
  qsort(pings->took, pings->count, sizeof *pings->took, ascending);
  wpm_bench_say("{\"event\":\"result\",\"count\":%zu,\"p50_us\":%.3f,\"p99_us\":%.3f}",
                pings->count, microseconds(pings, 50), microseconds(pings, 99));
  free(pings->took);
  pings->took = NULL;
}

/* ---- standard input -------------------------------------------------------------------------- */

static struct {
  uv_poll_t poll;
  wpm_bench_line_fn fn;
  char text[128];
  size_t len;
} input;

static void take(const char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (bytes[i] == '\n') {
      input.text[input.len] = '\0';
      input.len = 0;
      input.fn(input.text);
    } else if (input.len < sizeof input.text - 1) {
      input.text[input.len++] = bytes[i];
    }
  }
}

static void input_readable(uv_poll_t *poll, int status, int events) {
  (void)events;
  char bytes[256];
  ssize_t len = status < 0 ? 0 : read(STDIN_FILENO, bytes, sizeof bytes);
  if (len > 0) {
    take(bytes, (size_t)len);
    return;
  }
  uv_close((uv_handle_t *)poll, NULL);
  input.fn(NULL);
}

void wpm_bench_read_lines(uv_loop_t *loop, wpm_bench_line_fn fn) {
  input.fn = fn;
  wpm_bench_check(uv_poll_init(loop, &input.poll, STDIN_FILENO),
                  "standard input must be a pipe or a terminal");
  wpm_bench_check(uv_poll_start(&input.poll, UV_READABLE, input_readable), "standard input");
}
