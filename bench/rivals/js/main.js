// The js-libp2p side of the benchmark. Same command line and same output as every other
// implementation; see bench/README.md.

import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { measureStore } from './store.js'

const PING = '/ipfs/ping/1.0.0'
const DIAL_TIMEOUT_MS = 30_000

const say = (value) => process.stdout.write(JSON.stringify(value) + '\n')

const cpuSeconds = () => {
  const { user, system } = process.cpuUsage() // getrusage
  return (user + system) / 1e6
}

const secondsSince = (begin) => (performance.now() - begin) / 1e3

// No limits, no connection monitor, and only the transport, security and muxer that are measured.
const newNode = async (o, { listening, servePing }) => {
  if (!['ed25519', 'secp256k1'].includes(o.key)) {
    throw new Error(`unknown key type ${o.key}: use ed25519 or secp256k1`)
  }
  const services = { identify: identify() }
  if (servePing) {
    services.ping = ping()
  }
  return createLibp2p({
    privateKey: await generateKeyPair(o.key === 'ed25519' ? 'Ed25519' : 'secp256k1'),
    addresses: { listen: listening ? ['/ip4/127.0.0.1/tcp/0'] : [] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: {
      maxConnections: 1e6,
      maxIncomingPendingConnections: 1e5,
      inboundConnectionThreshold: Infinity
    },
    connectionMonitor: { enabled: false },
    connectionGater: {
      denyDialMultiaddr: (address) => !address.toString().startsWith('/ip4/127.')
    },
    services
  })
}

const listen = async (o) => {
  const node = await newNode(o, { listening: true, servePing: o.ping })
  let [accepted, open, identified] = [0, 0, 0]
  node.addEventListener('connection:open', () => { accepted++; open++ })
  node.addEventListener('connection:close', () => { open-- })
  node.addEventListener('peer:identify', () => { identified++ })
  say({ addr: node.getMultiaddrs()[0].toString() })
  for await (const command of createInterface({ input: process.stdin })) {
    if (command === 'settle') {
      globalThis.gc?.()
    }
    say({ cpu_s: cpuSeconds(), accepted, open, identified })
  }
}

// Resolves when the other side is identified.
const connect = async (node, to) => {
  const identified = Promise.withResolvers()
  const timer = setTimeout(() => identified.reject(new Error('identify timed out')), DIAL_TIMEOUT_MS)
  node.addEventListener('peer:identify', identified.resolve, { once: true })
  try {
    const connection = await node.dial(to, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) })
    await identified.promise
    return connection
  } finally {
    clearTimeout(timer)
    node.removeEventListener('peer:identify', identified.resolve)
  }
}

const dial = async (o) => {
  const to = multiaddr(o.addr)
  const nodes = []
  for (let i = 0; i < o.parallel; i++) {
    nodes.push(await newNode(o, { listening: false, servePing: false }))
  }
  const round = async (seconds, count) => {
    const begin = performance.now()
    let [started, finished] = [0, 0]
    await Promise.all(nodes.map(async (node) => {
      while (!(seconds > 0 && secondsSince(begin) >= seconds)) {
        if (count > 0 && started >= count) {
          return
        }
        started++
        const connection = await connect(node, to)
        await connection.close()
        finished++
      }
    }))
    return [finished, secondsSince(begin)]
  }
  if (o.warmup > 0) {
    await round(o.warmup, 0)
  }
  const cpu = cpuSeconds()
  say({ event: 'start' })
  const [count, seconds] = await round(o.seconds, o.count)
  say({ event: 'result', count, seconds, cpu_s: cpuSeconds() - cpu })
}

const pings = async (o) => {
  const node = await newNode(o, { listening: false, servePing: false })
  const connection = await connect(node, multiaddr(o.addr))
  let stream
  const answered = (s, payload) => new Promise((resolve, reject) => {
    const answer = Buffer.alloc(payload.length)
    let filled = 0
    const onMessage = ({ data }) => {
      answer.set(data.subarray(), filled)
      filled += data.byteLength
      if (filled === payload.length) {
        s.removeEventListener('message', onMessage)
        s.removeEventListener('close', onClose)
        resolve(answer)
      }
    }
    const onClose = () => reject(new Error('ping: the stream was closed'))
    s.addEventListener('message', onMessage)
    s.addEventListener('close', onClose)
  })
  const once = async () => {
    const payload = crypto.getRandomValues(Buffer.alloc(32))
    const begin = performance.now()
    stream ??= await connection.newStream(PING)
    const answer = answered(stream, payload)
    stream.send(payload)
    const received = await answer
    const took = performance.now() - begin
    if (!payload.equals(received)) {
      throw new Error('ping: the answer differs from the question')
    }
    if (o.mode === 'fresh') {
      await stream.close()
      stream = undefined
    }
    return took * 1e3
  }
  for (const begin = performance.now(); secondsSince(begin) < o.warmup;) {
    await once()
  }
  const took = []
  for (const begin = performance.now(); ;) {
    if ((o.seconds > 0 && secondsSince(begin) >= o.seconds) ||
        (o.count > 0 && took.length >= o.count)) {
      break
    }
    took.push(await once())
  }
  if (took.length === 0) {
    throw new Error('ping: nothing was measured')
  }
  took.sort((a, b) => a - b)
  const at = (percent) => took[Math.floor(took.length * percent / 100)]
  say({ event: 'result', count: took.length, p50_us: at(50), p99_us: at(99) })
}

const idle = async (o) => {
  const to = multiaddr(o.addr)
  for (let i = 0; i < o.count; i++) {
    await connect(await newNode(o, { listening: false, servePing: false }), to)
  }
  say({ event: 'connected', count: o.count })
  for await (const _ of process.stdin);
}

if (process.argv[2] === 'store') {
  await measureStore(process.argv.slice(3))
  process.exit(0)
}
const commands = { listen, dial, ping: pings, idle }
const command = commands[process.argv[2]]
if (command == null) {
  console.error('use: listen | dial | ping | idle | store')
  process.exit(1)
}
try {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: {
      key: { type: 'string', default: 'ed25519' },
      addr: { type: 'string' },
      mode: { type: 'string', default: 'open' },
      parallel: { type: 'string', default: '1' },
      count: { type: 'string', default: '0' },
      seconds: { type: 'string', default: '0' },
      warmup: { type: 'string', default: '0' },
      ping: { type: 'boolean', default: false }
    }
  })
  for (const name of ['parallel', 'count', 'seconds', 'warmup']) {
    values[name] = Number(values[name])
  }
  await command(values)
  process.exit(0)
} catch (error) {
  console.error(error)
  process.exit(1)
}
