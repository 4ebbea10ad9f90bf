/**
 * What carries the token that a caller presented, readable but not enumerable: JSON, spreads and session stores, which
 * keep a user as JSON, leave it out. A getter, because a property that is defined for each request costs more than all the
 * rest of a known token.
 */
export class PresentedToken {
  #token: string

  constructor(token: string) {
    this.#token = token
  }

  /** Empty for what a library has copied together with its prototype. */
  get token(): string {
    return #token in this ? this.#token : ''
  }

  set token(token: string) {
    if (#token in this) this.#token = token
  }
}
