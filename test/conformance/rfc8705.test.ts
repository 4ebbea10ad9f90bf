import { createHash, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import {
  createCertificateAuthority,
  distinguishedName,
  type IssuedCertificate,
  tagged,
} from '../support/certificate-authority.js'
import { type CertificateHost, startCertificateHost } from '../support/certificate-host.js'
import { CLIENT } from '../support/exchange-host.js'
import { expectRefusal } from '../support/expect-refusal.js'

const authority = createCertificateAuthority('Authority of clients')
const namesake = createCertificateAuthority('Authority of clients')
const SUBJECT = { names: [], subject: distinguishedName({ C: 'DE' }, { O: 'Example' }, { CN: 'by-subject' }) }
const bySubject = authority.issue(SUBJECT)
const ofNamesake = namesake.issue(SUBJECT)
const ofStranger = authority.issue({ names: ['stranger.example.com'] })
const rich = authority.issue({
  names: ['other.example.com', 'APP.example.com', '192.0.2.7'],
  generalNames: [
    tagged(0x86, Buffer.from('https://app.example.com/a')),
    tagged(0x81, Buffer.from('app@example.com')),
    tagged(0x87, Buffer.from('20010db8000000000000000000000001', 'hex')),
  ],
})
const [selfSigned, successor, unlisted] = ['one', 'two', 'three'].map((name) => {
  return createCertificateAuthority(`self-signed ${name}`).issue({ names: [] })
})
const sha256 = (certificate = selfSigned) =>
  createHash('sha256').update(new X509Certificate(certificate?.cert ?? '').raw)
const x5c = new X509Certificate(selfSigned?.cert ?? '').raw.toString('base64')
const SCOPES = { scopes: ['orders:read'] }
const NAMES = {
  'by-subject': { subjectDn: 'CN=by-subject,O=Example,C=DE' },
  'by-dns': { sanDns: 'app.EXAMPLE.com' },
  'by-uri': { sanUri: 'https://app.example.com/a' },
  'by-ip': { sanIp: '192.0.2.7' },
  'by-ipv6': { sanIp: '2001:DB8:0::1' },
  'by-email': { sanEmail: 'app@example.com' },
}
const LISTED = {
  'by-thumbprint': { sha256Thumbprints: [sha256().digest('hex'), sha256(successor).digest('base64url')] },
  'by-jwks': { jwks: { keys: [{ kty: 'EC', use: 'sig', x5c: [x5c] }] } },
}

let tls: CertificateHost
beforeAll(async () => {
  const clients = Object.entries({ ...NAMES, ...LISTED }).map(([clientId, certificate]) => {
    return { clientId, certificate, ...SCOPES }
  })
  tls = await startCertificateHost({ ca: [authority.certificate], exchange: { clients: [CLIENT, ...clients] } })
})
afterAll(() => tls.close())

/** One after the other, because the reason is that of the last refusal. */
async function outcomesOf(clientId: string, certificates: readonly (IssuedCertificate | undefined)[]) {
  const outcomes: string[] = []
  for (const certificate of certificates) outcomes.push(await tls.outcomeOf(clientId, { certificate }))
  return outcomes
}

describe('a client that authenticates with a certificate', () => {
  it('RFC 8705 §2: it is not authenticated without client_id in the request [rule 230]', async () => {
    expect(await tls.outcomeOf('', { certificate: bySubject })).toBe('401 no_client_authentication')
  })

  it('RFC 8705 §2: a certificate that is missing, untrusted, unknown or of another client gets one answer [rule 230]', async () => {
    const sent = [undefined, ofNamesake, ofStranger, rich].map((certificate) => {
      return tls.post({
        certificate,
        parameters: { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', client_id: 'by-subject' },
      })
    })
    const parameters = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', client_id: 'unknown' }
    const answers = await Promise.all([...sent, tls.post({ certificate: bySubject, parameters })])
    for (const answer of answers) await expectRefusal(Promise.resolve(answer), { status: 401, error: 'invalid_client' })
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  })

  it('RFC 8705 §2.1: its certificate comes from an authority that the server trusts [rule 231]', async () => {
    expect(await tls.outcomeOf('by-subject', { certificate: bySubject })).toBe('200')
    expect(await tls.outcomeOf('by-subject', { certificate: ofNamesake })).toBe('401 untrusted_client_certificate')
  })

  it('RFC 8705 §2.1.2: its certificate has the registered subject, DNS name, URI, address or email [rule 231]', async () => {
    for (const clientId of Object.keys(NAMES)) {
      const [own, other] = clientId === 'by-subject' ? [bySubject, rich] : [rich, bySubject]
      const wrong = '401 wrong_client_certificate'
      expect([clientId, await outcomesOf(clientId, [own, other, ofStranger])]).toEqual([
        clientId,
        ['200', wrong, wrong],
      ])
    }
  })

  it('RFC 8705 §2.2: its self-signed certificate is one of the registered ones [rule 231]', async () => {
    const wrong = '401 wrong_client_certificate'
    const all = [selfSigned, successor, unlisted, bySubject]
    expect(await outcomesOf('by-thumbprint', all)).toEqual(['200', '200', wrong, wrong])
    expect(await outcomesOf('by-jwks', all)).toEqual(['200', wrong, wrong, wrong])
  })

  it('RFC 8705 §2: it never authenticates with a secret, and a client with a secret never with a certificate [rule 232]', async () => {
    const { clientSecret } = CLIENT
    for (const secret of [clientSecret, 'undefined', '']) {
      const parameters = { client_secret: secret }
      const expected = secret === '' ? '200' : '401 wrong_client_auth_method' // An empty parameter counts as missing.
      expect(await tls.outcomeOf('by-subject', { certificate: bySubject, parameters })).toBe(expected)
    }
    expect(await tls.outcomeOf(CLIENT.clientId, { certificate: bySubject })).toBe('401 no_client_authentication')
    const parameters = { client_secret: clientSecret }
    expect(await tls.outcomeOf(CLIENT.clientId, { certificate: bySubject, parameters })).toBe('200')
  })

  it('RFC 8705 §2.1.1: the metadata list the methods [rule 231]', async () => {
    const response = await fetch(`${tls.host.url}/.well-known/oauth-authorization-server/oauth2`)
    const { token_endpoint_auth_methods_supported: methods } = JSON.parse(await response.text())
    expect(methods).toEqual(expect.arrayContaining(['tls_client_auth', 'self_signed_tls_client_auth']))
  })
})
