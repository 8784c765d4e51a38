// @libp2p/peer-store on an in-memory datastore. Same command line and same output as every other
// implementation; see bench/README.md.

import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { defaultLogger } from '@libp2p/logger'
import { peerIdFromMultihash, peerIdFromPrivateKey } from '@libp2p/peer-id'
import { persistentPeerStore } from '@libp2p/peer-store'
import { multiaddr } from '@multiformats/multiaddr'
import { MemoryDatastore } from 'datastore-core'
import { TypedEventEmitter } from 'main-event'
import * as Digest from 'multiformats/hashes/digest'

const CHECKED_LOOKUPS = 10_000 // the first look-ups, whose answer is compared
const BREATH = 100 // look-ups between two looks at the clock
const LEAST_SECONDS = 0.5

const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')

const secondsSince = (begin) => (performance.now() - begin) / 1e3

// The file that all implementations read; its format stands in bench/store/peer_file.h.
class PeerFile {
  constructor (path) {
    this.data = readFileSync(path)
    const data = this.data
    if (data.toString('latin1', 0, 8) !== 'wpmpeer2') {
      throw new Error(`${path} is no file of peers`)
    }
    this.peers = data.readUInt32LE(8)
    this.protocols = []
    let at = 14
    for (let i = 0; i < data[12]; i++) {
      this.protocols.push(data.toString('utf8', at + 1, at + 1 + data[at]))
      at += 1 + data[at]
    }
    this.asked = this.protocols[data[13]]
    this.offsets = new Uint32Array(this.peers)
    for (let i = 0; i < this.peers; i++) {
      this.offsets[i] = at
      at += 2 + data[at] // id, connectivity
      const count = data[at++]
      for (let j = 0; j < count; j++) {
        at += 1 + data[at]
      }
      at += 1 + data[at] // protocols
      at += 1 + data[at] // shards
    }
    this.order = at
  }

  // A copy of the bytes: what is kept must not lean on the file.
  bytes (at) {
    return new Uint8Array(this.data.subarray(at + 1, at + 1 + this.data[at]))
  }

  id (index) {
    return peerIdFromMultihash(Digest.decode(this.bytes(this.offsets[index])))
  }

  get (index) {
    const data = this.data
    let at = this.offsets[index] + 2 + data[this.offsets[index]]
    const multiaddrs = []
    for (let left = data[at++]; left > 0; left--) {
      multiaddrs.push(multiaddr(this.bytes(at)))
      at += 1 + data[at]
    }
    const protocols = Array.from(this.bytes(at), (i) => this.protocols[i])
    return { multiaddrs, protocols }
  }
}

const heap = () => {
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage() // external: buffers, which hold the records
  return heapUsed + external
}

const timed = (count, begin, answer) => say({ count, seconds: secondsSince(begin), answer })

const addressBytes = (peer) =>
  peer.addresses.reduce((sum, { multiaddr }) => sum + multiaddr.bytes.length, 0)

const putAll = async (file, store) => {
  const begin = performance.now()
  for (let i = 0; i < file.peers; i++) {
    await store.save(file.id(i), file.get(i))
  }
  timed(file.peers, begin, file.peers)
}

const lookup = async (file, store) => {
  const ids = []
  for (let i = 0; i < file.peers; i++) {
    ids.push(file.id(file.data.readUInt32LE(file.order + 4 * i)))
  }
  let at = 0
  let answer = 0
  while (at < Math.min(CHECKED_LOOKUPS, ids.length)) {
    answer += addressBytes(await store.get(ids[at++]))
  }
  const begin = performance.now()
  let count = 0
  while (secondsSince(begin) < LEAST_SECONDS) {
    for (let i = 0; i < BREATH; i++) {
      await store.get(ids[at++ % ids.length])
    }
    count += BREATH
  }
  timed(count, begin, answer)
}

// There is no index: `all` reads every peer and filters.
const repeated = async (file, store, answerOf) => {
  const filters = [(peer) => peer.protocols.includes(file.asked)]
  const begin = performance.now()
  let count = 0
  let answer = 0
  do {
    answer = answerOf(await store.all({ filters }))
    count++
  } while (secondsSince(begin) < LEAST_SECONDS)
  timed(count, begin, answer)
}

export const measureStore = async ([path]) => {
  const file = new PeerFile(path)
  const store = persistentPeerStore({
    peerId: peerIdFromPrivateKey(await generateKeyPair('Ed25519')),
    datastore: new MemoryDatastore(),
    events: new TypedEventEmitter(),
    logger: defaultLogger()
  })
  const bytesOf = (peers) => peers.reduce((sum, peer) => sum + addressBytes(peer), 0)
  const commands = {
    insert: () => putAll(file, store),
    again: () => putAll(file, store),
    settle: () => say({ heap: heap() }),
    lookup: () => lookup(file, store),
    count: () => repeated(file, store, (peers) => peers.length),
    list: () => repeated(file, store, bytesOf)
  }
  say({ peers: file.peers, heap: heap() })
  for await (const line of createInterface({ input: process.stdin })) {
    if (commands[line] == null) {
      throw new Error(`unknown command ${line}`)
    }
    await commands[line]()
  }
}
