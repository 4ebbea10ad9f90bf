import type { FakeIdentityProvider } from '../../src/testing/index.js'
import { codeBlocks } from '../support/document-code.js'
import type { DocumentSnippets } from '../support/document-snippets.js'
import { type ReceivedResponse, sendRequest } from '../support/send-request.js'
import type { AppHost } from './app-host.js'

export const AUDIENCE = 'https://api.example.com'

export type Members = Readonly<Record<string, unknown>>
export type Side = 'before' | 'after'

/** An app of docs/migration.md, on a real socket. */
export interface MigratingApp {
  idp: FakeIdentityProvider
  /** An access token for this app; a member that is `undefined` is left out. */
  accessToken(claims?: Members, header?: Members): Promise<string>
  get(authorization?: string | readonly string[], path?: string): Promise<ReceivedResponse>
  post(authorization: string): Promise<ReceivedResponse>
  /** Sets its clocks ahead. */
  pass(seconds: number): Promise<void>
  close(): Promise<void>
}

export interface MigratingAppDeps {
  idp: FakeIdentityProvider
  snippets: DocumentSnippets
  host: AppHost
}

/** @param section the heading of the library's part of the document */
export async function startMigratingApp(
  section: string,
  side: Side,
  { idp, snippets, host }: MigratingAppDeps,
): Promise<MigratingApp> {
  const code = codeBlocks('docs/migration.md', 'js', section)[side === 'before' ? 0 : 1]
  if (code === undefined) throw new Error(`docs/migration.md has no app "${side}" for ${section}`)
  const env = { ISSUER: idp.name, AUDIENCE, JWKS_URI: idp.jwksUri }
  const module = snippets.write(code, env, ...(side === 'before' ? ['app'] : ['app', 'resourceServer']))
  const { url, pass, close } = await host.start(module)
  const send = (method: string, path: string, authorization?: string | readonly string[]) =>
    sendRequest(url + path, { method, ...(authorization !== undefined && { headers: { authorization } }) })
  const ofThisApp = { aud: AUDIENCE, client_id: 'app', scope: 'orders:read' }
  return {
    idp,
    accessToken: (claims, header) => idp.issueAssertion({ ...ofThisApp, ...claims }, { typ: 'at+jwt', ...header }),
    get: (authorization, path = '/orders') => send('GET', path, authorization),
    post: (authorization) => send('POST', '/orders', authorization),
    pass,
    close,
  }
}
