import type {
  IdentityProviderContext,
  IdentityProviderSettings,
} from '../identity-provider/identity-provider-options.js'
import { readEntries } from '../identity-provider/read-identity-providers.js'
import { isTextOf } from '../identity-provider/tenants.js'
import { isStorableId } from '../identity-provider-store/storable-registration.js'
import { isSubject } from '../jwt/check-claims.js'
import { type OptionProblem, option } from '../option-checks/config-error.js'
import { withoutConsequences } from '../option-checks/findings.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { beginningOfSubjects } from '../policy/subject-mapping.js'

/** What entries that are looked up depend on: all options of the exchange that concern them. */
export interface RegistrationContext extends IdentityProviderContext {
  /** The entries in the options. */
  fixed: readonly Pick<IdentityProviderSettings, 'id' | 'name' | 'subjectPrefix' | 'tenants'>[]
  /** The longest assertion that a request may have, in bytes. */
  maxBytes: number
  /** Whether entries may have `clientAuthentication: 'optional'`. */
  mayBeWithoutClient: boolean
}

export interface ReadRegistrations {
  settings: readonly IdentityProviderSettings[]
  /** None: the settings can be used. Each path begins with the position of its entry. */
  problems: readonly OptionProblem[]
}

const MAX_DISPLAY_NAME_LENGTH = 200
const MAX_DESCRIPTION_LENGTH = 2000
const LIST = 'identityProviders'
/** Options that entries at run time cannot have, and what to do instead. */
const ONLY_IN_OPTIONS = [
  ['accessTokens', 'remove it'],
  ['tenants', 'register each tenant'],
] as const

/** Reads all entries with one name by the rules of `identityProviders`, and by those for entries that may change at any time. */
export function readRegistrations(entries: readonly unknown[], context: RegistrationContext): ReadRegistrations {
  const reader = new OptionReader({ [LIST]: entries })
  const readers = reader.objects(LIST)
  for (const each of readers) readDescription(each)
  const settings = readEntries(readers, context).map((each) => withLimitsAtRunTime(each, context))
  for (const [index, each] of settings.entries()) {
    const own = readers[index]
    if (own !== undefined) checkAtRunTime(own, each, context)
  }
  const problems = withoutConsequences(reader.problems()).map((each) => ({ ...each, path: each.path.slice(1) }))
  return { settings, problems }
}

/** The members that a registration has in addition to the options of an identity provider. */
function readDescription(reader: OptionReader): void {
  const text = (key: string, maxLength: number) => {
    if (!reader.has(key)) return
    reader.string(key, `text of 1 to ${maxLength} characters`, (value) => value.length <= maxLength)
  }
  text('displayName', MAX_DISPLAY_NAME_LENGTH)
  text('description', MAX_DESCRIPTION_LENGTH)
  if (reader.has('keysRefreshedAt') && !Number.isFinite(reader.value('keysRefreshedAt'))) {
    reader.problem('keysRefreshedAt', 'seconds since the epoch', undefined, 'wrong_type')
  }
  for (const key of ['revision', 'updatedAt']) reader.value(key)
}

/** A use counts for all entries with the name, and is remembered for the tolerance that each of them may have. */
function withLimitsAtRunTime(settings: IdentityProviderSettings, context: RegistrationContext) {
  const { rememberedTolerance = context.limits.clockTolerance } = context
  return { ...settings, limits: { ...settings.limits, isUsedForIssuer: true, rememberedTolerance } }
}

function checkAtRunTime(reader: OptionReader, settings: IdentityProviderSettings, context: RegistrationContext): void {
  const { id, name, limits, clientAuthentication } = settings
  if (context.clientIds?.has(name)) {
    reader.note(
      'conflict',
      'name',
      'a client has this `clientId`, and its own assertions have this `iss`; change the `clientId`',
    )
  }
  if (isSubject(id) && !isStorableId(id)) reader.problem('id', 'at most 200 characters')
  refuseFixed(reader, { id, name }, context)
  refuseOwnSubject(reader, settings, context)
  for (const [key, toDo] of ONLY_IN_OPTIONS) {
    if (reader.has(key)) reader.note('conflict', key, `only for entries of ${option('.identityProviders')}; ${toDo}`)
  }
  if (limits.maxBytes > context.maxBytes)
    reader.problem('maxBytes', `at most ${context.maxBytes}, as ${option('assertion.maxBytes')}`)
  if (limits.clockTolerance > context.limits.clockTolerance) {
    reader.problem(
      'clockTolerance',
      `at most ${context.limits.clockTolerance}, as ${option('assertion.clockTolerance')}`,
    )
  }
  if (clientAuthentication === 'optional' && !context.mayBeWithoutClient) {
    const toDo = `set ${option('identityProviderLookup.clientAuthentication', 'optional')} to allow it`
    const why = 'entries that are looked up may not accept requests without a client'
    reader.note(
      'conflict',
      'clientAuthentication',
      `${why}; ${toDo}, or set ${option('clientAuthentication', 'required')}`,
    )
  }
}

/** The entry in the options would always win. */
function refuseFixed(
  reader: OptionReader,
  { id, name }: { id: string; name: string },
  { fixed }: RegistrationContext,
): void {
  if (name !== '' && fixed.some((each) => isTextOf(each, 'name', name))) {
    reader.note('not_unique', 'name', `an entry of ${option('.identityProviders')} has this name; change it there`)
  } else if (isIdOfOne(fixed, id)) {
    reader.note(
      'not_unique',
      'id',
      `an entry of ${option('.identityProviders')} has this \`id\` or \`name\`; choose another \`id\``,
    )
  }
}

function isIdOfOne(fixed: RegistrationContext['fixed'], id: string): boolean {
  return fixed.some((each) => isTextOf(each, 'id', id) || isTextOf(each, 'name', id))
}

/** Nobody compares all registrations with each other, so each must have subjects of its own. */
function refuseOwnSubject(
  reader: OptionReader,
  { id }: IdentityProviderSettings,
  { fixed }: RegistrationContext,
): void {
  if (reader.has('subject') && reader.value('subject') !== 'namespaced') {
    const toDo = `leave ${option('subject')} out, or set ${option('subject', 'namespaced')}`
    reader.note('conflict', 'subject', `two registrations could share a subject; ${toDo}`)
    return
  }
  if (isIdOfOne(fixed, id)) return // It is a problem already.
  const own = String(beginningOfSubjects('namespaced', id))
  const isTaken = fixed.some(
    ({ subjectPrefix }) =>
      subjectPrefix !== undefined && (own.startsWith(subjectPrefix) || subjectPrefix.startsWith(own)),
  )
  if (isTaken)
    reader.note(
      'conflict',
      'id',
      `an entry of ${option('.identityProviders')} has subjects with the same beginning; choose another \`id\``,
    )
}
