#include "commands.h"
#include "options.h"

#include <wakupeers/version.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *help;
} commands[] = {
    {"run", command_run, "run the daemon: hold connections with peers"},
    {"ping", command_ping, "connect to one peer, identify it and ping it"},
    {"peers", command_peers, "list, show, add, remove, connect, disconnect a daemon's peers"},
    {"explain", command_explain, "say why a peer is as it is, and what comes next"},
    {"plan", command_plan, "list a daemon's next dials, and who would be evicted"},
    {"history", command_history, "list what happened lately, to all peers or to one"},
    {"key", command_key, "make or show a node key"},
    {"db", command_db, "look after the peer database; move peers in and out"},
    {"sim", command_sim, "run the peer policy in a simulated network"},
};

static int print_completion(int argc, char **argv) {
  static const char usage[] = "usage: wakupeers completion bash\n\n"
                              "Prints a completion script: source <(wakupeers completion bash)\n";
  if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
    (void)fputs(usage, stdout);
    return EXIT_DONE;
  }
  if (argc != 2 || strcmp(argv[1], "bash") != 0) {
    return complain(EXIT_USAGE, "completion takes one word, bash; see wakupeers completion --help");
  }
  options_print_completion(stdout);
  return EXIT_DONE;
}

static void print_help(FILE *out) {
  (void)fputs("wakupeers holds connections with Waku peers, remembers them and gets them back.\n\n"
              "usage: wakupeers COMMAND [OPTION ...]\n\n",
              out);
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    (void)fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].help);
  }
  (void)fputs("  completion  print a completion script for bash\n\n"
              "wakupeers COMMAND --help tells a command's options, wakupeers --version the\n"
              "version. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no daemon answers,\n"
              "4 another daemon holds the data directory.\n",
              out);
}

static int run(int argc, char **argv) {
  if (argc < 2) {
    print_help(stderr);
    return EXIT_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    print_help(stdout);
    return EXIT_DONE;
  }
  if (strcmp(argv[1], "--version") == 0) {
    (void)printf("wakupeers %s\n", wpm_version());
    return EXIT_DONE;
  }
  if (strcmp(argv[1], "completion") == 0) {
    return print_completion(argc - 1, argv + 1);
  }
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(argv[1], commands[i].name) == 0) {
      return commands[i].run(argc - 1, argv + 1);
    }
  }
  return complain(EXIT_USAGE, "there is no %s %.*s; see wakupeers --help",
                  argv[1][0] == '-' ? "option" : "command", (int)strcspn(argv[1], "="), argv[1]);
}

/* One that is closed would be given to the next file or socket, and get our output. */
static void open_standard_descriptors(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
      (void)open("/dev/null", O_RDWR);
    }
  }
}

int main(int argc, char **argv) {
  open_standard_descriptors();
  (void)signal(SIGPIPE, SIG_IGN);
  int result = run(argc, argv);
  /* What could not be printed was not done. */
  bool printed = fflush(stdout) == 0 && !ferror(stdout);
  return printed || result != EXIT_DONE
             ? result
             : complain(EXIT_FAILED, "the output cannot be written: %s", strerror(errno));
}
