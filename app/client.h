/* A client of a running daemon's REST interface (libcurl). */
#ifndef APP_CLIENT_H
#define APP_CLIENT_H

#include "options.h"

#include <jansson.h>

typedef struct rest_client {
  char url[300]; /* http://HOST:PORT */
} rest_client;

/* Finds the daemon: --rest-address and --rest-port where one of them is given (port 0 counts as
 * none), else what the daemon that holds the data directory wrote there. EXIT_DONE, EXIT_USAGE, or
 * EXIT_NO_DAEMON after saying how to start one. */
int client_find(rest_client *client, const app_options *options);

/* One call. `body` (may be NULL) is sent as JSON. A POST may wait for a dial, so it takes as long as it
 * takes; other calls end after half a minute. *answer gets the answer's text, to be freed (NULL
 * on failure), *status the HTTP status. EXIT_DONE where there was an answer of any status; else
 * EXIT_NO_DAEMON (or EXIT_FAILED: no memory) after saying so. */
int client_call(const rest_client *client, const char *method, const char *path, const char *body,
                char **answer, long *status);

#endif
