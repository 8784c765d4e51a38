// Noise as @chainsafe/libp2p-noise has it, but every secret of a connection and everything
// inside the encryption are recorded: for ../../capture.py, which makes tests/data/captures.
import { randomBytes } from 'node:crypto'
import { noise } from '@chainsafe/libp2p-noise'
import { defaultCrypto } from '@chainsafe/libp2p-noise/crypto'
import { emit } from '../control.mjs'

const hex = bytes => Buffer.from(bytes.subarray()).toString('hex')

function tee (connection, role) {
  const { source, sink } = connection
  connection.source = (async function * () {
    for await (const chunk of source) {
      emit('plain', { role, way: 'received', hex: hex(chunk) })
      yield chunk
    }
  })()
  connection.sink = chunks => sink((async function * () {
    for await (const chunk of chunks) {
      emit('plain', { role, way: 'sent', hex: hex(chunk) })
      yield chunk
    }
  })())
}

export function capturingNoise () {
  const staticSecret = randomBytes(32)
  emit('noise_static', { secret: hex(staticSecret) })
  const crypto = {
    ...defaultCrypto,
    generateX25519KeyPair () {
      const pair = defaultCrypto.generateX25519KeyPair()
      emit('noise_ephemeral', { secret: hex(pair.privateKey), public: hex(pair.publicKey) })
      return pair
    }
  }
  const make = noise({ staticNoiseKey: staticSecret, crypto })
  return components => {
    const encrypter = make(components)
    for (const [method, role] of [['secureOutbound', 'dialer'], ['secureInbound', 'listener']]) {
      const secure = encrypter[method].bind(encrypter)
      encrypter[method] = async (connection, options) => {
        const secured = await secure(connection, options)
        tee(secured.conn, role)
        return secured
      }
    }
    return encrypter
  }
}
