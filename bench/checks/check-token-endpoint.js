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

/**
 * Checks that a contender exchanges a fresh assertion for a good access token, and that it refuses what it is said to
 * refuse. Tells how many exchanges succeeded.
 */
export async function checkTokenEndpoint({ name, port, takeToken, checks }) {
  const assertion = await takeToken()
  const { status, body } = await exchange(port, assertion)
  requireThat(status === 200, `${name} answers 200, and not ${status} ${JSON.stringify(body)}`)
  await checkAccessToken(name, port, body)
  if (checks.signature) {
    const altered = await exchange(port, withAlteredSignature(await takeToken()))
    requireThat(altered.status === 400, `${name} refuses an altered assertion`)
  }
  if (checks.replay) {
    requireThat((await exchange(port, assertion)).status === 400, `${name} refuses an assertion that was used`)
  }
  return 1
}

async function exchange(port, assertion) {
  const response = await fetch(`http://127.0.0.1:${port}${tokenPath}`, {
    method: 'POST',
    headers: { authorization: clientAuthorization, 'content-type': formType },
    body: formBeforeAssertion + assertion,
  })
  return { status: response.status, body: await response.json() }
}

async function checkAccessToken(name, port, body) {
  const keySet = await (await fetch(`http://127.0.0.1:${port}${keySetPath}`)).json()
  const expected = { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] }
  const { payload } = await jwtVerify(body.access_token, createLocalJWKSet(keySet), expected)
  requireThat(payload.sub === subject, `${name} issues for ${subject}`)
  requireThat(payload.client_id === client.clientId, `${name} issues to the client`)
  requireThat(payload.scope === scope, `${name} issues the scopes of the client`)
  requireThat(typeof payload.jti === 'string', `${name} issues tokens with a jti`)
  requireThat(payload.exp - payload.iat === accessTokenLifetime, `${name} issues for ${accessTokenLifetime} s`)
  requireThat(body.token_type === 'Bearer', `${name} issues bearer tokens`)
  requireThat(Math.abs(body.expires_in - accessTokenLifetime) <= 1, `${name} tells the lifetime`)
}
