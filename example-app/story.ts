import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateSigningKey, type JwtExchangeOptions } from 'express-jwt-exchange'
import { FakeIdentityProvider } from 'express-jwt-exchange/testing'
import { type Answer, send } from './send.js'

/** A fake identity provider, and a host app that trusts it. */
export interface Story {
  /** Of the host app. */
  url: string
  /** Its certificate, if it serves https. */
  ca: string | undefined
  idp: FakeIdentityProvider
  /** Of the host app. */
  options: JwtExchangeOptions
  /** Where identity providers can be registered on the admin page. */
  directory: string
}

/** How the story is told. */
export interface StorySettings {
  /** The processes of the host app. */
  processes: number
  /** Whether the host app has the routes that Passport protects. */
  hasPassport: boolean
  /** Whether the reader can send requests afterwards. */
  isKept: boolean
  print(line: string): void
}

const CLIENT = { clientId: 'app', clientSecret: 'app-secret-of-the-story', scopes: ['openid', 'orders:read'] }
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const FORM = 'application/x-www-form-urlencoded'

/**
 * Starts a fake identity provider for a host app at this URL.
 *
 * @param ca the certificate of the host app, if it serves https
 */
export async function startStory(url: string, idpPort: number, ca?: string): Promise<Story> {
  const idp = await startIdentityProvider(`${url}/oauth2/token`, idpPort)
  const options: JwtExchangeOptions = {
    issuer: `${url}/oauth2`,
    subject: 'namespaced',
    identityProviders: [{ name: idp.name, alias: `${url}/oauth2/token`, jwksUri: idp.jwksUri, allowedSubjects: 'any' }],
    clients: [CLIENT],
    // Much shorter than by default, so that the end of old keys can be watched, and ten rollovers played in a row.
    jwksEndpoint: { cacheMaxAge: 10_000, cacheMaxAgeFallback: 20_000, cooldownDuration: 2000, refreshBudget: 10 },
    accessToken: { audience: url, signingKeys: [generateSigningKey()] },
  }
  const directory = mkdtempSync(join(tmpdir(), 'identity-providers-'))
  return { url, ca, idp, options, directory }
}

/** The process may end right afterwards. */
export async function endStory({ idp, directory }: Story): Promise<void> {
  rmSync(directory, { recursive: true, force: true })
  await idp.close()
}

/** Performs the main job with the host app and prints it. Resolves with whether every answer was the expected one. */
export async function tellStory(story: Story, settings: StorySettings): Promise<boolean> {
  const { print, processes } = settings
  print(`Host app           ${story.url}${processes > 1 ? ` (${processes} processes)` : ''}`)
  print(`Identity provider  ${story.idp.url} (fake)`)
  const steps = new StorySteps(print)
  const used = await exchangeAndUse(story, settings, steps)
  await rollOver(story, steps)
  await sendBadAssertions(story, used, steps)
  if (processes > 1) await sendToAllProcesses(story, steps)
  return steps.areAsExpected
}

/** Prints what the reader can do while both keep running. */
export function printInvitation(
  { url, idp }: Story,
  adminLink: string | undefined,
  print: (line: string) => void,
): void {
  print('\nBoth keep running. An exchange with a fresh assertion:')
  print(`  ${curlOf(url, `"${formOf(`$(curl -s ${idp.url}/assertion)`)}"`)}`)
  print('\nPlay with the identity provider, and see what the app makes of it:')
  print(`  curl -X POST ${idp.url}/rotate`)
  print(`  curl -X POST ${idp.url}/fault/down   (or slow, oversize, garbage; off ends it)`)
  print(`  curl ${insecure(url)}${url}/health`)
  if (adminLink !== undefined) {
    print('\nThe admin page shows keys and decisions, and registers identity providers. This link opens it once:')
    print(`  ${adminLink}`)
  }
  print('Stop with Ctrl-C.')
}

/** On the port after the app's, so that it can be guessed, or on any port if that one is taken. */
async function startIdentityProvider(alias: string, port: number): Promise<FakeIdentityProvider> {
  try {
    return await FakeIdentityProvider.start({ alias, port, algorithm: 'ES256' })
  } catch {
    return FakeIdentityProvider.start({ alias, algorithm: 'ES256' })
  }
}

