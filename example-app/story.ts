import { generateSigningKey, type JwtExchangeOptions } from 'express-jwt-exchange'
import { FakeIdentityProvider } from 'express-jwt-exchange/testing'
import { onEndSignal } from './serve.js'

const CLIENT = { clientId: 'app', clientSecret: 'app-secret-of-the-story', scopes: ['openid', 'orders:read'] }
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const FORM = 'application/x-www-form-urlencoded'

interface Answer {
  status: number
  body: Record<string, unknown>
}

export interface Story {
  idp: FakeIdentityProvider
  /** Those of the host app. */
  options: JwtExchangeOptions
}

/** Starts a fake identity provider for a host app at this URL. */
export async function startStory(url: string, idpPort: number): Promise<Story> {
  const idp = await startIdentityProvider(`${url}/oauth2/token`, idpPort)
  onEndSignal(() => idp.close())
  const options: JwtExchangeOptions = {
    issuer: `${url}/oauth2`,
    identityProviders: [{ name: idp.name, alias: `${url}/oauth2/token`, jwksUri: idp.jwksUri, subjects: 'any' }],
    clients: [CLIENT],
    // Much shorter than by default, so that the end of old keys can be watched, and ten rollovers played in a row.
    jwksEndpoint: { cacheMaxAge: 10_000, cacheMaxAgeFallback: 20_000, cooldownDuration: 2000, refreshBudget: 10 },
    accessToken: { audience: url, signingKeys: [generateSigningKey()] },
  }
  return { idp, options }
}

/** Performs the main job with the host app, prints it, and tells how to go on. */
export async function tellStory(url: string, idp: FakeIdentityProvider, workers: number): Promise<void> {
  console.log(`Host app           ${url}${workers > 1 ? ` (${workers} processes)` : ''}`)
  console.log(`Identity provider  ${idp.url} (fake)`)
  await performSteps(url, idp)
  if (workers > 1) await sendToAllProcesses(url, idp)
  console.log('\nBoth go on serving. An exchange with a fresh assertion:')
  console.log(`  ${curlOf(url, `"${formOf(`$(curl -s ${idp.url}/assertion)`)}"`)}`)
  console.log('\nPlay with the identity provider, and see what the app makes of it:')
  console.log(`  curl -X POST ${idp.url}/rotate`)
  console.log(`  curl -X POST ${idp.url}/fault/down   (or slow, oversize, garbage; off ends it)`)
  console.log(`  curl ${url}/health`)
  console.log('Stop with Ctrl-C.')
}

/** On the port after the app's, so that it can be guessed, or on any where that one is taken. */
async function startIdentityProvider(alias: string, port: number): Promise<FakeIdentityProvider> {
  try {
    return await FakeIdentityProvider.start({ alias, port })
  } catch {
    return FakeIdentityProvider.start({ alias })
  }
}

async function performSteps(url: string, idp: FakeIdentityProvider): Promise<void> {
  const halfAnHour = Math.floor(Date.now() / 1000) + 1800
  const toPaste = await idp.issueAssertion({ exp: halfAnHour })
  const assertion = await idp.issueAssertion()

  step("The request of WSO2 Identity Server's guide, ready to paste (each assertion is accepted once):")
  console.log(`   ${curlOf(url, `'${formOf(toPaste)}'`)}`)
  const issued = await exchangeAssertion(url, assertion)
  report('200 with an access token', issued.status === 200, issued)

  step('The protected routes with that token: GET /me (through Passport) and GET /orders (scope orders:read)')
  const authorization = `Bearer ${issued.body.access_token}`
  for (const path of ['/me', '/orders']) {
    const answer = await answerOf(fetch(url + path, { headers: { authorization } }))
    report(`200 from ${path}`, answer.status === 200, answer)
  }

  step('The identity provider rolls its key over; the next assertion is signed with the new key')
  const { kid } = await idp.rotate()
  const afterRollover = await exchangeAssertion(url, await idp.issueAssertion())
  report(`200: the key ${kid} is fetched and used in the same request`, afterRollover.status === 200, afterRollover)

  step('The first assertion once more')
  const replayed = await exchangeAssertion(url, assertion)
  report('400 invalid_grant: an assertion is accepted once', isInvalidGrant(replayed), replayed)

  step('An assertion that names another audience')
  const misdirected = await exchangeAssertion(url, await idp.issueAssertion({ aud: 'https://other.example.com' }))
  report('400 invalid_grant: it is not meant for this service', isInvalidGrant(misdirected), misdirected)
}

async function sendToAllProcesses(url: string, idp: FakeIdentityProvider): Promise<void> {
  step('One assertion, sent 20 times at once: each process gets some of them')
  const assertion = await idp.issueAssertion()
  const answers = await Promise.all(Array.from({ length: 20 }, () => exchangeAssertion(url, assertion)))
  const issued = answers.filter(({ status }) => status === 200)
  const refused = answers.filter(isInvalidGrant)
  console.log(`   expected 200 once, and 400 invalid_grant 19 times`)
  tell(issued.length === 1 && refused.length === 19, `200: ${issued.length}, 400: ${refused.length}`)
}

let steps = 0

function step(title: string): void {
  steps += 1
  console.log(`\n${steps}. ${title}`)
}

function report(expected: string, isAsExpected: boolean, { status, body }: Answer): void {
  console.log(`   expected ${expected}`)
  tell(isAsExpected, `${status} ${JSON.stringify(body, cutTokens)}`)
}

function tell(isAsExpected: boolean, came: string): void {
  console.log(`   ${isAsExpected ? '✓' : '✗'} came   ${came}`)
  if (!isAsExpected) process.exitCode = 1
}

function cutTokens(_name: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > 100 ? `${value.slice(0, 30)}…` : value
}

function formOf(assertion: string): string {
  return `grant_type=${GRANT_TYPE}&assertion=${assertion}`
}

function curlOf(url: string, data: string): string {
  const { clientId, clientSecret } = CLIENT
  return `curl -i -X POST -u ${clientId}:${clientSecret} -k -d ${data} -H 'Content-Type: ${FORM}' ${url}/oauth2/token`
}

function exchangeAssertion(url: string, assertion: string): Promise<Answer> {
  const basic = Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64')
  return answerOf(
    fetch(`${url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}`, 'content-type': FORM },
      body: formOf(assertion),
    }),
  )
}

async function answerOf(request: Promise<Response>): Promise<Answer> {
  const response = await request
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

function isInvalidGrant({ status, body }: Answer): boolean {
  return status === 400 && body.error === 'invalid_grant'
}
