-- A database of schema 1, as its first release wrote it. This file never changes: newer versions of
-- the library must open what it makes. Two peers, a row that cannot be decoded, and a heartbeat.
PRAGMA application_id = 1464880464;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE peer ( peer INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, peer_id TEXT NOT NULL, public_key BLOB, observed_address BLOB, observed_address_text TEXT, protocols TEXT NOT NULL, protocols_known INTEGER NOT NULL, agent ANY, protocol_version ANY, metadata_known INTEGER NOT NULL, cluster_id INTEGER NOT NULL, shards TEXT NOT NULL, connectivity TEXT NOT NULL, reason TEXT NOT NULL, disconnect_time INTEGER, connected_time INTEGER, origin TEXT NOT NULL, direction TEXT NOT NULL, failures INTEGER NOT NULL, first_failure INTEGER, last_failure INTEGER, rtt_ns INTEGER, is_static INTEGER NOT NULL, held INTEGER NOT NULL, held_off INTEGER NOT NULL, prune_backoff_mono INTEGER NOT NULL, prune_backoff_wall INTEGER, prune_backoff_boot_id INTEGER NOT NULL, prune_backoff_length_ns INTEGER NOT NULL, retry_delay_mono INTEGER NOT NULL, retry_delay_wall INTEGER, retry_delay_boot_id INTEGER NOT NULL, retry_delay_length_ns INTEGER NOT NULL, mismatch_delay_mono INTEGER NOT NULL, mismatch_delay_wall INTEGER, mismatch_delay_boot_id INTEGER NOT NULL, mismatch_delay_length_ns INTEGER NOT NULL) STRICT;
CREATE TABLE address ( peer INTEGER NOT NULL, position INTEGER NOT NULL, multiaddr BLOB NOT NULL, multiaddr_text TEXT, source TEXT NOT NULL, last_success INTEGER, last_failure INTEGER, PRIMARY KEY (peer, position)) STRICT, WITHOUT ROWID;
CREATE TRIGGER peer_removed AFTER DELETE ON peer BEGIN DELETE FROM address WHERE peer = OLD.peer; END;
CREATE TABLE heartbeat ( only INTEGER PRIMARY KEY CHECK (only = 1), mono INTEGER NOT NULL, wall INTEGER, boot_id INTEGER NOT NULL) STRICT;
INSERT INTO peer (peer, id, peer_id, public_key, observed_address, observed_address_text,
  protocols, protocols_known, agent, protocol_version, metadata_known, cluster_id, shards,
  connectivity, reason, disconnect_time, connected_time, origin, direction, failures, first_failure,
  last_failure, rtt_ns, is_static, held, held_off,
  prune_backoff_mono, prune_backoff_wall, prune_backoff_boot_id, prune_backoff_length_ns,
  retry_delay_mono, retry_delay_wall, retry_delay_boot_id, retry_delay_length_ns,
  mismatch_delay_mono, mismatch_delay_wall, mismatch_delay_boot_id, mismatch_delay_length_ns)
VALUES
 (1, x'0001aa', '16A', x'0801', x'047f000001060fa1', '/ip4/127.0.0.1/tcp/4001',
  '["/vac/waku/relay/2.0.0","/a\"b\\c\u0007\u00ff"]', 1, 'nwaku-v0.36.0', x'1b00', 1, 4294967295, '[0,5,65535]',
  'CannotConnect', 'ping_timeout', 1700000000000000001, 1700000000000000002, 'Static', 'outbound', 3, 1700000000000000003,
  1700000000000000004, 12345678, 1, 1, 0,
  11, 1700000000000000012, -2, 60000000000,
  21, NULL, 22, 1000000000,
  31, 1700000000000000032, 33, 21600000000000),
 (2, x'0001bb', '16B', NULL, NULL, NULL,
  '[]', 0, NULL, NULL, 0, 0, '[]',
  'NotConnected', 'none', NULL, NULL, 'UnknownOrigin', 'none', 0, NULL,
  NULL, NULL, 0, 0, 1,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
 (3, x'0001cc', '16C', NULL, NULL, NULL,
  '[]', 0, NULL, NULL, 0, 0, '[]',
  'NotConnected', 'a reason of the future', NULL, NULL, 'UnknownOrigin', 'none', 0, NULL,
  NULL, NULL, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO address (peer, position, multiaddr, multiaddr_text, source, last_success, last_failure)
VALUES
 (1, 0, x'047f000001060fa1', '/ip4/127.0.0.1/tcp/4001', 'config', 1700000000000000005, NULL),
 (1, 1, x'ffff7f', NULL, 'identify', NULL, 1700000000000000006);
INSERT INTO heartbeat (only, mono, wall, boot_id) VALUES (1, 41, 1700000000000000042, -1);
COMMIT;
