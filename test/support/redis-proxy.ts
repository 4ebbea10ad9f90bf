import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands between clients and their Redis, and lets go wrong what a test wants. */
export interface RedisProxy {
  url: string
  /** Each command that came, those with which a connection begins included. */
  readonly commands: readonly Command[]
  /** Sends something else to Redis for each SET from now on. */
  replaceSets(replace: (set: Command) => Command): void
  /** So many answers to a SET are lost from now on: the connection is cut when one comes, after Redis has executed it. */
  loseAnswers(count: number): void
  /** Holds all answers back until `release`. */
  hold(): void
  release(): void
  /** Cuts all connections. */
  cut(): void
  /** Cuts all connections, and refuses new ones until `open`. */
  close(): Promise<void>
  /** On the same port. */
  open(): Promise<void>
}

export type Command = readonly string[]

/** What servers before Redis 6.2 make of PXAT. */
export function likeOldServer(set: Command): Command {
  return set.includes('PXAT') ? answeredBy('return redis.error_reply("ERR syntax error")') : set
}

/** A command with an answer of our choice: `return 1`. */
export function answeredBy(lua: string): Command {
  return ['EVAL', lua, '0']
}

/** @param redis the URL of the server behind it, on 127.0.0.1 */
export async function startRedisProxy(redis: string): Promise<RedisProxy> {
  const commands: Command[] = []
  const clients = new Set<Socket>()
  const upstreams = new Set<Socket>()
  let replaceSet = (set: Command): Command => set
  let answersToLose = 0
  let isHeld = false

  /** The bytes to send on. */
  const pass = (command: Command, loseAnswer: () => void): Buffer => {
    commands.push(command)
    if (command[0]?.toUpperCase() !== 'SET') return writeCommand(command)
    if (answersToLose > 0) loseAnswer()
    return writeCommand(replaceSet(command))
  }

  const server = createServer((client) => {
    const upstream = connect(Number(new URL(redis).port), '127.0.0.1')
    clients.add(client)
    upstreams.add(upstream)
    if (isHeld) upstream.pause()
    const end = () => {
      clients.delete(client.destroy())
      upstreams.delete(upstream.destroy())
    }
    client.setNoDelay(true).on('error', end).on('close', end)
    upstream.setNoDelay(true).on('error', end).on('close', end)

    let isLosing = false
    let rest = Buffer.alloc(0)
    client.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      for (let next = readCommand(rest); next !== undefined; next = readCommand(rest)) {
        rest = rest.subarray(next.length)
        const bytes = pass(next.command, () => {
          if (!isLosing) answersToLose -= 1
          isLosing = true
        })
        upstream.write(bytes)
      }
    })
    upstream.on('data', (answers: Buffer) => {
      if (isLosing) end()
      else client.write(answers)
    })
  })
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const cut = () => {
    for (const client of clients) client.destroy()
  }

  await listen(0)
  const { port } = server.address() as AddressInfo
  return {
    url: `redis://127.0.0.1:${port}`,
    commands,
    replaceSets: (replace) => {
      replaceSet = replace
    },
    loseAnswers: (count) => {
      answersToLose = count
    },
    hold: () => {
      isHeld = true
      for (const upstream of upstreams) upstream.pause()
    },
    release: () => {
      isHeld = false
      for (const upstream of upstreams) upstream.resume()
    },
    cut,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      cut()
      await closed
    },
    open: async () => {
      if (!server.listening) await listen(port)
    },
  }
}

/** An array of bulk strings, as clients send it: `*2\r\n$3\r\nGET\r\n$1\r\na\r\n`. undefined while it is not whole. */
function readCommand(bytes: Buffer): { command: Command; length: number } | undefined {
  let at = 0
  const readCount = () => {
    const end = bytes.indexOf('\r\n', at)
    const count = Number(bytes.toString('latin1', at + 1, end))
    at = end + 2
    return end < 0 ? undefined : count
  }
  const strings = readCount()
  if (strings === undefined) return undefined
  const command: string[] = []
  while (command.length < strings) {
    const length = readCount()
    if (length === undefined || at + length + 2 > bytes.length) return undefined
    command.push(bytes.toString('latin1', at, at + length))
    at += length + 2
  }
  return { command, length: at }
}

function writeCommand(command: Command): Buffer {
  const strings = command.map((text) => `$${text.length}\r\n${text}\r\n`)
  return Buffer.from(`*${command.length}\r\n${strings.join('')}`, 'latin1')
}
