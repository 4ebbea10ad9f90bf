import { createLocalJWKSet, jwtVerify } from 'jose'
import {
  accessTokenLifetime,
  audience,
  client,
  clientAuthorization,
  formBeforeAssertion,
  formType,
  issuer,
  keySetPath,
  scope,
  subject,
  tokenPath,
} from '../deployment.js'
import { withAlteredSignature } from '../tokens/sign-jwt.js'
import { requireThat } from './require-that.js'

/** HTTP Basic, the `client_id` of the access token, and the status of a refusal. */
const WITH_SECRET = {
  headers: { authorization: clientAuthorization },
  clientId: client.clientId,
  refused: 400,
}

/** The check of contenders to which the client sends its secret. */
export const checkTokenEndpoint = createTokenEndpointCheck()

/**
 * Checks that a contender exchanges a fresh assertion for a good access token, and that it refuses what it is said to
 * refuse. Tells how many exchanges succeeded.
 */
export function createTokenEndpointCheck(more = {}) {
  const { headers, clientId, refused } = { ...WITH_SECRET, ...more }
  return async ({ name, port, takeToken, checks }) => {
    const assertion = await takeToken()
    const { status, body } = await exchange(port, assertion, headers)
    requireThat(status === 200, `${name} answers 200, and not ${status} ${JSON.stringify(body)}`)
    await checkAccessToken(name, port, { body, clientId })
    if (checks.signature) {
      const altered = await exchange(port, withAlteredSignature(await takeToken()), headers)
      requireThat(altered.status === refused, `${name} refuses an altered assertion`)
    }
    if (checks.replay) {
      const again = await exchange(port, assertion, headers)
      requireThat(again.status === refused, `${name} refuses an assertion that was used`)
    }
    return 1
  }
}

async function exchange(port, assertion, headers) {
  const response = await fetch(`http://127.0.0.1:${port}${tokenPath}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': formType },
    body: formBeforeAssertion + assertion,
  })
  return { status: response.status, body: await response.json() }
}

async function checkAccessToken(name, port, { body, clientId }) {
  const keySet = await (await fetch(`http://127.0.0.1:${port}${keySetPath}`)).json()
  const expected = { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] }
  const { payload } = await jwtVerify(body.access_token, createLocalJWKSet(keySet), expected)
  requireThat(payload.sub === subject, `${name} issues for ${subject}`)
  requireThat(payload.client_id === clientId, `${name} issues to ${clientId}`)
  requireThat(payload.scope === scope, `${name} issues the scopes of the client`)
  requireThat(typeof payload.jti === 'string', `${name} issues tokens with a jti`)
  requireThat(payload.exp - payload.iat === accessTokenLifetime, `${name} issues for ${accessTokenLifetime} s`)
  requireThat(body.token_type === 'Bearer', `${name} issues bearer tokens`)
  requireThat(Math.abs(body.expires_in - accessTokenLifetime) <= 1, `${name} tells the lifetime`)
}
