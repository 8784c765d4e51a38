#include "option_table.h"

#include <inttypes.h>
#include <string.h>

#define AT(field) offsetof(struct app_options, field)

/* Headings of --help. */
static const char general[] = "General";
static const char node[] = "Node";
static const char coming_back[] = "Keeping peers and getting them back";
static const char serving[] = "REST and metrics";
static const char rest_of_it[] = "Log and help";

static const option_spec specs[] = {
    {"data-dir", KIND_TEXT, AT(data_dir), FOR_RUN | FOR_KEY | FOR_DB | FOR_CLIENTS, general, NULL,
     0, 0, "DIR",
     "where peers and the node key are kept; default: wakupeers under $XDG_STATE_HOME, or "
     "~/.local/state/wakupeers"},
    {"config-file", KIND_TEXT, AT(config_file), FOR_RUN, general, NULL, 0, 0, "FILE",
     "ini file with options, one NAME = VALUE a line"},
    {"nodekey", KIND_TEXT, AT(nodekey), FOR_RUN | FOR_PING, node, NULL, 0, 0, "HEX",
     "private key: 64 hex digits for secp256k1, or libp2p's PrivateKey in hex; default of run: "
     "the one kept in --data-dir; of ping: a new one"},
    {"staticnode", KIND_LIST, AT(static_nodes), FOR_RUN, node, NULL, 0, 0, "MULTIADDR",
     "peer to hold a connection with, with its /p2p/ID; repeatable"},
    {"listen-address", KIND_TEXT, AT(listen_address), FOR_RUN, node, "0.0.0.0", 0, 0, "HOST",
     "address to listen on: IPv4, IPv6 or a name"},
    {"tcp-port", KIND_NUMBER, AT(tcp_port), FOR_RUN, node, "60000", 0, 65535, "PORT",
     "TCP port to listen on; 0: any free one"},
    {"max-connections", KIND_NUMBER, AT(max_connections), FOR_RUN, node, "300", 1, 1000000, "N",
     "most connections at once, beside those a person asks for"},
    {"max-dials", KIND_NUMBER, AT(max_dials), FOR_RUN, node, "256", 1, 1000000, "N",
     "most dials in flight, beside those a person asks for"},
    {"high-water", KIND_NUMBER, AT(high_water), FOR_RUN, node, "0", 0, 1000000, "N",
     "above so many connections those worth least go; 0: --max-connections alone limits them"},
    {"low-water", KIND_NUMBER, AT(low_water), FOR_RUN, node, NULL, 0, 1000000, "N",
     "until so many are left; default: five sixths of --high-water"},
    {"grace", KIND_DURATION, AT(grace_ns), FOR_RUN, node, "20s", 0, 0, "TIME",
     "a connection younger than this does not go for that"},
    {"score-half-life", KIND_DURATION, AT(score_half_life_ns), FOR_RUN, node, "10h", 0, 0, "TIME",
     "after it half of a peer's score is left, which each broken protocol lowers by 20; 0: it "
     "stays"},
    {"discouraged-at", KIND_NEGATIVE, AT(discouraged_at), FOR_RUN, node, "-100", 0, INT32_MAX, "N",
     "a peer with this score or less is dialled by a person alone, and goes first where there are "
     "too many; 0: nobody is"},
    {"relay-outbound", KIND_NUMBER, AT(relay_outbound), FOR_RUN, node, "10", 0, 100000, "N",
     "outbound relay peers wanted, chosen among all that are known; 0: every peer that was held "
     "is dialled again, and no other"},
    {"relay-inbound", KIND_NUMBER, AT(relay_inbound), FOR_RUN, node, "0", 0, 1000000, "N",
     "most inbound relay peers; those beyond go; 0: as many as there are places"},
    {"relay-service-ratio", KIND_TEXT, AT(relay_service_ratio), FOR_RUN, node, "60:40", 0, 0, "R:S",
     "of --max-connections R percent are meant for relay peers, S for services and clients: where "
     "a "
     "place must become free, it is of those who have more; none: no such rule"},
    {"rotate", KIND_DURATION, AT(rotate_ns), FOR_RUN, node, "30m", 0, 0, "TIME",
     "how often one of them is let go for another; 0: never"},
    {"feeler-interval", KIND_DURATION, AT(feeler_ns), FOR_RUN, node, "2m", 0, 0, "TIME",
     "mean time between trial connections with peers that nobody reached yet, while there are "
     "enough "
     "of "
     "them; 0: none"},
    {"inbound-per-ip", KIND_NUMBER, AT(inbound_per_ip), FOR_RUN, node, "5", 0, 1000000, "N",
     "most inbound connections from one IP address (IPv6: one /64); 0: any number"},
    {"inbound-per-network", KIND_NUMBER, AT(inbound_per_network), FOR_RUN, node, "32", 0, 1000000,
     "N", "the same of one network (IPv4 /24, IPv6 /48)"},
    {"inbound-pace", KIND_FLAG, AT(inbound_pace), FOR_RUN, node, "true", 0, 0, NULL,
     "pace the attempts of each address, network and peer: 16 in a row, then one a second"},
    {"inbound-allow", KIND_LIST, AT(inbound_allow), FOR_RUN, node, NULL, 0, 0, "RANGE",
     "IP addresses without these limits, e.g. a reverse proxy's: 10.0.0.0/8; repeatable; default: "
     "loopback"},
    {"peer-store-capacity", KIND_NUMBER, AT(peer_store_capacity), FOR_RUN | FOR_DB, node, "100000",
     0, 100000000, "N", "most peers kept; over it the least useful goes for a newcomer; 0: no cap"},
    {"max-history", KIND_NUMBER, AT(max_history), FOR_RUN, node, "16384", 0, 10000000, "N",
     "latest events kept for `wakupeers history`, 88 bytes each; of one peer 32; 0: none"},
    {"cluster-id", KIND_NUMBER, AT(cluster_id), FOR_RUN | FOR_PING, node, "1", 0, 65535, "N",
     "our Waku cluster; peers of another are left alone; 0: no such rule"},
    {"mismatch-delay", KIND_DURATION, AT(mismatch_delay_ns), FOR_RUN, node, "6h", 0, 0, "TIME",
     "how long a peer of another cluster is left alone"},
    {"shard", KIND_LIST, AT(shards), FOR_RUN, node, NULL, 0, 1023, "N",
     "shard whose peers we want; repeatable; default: any"},
    {"relay-per-shard", KIND_NUMBER, AT(relay_per_shard), FOR_RUN, node, "4", 0, 100000, "N",
     "relay peers wanted of each --shard, whoever dialled; 0: no such rule"},
    {"service-slots", KIND_LIST, AT(service_slots), FOR_RUN, node, NULL, 0, 0, "NAME:N",
     "peers wanted of a service that we use: store, filter, lightpush, peer-exchange or a protocol "
     "id; repeatable; default: none"},
    {"dial-timeout", KIND_DURATION, AT(dial_timeout_ns), FOR_RUN | FOR_PING, node, "10s", 1, 0,
     "TIME", "time for a whole upgrade, inbound too"},
    {"keep-alive", KIND_FLAG, AT(keep_alive), FOR_RUN, coming_back, "true", 0, 0, NULL,
     "ping peers so that connections stay open"},
    {"idle-timeout", KIND_DURATION, AT(idle_timeout_ns), FOR_RUN, coming_back, "10m", 1, 0, "TIME",
     "shortest time after which an idle connection is cut on the way"},
    {"ping-interval", KIND_DURATION, AT(ping_interval_ns), FOR_RUN, coming_back, NULL, 1, 0, "TIME",
     "longest silence before a ping; default and most: half of --idle-timeout"},
    {"ping-interval-min", KIND_DURATION, AT(ping_interval_min_ns), FOR_RUN, coming_back, "15s", 1,
     0, "TIME",
     "what that may fall to where connections get lost sooner; from --ping-interval on: it stays"},
    {"ping-timeout", KIND_DURATION, AT(ping_timeout_ns), FOR_RUN | FOR_PING, coming_back, "10s", 1,
     0, "TIME", "longest silence after a ping that is no miss; two misses end a connection"},
    {"sleep-gap", KIND_DURATION, AT(sleep_gap_ns), FOR_RUN, coming_back, "30s", 1, 0, "TIME",
     "who wakes so much later than it was to has slept: every connection is pinged at once"},
    {"probe-timeout", KIND_DURATION, AT(probe_timeout_ns), FOR_RUN, coming_back, "4s", 1, 0, "TIME",
     "silence after that ping, or after that of a network that came back, which ends a connection; "
     "--ping-timeout at most"},
    {"prune-backoff", KIND_DURATION, AT(prune_backoff_ns), FOR_RUN, coming_back, "60s", 0, 0,
     "TIME", "GossipSub prune backoff: no redial within this time of a disconnect"},
    {"backoff-slack", KIND_DURATION, AT(backoff_slack_ns), FOR_RUN, coming_back, "2s", 0, 0, "TIME",
     "added to every prune backoff"},
    {"reconnect-min", KIND_DURATION, AT(reconnect_min_ns), FOR_RUN, coming_back, "1s", 0, 0, "TIME",
     "first delay after a failed attempt; it doubles with each"},
    {"reconnect-max", KIND_DURATION, AT(reconnect_max_ns), FOR_RUN, coming_back, "5m", 0, 0, "TIME",
     "longest delay after a failed attempt; below --reconnect-min, it lowers that"},
    {"stable-after", KIND_DURATION, AT(stable_after_ns), FOR_RUN, coming_back, "60s", 0, 0, "TIME",
     "a connection this old makes failed attempts forgotten"},
    {"dial-private-addresses", KIND_FLAG, AT(dial_private_addresses), FOR_RUN, coming_back, "false",
     0, 0, NULL,
     "dial private and loopback addresses of any peer; else those configured, of a person, or "
     "where "
     "the peer was met"},
    {"rest", KIND_FLAG, AT(rest), FOR_RUN, serving, "true", 0, 0, NULL, "serve the REST interface"},
    {"rest-admin", KIND_FLAG, AT(rest_admin), FOR_RUN, serving, "true", 0, 0, NULL,
     "serve its /admin/ calls"},
    {"rest-address", KIND_IP, AT(rest_address), FOR_RUN | FOR_DB | FOR_CLIENTS, serving,
     "127.0.0.1", 0, 0, "IP", "IP address of the REST interface"},
    {"rest-port", KIND_NUMBER, AT(rest_port), FOR_RUN | FOR_DB | FOR_CLIENTS, serving, "8645", 0,
     65535, "PORT", "port of the REST interface; 0: any free one"},
    {"metrics-server", KIND_FLAG, AT(metrics_server), FOR_RUN, serving, "true", 0, 0, NULL,
     "serve Prometheus metrics"},
    {"metrics-server-address", KIND_IP, AT(metrics_server_address), FOR_RUN, serving, "127.0.0.1",
     0, 0, "IP", "IP address of the metrics server"},
    {"metrics-server-port", KIND_NUMBER, AT(metrics_server_port), FOR_RUN, serving, "8008", 0,
     65535, "PORT", "port of the metrics server; 0: any free one"},
    {"log-level", KIND_WORD, AT(log_level), FOR_RUN | FOR_PING, rest_of_it, NULL, 0, 0,
     "trace|debug|info|notice|warn|error|fatal",
     "least level that is logged to stderr: trace, debug, info, notice, warn, error or fatal; "
     "default of run: info; of ping: warn"},
    {"log-format", KIND_WORD, AT(log_format), FOR_RUN, rest_of_it, "text", 0, 0, "text|json",
     "form of a log line: text or json"},
    {"count", KIND_NUMBER, AT(count), FOR_PING, general, "4", 0, 1000000, "N", "pings to send"},
    {"for", KIND_DURATION, AT(for_ns), FOR_PEERS, general, NULL, 1, 0, "TIME",
     "how long a ban or protection lasts; default: for good"},
    {"tag", KIND_TEXT, AT(tag), FOR_PEERS, general, NULL, 0, 0, "NAME",
     "in whose name a peer is protected; default: person"},
    {"source", KIND_WORD, AT(source), FOR_PEERS, general, NULL, 0, 0, "peer_exchange|discv5|dns",
     "by which means a discovery found a peer: peer_exchange, discv5 or dns"},
    {"told-by", KIND_TEXT, AT(told_by), FOR_PEERS, general, NULL, 0, 0, "ID",
     "the peer that told a discovery of it; default: none did"},
    {"interval", KIND_DURATION, AT(interval_ns), FOR_PING, general, "1s", 0, 0, "TIME",
     "time between two pings"},
    {"type", KIND_WORD, AT(key_type), FOR_KEY, general, "secp256k1", 0, 0, "secp256k1|ed25519",
     "type of a new key: secp256k1 or ed25519"},
    {"force", KIND_FLAG, AT(force), FOR_KEY, general, "false", 0, 0, NULL,
     "replace a node key that exists already"},
    {"format", KIND_WORD, AT(format), FOR_DB, general, NULL, 0, 0, "jsonl|nwaku|go|js|text|enr",
     "format of the file: jsonl, nwaku, go, js, text or enr; default of import: told by what is in "
     "it; of export: jsonl"},
    {"seed", KIND_NUMBER, AT(seed), FOR_SIM, general, "1", 0, INT64_MAX, "N",
     "seed of all that is drawn: the same seed gives the same run"},
    {"list", KIND_FLAG, AT(list), FOR_SIM, general, "false", 0, 0, NULL,
     "print the scenarios, one a line, its name first"},
    {"expect", KIND_LIST, AT(expectations), FOR_SIM, general, NULL, 0, 0, "EXPECTATION",
     "what else our policy must measure, such as \"dials <= 100\"; repeatable"},
    {"policy", KIND_WORD, AT(policy), FOR_SIM, general, "all", 0, 0,
     "all|ours|nwaku|go-waku|js-waku",
     "whose policy lives it: all of them, one after the other, or one alone; what is expected is "
     "expected of ours"},
    {"csv", KIND_FLAG, AT(csv), FOR_SIM, general, "false", 0, 0, NULL, "print CSV"},
    {"report", KIND_TEXT, AT(report), FOR_SIM, general, NULL, 0, 0, "FILE",
     "write a page with plots, to be opened in a browser"},
    {"json", KIND_FLAG, AT(json), FOR_PING | FOR_KEY | FOR_DB | FOR_SIM | FOR_CLIENTS, general,
     "false", 0, 0, NULL, "print JSON"},
    {"help", KIND_FLAG, AT(help), FOR_ALL, rest_of_it, "false", 0, 0, NULL, "print this"},
};

