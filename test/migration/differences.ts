/** An answer that is not the same after the move, and why. */
export interface Difference {
  before: string
  after: string
  why: string
}

export type Differences = Readonly<Record<string, Difference>>

const differs = (before: string, after: string, why: string): Difference => ({ before, after, why })

/** Of every library. */
const ALWAYS: Differences = {
  'a token of the type `logout+jwt`': differs(
    '200',
    '401',
    'only the types in `types` are access tokens (RFC 8725 §3.11)',
  ),
  'an ID token whose `aud` is this API': differs(
    '200',
    '401',
    'an ID token says who logged in, not what a client may do',
  ),
  'two `Authorization` headers': differs('200', '400', 'it is not clear which token counts (RFC 6750 §2)'),
}

const WITHOUT_SUBJECT: Differences = {
  'a token without `sub`': differs('200', '401', 'RFC 9068 §2.2 requires `sub`'),
}

/** Of those that verify with jsonwebtoken. */
export const OF_JSONWEBTOKEN: Differences = {
  'a token that expired 20 seconds ago': differs('401', '200', '`clockTolerance` is 60 seconds; 0 refuses it'),
  'a token without `exp`': differs('200', '401', 'RFC 9068 §2.2 requires `exp`'),
  ...ALWAYS,
  'a token that is bound to a key, without proof': differs(
    '200',
    '401',
    'a stolen token must be of no use (RFC 9449 §7.2)',
  ),
  'a token in the header and in the query': differs('200', '400', 'only one way may be used (RFC 6750 §2)'),
  'the challenge for no token': differs('no challenge', '`Bearer`', 'RFC 6750 §3'),
  'the challenge for an expired token': differs('no challenge', '`invalid_token`', 'RFC 6750 §3.1'),
  'the challenge for a missing scope': differs('no challenge', '`insufficient_scope`', 'RFC 6750 §3.1'),
}

export const OF_EXPRESS_JWT: Differences = { ...WITHOUT_SUBJECT, ...OF_JSONWEBTOKEN }

export const OF_BEARER: Differences = {
  'a token that expired 20 seconds ago': differs('401', '200', '`clockTolerance` is 60 seconds, and was 5'),
  ...WITHOUT_SUBJECT,
  ...ALWAYS,
  'the scheme without a token': differs('400', '401', '`invalid_token`: the client sent a broken token'),
  'another scheme': differs('400', '401', 'the request has no token for this route (RFC 6750 §3)'),
  'a token in the query only': differs('200', '401', 'URLs are logged (RFC 6750 §5.3); `getToken` can read it'),
  'an expired token, where a token is optional': differs(
    '200',
    '401',
    'a client that sends a token expects that it counts',
  ),
  'a token without the claim of the route': differs(
    '401',
    '403',
    'the token is valid, but not for this route (RFC 6750 §3.1)',
  ),
  'a new key, at once after keys were fetched': differs(
    '401',
    '200',
    'an unknown `kid` causes a fetch, within a budget',
  ),
}

/** @param status what an outage is answered before */
export function ofOutages(status: string): Differences {
  const known = 'old keys are served for an hour (`jwksEndpoint.cacheMaxAgeFallback`)'
  const first = 'an outage is not the fault of the token; `Retry-After` says when to come again'
  return {
    'a known key, 11 minutes later, while the key endpoint is down': differs(status, '200', known),
    'the first request, while the key endpoint is down': differs(status, '503', first),
  }
}
