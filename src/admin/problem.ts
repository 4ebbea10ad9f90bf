import { debuglog } from 'node:util'
import { describeFault } from '../errors/describe-fault.js'
import { fieldOf } from '../errors/field-of.js'
import { isDependencyUnavailable } from '../errors/rejections.js'
import type { FetchFailure } from '../guarded-fetch/fetch-error.js'
import { isRevisionConflict } from '../identity-provider-store/identity-provider-store.js'
import { type ConfigProblem, isConfigError } from '../option-checks/config-error.js'

/** The status and the title of each kind of problem. The last part of its `type` is the name here. */
export const PROBLEMS = {
  'malformed-request': [400, 'The request cannot be understood'],
  'not-authenticated': [401, 'The request needs authentication'],
  'not-authorized': [403, 'Access is refused'],
  'cross-site': [403, 'The request comes from another site'],
  'not-found': [404, 'Nothing was found at this address'],
  'method-not-allowed': [405, 'The method is not allowed'],
  'read-only': [405, 'The identity provider cannot be changed here'],
  'already-exists': [409, 'The id is already in use'],
  'revision-conflict': [412, 'The identity provider was changed meanwhile'],
  'body-too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body must be JSON'],
  misdirected: [421, 'The Host header is not accepted'],
  'invalid-entry': [422, 'The entry is not valid'],
  'discovery-failed': [422, 'No usable metadata were found'],
  'precondition-required': [428, 'The request needs If-Match'],
  'too-many-requests': [429, 'Too many requests are running'],
  unavailable: [503, 'A dependency does not answer'],
} as const satisfies Readonly<Record<string, readonly [status: number, title: string]>>

export type ProblemName = keyof typeof PROBLEMS

export interface ProblemDetails {
  headers?: Readonly<Record<string, string>>
  /** Everything that is wrong with an entry. */
  problems?: readonly EntryProblem[]
  /** The fetches that failed. */
  attempts?: readonly FetchFailure[]
}

/** What is wrong with one option of an entry; `path` begins in the entry. */
export type EntryProblem = Pick<ConfigProblem, 'code' | 'path' | 'message' | 'suggestion'>

/** A refusal, as the caller gets it (RFC 9457). The detail is a fixed text, and repeats nothing of the request. */
export class AdminProblem extends Error {
  override readonly name = 'AdminProblem'
  readonly problem: ProblemName
  readonly details: ProblemDetails

  constructor(problem: ProblemName, detail: string, details: ProblemDetails = {}) {
    super(detail)
    this.problem = problem
    this.details = details
  }
}

/** The body of a problem document. */
export interface ProblemDocument extends Pick<ProblemDetails, 'problems' | 'attempts'> {
  type: string
  title: string
  status: number
  detail: string
}

export function documentOf({ problem, message, details }: AdminProblem): ProblemDocument {
  const [status, title] = PROBLEMS[problem]
  const { problems, attempts } = { problems: undefined, attempts: undefined, ...details }
  return {
    type: `urn:express-jwt-exchange:problem:${problem}`,
    title,
    status,
    detail: message,
    ...(problems !== undefined && { problems: problems.map(withoutLocation) }),
    ...(attempts !== undefined && { attempts }),
  }
}

export function isAdminProblem(error: unknown): error is AdminProblem {
  return fieldOf(error, 'name') === 'AdminProblem'
}

/** An outage: the caller may try again. */
export function unavailable(detail: string, retryAfter = 1): AdminProblem {
  return new AdminProblem('unavailable', detail, { headers: { 'Retry-After': String(retryAfter) } })
}

export function invalidEntry(problems: readonly EntryProblem[]): AdminProblem {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  return new AdminProblem('invalid-entry', `The entry has ${count}: see \`problems\`.`, { problems })
}

const debug = debuglog('express-jwt-exchange')

/** The store has thrown. Its message may have secrets, so only its name and code are logged. */
export function storeFailed(error: unknown): AdminProblem {
  debug('the identity provider store failed: %s', describeFault(error))
  return unavailable('The store of identity providers failed. Try again.')
}

/** Anything that was thrown, as the caller gets it. An unexpected error is an outage, and only its name and code are logged. */
export function toProblem(error: unknown): AdminProblem {
  if (isAdminProblem(error)) return error
  if (isConfigError(error)) return invalidEntry(error.problems)
  if (isRevisionConflict(error)) {
    return new AdminProblem('revision-conflict', 'Read the identity provider again, and repeat the change.')
  }
  if (isDependencyUnavailable(error)) return unavailable('A dependency does not answer. Try again.', error.retryAfter)
  debug('the admin API failed: %s', describeFault(error))
  return unavailable('The request failed inside the server. Try again.')
}

function withoutLocation({ code, path, message, suggestion }: EntryProblem): EntryProblem {
  return { code, path, message, ...(suggestion !== undefined && { suggestion }) }
}
