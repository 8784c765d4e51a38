/* Options from their three places, and want of memory in the middle. */
#include "support/alloc_fail.h"
#include "support/temp_dir.h"
#include "support/test.h"

#include "app/option_table.h"

#include <wakupeers/types.h>

#include <string.h>

#define WORDS(...) ((char *[]){__VA_ARGS__, NULL})

/* Reads a line of at most 15 words, each in memory of its own, as main gets them. */
static int read_words(unsigned command, char **words, app_options *out, int *rest) {
  char *argv[16];
  int argc = 0;
  for (; words[argc]; argc++) {
    argv[argc] = words[argc];
  }
  argv[argc] = NULL;
  return options_read(command, argc, argv, out, rest);
}

static void has_defaults(void **state) {
  (void)state;
  app_options options;
  int rest = 0;
  assert_int_equal(read_words(FOR_RUN, WORDS((char[]){"run"}), &options, &rest), EXIT_DONE);
  assert_int_equal(rest, 1);
  assert_int_equal(options.tcp_port, 60000);
  assert_int_equal(options.max_connections, 300);
  assert_int_equal(options.peer_store_capacity, 100000);
  assert_int_equal(options.cluster_id, 1);
  assert_true(options.keep_alive);
  assert_int_equal(options.idle_timeout_ns, 10 * WPM_MINUTE);
  assert_false(options_given(&options, "ping-interval"));
  assert_int_equal(options.ping_timeout_ns, 10 * WPM_SECOND);
  assert_int_equal(options.prune_backoff_ns, 60 * WPM_SECOND);
  assert_int_equal(options.backoff_slack_ns, 2 * WPM_SECOND);
  assert_int_equal(options.reconnect_min_ns, WPM_SECOND);
  assert_int_equal(options.reconnect_max_ns, 5 * WPM_MINUTE);
  assert_int_equal(options.stable_after_ns, 60 * WPM_SECOND);
  assert_int_equal(options.max_dials, 256);
  assert_int_equal(options.discouraged_at, -100);
  assert_int_equal(options.mismatch_delay_ns, 6 * WPM_HOUR);
  assert_int_equal(options.sleep_gap_ns, 30 * WPM_SECOND);
  assert_int_equal(options.probe_timeout_ns, 4 * WPM_SECOND);
  assert_int_equal(options.dial_timeout_ns, 10 * WPM_SECOND);
  assert_true(options.rest && options.rest_admin && options.metrics_server);
  assert_string_equal(options.rest_address, "127.0.0.1");
  assert_int_equal(options.rest_port, 8645);
  assert_string_equal(options.metrics_server_address, "127.0.0.1");
  assert_int_equal(options.metrics_server_port, 8008);
  assert_string_equal(options.log_format, "text");
  assert_int_equal(options.static_nodes.count, 0);
  options_free(&options);
}

static void reads_the_line(void **state) {
  (void)state;
  app_options options;
  int rest = 0;
  char **words = WORDS((char[]){"ping"}, (char[]){"one"}, (char[]){"-c3"}, (char[]){"--interval"},
                       (char[]){"20ms"}, (char[]){"--json"}, (char[]){"--"}, (char[]){"--help"});
  assert_int_equal(read_words(FOR_PING, words, &options, &rest), EXIT_DONE);
  assert_int_equal(rest, 6);
  assert_int_equal(options.count, 3);
  assert_int_equal(options.interval_ns, 20 * WPM_MILLISECOND);
  assert_true(options.json);
  assert_false(options.help);
  assert_true(options_given(&options, "count"));
  assert_false(options_given(&options, "cluster-id"));
  options_free(&options);
}

