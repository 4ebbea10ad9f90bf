import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { ENTRY, startAdminHost } from '../../support/admin-host.js'
import { type FuzzTarget, hold } from '../fuzz-target.js'

/** What bad input may get: no 5xx. */
const ANSWERS = [200, 201, 400, 405, 409, 413, 415, 422, 429]
const PATHS = ['/identity-providers', '/identity-providers/check', '/identity-providers/import', '/explain']

/** Any bytes as the body of a request to the admin API, over a socket. */
export async function adminTarget(): Promise<FuzzTarget> {
  const host = await startAdminHost()
  const wso2 = { name: 'Acme', idpIssuerName: 'https://a.example', certificate: { jwksUri: 'https://a.example/k' } }
  const keycloak = { alias: 'acme', providerId: 'oidc', config: { issuer: 'https://a.example', clientSecret: 'x' } }
  const seeds = [
    ENTRY,
    { entry: { ...ENTRY, discovery: true, headers: { 'X-Api-Key': '[not shown]' } } },
    { document: [keycloak], format: 'keycloak', defaults: { allowedSubjects: 'any' } },
    { document: { identityProviders: [wso2] }, save: false },
    { assertion: 'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhIn0.AAAA', clientId: 'app', scope: 'orders:read' },
  ]
  const post = async (path: string, body: Buffer) => {
    const sent = request(`${host.url}/admin${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    })
    const answered = new Promise<{ status: number | undefined; type: string | undefined; body: string }>(
      (resolve, reject) => {
        sent.on('error', reject).on('response', (response) => {
          const { statusCode: status, headers } = response
          text(response).then((answer) => resolve({ status, type: headers['content-type'], body: answer }), reject)
        })
      },
    )
    sent.end(body)
    return answered
  }
  return {
    name: 'the admin API over a socket',
    seeds: seeds.map((seed) => JSON.stringify(seed)),
    words: [
      ...['{', '}', '[', ']', ':', ',', '"', '\\', '\\u0000', '\\ud800', '__proto__', 'constructor', 'null', '1e999'],
      ...['"id":', '"network":"any"', '"proxy":"http://a:b@c"', '"bearerTokenFile":"/etc/passwd"', '[not shown]'],
      ...['"jwks":{"keys":[]}', '"certificates":[]', '"requiredClaims":{}', '"bindings":[]', '"claimsToToken":{}'],
    ],
    check: async (input) => {
      for (const path of PATHS) {
        const { status = 0, type = '', body } = await post(path, input)
        hold(ANSWERS.includes(status), `bad input is never answered with ${status} by ${path}`)
        hold(/^application\/(problem\+)?json$/.test(type), 'each answer is JSON')
        hold(JSON.parse(body) !== null, 'each answer is an object')
        if (status !== 201) continue
        const { id, registration } = JSON.parse(body)
        hold(
          registration.network !== 'any' && !('bearerTokenFile' in registration),
          'no entry reaches into the network',
        )
        await host.store.remove(id)
      }
    },
    close: () => host.close(),
  }
}
