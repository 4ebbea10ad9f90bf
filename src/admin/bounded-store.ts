import { settleInTime, type Timers } from '../clock/timers.js'
import { fieldOf } from '../errors/field-of.js'
import {
  type IdentityProviderRegistration,
  type IdentityProviderStore,
  isRevisionConflict,
  type ListOptions,
  type StoredRegistration,
  type WriteOptions,
} from '../identity-provider-store/identity-provider-store.js'
import { isStorableId } from '../identity-provider-store/storable-registration.js'
import { storeFailed, unavailable } from './problem.js'

export interface BoundedStoreDeps {
  /** Milliseconds. */
  timeout: number
  timers: Timers
}

const TOO_LATE = 'The store of identity providers did not answer in time. A change may or may not be stored.'

/** The store of the host, which may fail or hang: each call answers in time, or throws an AdminProblem with status 503. */
export class BoundedStore {
  readonly #store: IdentityProviderStore
  readonly #deps: BoundedStoreDeps

  constructor(store: IdentityProviderStore, deps: BoundedStoreDeps) {
    this.#store = store
    this.#deps = deps
  }

  list(options: ListOptions): Promise<readonly StoredRegistration[]> {
    return this.#call(async () => (await this.#store.list(options)).map(requireRegistration))
  }

  /** undefined also for what cannot be an id, which no store is asked for. */
  async get(id: string): Promise<StoredRegistration | undefined> {
    if (!isStorableId(id)) return undefined
    return this.#call(async () => {
      const found = await this.#store.get(id)
      return found === undefined ? undefined : requireRegistration(found)
    })
  }

  /** @throws RevisionConflict */
  put(registration: IdentityProviderRegistration, options: WriteOptions): Promise<StoredRegistration> {
    return this.#call(async () => requireRegistration(await this.#store.put(registration, options)))
  }

  /** @throws RevisionConflict */
  remove(id: string, options: WriteOptions): Promise<boolean> {
    return this.#call(async () => (await this.#store.remove(id, options)) === true)
  }

  async #call<Result>(call: () => Promise<Result>): Promise<Result> {
    const answer = call().catch((error: unknown) => {
      throw isRevisionConflict(error) ? error : storeFailed(error)
    })
    return settleInTime(answer, this.#deps.timeout, this.#deps.timers, () => unavailable(TOO_LATE))
  }
}

/** @throws TypeError for something else: stores are written by others */
function requireRegistration(found: StoredRegistration): StoredRegistration {
  const isRegistration = ['id', 'name', 'revision'].every((member) => typeof fieldOf(found, member) === 'string')
  if (!isRegistration) throw new TypeError('the store answered with something else than a registration')
  return found
}
