// A js-waku 0.0.27 relay node under the control protocol of ../control.mjs.
// Its configuration is documented in ../../README.md.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPair, unmarshalPrivateKey } from '@libp2p/crypto/keys'
import { mplex } from '@libp2p/mplex'
import { peerIdFromString } from '@libp2p/peer-id'
import { createFromPrivKey } from '@libp2p/peer-id-factory'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { wakuLocalPeerCacheDiscovery } from '@waku/discovery'
import { createRelayNode } from '@waku/sdk/relay'
import { emit, readConfig, serve } from '../control.mjs'
import { loopbackGater, nodeCommands, noLimits, observe } from '../observe.mjs'

const MUXERS = { yamux, mplex }

/** localStorage, which Node has not, kept in a file: js-waku's peer cache lies in it. */
function storageIn (file) {
  const read = () => existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  return {
    getItem: name => read()[name] ?? null,
    setItem: (name, value) => writeFileSync(file, JSON.stringify({ ...read(), [name]: value }))
  }
}

const config = readConfig()
if (config.hosts.length !== 1) throw new Error('a js-waku process has one host')
const mine = config.hosts[0]
const metadata = { cluster: 1, shards: [0], ...mine.metadata }
const key = mine.key != null
  ? await unmarshalPrivateKey(Buffer.from(mine.key, 'base64'))
  : await generateKeyPair(mine.keyType ?? 'secp256k1')

if (mine.cache != null) globalThis.localStorage = storageIn(mine.cache)

const waku = await createRelayNode({
  networkConfig: { clusterId: metadata.cluster, shards: metadata.shards },
  libp2p: {
    peerId: await createFromPrivKey(key),
    hideWebSocketInfo: true,
    addresses: { listen: [mine.listen ?? '/ip4/127.0.0.1/tcp/0'], announce: mine.announce ?? [] },
    ...(mine.cache != null ? { peerDiscovery: [wakuLocalPeerCacheDiscovery()] } : {}),
    transports: [tcp()],
    connectionEncryption: [noise()],
    streamMuxers: (mine.muxers ?? ['yamux', 'mplex']).map(name => MUXERS[name]()),
    connectionGater: loopbackGater,
    connectionManager: { ...noLimits, minConnections: mine.autoDial === false ? 0 : 1 }
  }
})
await waku.start()
const node = waku.libp2p
const addrs = await observe(node, 0)

serve(nodeCommands([node], { ma: multiaddr, peerId: peerIdFromString }))
emit('listening', {
  hosts: [{ host: 0, id: node.peerId.toString(), addrs, key: Buffer.from(key.bytes).toString('base64') }],
  kind: 'js-waku'
})
