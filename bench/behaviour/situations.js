import { createHash, createHmac, createPublicKey, randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { calculateJwkThumbprint, importJWK, SignJWT } from 'jose'
import { generateFakeKey } from '../../dist/testing/index.js'
import { setClocksAhead } from './clocks.js'

const MINUTE = 60
/** Milliseconds. */
const PATIENCE = 60_000
const FLOOD = 30
const AT_ONCE = 5

const bearer = (token) => `Bearer ${token}`
const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url')
const nowInSeconds = () => Math.floor(Date.now() / 1000)

/** The status of the answer to one token. */
async function sendToken(trial, token) {
  return String((await trial.send(bearer(token))).statusCode)
}

/** Sends one token with other claims or another header. */
function sendOne(claims, header) {
  return async (trial) => sendToken(trial, await trial.token(claims?.(), header))
}

/** Sends a good token first, so that the keys are fetched. */
async function fetchKeys(trial) {
  const token = await trial.token()
  const status = await sendToken(trial, token)
  if (status !== '200') throw new Error(`a good token is answered ${status}`)
  return token
}

async function rollOver(trial, secondsAhead) {
  await fetchKeys(trial)
  await trial.idp.rotate()
  setClocksAhead(secondsAhead)
  return sendToken(trial, await trial.token())
}

/** @param isSame sends the token that was accepted, and not another one with its key */
async function withdraw(trial, secondsAhead, isSame = false) {
  const other = await trial.token()
  const accepted = await fetchKeys(trial)
  const { kid } = trial.idp.signingKey
  await trial.idp.rotate()
  trial.idp.withdraw(kid)
  setClocksAhead(secondsAhead)
  return sendToken(trial, isSame ? accepted : other)
}

async function failWithKeys(trial, secondsAhead) {
  const token = await trial.token()
  await fetchKeys(trial)
  await trial.idp.fault('down')
  setClocksAhead(secondsAhead)
  return sendToken(trial, token)
}

/** The status of the first request, and whether it says when to come again. */
async function failAtFirst(trial, fault) {
  await trial.idp.fault(fault)
  const { statusCode, headers } = await trial.send(bearer(await trial.token()))
  return headers['retry-after'] === undefined ? String(statusCode) : `${statusCode}, \`Retry-After\``
}

/** Whole seconds until the first request is answered, while the endpoint accepts connections and does not answer. */
async function waitForStalled(trial) {
  await trial.idp.fault('stalled')
  const sent = performance.now()
  const limit = new AbortController()
  const answered = sendToken(trial, await trial.token())
  const tooLate = setTimeout(PATIENCE, 'none', { signal: limit.signal, ref: false })
  const status = await Promise.race([answered.catch(() => 'none'), tooLate.catch(() => 'none')])
  limit.abort()
  return status === 'none' ? `none in ${PATIENCE / 1000} s` : `${status} after ${secondsSince(sent)} s`
}

function secondsSince(moment) {
  return Math.round((performance.now() - moment) / 1000)
}

async function flood(trial) {
  await fetchKeys(trial)
  const before = trial.idp.fetches
  setClocksAhead(MINUTE)
  for (let sent = 0; sent < FLOOD; sent += AT_ONCE) {
    const kids = Array.from({ length: AT_ONCE }, (_, at) => `made-up-${sent + at}`)
    await Promise.all(kids.map(async (kid) => sendToken(trial, await trial.token({}, { kid }))))
  }
  return trial.idp.fetches - before
}

async function afterFlood(trial, then) {
  const token = await trial.token()
  await flood(trial)
  return sendToken(trial, (await then?.()) ?? token)
}

async function sendMac(trial) {
  const { publicJwk, kid } = trial.idp.signingKey
  const secret = createPublicKey({ key: publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const [, payload] = (await trial.token()).split('.')
  const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid })}.${payload}`
  return sendToken(trial, `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`)
}

async function sendUnsigned(trial) {
  const [, payload] = (await trial.token()).split('.')
  return sendToken(trial, `${encode({ alg: 'none', typ: 'at+jwt' })}.${payload}.`)
}

async function sendTwice(trial) {
  const token = await trial.token()
  return `${await sendToken(trial, token)}, then ${await sendToken(trial, token)}`
}

/** The same proof twice (RFC 9449 §4.3). */
async function sendDPoPTwice(trial) {
  const { privateJwk, publicJwk } = await generateFakeKey('ES256')
  const { kty, crv, x, y } = publicJwk
  const jwk = { kty, crv, x, y }
  const token = await trial.token({ cnf: { jkt: await calculateJwkThumbprint(jwk) } })
  const ath = createHash('sha256').update(token).digest('base64url')
  const proof = await new SignJWT({ htm: 'GET', htu: trial.url, ath, jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
    .setIssuedAt()
    .sign(await importJWK(privateJwk, 'ES256'))
  const statuses = []
  for (let sent = 0; sent < 2; sent += 1) {
    statuses.push((await trial.send(`DPoP ${token}`, { dpop: proof })).statusCode)
  }
  return statuses.join(', then ')
}

async function sendInQuery(trial, authorization) {
  const token = await trial.token()
  const { statusCode } = await trial.send(authorization && bearer(token), { query: `?access_token=${token}` })
  return String(statusCode)
}

async function challengeFor(trial, token) {
  const { headers } = await trial.send(token && bearer(token))
  const challenge = headers['www-authenticate']
  return challenge === undefined ? 'none' : `\`${/error="(\w+)"/.exec(challenge)?.[1] ?? challenge.split(' ')[0]}\``
}

