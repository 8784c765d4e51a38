#include "answer.h"

#include "json_peer.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIME_MAX 4102444800000 /* The year 2100, in milliseconds: a daemon says nothing later. */

static void print_json(const json_t *value) {
  (void)json_dumpf(value, stdout, JSON_INDENT(2) | JSON_DIGITS);
  (void)fputc('\n', stdout);
}

static int print_answer(const app_options *options, const char *answer,
                        void (*print)(const json_t *value)) {
  json_error_t error;
  json_t *value = json_loads(answer, 0, &error);
  if (!value) {
    return complain(EXIT_FAILED, "the daemon's answer is not JSON: %s", error.text);
  }
  (options->json ? print_json : print)(value);
  json_decref(value);
  return EXIT_DONE;
}

int answer_get(const daemon_call *call, const char *path, void (*print)(const json_t *value)) {
  char *answer = NULL;
  long status = 0;
  int result = client_call(&call->client, "GET", path, NULL, &answer, &status);
  if (result == EXIT_DONE) {
    result = status == 200 ? print_answer(call->options, answer, print)
                           : complain(EXIT_FAILED, "%s", answer);
  }
  free(answer);
  return result;
}

const char *answer_text(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? text : "";
}

static bool is_time(const json_t *time) {
  long long at = json_integer_value(time);
  return json_is_integer(time) && at >= 0 && at <= TIME_MAX;
}

void answer_relative(const json_t *time, char *out, size_t cap) {
  static const struct {
    const char *unit;
    long long seconds;
  } units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
  struct timespec now = {0};
  out[0] = '\0';
  if (!is_time(time)) {
    return;
  }
  (void)clock_gettime(CLOCK_REALTIME, &now);
  long long ms = json_integer_value(time) - ((long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
  long long seconds = ms > 0 ? (ms + 999) / 1000 : -ms / 1000;
  size_t unit = 0;
  while (unit < 3 && seconds < units[unit].seconds) {
    unit++;
  }
  (void)snprintf(out, cap, "%s%lld%s%s", ms > 0 ? "in " : "", seconds / units[unit].seconds,
                 units[unit].unit, ms > 0 ? "" : " ago");
}

void answer_absolute(const json_t *time, char *out, size_t cap) {
  struct tm broken = {0};
  out[0] = '\0';
  if (!is_time(time)) {
    return;
  }
  time_t seconds = (time_t)(json_integer_value(time) / 1000);
  (void)gmtime_r(&seconds, &broken);
  size_t len = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &broken);
  (void)snprintf(out + len, cap - len, ".%03dZ", (int)(json_integer_value(time) % 1000));
}

void answer_print_line(const char *name, const char *text) {
  char *shown = text_copy(text, text ? strlen(text) : 0);
  if (shown) {
    text_clean(shown); /* It came from the wire: no terminal codes. */
    (void)printf("%-18s%s\n", name, shown);
  }
  free(shown);
}
