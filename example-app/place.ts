import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Certificate } from './self-signed.js'

/** Where the host app listens. */
export interface Place {
  port: number
  host: string
  /** Serve https. */
  certificate?: Certificate | undefined
}

/** Port 0 is any that is free: it must be known before the app is, whose URL it is part of. */
export async function choosePlace(port: number, host: string, certificate?: Certificate): Promise<Place> {
  if (port !== 0) return { port, host, certificate }
  const server = createServer()
  await listen(server, { port, host })
  const chosen = (server.address() as AddressInfo).port
  await new Promise((resolve) => server.close(resolve))
  return { port: chosen, host, certificate }
}

/** Without a trailing slash. */
export function urlOf({ port, host, certificate }: Place): string {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return `${certificate === undefined ? 'http' : 'https'}://${authority}`
}

export function listen(server: Pick<Server, 'once' | 'listen'>, { port, host }: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
}
