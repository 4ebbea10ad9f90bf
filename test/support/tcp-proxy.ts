import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands between a client and a server on 127.0.0.1, and may lose what the server answers. */
export interface TcpProxy {
  port: number
  /**
   * Cuts the next connection on which the client sends this text: when the server has answered it, and before the
   * client hears of that.
   */
  loseAnswerTo(text: string): void
  /** From now on nothing passes on the connections that there are. They stay open, as after a break of the network. */
  silence(): void
  close(): Promise<void>
}

/** @param port where it listens; by default any that is free */
export async function startTcpProxy(target: { host: string; port: number }, port = 0): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const silent = new Set<Socket>()
  let lost: string | undefined
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer((client) => {
    keep(client)
    const upstream = keep(connect(target.port, target.host))
    let isCut = false
    client.on('data', (chunk) => {
      if (silent.has(client)) return
      if (lost !== undefined && chunk.includes(lost)) {
        lost = undefined
        isCut = true
      }
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (isCut) client.destroy()
      else if (!silent.has(upstream)) client.write(chunk)
    })
    client.once('close', () => upstream.destroy())
    upstream.once('close', () => client.destroy())
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    loseAnswerTo: (text) => {
      lost = text
    },
    silence: () => {
      for (const socket of sockets) silent.add(socket)
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
