#include "commands.h"

#include "datadir.h"
#include "options.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

static const char usage[] =
    "usage: wakupeers key new [OPTION ...]   make the data directory's node key\n"
    "       wakupeers key show [OPTION ...]  show its peer id\n\n"
    "The key itself is never printed; it is in the file that is named, mode 0600.\n\n";

static int show(const wpm_node_key *key, const datadir *dir, bool json) {
  wpm_peer_id id;
  wpm_node_key_type type;
  char text[WPM_PEER_ID_TEXT];
  char path[PATH_MAX];
  if (wpm_node_key_peer_id(key, &id, &type) != WPM_OK ||
      wpm_peer_id_format(wpm_peer_id_view(&id), text, sizeof text, NULL) != WPM_OK ||
      !datadir_file(dir, "nodekey", path)) {
    return complain(EXIT_FAILED, "the node key is not valid");
  }
  const char *name = type == WPM_NODE_KEY_ED25519 ? "ed25519" : "secp256k1";
  if (json) {
    json_t *object = json_pack("{s:s, s:s, s:s}", "peerId", text, "type", name, "file", path);
    (void)json_dumpf(object, stdout, 0);
    (void)fputc('\n', stdout);
    json_decref(object);
  } else {
    (void)printf("peer id  %s\ntype     %s\nfile     %s\n", text, name, path);
  }
  return EXIT_DONE;
}

static int make(const app_options *options, const datadir *dir, wpm_node_key *key) {
  wpm_node_key_type type =
      strcmp(options->key_type, "ed25519") == 0 ? WPM_NODE_KEY_ED25519 : WPM_NODE_KEY_SECP256K1;
  int err = wpm_node_key_new(type, key);
  if (err != WPM_OK) {
    return complain(EXIT_FAILED, "no key can be made: %s", wpm_strerror(err));
  }
  return datadir_write_key(dir, key);
}

/* A running daemon must not lose its key from under it. */
static int make_locked(const app_options *options, datadir *dir, wpm_node_key *key, bool found) {
  if (found && !options->force) {
    return complain(EXIT_FAILED,
                    "%s has a node key already; --force replaces it, and with it the node's "
                    "identity",
                    dir->path);
  }
  int result = datadir_create(dir);
  if (result == EXIT_DONE) {
    result = datadir_lock(dir);
  }
  if (result == EXIT_DONE) {
    result = make(options, dir, key);
    datadir_unlock(dir);
  }
  return result;
}

static int run(const app_options *options, const char *verb) {
  datadir dir;
  wpm_node_key key = {0};
  bool found = false;
  bool is_new = strcmp(verb, "new") == 0;
  int result = datadir_find(&dir, options->data_dir);
  /* A broken key may be replaced by force, so it is not even read then. */
  if (result == EXIT_DONE && !(is_new && options->force)) {
    result = datadir_read_key(&dir, &key, &found);
  }
  if (result == EXIT_DONE && is_new) {
    result = make_locked(options, &dir, &key, found);
  } else if (result == EXIT_DONE && !found) {
    result = complain(EXIT_FAILED,
                      "%s has no node key yet; make one with: wakupeers key new --data-dir=%s",
                      dir.path, dir.path);
  }
  if (result == EXIT_DONE) {
    result = show(&key, &dir, options->json);
  }
  wpm_node_key_wipe(&key);
  return result;
}

int command_key(int argc, char **argv) {
  app_options options;
  int words = argc;
  int result = options_read(FOR_KEY, argc, argv, &options, &words);
  if (result == EXIT_DONE && options.help) {
    (void)fputs(usage, stdout);
    options_print(FOR_KEY, stdout);
  } else if (result == EXIT_DONE && (argc - words != 1 || (strcmp(argv[words], "new") != 0 &&
                                                           strcmp(argv[words], "show") != 0))) {
    result = complain(EXIT_USAGE, "key takes one word, new or show; see wakupeers key --help");
  } else if (result == EXIT_DONE) {
    result = run(&options, argv[words]);
  }
  options_free(&options);
  return result;
}
