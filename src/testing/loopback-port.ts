import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { holdConnects } from './held-connects.js'

const reopenAttempts = 40
const reopenInterval = 50

/**
 * One port of 127.0.0.1 whose HTTP server can leave it and come back to it. Its methods must not overlap.
 */
export class LoopbackPort {
  readonly number: number
  readonly #sockets = new Set<Socket>()
  #listener: RequestListener | undefined
  #server: Server | undefined
  #release: (() => Promise<void>) | undefined

  private constructor(server: Server) {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('The server has no port')
    this.number = address.port
    this.#use(server)
  }

  /** Port 0: any free port. Requests are answered once there is a listener. */
  static async open(port: number): Promise<LoopbackPort> {
    return new LoopbackPort(await listen(port))
  }

  serve(listener: RequestListener): void {
    this.#listener = listener
  }

  /** Serves again, on the same port. */
  async reopen(): Promise<void> {
    await this.#giveBack()
    if (this.#server === undefined) this.#use(await listenAgain(this.number))
  }

  /** Refuses connections, and destroys those that are open. */
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

  /** Lets connections hang, and destroys those that are open. */
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

async function listen(port: number): Promise<Server> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

// Meanwhile the kernel may have lent the port to an outgoing connection of anybody.
async function listenAgain(port: number): Promise<Server> {
  for (let attempt = 1; attempt < reopenAttempts; attempt += 1) {
    try {
      return await listen(port)
    } catch {
      await wait(reopenInterval)
    }
  }
  return listen(port)
}
