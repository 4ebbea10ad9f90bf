import { randomUUID } from 'node:crypto'
import { clientAuthorization, formBeforeAssertion, formType, tokenPath } from '../deployment.js'
import { renderRequest } from '../load/requests.js'
import { assertionClaims } from '../tokens/claims.js'
import { createSigner } from '../tokens/sign-jwt.js'

const TARGET = { method: 'POST', path: tokenPath }
const HEADERS = { authorization: clientAuthorization, 'content-type': formType }

/** Requests with assertions that are signed by the present key of an identity provider, as a function that gives each once. */
export function signRequests({ name, alias, signingKey }, count, port) {
  const sign = createSigner(signingKey.privateJwk, { alg: signingKey.algorithm, typ: 'JWT', kid: signingKey.kid })
  const claims = assertionClaims(name, alias)
  const requests = Array.from({ length: Math.ceil(count) }, () => {
    const body = formBeforeAssertion + sign({ ...claims, jti: randomUUID() })
    return renderRequest(TARGET, { headers: HEADERS, body }, port)
  })
  let given = 0
  return () => {
    given += 1
    return requests[given - 1]
  }
}
