/* What the benchmarks' programs share: their command line, the CPU time they used, samples and
 * their percentiles, and the end with standard input. Output is one JSON object a line; see
 * README.md. */
#ifndef WPM_BENCH_MEASURE_H
#define WPM_BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

typedef struct wpm_bench_options {
  const char *command; /* listen, dial, ping or idle. */
  const char *addr;    /* --addr; NULL where it is not given. */
  const char *key;     /* --key: ed25519 (default) or secp256k1. */
  bool fresh;          /* --mode fresh: a stream for each ping. */
  bool ping;           /* --ping: ping will be asked for; ours always answers it. */
  unsigned parallel;   /* --parallel: dials under way at once. */
  uint64_t count;      /* --count: dials, pings or connections; 0: no limit. */
  double seconds;      /* --seconds: how long to measure; 0: until count. */
  double warmup;       /* --warmup: how long to run before measuring. */
} wpm_bench_options;

/* Reads the command line; ends the program with a message where it is wrong. */
void wpm_bench_options_read(int argc, char **argv, wpm_bench_options *out);

/* Prints a message on standard error and ends the program with 1. */
__attribute__((noreturn, format(printf, 1, 2))) void wpm_bench_fail(const char *format, ...);
/* Ends the program, whatever still runs. */
__attribute__((noreturn)) void wpm_bench_end(int code);
/* Fails where `uv_error` is an error. */
void wpm_bench_check(int uv_error, const char *what);

/* Prints one line on standard output, at once. */
__attribute__((format(printf, 1, 2))) void wpm_bench_say(const char *format, ...);

/* User and system time of this process so far, in seconds (getrusage). */
double wpm_bench_cpu_seconds(void);

/* Seconds since `begin`, a value of uv_hrtime(). */
double wpm_bench_seconds_since(uint64_t begin);

/* Round trips of 32-byte pings, one at a time: first the warm-up, then what counts. */
typedef struct wpm_bench_pings {
  uint64_t *took;  /* Nanoseconds each. */
  size_t count;    /* Their number. */
  size_t capacity; /* Places allocated. */
  uint64_t begun;  /* When the phase began (uv_hrtime). */
  bool warm;       /* The warm-up is over. */
} wpm_bench_pings;

void wpm_bench_pings_begin(wpm_bench_pings *pings, const wpm_bench_options *options);
/* Takes one round trip; true: go on, false: enough. */
bool wpm_bench_pings_add(wpm_bench_pings *pings, const wpm_bench_options *options, uint64_t ns);
/* Prints the result and frees the samples. */
void wpm_bench_pings_report(wpm_bench_pings *pings);

/* Tells of each line of standard input (without its end), and of its end (NULL). */
typedef void (*wpm_bench_line_fn)(const char *line);
void wpm_bench_read_lines(uv_loop_t *loop, wpm_bench_line_fn fn);

#endif
