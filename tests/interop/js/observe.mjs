// What a js-libp2p node (1.x or 2.x) records about itself: accepted sockets, connections,
// identify results, pings answered. Shared by the plain js-libp2p peer and the js-waku peer.
import { subscribe } from 'node:diagnostics_channel'
import { emit } from './control.mjs'

export const PING = '/ipfs/ping/1.0.0'

const hostOfPort = new Map()

// Seen as soon as the kernel hands the socket over, before libp2p reads or writes a byte.
subscribe('net.server.socket', ({ socket }) => {
  emit('tcp_accept', {
    host: hostOfPort.get(socket.localPort) ?? null,
    remote: `${socket.remoteAddress}:${socket.remotePort}`
  })
})

const onlyLoopback = ma => !/^\/(ip4\/127\.|ip6\/::1\/)/.test(ma.toString())

/** Denies every address but loopback, in both directions. */
export const loopbackGater = {
  denyDialMultiaddr: onlyLoopback,
  denyInboundConnection: conn => onlyLoopback(conn.remoteAddr)
}

/** No limit of the node's own may end or refuse a connection in a test. */
export const noLimits = {
  maxConnections: 1e6,
  maxIncomingPendingConnections: 1e5,
  inboundConnectionThreshold: Infinity
}

/** Stays with the real ping responder, and records each 32 bytes that it reads. */
async function recordPings (node, host) {
  const { handler, options } = node.components.registrar.getHandler(PING)
  await node.unhandle(PING)
  await node.handle(PING, data => {
    const source = data.stream.source
    let read = 0
    data.stream.source = (async function * () {
      for await (const chunk of source) {
        for (read += chunk.byteLength; read >= 32; read -= 32) {
          emit('ping_received', { host, peer: data.connection.remotePeer.toString() })
        }
        yield chunk
      }
    })()
    handler(data)
  }, options)
}

const describe = connection => ({
  peer: connection.remotePeer.toString(),
  direction: connection.direction,
  remote: connection.remoteAddr.toString(),
  security: connection.encryption,
  muxer: connection.multiplexer,
  connection: connection.id
})

/** Starts to record the node; call it after the node was started. Returns its addresses. */
export async function observe (node, host) {
  const addrs = node.getMultiaddrs().map(String)
  for (const ma of node.getMultiaddrs()) hostOfPort.set(ma.nodeAddress().port, host)
  node.addEventListener('connection:open', ({ detail }) => emit('connected', { host, ...describe(detail) }))
  node.addEventListener('connection:close', ({ detail }) => emit('disconnected', {
    host, ...describe(detail), left: node.getConnections(detail.remotePeer).length
  }))
  node.addEventListener('peer:identify', ({ detail }) => emit('identify', {
    host,
    peer: detail.peerId.toString(),
    agent: detail.agentVersion,
    protocolVersion: detail.protocolVersion,
    protocols: detail.protocols,
    addrs: detail.listenAddrs.map(String),
    observed: detail.observedAddr?.toString(),
    connection: detail.connection.id
  }))
  node.addEventListener('peer:update', ({ detail }) => emit('peer_update', {
    host, peer: detail.peer.id.toString(), protocols: detail.peer.protocols
  }))
  await recordPings(node, host)
  return addrs
}

/** The commands of every js peer; `nodes` are its hosts, `ma` makes a multiaddr of a string. */
export function nodeCommands (nodes, { ma, peerId }) {
  const node = request => nodes[request.host ?? 0]
  return {
    async dial (request) {
      const connection = await node(request).dial(ma(request.addr), { signal: AbortSignal.timeout(request.timeout ?? 10000) })
      return describe(connection)
    },
    async ping (request) {
      const pings = []
      for (let i = 0; i < (request.count ?? 1); i++) {
        pings.push(await node(request).services.ping.ping(peerId(request.peer), { signal: AbortSignal.timeout(10000) }))
      }
      return { pings }
    },
    async disconnect (request) {
      await node(request).hangUp(peerId(request.peer))
    },
    async peers (request) {
      return { connections: node(request).getConnections().map(describe) }
    },
    async stop () {
      await Promise.all(nodes.map(each => each.stop()))
      setImmediate(() => process.exit(0))
    }
  }
}
