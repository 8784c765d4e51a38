/* `wakupeers peers discovered`: hands a daemon what a discovery found, and says whether it was taken in or
 * by which rule it was left out. */
#ifndef APP_PEERS_DISCOVERED_H
#define APP_PEERS_DISCOVERED_H

#include "answer.h"

#include <wakupeers/types.h>

/* EXIT_DONE where --source and --told-by make a call; EXIT_USAGE after saying why not. */
int peers_discovered_check(const app_options *options);

/* The call; `address` is a multiaddr with /p2p/ID. An exit code: EXIT_FAILED where it was left out. */
int peers_discovered(const daemon_call *call, const char *address);

#endif
