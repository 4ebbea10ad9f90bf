/** An answer of the admin API that is not a success, or none at all (`status` 0). */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  readonly status: number
  readonly problems: readonly EntryProblem[]

  constructor(status: number, message: string, problems: readonly EntryProblem[] = []) {
    super(message)
    this.status = status
    this.problems = problems
  }
}

/** What is wrong with one option of an entry. */
export interface EntryProblem {
  code: string
  /** From the entry on: `['requiredClaims', 'tid']`. */
  path: readonly (string | number)[]
  message: string
}

export interface IdentityProviderItem {
  id: string
  /** `options`: from code or a file, so that it can only be changed there. */
  source: 'store' | 'options'
  enabled: boolean
  name: string
  displayName?: string
}

export interface IdentityProviderList {
  identityProviders: readonly IdentityProviderItem[]
  /** Where the next page begins; null: there is none. */
  next: string | null
}

/** @throws ApiFailure */
export async function fetchJson<Answer>(path: string): Promise<Answer> {
  const response = await fetch(path, { headers: { accept: 'application/json' } }).catch(() => undefined)
  if (response === undefined) throw new ApiFailure(0, 'The server does not answer.')
  const body: unknown = await response.json().catch(() => undefined)
  if (!response.ok || body === undefined)
    throw new ApiFailure(response.status, `The server answered ${response.status}.`)
  return body as Answer
}
