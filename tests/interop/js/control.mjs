// The control protocol that all interop peers share (see ../README.md): JSON lines, commands on
// standard input, events and replies on standard output. Times are CLOCK_MONOTONIC in
// milliseconds, so the records of two processes of one machine can be compared.
import { createInterface } from 'node:readline'

export const now = () => Number(process.hrtime.bigint() / 1000n) / 1000

export function emit (event, fields = {}) {
  process.stdout.write(JSON.stringify({ event, t: now(), ...fields }) + '\n')
}

/** The peer's configuration: the one JSON argument of the program. */
export function readConfig () {
  const config = { hosts: [{}], ...JSON.parse(process.argv[2] ?? '{}') }
  const lifetime = config.lifetime ?? 120
  setTimeout(() => {
    emit('lifetime_over')
    process.exit(3)
  }, lifetime * 1000).unref()
  return config
}

/**
 * Runs the commands that arrive on standard input until it closes. Each command is
 * {"cmd": name, "id": number, …}; its reply is {"event": "reply", "id", "ok", …}.
 */
export function serve (commands) {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', async line => {
    let request
    try {
      request = JSON.parse(line)
      const command = commands[request.cmd]
      if (command == null) throw new Error(`unknown command ${request.cmd}`)
      const result = await command(request)
      emit('reply', { id: request.id, ok: true, ...result })
    } catch (err) {
      emit('reply', { id: request?.id, ok: false, error: `${err.name}: ${err.message}` })
    }
  })
  lines.on('close', () => process.exit(0))
}
