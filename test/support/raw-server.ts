import { type AddressInfo, createServer, type Socket } from 'node:net'

/** A server on 127.0.0.1 that answers with bytes, HTTP or not. */
export interface RawServer {
  /** `http://127.0.0.1:PORT/jwks`. */
  url: string
  /** The head of each request that came, whatever became of it. */
  readonly requests: readonly string[]
  /** From now on. */
  answerWith(answer: RawAnswer): void
  close(): Promise<void>
}

/** What to do with a connection on which a request has come. */
export type RawAnswer = string | Buffer | ((socket: Socket) => void)

export async function startRawServer(answer: RawAnswer = ''): Promise<RawServer> {
  const requests: string[] = []
  const sockets = new Set<Socket>()
  let current = answer
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    socket.once('data', (head) => {
      requests.push(head.toString('latin1'))
      if (typeof current === 'function') current(socket)
      else socket.end(current)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    requests,
    answerWith: (next) => {
      current = next
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** An answer with this status and body, and with a length unless the headers say otherwise. */
export function httpAnswer(status: string, body: string | Buffer = '', headers: readonly string[] = []): Buffer {
  const head = [
    `HTTP/1.1 ${status}`,
    ...(headers.length > 0 ? headers : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(body)])
}
