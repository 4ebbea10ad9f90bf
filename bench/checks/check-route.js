import { routePath, subject } from '../deployment.js'
import { withAlteredSignature } from '../tokens/sign-jwt.js'
import { requireThat } from './require-that.js'

/**
 * Checks that the route of a contender answers for a good token, and refuses an altered one where it is said to. Tells
 * how many requests were let through.
 */
export async function checkRoute({ name, port, takeToken, checks }) {
  const token = await takeToken()
  const good = await get(port, token)
  requireThat(good.status === 200, `${name} answers 200, and not ${good.status}`)
  requireThat((await good.json()).for === subject, `${name} answers for ${subject}`)
  if (!checks.signature) return 1
  const altered = await get(port, withAlteredSignature(token))
  await altered.arrayBuffer()
  requireThat(altered.status === 401, `${name} answers an altered token with 401, and not ${altered.status}`)
  return 1
}

function get(port, token) {
  return fetch(`http://127.0.0.1:${port}${routePath}`, { headers: { authorization: `Bearer ${token}` } })
}
