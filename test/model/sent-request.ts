/** A request as it is on the wire. */
export interface SentRequest {
  /** The values of the `Authorization` headers. */
  authorization: readonly string[]
  /** In their order, repetitions included. */
  parameters: readonly (readonly [name: string, value: string])[]
  /** `plain`: no TLS; `none`: TLS without a certificate; or the name of a certificate. */
  certificate: string
}

/** An error of RFC 6749 §5.2. */
export class Refusal extends Error {
  readonly error: string

  constructor(error: string) {
    super(error)
    this.error = error
  }
}

/** RFC 6749 §3.2: a parameter without a value is as good as none. */
export function parameterOf({ parameters }: SentRequest, name: string): string | undefined {
  return parameters.find(([each]) => each === name)?.[1] || undefined
}
