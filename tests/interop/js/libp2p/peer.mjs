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

async function privateKey (host) {
  const given = config.keys?.[host]
  if (given != null) return privateKeyFromProtobuf(Buffer.from(given, 'base64'))
  const type = KEY_TYPES[config.keyType ?? 'ed25519']
  if (type == null) throw new Error(`js-libp2p has no key type ${config.keyType}`)
  return generateKeyPair(type, type === 'RSA' ? 2048 : undefined)
}

function relay () {
  return components => {
    const service = gossipsub({
      globalSignaturePolicy: 'StrictNoSign',
      allowPublishToZeroTopicPeers: true,
      fallbackToFloodsub: false
    })(components)
    service.multicodecs = [RELAY]
    return service
  }
}

async function createNode (host) {
  const key = await privateKey(host)
  const services = { identify: identify({ agentVersion: config.agent }), identifyPush: identifyPush(), ping: ping() }
  if (config.relay) services.relay = relay()
  const node = await createLibp2p({
    privateKey: key,
    addresses: { listen: [config.listen?.[host] ?? '/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [config.capture ? capturingNoise() : noise()],
    streamMuxers: (config.muxers ?? ['yamux']).map(name => MUXERS[name]()),
    connectionGater: loopbackGater,
    connectionManager: noLimits,
    connectionMonitor: { enabled: false },
    services
  })
  const addrs = await observe(node, host)
  if (config.metadata != null) await handleMetadata(node, host, config.metadata)
  for (const topic of config.topics ?? []) services.relay && node.services.relay.subscribe(topic)
  return { node, listening: { host, id: node.peerId.toString(), addrs, key: Buffer.from(privateKeyToProtobuf(key)).toString('base64') } }
}

const made = await Promise.all(Array.from({ length: config.hosts ?? 1 }, (_, host) => createNode(host)))
const nodes = made.map(each => each.node)

serve({
  ...nodeCommands(nodes, { ma: multiaddr, peerId: peerIdFromString }),
  metadata: request => requestMetadata(nodes[request.host ?? 0], request.host ?? 0, peerIdFromString(request.peer), config.metadata ?? {}),
  // Adds a protocol after the fact: identify push tells the connected peers.
  async protocol (request) {
    await nodes[request.host ?? 0].handle(request.name, ({ stream }) => stream.abort(new Error('not served')))
  }
})
emit('listening', { hosts: made.map(each => each.listening), kind: 'js-libp2p' })
