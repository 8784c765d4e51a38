// A js-libp2p 2.x peer (or many in one process) under the control protocol of ../control.mjs.
// Its configuration is documented in ../../README.md.
import { gossipsub } from '@chainsafe/libp2p-gossipsub'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import { identify, identifyPush } from '@libp2p/identify'
import { mplex } from '@libp2p/mplex'
import { peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { capturingNoise } from './capture.mjs'
import { emit, readConfig, serve } from '../control.mjs'
import { handleMetadata, requestMetadata } from '../metadata.mjs'
import { loopbackGater, nodeCommands, noLimits, observe } from '../observe.mjs'

const RELAY = '/vac/waku/relay/2.0.0'
const KEY_TYPES = { ed25519: 'Ed25519', secp256k1: 'secp256k1', rsa: 'RSA' }
const MUXERS = { yamux, mplex }

const config = readConfig()

async function privateKey ({ key, keyType = 'ed25519' }) {
  if (key != null) return privateKeyFromProtobuf(Buffer.from(key, 'base64'))
  const type = KEY_TYPES[keyType]
  if (type == null) throw new Error(`js-libp2p has no key type ${keyType}`)
  return generateKeyPair(type, type === 'RSA' ? 2048 : undefined)
}

function relay () {
  return components => {
    const service = gossipsub({ globalSignaturePolicy: 'StrictNoSign', fallbackToFloodsub: false })(components)
    service.multicodecs = [RELAY]
    return service
  }
}

async function createHost (mine, host) {
  const key = await privateKey(mine)
  const services = { identify: identify(), identifyPush: identifyPush(), ping: ping() }
  if (mine.relay) services.relay = relay()
  const node = await createLibp2p({
    privateKey: key,
    addresses: { listen: [mine.listen ?? '/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [config.capture ? capturingNoise() : noise()],
    streamMuxers: (mine.muxers ?? ['yamux']).map(name => MUXERS[name]()),
    connectionGater: loopbackGater,
    connectionManager: noLimits,
    connectionMonitor: { enabled: false },
    services
  })
  const addrs = await observe(node, host)
  if (mine.metadata != null) await handleMetadata(node, host, mine.metadata)
  for (const topic of mine.topics ?? []) node.services.relay.subscribe(topic)
  return { node, mine, listening: { host, id: node.peerId.toString(), addrs, key: Buffer.from(privateKeyToProtobuf(key)).toString('base64') } }
}

const hosts = await Promise.all(config.hosts.map(createHost))

serve({
  ...nodeCommands(hosts.map(each => each.node), { ma: multiaddr, peerId: peerIdFromString }),
  async metadata ({ host = 0, peer }) {
    return requestMetadata(hosts[host].node, host, peerIdFromString(peer), hosts[host].mine.metadata ?? {})
  },
  // Adds a protocol after the fact: identify push tells the connected peers.
  async protocol ({ host = 0, name }) {
    await hosts[host].node.handle(name, ({ stream }) => stream.abort(new Error('not served')))
  }
})
emit('listening', { hosts: hosts.map(each => each.listening), kind: 'js-libp2p' })
