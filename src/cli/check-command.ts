import { inOneLine } from '../errors/printable.js'
import type { KeySetOwner } from '../events/event-subjects.js'
import { createJwtExchange, type JwtExchange } from '../exchange/jwt-exchange.js'
import type { IdentityProviderStats } from '../exchange/stats.js'
import { describeFetchFailure } from '../explain/key-hints.js'
import type { Command, CommandArguments } from './command.js'
import { findDoubtful } from './doubtful-options.js'
import { countOf, createPaint, type Mark, type Paint, toJson } from './output.js'
import { readOptions } from './read-options.js'

/** Something to know about a configuration. */
export interface Finding {
  mark: Mark
  text: string
}

/** What is known about one identity provider. */
export interface Report {
  stats: IdentityProviderStats
  findings: readonly Finding[]
}

const DAY = 86_400
/** Days before the end of a certificate from which a warning is printed. */
const WARNING_PERIOD = 30

/** What to do about keys that are skipped for these reasons, if they are to be used. */
const ADVICE_ON_SKIPPED: Readonly<Record<string, string>> = {
  x5c_only: 'to use the key of its certificate, set x5c_only_keys = true for this identity provider',
  jwt_svid: 'to use keys of SPIFFE, set key_uses = ["jwt-svid"] for this identity provider',
}

/** Checks a file, and everything that it leads to. */
export const checkCommand: Command = async (args, streams) => {
  const file = readOptions(args, streams, { isInOrder: false })
  if (file === undefined) return 'failed'
  const exchange = createJwtExchange(file.options)
  try {
    const notes = collectNotes(exchange, [...file.notes, ...findDoubtful(file)])
    const { identityProviders } = await exchange.ready()
    const reports = identityProviders.map((stats) => ({ stats, findings: findingsOf(stats) }))
    const isInOrder = !reports.some(({ findings }) => findings.some(({ mark }) => mark === 'bad'))
    streams.stdout.write(
      args.json ? jsonOf(isInOrder, reports, notes) : render(args, reports, notes, createPaint(streams)),
    )
    return isInOrder ? 'ok' : 'failed'
  } finally {
    exchange.close()
  }
}

/** The array fills with what only events report, while key sets are fetched. */
function collectNotes({ events }: JwtExchange, doubts: readonly string[]): string[] {
  const notes = [...doubts]
  events.on('signing_key.generated', () =>
    notes.push('no signing keys: access tokens become invalid when the process ends; make a key with keygen'),
  )
  events.on('jwks.insecure_http', (owner) => {
    const risk = 'anyone who can change its answers in transit can sign as this provider'
    notes.push(`${nameOf(owner)}: allow_insecure_http is in use: ${risk}`)
  })
  events.on('jwks.key_rejected', ({ kid, reason, ...owner }) => {
    const advice = ADVICE_ON_SKIPPED[reason]
    const text = `${nameOf(owner)}: the key ${kid ?? 'without kid'} is skipped: ${reason}`
    notes.push(advice === undefined ? text : `${text}; ${advice}`)
  })
  return notes
}

function nameOf({ identityProvider, clientId }: Pick<KeySetOwner, 'identityProvider' | 'clientId'>): string {
  return identityProvider ?? `client ${clientId}`
}

/** What is right and wrong with the keys of one identity provider. */
export function findingsOf(stats: IdentityProviderStats): Finding[] {
  if (!stats.enabled) return [{ mark: 'skipped', text: 'disabled: not checked' }]
  return [...keyFindings(stats), ...keySetFindings(stats), ...certificateFindings(stats)]
}

function keyFindings({
  state,
  keys,
  certificates,
  keySetAge,
  expiresIn,
  lastFailure,
}: IdentityProviderStats): Finding[] {
  if (state !== 'ok') {
    const failure = lastFailure === undefined ? 'no answer' : describeFetchFailure(lastFailure)
    return [
      { mark: 'bad', text: `no usable keys: ${certificates === undefined ? failure : 'no certificate is valid'}` },
    ]
  }
  const ages =
    keySetAge === undefined ? '' : `, ${keySetAge} ms old, fresh for ${Math.round((expiresIn ?? 0) / 1000)} s`
  const list = keys.map(({ kid, algorithms }) => `${kid ?? 'without kid'} (${algorithms.join(', ')})`)
  return certificates === undefined ? [{ mark: 'good', text: `keys: ${list.join('; ')}${ages}` }] : []
}

/** What is wrong with a key set that is used nevertheless. */
function keySetFindings({ cut, keys }: IdentityProviderStats): Finding[] {
  const unreadable = keys.filter(({ note }) => note !== undefined)
  return [
    ...(cut === undefined
      ? []
      : [`the key set has ${cut.keys} keys, and only the first ${cut.maxKeys} are used: raise max_keys (maxKeys)`]),
    ...unreadable.map(
      ({ kid }) => `the key ${kid ?? 'without kid'} has an x5c that cannot be read; the key is used without it`,
    ),
  ].map((text) => ({ mark: 'warning', text }))
}

function certificateFindings({ certificates = [], keys }: IdentityProviderStats): Finding[] {
  const published = keys.flatMap(({ kid, certificateExpiresAt: expiresAt }) =>
    expiresAt === undefined ? [] : [{ subject: `published with the key ${kid ?? 'without kid'}`, expiresAt }],
  )
  return [
    ...certificates.map((each) => certificateFinding(each, 'bad')),
    ...published.map((each) => certificateFinding(each, 'warning')), // Its end does not end the key.
  ]
}

function certificateFinding(
  { subject, expiresAt }: { subject: string; expiresAt: number },
  whenExpired: Mark,
): Finding {
  const days = Math.floor((expiresAt - Date.now() / 1000) / DAY)
  const mark = days < 0 ? whenExpired : days < WARNING_PERIOD ? 'warning' : 'good'
  const until = new Date(expiresAt * 1000).toISOString().slice(0, 10)
  return { mark, text: `certificate ${subject}: until ${until}${days < 0 ? ', expired' : `, ${days} days`}` }
}

function jsonOf(isInOrder: boolean, reports: readonly Report[], notes: readonly string[]): string {
  const identityProviders = reports.map(({ stats, findings }) => ({ ...stats, findings }))
  return toJson({ isInOrder, identityProviders, notes })
}

function render(
  { path }: CommandArguments,
  reports: readonly Report[],
  notes: readonly string[],
  paint: Paint,
): string {
  const lines = reports.flatMap((report) => ['', ...linesOf(report, paint)])
  const findings = reports.flatMap((report) => report.findings)
  const problems = findings.filter(({ mark }) => mark === 'bad').length
  const warnings = findings.filter(({ mark }) => mark === 'warning').length
  const total = `${countOf(problems, 'problem')}, ${countOf(warnings + notes.length, 'note')}`
  const verdict = `${paint('good')} ${inOneLine(path)} is well formed`
  const noted = notes.map((note) => `${paint('warning')} ${inOneLine(note)}`)
  return `${[verdict, ...lines, ...noted, '', total].join('\n')}\n`
}

/** The name of an identity provider, and a line for each finding. */
export function linesOf({ stats: { id, name, alias }, findings }: Report, paint: Paint): string[] {
  return [
    inOneLine(id === name ? name : `${id}: ${name}`),
    inOneLine(`    alias: ${alias}`),
    ...findings.map(({ mark, text }) => `  ${paint(mark)} ${inOneLine(text)}`),
  ]
}
