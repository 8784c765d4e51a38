#include "client.h"

#include "datadir.h"

#include <curl/curl.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (256U * 1024 * 1024)
#define CONNECT_SECONDS 5L
#define CALL_SECONDS 30L

typedef struct received {
  char *text;
  size_t len;
} received;

static size_t take(char *data, size_t size, size_t count, void *user) {
  received *into = user;
  size_t len = size * count;
  if (len > ANSWER_MAX - into->len) {
    return 0;
  }
  char *text = realloc(into->text, into->len + len + 1);
  if (!text) {
    return 0;
  }
  memcpy(text + into->len, data, len);
  into->text = text;
  into->len += len;
  text[into->len] = '\0';
  return len;
}

int client_find(rest_client *client, const app_options *options) {
  datadir dir;
  bool has_port = options_given(options, "rest-port") && options->rest_port != 0;
  if (options_given(options, "rest-address") || has_port) {
    bool is_ipv6 = strchr(options->rest_address, ':') != NULL;
    (void)snprintf(client->url, sizeof client->url, "http://%s%s%s:%" PRIu64, is_ipv6 ? "[" : "",
                   options->rest_address, is_ipv6 ? "]" : "", options->rest_port);
    return EXIT_DONE;
  }
  int result = datadir_find(&dir, options->data_dir);
  if (result != EXIT_DONE) {
    return result;
  }
  /* A killed daemon left its address behind, and another may be there by now. */
  if (!datadir_is_locked(&dir)) {
    return complain(EXIT_NO_DAEMON,
                    "no daemon runs on %s; start one with: wakupeers run --data-dir=%s", dir.path,
                    dir.path);
  }
  if (!datadir_read_rest(&dir, client->url, sizeof client->url)) {
    return complain(EXIT_NO_DAEMON,
                    "the daemon on %s serves no REST (yet); start it with: wakupeers run "
                    "--rest=true --data-dir=%s",
                    dir.path, dir.path);
  }
  return EXIT_DONE;
}

static void set_options(CURL *curl, const char *url, const char *method, received *got,
                        char error[CURL_ERROR_SIZE]) {
  (void)curl_easy_setopt(curl, CURLOPT_URL, url);
  (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
  (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
  (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
  (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, got);
  (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

int client_call(const rest_client *client, const char *method, const char *path, const char *body,
                char **answer, long *status) {
  char url[1024];
  char error[CURL_ERROR_SIZE] = "";
  received got = {0};
  CURL *curl = curl_easy_init();
  struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
  *answer = NULL;
  if (!curl || !headers) {
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return complain_no_memory();
  }
  (void)snprintf(url, sizeof url, "%s%s", client->url, path);
  set_options(curl, url, method, &got, error);
  if (strcmp(method, "POST") == 0) {
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
  } else {
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, CALL_SECONDS);
  }
  CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_OK && !got.text) {
    got.text = strdup("");
  }
  (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
  curl_easy_cleanup(curl);
  curl_slist_free_all(headers);
  if (code != CURLE_OK || !got.text) {
    free(got.text);
    return complain(EXIT_NO_DAEMON, "no daemon answers at %s (%s); start one with: wakupeers run",
                    client->url, error[0] ? error : curl_easy_strerror(code));
  }
  *answer = got.text;
  return EXIT_DONE;
}
