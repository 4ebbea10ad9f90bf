import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Server, Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { holdConnects } from './held-connects.js'

const reopenAttempts = 40
const reopenInterval = 50

/** The private key and certificate to serve HTTPS with, in PEM. */
type Tls = { readonly key: string; readonly cert: string } | undefined

/**
 * One port of 127.0.0.1 whose HTTP or HTTPS server can stop and start again. Calls of its methods must not overlap.
 */
export class LoopbackPort {
  readonly number: number
  readonly #tls: Tls
  readonly #sockets = new Set<Socket>()
  #listener: RequestListener | undefined
  #server: Server | undefined
  #release: (() => Promise<void>) | undefined

  private constructor(server: Server, tls: Tls) {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('The server has no port')
    this.number = address.port
    this.#tls = tls
    this.#use(server)
  }

  /** Port 0: any free port. Requests are answered once there is a listener. */
  static async open(port: number, tls?: Tls): Promise<LoopbackPort> {
    return new LoopbackPort(await listen(port, tls), tls)
  }

  serve(listener: RequestListener): void {
    this.#listener = listener
  }

  /** Starts the server again, on the same port. */
  async reopen(): Promise<void> {
    await this.#giveBack()
    if (this.#server === undefined) this.#use(await listenAgain(this.number, this.#tls))
  }

  /** Refuses connections, and destroys open ones. */
  async shut(): Promise<void> {
    await this.#giveBack()
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  /** Lets new connections hang, and destroys open ones. */
  async hold(): Promise<void> {
    if (this.#release !== undefined) return
    await this.shut()
    this.#release = await holdConnects(this.number)
  }

  async #giveBack(): Promise<void> {
    const release = this.#release
    this.#release = undefined
    await release?.()
  }

  #use(server: Server): void {
    this.#server = server
    server.on('request', (request, response) => this.#listener?.(request, response))
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }
}

async function listen(port: number, tls: Tls): Promise<Server> {
  const server = tls === undefined ? createHttpServer() : createHttpsServer({ ...tls })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

// Meanwhile the kernel may have given the port to an outgoing connection of any process.
async function listenAgain(port: number, tls: Tls): Promise<Server> {
  for (let attempt = 1; attempt < reopenAttempts; attempt += 1) {
    try {
      return await listen(port, tls)
    } catch {
      await wait(reopenInterval)
    }
  }
  return listen(port, tls)
}
