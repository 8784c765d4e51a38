/* All of wakupeers: the store, the manager and what it tells, storage, exchange and the node. */
#ifndef WAKUPEERS_WAKUPEERS_H
#define WAKUPEERS_WAKUPEERS_H

#include <wakupeers/exchange.h>
#include <wakupeers/explain.h>
#include <wakupeers/manager.h>
#include <wakupeers/node.h>
#include <wakupeers/storage.h>
#include <wakupeers/store.h>
#include <wakupeers/types.h>
#include <wakupeers/version.h>

#endif