static void the_line_goes_before_the_environment(void **state) {
  (void)state;
  app_options options;
  int rest = 0;
  assert_int_equal(setenv("WAKUPEERS_STATICNODE", "a,b", 1), 0);
  assert_int_equal(setenv("WAKUPEERS_TCP_PORT", "7", 1), 0);
  assert_int_equal(setenv("WAKUPEERS_REST_PORT", "", 1), 0);
  assert_int_equal(
      read_words(FOR_RUN, WORDS((char[]){"run"}, (char[]){"--tcp-port=9"}), &options, &rest),
      EXIT_DONE);
  assert_int_equal(options.tcp_port, 9);
  assert_int_equal(options.rest_port, 8645);
  assert_int_equal(options.static_nodes.count, 2);
  assert_string_equal(options.static_nodes.items[1], "b");
  options_free(&options);
  assert_int_equal(
      read_words(FOR_RUN, WORDS((char[]){"run"}, (char[]){"--staticnode=c"}), &options, &rest),
      EXIT_DONE);
  assert_int_equal(options.tcp_port, 7);
  assert_int_equal(options.static_nodes.count, 1);
  assert_string_equal(options.static_nodes.items[0], "c");
  options_free(&options);
  /* A command takes from the environment only what it has. */
  assert_int_equal(setenv("WAKUPEERS_TCP_PORT", "x", 1), 0);
  assert_int_equal(read_words(FOR_PEERS, WORDS((char[]){"peers"}), &options, &rest), EXIT_DONE);
  options_free(&options);
  assert_int_equal(read_words(FOR_RUN, WORDS((char[]){"run"}), &options, &rest), EXIT_USAGE);
  options_free(&options);
  (void)unsetenv("WAKUPEERS_STATICNODE");
  (void)unsetenv("WAKUPEERS_TCP_PORT");
  (void)unsetenv("WAKUPEERS_REST_PORT");
}

/* Every allocation fails once: nothing leaks, and it is said. */
static void survives_want_of_memory(void **state) {
  (void)state;
  char *dir = wpm_test_dir_new();
  char *path = wpm_test_dir_file(dir, "options.ini");
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_true(fputs("staticnode = x\nnodekey = y\nlog-format = json\n", file) >= 0);
  assert_int_equal(fclose(file), 0);
  assert_int_equal(setenv("WAKUPEERS_CONFIG_FILE", path, 1), 0);
  assert_int_equal(setenv("WAKUPEERS_SHARD", "1,2", 1), 0);
  int result = EXIT_FAILED;
  for (size_t n = 1; result != EXIT_DONE; n++) {
    app_options options;
    int rest = 0;
    char **words = WORDS((char[]){"run"}, (char[]){"--staticnode=a"}, (char[]){"--staticnode=b"},
                         (char[]){"--data-dir=c"});
    assert_true(n < 1000);
    wpm_alloc_fail_once_at(n);
    result = read_words(FOR_RUN, words, &options, &rest);
    wpm_alloc_fail_off();
    assert_int_equal(result, wpm_alloc_failed() > 0 ? EXIT_FAILED : EXIT_DONE);
    options_free(&options);
  }
  (void)unsetenv("WAKUPEERS_CONFIG_FILE");
  (void)unsetenv("WAKUPEERS_SHARD");
  free(path);
  wpm_test_dir_remove(dir);
}

/* What the rest of the program takes for granted. */
static void the_table_is_sound(void **state) {
  (void)state;
  size_t count = 0;
  const option_spec *specs = option_table(&count);
  assert_true(count > 30 && count <= OPTIONS_MOST);
  for (size_t i = 0; i < count; i++) {
    assert_true(strspn(specs[i].name, "abcdefghijklmnopqrstuvwxyz-") == strlen(specs[i].name));
    assert_true(specs[i].commands != 0 && (specs[i].commands & ~(unsigned)FOR_ALL) == 0);
    assert_true(specs[i].takes || specs[i].kind == KIND_FLAG);
    assert_true(strlen(specs[i].help) > 0 && strlen(specs[i].name) + 12 < 40);
    char takes[120] = "";
    option_describe(&specs[i], takes, sizeof takes);
    assert_true(strlen(takes) > 0 && strlen(takes) + 1 < sizeof takes);
    for (size_t j = 0; j < i; j++) {
      assert_string_not_equal(specs[i].name, specs[j].name);
      assert_true(specs[i].offset != specs[j].offset);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(has_defaults),
      cmocka_unit_test(reads_the_line),
      cmocka_unit_test(the_line_goes_before_the_environment),
      cmocka_unit_test(survives_want_of_memory),
      cmocka_unit_test(the_table_is_sound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
