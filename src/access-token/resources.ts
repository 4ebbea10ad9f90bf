import { normaliseResource } from '../oauth/resource.js'

/** An API that access tokens are for. */
export interface Resource {
  /** Its name in requests and in the `aud` of access tokens. */
  identifier: string
  /** The scopes that it has; undefined: any. */
  scopes: ReadonlySet<string> | undefined
  /** The longest lifetime of its access tokens, in seconds; infinite if it has no bound of its own. */
  lifetime: number
  /** For people; undefined: none. */
  name: string | undefined
  /** The URL of a page for developers; undefined: none. */
  documentation: string | undefined
}

/** All resources of an exchange, found in every spelling that means the same. */
export class Resources {
  /** Whether they come from the option `resources`. Otherwise they are the audiences of the access tokens, and bound nothing. */
  readonly isConfigured: boolean
  readonly all: readonly Resource[]
  readonly identifiers: ReadonlySet<string>
  /** What a request is for that names no resource, and a route that names none. Empty: it must name one. */
  readonly defaults: ReadonlySet<string>
  readonly #byIdentifier: ReadonlyMap<string, Resource>
  readonly #bySpelling = new Map<string, Resource>()

  private constructor(all: readonly Resource[], defaults: Iterable<string>, isConfigured: boolean) {
    this.isConfigured = isConfigured
    this.all = all
    this.identifiers = new Set(all.map(({ identifier }) => identifier))
    this.defaults = new Set(defaults)
    this.#byIdentifier = new Map(all.map((each) => [each.identifier, each]))
    for (const each of all) {
      const spelling = normaliseResource(each.identifier)
      if (!this.#bySpelling.has(spelling)) this.#bySpelling.set(spelling, each)
    }
  }

  /** Of the option `resources`. */
  static configured(all: readonly Resource[], defaults: Iterable<string>): Resources {
    return new Resources(all, defaults, true)
  }

  /** Without that option. */
  static ofAudiences(audiences: Iterable<string>): Resources {
    const unbounded = {
      scopes: undefined,
      lifetime: Number.POSITIVE_INFINITY,
      name: undefined,
      documentation: undefined,
    }
    const all = [...new Set(audiences)].map((identifier) => ({ identifier, ...unbounded }))
    return new Resources(
      all,
      all.map(({ identifier }) => identifier),
      false,
    )
  }

  /** Whether a token with this `aud` is for a route that names no resource. Without the option, each is. */
  areDefault(audience: readonly string[]): boolean {
    return !this.isConfigured || audience.some((each) => this.defaults.has(each))
  }

  /** In this spelling, or in another one that means the same. */
  find(resource: string): Resource | undefined {
    return this.#byIdentifier.get(resource) ?? this.#bySpelling.get(normaliseResource(resource))
  }
}
