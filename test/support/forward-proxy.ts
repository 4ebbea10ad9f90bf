import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/** A forward proxy on 127.0.0.1 that opens tunnels (CONNECT) to ports of 127.0.0.1, whatever host is named. */
export interface ForwardProxy {
  /** `127.0.0.1:PORT`. */
  host: string
  /** The `Proxy-Authorization` and the target of each tunnel that was asked for. */
  readonly asked: readonly { target: string; authorization: string | undefined }[]
  answerWith(answer: ProxyAnswer): void
  /** Connections that are open, on both sides. */
  openConnections(): number
  close(): Promise<void>
}

/** `open`: a tunnel; `refuse`: 407; `hang`: nothing; `babble`: 200 with bytes of its own before the tunnel. */
export type ProxyAnswer = 'open' | 'refuse' | 'hang' | 'babble'

export async function startForwardProxy(): Promise<ForwardProxy> {
  let current: ProxyAnswer = 'open'
  const asked: { target: string; authorization: string | undefined }[] = []
  const sockets = new Set<Socket>()
  const server = createServer()
  server.on('connection', (socket: Socket) => keep(socket, sockets))
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    asked.push({ target: request.url ?? '', authorization: request.headers['proxy-authorization'] })
    if (current === 'refuse') client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    if (current === 'babble') client.write('HTTP/1.1 200 OK\r\n\r\nI am no TLS server')
    if (current !== 'open') return void client.resume().once('end', () => client.end()) // What does not read never sees the other side leave.
    const target = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      client.pipe(target).pipe(client)
    })
    keep(target, sockets)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answerWith: (answer) => {
      current = answer
    },
    openConnections: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function keep(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket)
  socket.on('error', () => {})
  socket.once('close', () => sockets.delete(socket))
}
