import { clientAuthorization, formType, introspectionPath, subject } from '../deployment.js'
import { withAlteredSignature } from '../tokens/sign-jwt.js'
import { requireThat } from './require-that.js'

/** Checks that a contender knows a good token, and says of an altered one only that it is not active. */
export async function checkIntrospection({ name, port, takeToken }) {
  const token = await takeToken()
  const good = await introspect(port, token)
  requireThat(good.active === true && good.sub === subject, `${name} says that the token is active`)
  const altered = await introspect(port, token.includes('.') ? withAlteredSignature(token) : `${token}x`)
  requireThat(JSON.stringify(altered) === '{"active":false}', `${name} says of an altered token that it is not`)
  return 2
}

async function introspect(port, token) {
  const response = await fetch(`http://127.0.0.1:${port}${introspectionPath}`, {
    method: 'POST',
    headers: { authorization: clientAuthorization, 'content-type': formType },
    body: `token=${token}`,
  })
  return response.json()
}
