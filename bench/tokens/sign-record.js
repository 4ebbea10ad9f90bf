import { randomUUID } from 'node:crypto'
import { createSigner } from './sign-jwt.js'

const BEFORE_CLIENT_ASSERTION =
  '&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion='

/**
 * Returns a function that signs the next token, with a `jti` of its own. With `clientAssertion`, the ingredients of a second
 * token, that one follows as the parameter of a form.
 */
export function createRecordSigner({ privateJwk, header, claims, clientAssertion }) {
  const sign = createSigner(privateJwk, header)
  const signToken = () => sign({ ...claims, jti: randomUUID() })
  if (clientAssertion === undefined) return signToken
  const signClientAssertion = createRecordSigner(clientAssertion)
  return () => signToken() + BEFORE_CLIENT_ASSERTION + signClientAssertion()
}
