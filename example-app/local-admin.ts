import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { Router } from 'express'
import type { IdentityProviderStore, JwtExchange } from 'express-jwt-exchange'
import { createAdmin } from 'express-jwt-exchange/admin'
import { type Place, urlOf } from './place.js'

/** The admin page for the person at the terminal, to be mounted at `/admin`. */
export interface LocalAdmin {
  router: Router
  /** Opens the page, once: the link has a token in it. */
  link: string
  close(): void
}

const LOOPBACK = ['127.0.0.1', '::1', 'localhost']
const HOSTS = ['localhost', '127.0.0.1', '[::1]']
const SIGN_IN =
  'Open the link that the app printed in the terminal. It works once; to get another one, restart the app.\n'

/** Whether only this machine reaches it. */
export function isLoopback({ host }: Place): boolean {
  return LOOPBACK.includes(host)
}

/** The token of the link becomes a session cookie. Both are random, live as long as the process, and are compared in constant time. */
export function createLocalAdmin(exchange: JwtExchange, place: Place, store?: IdentityProviderStore): LocalAdmin {
  const { port, certificate } = place
  const session = randomBytes(32).toString('base64url')
  const cookie = `admin-${port}` // Cookies do not distinguish ports.
  const attributes = `Path=/admin; HttpOnly; SameSite=Strict${certificate === undefined ? '' : '; Secure'}`
  let token: string | undefined = randomBytes(32).toString('base64url')
  const link = `${urlOf({ ...place, host: place.host === '::1' ? '::1' : 'localhost' })}/admin/sign-in?token=${token}`
  const isSignedIn = (req: IncomingMessage) => cookiesOf(req, cookie).some((value) => isSame(value, session))
  const admin = createAdmin(exchange, {
    ...(store && { store }),
    authorize: (req) => isSignedIn(req) && 'the person at the terminal',
    hosts: HOSTS.map((host) => `${host}:${port}`),
    allowPrivateNetworks: true, // The fake identity provider is on this machine.
  })
  const router = Router()
  router.get('/sign-in', (req, res) => {
    res.set({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' })
    const isRight = req.method === 'GET' && token !== undefined && isSame(String(req.query.token), token)
    if (!isRight) return res.status(401).type('text').send(SIGN_IN)
    token = undefined
    return res.set('Set-Cookie', `${cookie}=${session}; ${attributes}`).redirect(303, './')
  })
  router.use((req, res, next) => (isSignedIn(req) ? next() : res.status(401).type('text').send(SIGN_IN)))
  router.use(admin)
  return { router, link, close: () => admin.close() }
}

function cookiesOf({ headers }: IncomingMessage, name: string): string[] {
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim())
  return pairs.flatMap((pair) => (pair.startsWith(`${name}=`) ? [pair.slice(name.length + 1)] : []))
}

/** Takes the same time for any text. */
function isSame(text: string, secret: string): boolean {
  const [left, right] = [text, secret].map((each) => createHash('sha256').update(each).digest())
  return left !== undefined && right !== undefined && timingSafeEqual(left, right)
}
