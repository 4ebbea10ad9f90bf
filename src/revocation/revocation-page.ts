import { createFault } from '../errors/describe-fault.js'
import { fieldOf } from '../errors/field-of.js'
import type { Revocation, RevocationKind, RevocationPage } from './revocation-store.js'

const KINDS: readonly RevocationKind[] = ['token', 'subject', 'client', 'identity_provider']

/**
 * What a store returned, checked: a revocation that cannot be read must not be skipped.
 *
 * @throws Error with the code `malformed_page`
 */
export function readPage(page: unknown): RevocationPage {
  const revocations = fieldOf(page, 'revocations')
  const [cursor, hasMore] = [fieldOf(page, 'cursor') ?? undefined, fieldOf(page, 'hasMore') ?? false]
  const isPage = Array.isArray(revocations) && typeof hasMore === 'boolean'
  if (!isPage || !(cursor === undefined || typeof cursor === 'string')) throw malformed()
  return { revocations: Array.from(revocations, readRevocation), cursor, hasMore }
}

function readRevocation(given: unknown): Revocation {
  const kind = KINDS.find((each) => each === fieldOf(given, 'kind'))
  const [value, expiresAt] = [fieldOf(given, 'value'), fieldOf(given, 'expiresAt')]
  const issuedBefore = fieldOf(given, 'issuedBefore') ?? undefined
  if (kind === undefined || typeof value !== 'string' || !isTime(expiresAt)) throw malformed()
  if (isTime(issuedBefore)) return { kind, value, issuedBefore, expiresAt }
  if (kind !== 'token' || issuedBefore !== undefined) throw malformed()
  return { kind, value, expiresAt }
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function malformed(): Error {
  return createFault('malformed_page', 'the revocation store returned something else than a page of revocations')
}