/** Resolves with the assertion that was exchanged. */
async function exchangeAndUse(story: Story, settings: StorySettings, steps: StorySteps): Promise<string> {
  const { url, ca, idp } = story
  const { print, hasPassport, isKept } = settings
  const inHalfAnHour = Math.floor(Date.now() / 1000) + 1800
  const example = await idp.issueAssertion({ exp: inHalfAnHour })
  const assertion = await idp.issueAssertion()

  steps.begin('A client exchanges an assertion for an access token')
  print(
    isKept
      ? '   To paste (an assertion is accepted once):'
      : '   As a curl command, shown only; the demo sends it itself:',
  )
  print(`   ${curlOf(url, `'${formOf(isKept ? example : shortened(example))}'`)}`)
  const issued = await exchangeAssertion(story, assertion)
  steps.report('200 with an access token', issued.status === 200, issued)

  const paths = hasPassport ? ['/me', '/orders'] : ['/orders']
  steps.begin(
    `The access token opens ${hasPassport ? 'GET /me (through Passport) and ' : ''}GET /orders (scope orders:read)`,
  )
  const authorization = `Bearer ${issued.body.access_token}`
  for (const path of paths) {
    const answer = await send(url + path, { headers: { authorization }, ca })
    steps.report(`200 from ${path}`, answer.status === 200, answer)
  }
  return assertion
}

async function rollOver(story: Story, steps: StorySteps): Promise<void> {
  const { idp } = story
  steps.begin('The identity provider rolls its key over; the next assertion is signed with the new key')
  const { kid } = await idp.rotate()
  const accepted = await exchangeAssertion(story, await idp.issueAssertion())
  steps.report(`200: the key ${kid} is fetched and used in the same request`, accepted.status === 200, accepted)
}

async function sendBadAssertions(story: Story, used: string, steps: StorySteps): Promise<void> {
  const { idp } = story
  steps.begin('The first assertion again')
  const replayed = await exchangeAssertion(story, used)
  steps.report('400 invalid_grant: an assertion is accepted once', isInvalidGrant(replayed), replayed)

  steps.begin('An assertion that names another audience')
  const misdirected = await exchangeAssertion(story, await idp.issueAssertion({ aud: 'https://other.example.com' }))
  steps.report('400 invalid_grant: it is not meant for this service', isInvalidGrant(misdirected), misdirected)
}

async function sendToAllProcesses(story: Story, steps: StorySteps): Promise<void> {
  const { idp } = story
  steps.begin('One assertion, sent 20 times at once: each process gets some of them')
  const assertion = await idp.issueAssertion()
  const answers = await Promise.all(Array.from({ length: 20 }, () => exchangeAssertion(story, assertion)))
  const issued = answers.filter(({ status }) => status === 200).length
  const refused = answers.filter(isInvalidGrant).length
  const isAsExpected = issued === 1 && refused === 19
  steps.reportText('200 once, and 400 invalid_grant 19 times', isAsExpected, `200: ${issued}, 400: ${refused}`)
}

/** Prints numbered steps, and remembers whether every answer was the expected one. */
class StorySteps {
  areAsExpected = true
  readonly #print: (line: string) => void
  #count = 0

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  begin(title: string): void {
    this.#count += 1
    this.#print(`\n${this.#count}. ${title}`)
  }

  report(expected: string, isAsExpected: boolean, { status, body }: Answer): void {
    const shown = JSON.stringify(body, (_, value) => (typeof value === 'string' ? shortened(value) : value))
    this.reportText(expected, isAsExpected, `${status} ${shown}`)
  }

  reportText(expected: string, isAsExpected: boolean, got: string): void {
    this.#print(`   expected ${expected}`)
    this.#print(`   ${isAsExpected ? '✓' : '✗'} got    ${got}`)
    this.areAsExpected &&= isAsExpected
  }
}

/** Without the rest of a token. */
function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 30)}…` : text
}

function formOf(assertion: string): string {
  return `grant_type=${GRANT_TYPE}&assertion=${assertion}`
}

function curlOf(url: string, data: string): string {
  const { clientId, clientSecret } = CLIENT
  const client = `--data-urlencode client_id=${clientId} --data-urlencode client_secret=${clientSecret}`
  return `curl -i ${insecure(url)}${client} -d ${data} ${url}/oauth2/token`
}

/** For a self-signed certificate. */
function insecure(url: string): string {
  return url.startsWith('https:') ? '-k ' : ''
}

function exchangeAssertion({ url, ca }: Story, assertion: string): Promise<Answer> {
  const { clientId, clientSecret } = CLIENT
  const client = new URLSearchParams({ client_id: clientId, client_secret: clientSecret })
  const body = `${client}&${formOf(assertion)}`
  return send(`${url}/oauth2/token`, { method: 'POST', headers: { 'content-type': FORM }, body, ca })
}

function isInvalidGrant({ status, body }: Answer): boolean {
  return status === 400 && body.error === 'invalid_grant'
}