const isIdToken = () => ({ nonce: 'n-0S6_WzA2Mj', at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng', client_id: undefined })
const isBound = () => ({ cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } })
const expiredFor = (seconds) => () => ({ exp: nowInSeconds() - seconds })

/** Each row of the tables. `run` tries it, and describes the answer. */
export const groups = [
  {
    title: 'Rollover of keys',
    situations: [
      { name: 'a new key, at once after a fetch', run: (trial) => rollOver(trial, 0) },
      { name: 'a new key, a minute after a fetch', run: (trial) => rollOver(trial, MINUTE) },
      { name: 'a withdrawn key, 6 minutes after a fetch', run: (trial) => withdraw(trial, 6 * MINUTE) },
      { name: 'a withdrawn key, 11 minutes after a fetch', run: (trial) => withdraw(trial, 11 * MINUTE) },
      { name: 'the same, the token was accepted before', run: (trial) => withdraw(trial, 11 * MINUTE, true) },
    ],
  },
  {
    title: 'Outage of the key endpoint',
    situations: [
      { name: 'the first request, connections are refused', run: (trial) => failAtFirst(trial, 'down') },
      { name: 'the first request, the endpoint answers 500', run: (trial) => failAtFirst(trial, 'error') },
      { name: 'the first request, the endpoint never answers', run: waitForStalled, atOnce: true },
      { name: 'a known key, 1 minute after a fetch', run: (trial) => failWithKeys(trial, MINUTE) },
      { name: 'a known key, 11 minutes after a fetch', run: (trial) => failWithKeys(trial, 11 * MINUTE) },
      { name: 'a known key, 2 hours after a fetch', run: (trial) => failWithKeys(trial, 120 * MINUTE) },
    ],
  },
  {
    title: 'A hostile or broken key endpoint',
    situations: [
      { name: 'fetches for 30 made-up `kid`s', run: async (trial) => String(await flood(trial)) },
      { name: 'a known key, after these', run: (trial) => afterFlood(trial) },
      {
        name: 'a new key, after these',
        run: (trial) => afterFlood(trial, async () => (await trial.idp.rotate()) && trial.token()),
      },
      { name: 'a key set of 10 MiB', run: (trial) => failAtFirst(trial, 'oversize') },
      { name: 'a redirect to a good key set', run: (trial) => failAtFirst(trial, 'redirect') },
      { name: 'a response that is not JSON', run: (trial) => failAtFirst(trial, 'garbage') },
    ],
  },
  {
    title: 'Tokens of another kind',
    situations: [
      { name: 'an access token, `typ: at+jwt`', run: sendOne() },
      { name: 'an access token, `typ: JWT`', run: sendOne(undefined, { typ: 'JWT' }) },
      { name: 'an access token without `typ`', run: sendOne(undefined, { typ: undefined }) },
      { name: 'a logout token, `typ: logout+jwt`', run: sendOne(undefined, { typ: 'logout+jwt' }) },
      { name: 'an ID token whose `aud` is the API', run: sendOne(isIdToken, { typ: 'JWT' }) },
      { name: 'a DPoP-bound token, sent as Bearer', run: sendOne(isBound) },
      { name: 'the same with a DPoP proof, and again', run: sendDPoPTwice },
      { name: 'the same access token twice', run: sendTwice },
    ],
  },
  {
    title: 'Claims and signatures',
    situations: [
      { name: 'the public key as a secret, `alg: HS256`', run: sendMac },
      { name: '`alg: none`', run: sendUnsigned },
      { name: 'no `exp`', run: sendOne(() => ({ exp: undefined })) },
      { name: 'no `sub`', run: sendOne(() => ({ sub: undefined })) },
      { name: 'no `aud`', run: sendOne(() => ({ aud: undefined })) },
      { name: 'expired 3 seconds ago', run: sendOne(expiredFor(3)) },
      { name: 'expired 20 seconds ago', run: sendOne(expiredFor(20)) },
      { name: 'expired 2 minutes ago', run: sendOne(expiredFor(120)) },
    ],
  },
  {
    title: 'Requests',
    situations: [
      { name: 'a token in the header and in the query', run: (trial) => sendInQuery(trial, true) },
      { name: 'a token in the query only', run: (trial) => sendInQuery(trial, undefined) },
      { name: 'challenge for no token', run: (trial) => challengeFor(trial) },
      {
        name: 'challenge for an expired token',
        run: async (trial) => challengeFor(trial, await trial.token(expiredFor(600)())),
      },
    ],
  },
]
