import { randomUUID } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { type IntrospectionEndpoint, sendJson, startIntrospectionEndpoint } from '../support/introspection-endpoint.js'
import type { Members } from './token-kinds.js'

/** An authorization server that is asked about its tokens. */
export interface AnsweringIssuer extends Pick<IntrospectionEndpoint, 'url' | 'close'> {
  /** An opaque token that stands for these claims. */
  refer(claims: Members): string
}

/** What a server knows of a token of its own, and its media type. */
interface Known {
  claims: Members
  typ: string | undefined
}

/**
 * It is careless: it calls each of its tokens active, whatever its dates, and a bearer token unless the type in its header says
 * otherwise. What else a token is, only its claims say.
 */
export async function startAnsweringIssuer(): Promise<AnsweringIssuer> {
  const references = new Map<string, Members>()
  const { url, close, answerWith } = await startIntrospectionEndpoint()
  answerWith((response, { parameters: { token = '' } }) => {
    const known = findKnown(token, references)
    const tokenType = known && mayBeBearer(known) ? 'Bearer' : 'N_A'
    const answer = known === undefined ? { active: false } : { active: true, token_type: tokenType, ...known.claims }
    sendJson(response, JSON.stringify(answer))
  })
  const refer = (claims: Members) => {
    const reference = randomUUID()
    references.set(reference, claims)
    return reference
  }
  return { url, close, refer }
}

function findKnown(token: string, references: ReadonlyMap<string, Members>): Known | undefined {
  const claims = references.get(token)
  if (claims !== undefined) return { claims, typ: undefined }
  if (token.split('.').length !== 3) return undefined
  return { claims: decodeJwt(token), typ: decodeProtectedHeader(token).typ }
}

function mayBeBearer({ typ = 'jwt' }: Known): boolean {
  return ['jwt', 'at+jwt'].includes(typ.toLowerCase().replace(/^application\//, ''))
}