_Static_assert(sizeof specs / sizeof *specs <= OPTIONS_MOST, "option_set has a bit for each");

static const struct {
  unsigned command;
  const char *name;
} commands[] = {{FOR_RUN, "run"},   {FOR_PING, "ping"},       {FOR_PEERS, "peers"},
                {FOR_KEY, "key"},   {FOR_DB, "db"},           {FOR_EXPLAIN, "explain"},
                {FOR_PLAN, "plan"}, {FOR_HISTORY, "history"}, {FOR_SIM, "sim"}};

static const struct {
  char letter;
  const char *name;
} letters[] = {{'c', "count"}, {'i', "interval"}, {'h', "help"}};

const option_spec *option_table(size_t *count) {
  *count = sizeof specs / sizeof *specs;
  return specs;
}

const char *option_command_name(unsigned command) {
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (commands[i].command == command) {
      return commands[i].name;
    }
  }
  return "";
}

char option_letter(const option_spec *spec) {
  for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
    if (strcmp(letters[i].name, spec->name) == 0) {
      return letters[i].letter;
    }
  }
  return '\0';
}

void option_describe(const option_spec *spec, char *out, size_t cap) {
  switch (spec->kind) {
  case KIND_FLAG:
    (void)snprintf(out, cap, "true or false");
    break;
  case KIND_TEXT:
    (void)snprintf(out, cap, "%s", spec->takes);
    break;
  case KIND_IP:
    (void)snprintf(out, cap, "an IP address");
    break;
  case KIND_LIST:
    if (spec->most > 0) {
      (void)snprintf(out, cap, "whole numbers from %" PRIu64 " to %" PRIu64, spec->least,
                     spec->most);
    } else {
      (void)snprintf(out, cap, "%s", spec->takes);
    }
    break;
  case KIND_WORD:
    (void)snprintf(out, cap, "one of %s", spec->takes);
    break;
  case KIND_NUMBER:
    (void)snprintf(out, cap, "a whole number from %" PRIu64 " to %" PRIu64, spec->least,
                   spec->most);
    break;
  case KIND_NEGATIVE:
    (void)snprintf(out, cap, "a whole number from -%" PRIu64 " to 0", spec->most);
    break;
  case KIND_DURATION:
    (void)snprintf(out, cap, "a time such as 500ms, 5s or 10m%s",
                   spec->least > 0 ? ", more than 0" : "");
    break;
  }
}

void *option_field(app_options *options, const option_spec *spec) {
  return (char *)options + spec->offset;
}
