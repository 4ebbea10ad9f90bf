/**
 * Holds the token that a caller presented. The token is readable but not enumerable, so JSON, spreads and session stores,
 * which keep a user as JSON, omit it. It is a getter because `defineProperty` for each request costs more than all other work
 * for a cached token.
 */
export class PresentedToken {
  #token: string

  constructor(token: string) {
    this.#token = token
  }

  /** Empty in a copy that a library made together with its prototype. */
  get token(): string {
    return #token in this ? this.#token : ''
  }

  set token(token: string) {
    if (#token in this) this.#token = token
  }
}
