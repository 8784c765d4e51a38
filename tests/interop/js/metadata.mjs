// Waku metadata (66/WAKU2-METADATA) as js-waku 0.0.27 and 0.0.36 speak it: the shards unpacked in
// field 2, the answer written before the request is read, the request read to its end.
import { emit } from './control.mjs'

export const METADATA = '/vac/waku/metadata/1.0.0'

function varint (value) {
  const bytes = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  bytes.push(value)
  return bytes
}

function readVarint (bytes, at) {
  let value = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++]
    if (byte === undefined) throw new Error('truncated varint')
    value += (byte & 127) * scale
    if (byte < 128) return [value, at]
  }
}

export function encode ({ cluster, shards }) {
  const message = []
  if (cluster != null) message.push(0x08, ...varint(cluster))
  for (const shard of shards ?? []) message.push(0x10, ...varint(shard))
  return Uint8Array.from([...varint(message.length), ...message])
}

/** Reads one length-prefixed message: cluster_id 1, shards unpacked in 2, packed or not in 3. */
export function decode (bytes) {
  let [length, at] = readVarint(bytes, 0)
  const end = at + length
  if (bytes.length < end) throw new Error('truncated metadata message')
  const result = { cluster: null, deprecated: [], shards: [] }
  while (at < end) {
    let tag, value
    ;[tag, at] = readVarint(bytes, at)
    ;[value, at] = readVarint(bytes, at)
    if (tag === 0x08) result.cluster = value
    else if (tag === 0x10) result.deprecated.push(value)
    else if (tag === 0x18) result.shards.push(value)
    else if (tag === 0x1a) {
      for (const stop = at + value; at < stop;) {
        ;[value, at] = readVarint(bytes, at)
        result.shards.push(value)
      }
    } else throw new Error(`unexpected metadata tag ${tag}`)
  }
  return result
}

async function exchange (stream, mine) {
  await stream.sink([encode(mine)])
  const chunks = []
  for await (const chunk of stream.source) chunks.push(chunk.subarray())
  return decode(Buffer.concat(chunks))
}

export async function handleMetadata (node, host, mine) {
  await node.handle(METADATA, async ({ stream, connection }) => {
    const peer = connection.remotePeer.toString()
    try {
      emit('metadata', { host, peer, role: 'responder', ...await exchange(stream, mine) })
    } catch (err) {
      emit('metadata', { host, peer, role: 'responder', error: String(err) })
    }
  })
}

export async function requestMetadata (node, host, peer, mine) {
  const stream = await node.dialProtocol(peer, METADATA, { signal: AbortSignal.timeout(10000) })
  const theirs = await exchange(stream, mine)
  emit('metadata', { host, peer: peer.toString(), role: 'requester', ...theirs })
  return theirs
}
