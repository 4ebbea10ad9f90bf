import { createHash, X509Certificate } from 'node:crypto'
import { createServer, request as httpRequest, type RequestListener } from 'node:http'
import { connect as connectHttp2, createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { findClientCertificate } from '../../src/express/tls-connection.js'
import {
  createCertificateAuthority,
  distinguishedName,
  extensionOf,
  type IssuedCertificate,
  sequence,
  tagged,
} from '../support/certificate-authority.js'
import {
  CA_OF_SERVERS,
  type CertificateHost,
  type CertificateServer,
  outcomeOf,
  startCertificateHost,
  startCertificateServer,
} from '../support/certificate-host.js'
import { CLIENT, GRANT_TYPE, startExchangeHost } from '../support/exchange-host.js'

const authority = createCertificateAuthority('Authority of clients')
const namesake = createCertificateAuthority('Authority of clients')
const expiredAuthority = createCertificateAuthority('Expired authority', { validTo: new Date(Date.now() - 1000) })
const noAuthority = createCertificateAuthority('No authority', { extensions: [] })
const subject = distinguishedName({ O: 'Example' }, { CN: 'app' })
const OF_APP = { names: [], subject }
const ofApp = authority.issue(OF_APP)
const listed = createCertificateAuthority('listed').issue({ names: [] })
const yesterday = new Date(Date.now() - 3_600_000)
const expired = authority.issue({ ...OF_APP, validTo: yesterday })
const listedExpired = createCertificateAuthority('listed, expired').issue({ names: [], validTo: yesterday })
/** Of more bytes than names are read of. */
const long = authority.issue({ ...OF_APP, generalNames: Array(500).fill(tagged(0x82, Buffer.from('app.example.com'))) })
const derOf = ({ cert }: IssuedCertificate) => new X509Certificate(cert).raw
const thumbprintOf = (certificate: IssuedCertificate) => createHash('sha256').update(derOf(certificate)).digest('hex')
const CLIENTS = [
  CLIENT,
  { clientId: 'named', certificate: { subjectDn: 'CN=app,O=Example' }, scopes: ['orders:read'] },
  {
    clientId: 'listed',
    certificate: { sha256Thumbprints: [listed, listedExpired, long].map(thumbprintOf) },
    scopes: ['orders:read'],
  },
]
const headerOf = (certificate: IssuedCertificate) => `:${derOf(certificate).toString('base64')}:`

describe('a certificate of the TLS connection', () => {
  let tls: CertificateHost
  beforeAll(async () => {
    tls = await startCertificateHost({ ca: [authority.certificate], exchange: { clients: CLIENTS } })
  })
  afterAll(() => tls.close())

  it.each([
    ['the certificate of another client', 'named', listed, 'untrusted_client_certificate'],
    [
      'one of the same name from another authority of that name',
      'named',
      namesake.issue(OF_APP),
      'untrusted_client_certificate',
    ],
    ['one whose authority is not one', 'named', noAuthority.issue(OF_APP), 'untrusted_client_certificate'],
    ['one that has expired', 'named', expired, 'expired_client_certificate'],
    ['a listed one that has expired', 'listed', listedExpired, 'expired_client_certificate'],
    [
      'a new one with the listed name',
      'listed',
      createCertificateAuthority('listed').issue({ names: [] }),
      'wrong_client_certificate',
    ],
    ['a long one', 'named', long, 'wrong_client_certificate'],
    ['none', 'named', undefined, 'no_client_certificate'],
    ['none, of a listed client', 'listed', undefined, 'no_client_certificate'],
  ])('authenticates nobody if it is %s', async (_, clientId, certificate, reason) => {
    expect(await tls.outcomeOf(clientId, { certificate })).toBe(`401 ${reason}`)
  })

  it('authenticates its client, and shows the operator what was wrong with another one', async () => {
    expect(await tls.outcomeOf('named', { certificate: ofApp })).toBe('200')
    await tls.outcomeOf('listed', { certificate: ofApp })
    expect(tls.host.events.at(-1)).toMatchObject({
      clientId: 'listed',
      message: `the certificate: SHA-256 ${thumbprintOf(ofApp)}, subject CN=app,O=Example`,
    })
  })

  it('is recognised by its thumbprint, however long it is', async () => {
    expect(derOf(long).length).toBeGreaterThan(8192)
    expect(await tls.outcomeOf('listed', { certificate: long })).toBe('200')
  })

  it('ignores the header of a proxy that is not configured', async () => {
    expect(await tls.outcomeOf('named', { headers: { 'client-cert': headerOf(ofApp) } })).toBe(
      '401 no_client_certificate',
    )
  })

  it('counts failures with those of secrets', async () => {
    const limited = await startCertificateHost({
      ca: [authority.certificate],
      exchange: { clients: CLIENTS, clientAuthentication: { maxFailures: 2 } },
    })
    const reasons: string[] = []
    for (const _ of [1, 2, 3]) reasons.push(await limited.outcomeOf('named', { certificate: listed }))
    expect(reasons.at(-1)).toBe('429 too_many_client_failures')
    await limited.close()
  })

  it('is not read from the socket for a client with a secret, nor if no client has one', async () => {
    const asked: string[] = []
    const host = await startExchangeHost({
      before: (app) =>
        app.use((req, _res, next) => {
          Object.defineProperty(req.socket, 'getPeerX509Certificate', { get: () => asked.push('certificate') })
          next()
        }),
    })
    await host.accessToken()
    await host.close()
    expect(asked).toEqual([])
  })
})

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a session of %s', (maxVersion) => {
  let tls: CertificateHost
  beforeAll(async () => {
    tls = await startCertificateHost({ ca: [authority.certificate], exchange: { clients: CLIENTS }, maxVersion })
  })
  afterAll(() => tls.close())

  it.each([
    ['named', ofApp, '200'],
    ['listed', listed, '200'],
    ['named', listed, '401'],
    ['named', undefined, '401'],
  ])('keeps its certificate when it is resumed: %s', async (clientId, certificate, status) => {
    let session: Buffer | undefined
    const resumed: boolean[] = []
    for (const _ of [1, 2]) {
      const socket = connect({
        port: tls.port,
        host: '127.0.0.1',
        ca: CA_OF_SERVERS,
        ...certificate,
        ...(session && { session }),
      })
      socket.on('session', (one: Buffer) => {
        session = one
      })
      socket.once('secureConnect', () => resumed.push(socket.isSessionReused()))
      expect(await statusOf(socket, clientId, tls)).toBe(status)
    }
    expect(resumed).toEqual([false, true])
  })
})

describe('a connection of TLS 1.2 that has renegotiated', () => {
  it('has no certificate, because meanwhile it could have that of somebody else', async () => {
    const clients = { clients: CLIENTS }
    const tls = await startCertificateHost({ ca: [authority.certificate], exchange: clients, maxVersion: 'TLSv1.2' })
    const socket = connect({ port: tls.port, host: '127.0.0.1', ca: CA_OF_SERVERS, ...ofApp })
    await new Promise((resolve) => socket.once('secureConnect', resolve))
    await new Promise((resolve) => socket.renegotiate({}, resolve))
    expect([await statusOf(socket, 'named', tls), tls.host.lastReason()]).toEqual(['401', 'no_client_certificate'])
    await tls.close()
  })
})

describe('HTTP/2', () => {
  it('has the certificate of its connection', async () => {
    let seen: unknown
    const server = createSecureServer(
      { ...authority.issue({ names: ['127.0.0.1'] }), ca: authority.certificate, requestCert: true },
      (req, res) => {
        const found = findClientCertificate(req.socket)
        seen = [found?.x509.subject, found?.isTrusted]
        res.end()
      },
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const client = connectHttp2(`https://127.0.0.1:${port}`, { ca: authority.certificate, ...ofApp })
    const stream = client.request({ ':path': '/' })
    stream.resume()
    await new Promise((resolve) => stream.once('end', resolve))
    expect(seen).toEqual(['O=Example\nCN=app', true])
    client.close()
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('a certificate in the header of a proxy', () => {
  let host: CertificateHost
  let direct: CertificateServer
  const plain = createServer()
  let header: string | readonly string[] | undefined

  beforeAll(async () => {
    // Its own server stands for a stranger's way in; the proxy's way is plain HTTP from 127.0.0.1.
    host = await startCertificateHost({
      ca: [authority.certificate],
      exchange: {
        clients: CLIENTS,
        clientCertificate: { from: ['127.0.0.1'], ca: [authority.certificate, expiredAuthority.certificate] },
      },
    })
    const back = await new Promise<number>((resolve) => {
      plain.on('request', host.host.app).listen(0, '127.0.0.1', () => resolve((plain.address() as AddressInfo).port))
    })
    direct = await startCertificateServer(
      passOn(back, () => header),
      [authority.certificate],
    )
  })
  afterAll(async () => {
    await direct.close()
    await host.close()
    plain.closeAllConnections()
    await new Promise((resolve) => plain.close(resolve))
  })

  const through = async (
    clientId: string,
    value: string | readonly string[] | undefined,
    certificate?: IssuedCertificate,
  ) => {
    header = value
    return outcomeOf(host.host, direct, clientId, { certificate })
  }
  const encoded = ({ cert }: IssuedCertificate) => encodeURIComponent(cert)

  it('is taken in both formats', async () => {
    for (const value of [headerOf, encoded]) {
      expect(await through('named', value(ofApp))).toBe('200')
      expect(await through('listed', value(listed))).toBe('200')
    }
  })

  it.each([
    ['from another authority of the same name', namesake.issue(OF_APP), 'untrusted_client_certificate'],
    ['from an authority that has expired', expiredAuthority.issue(OF_APP), 'untrusted_client_certificate'],
    ['self-signed', createCertificateAuthority('app').issue(OF_APP), 'untrusted_client_certificate'],
    ['expired', expired, 'expired_client_certificate'],
    ['of another subject', authority.issue({ names: ['other'] }), 'wrong_client_certificate'],
    ['for servers only', authority.issue({ ...OF_APP, extensions: [purposes(0x01)] }), 'untrusted_client_certificate'],
    [
      'for encryption only',
      authority.issue({ ...OF_APP, extensions: [keyUsage(0x20)] }),
      'untrusted_client_certificate',
    ],
    [
      'with an unknown critical extension',
      authority.issue({ ...OF_APP, extensions: [extensionOf([0x2a, 0x03], tagged(0x05), true)] }),
      'untrusted_client_certificate',
    ],
  ])('authenticates nobody if it is %s', async (_, certificate, reason) => {
    for (const value of [headerOf, encoded]) expect(await through('named', value(certificate))).toBe(`401 ${reason}`)
  })

  it('authenticates if it is for clients', async () => {
    const extensions = [purposes(0x02), keyUsage(0x80)]
    expect(await through('named', headerOf(authority.issue({ ...OF_APP, extensions })))).toBe('200')
  })

  it.each<[string, string | readonly string[]]>([
    ['sent twice', [headerOf(ofApp), headerOf(ofApp)]],
    ['joined', `${headerOf(ofApp)}, ${headerOf(ofApp)}`],
    ['garbage', 'garbage'],
    ['base64 without colons', derOf(ofApp).toString('base64')],
    ['base64 with white space', `: ${derOf(ofApp).toString('base64')}:`],
    ['empty bytes', '::'],
    ['bytes after the certificate', `:${Buffer.concat([derOf(ofApp), Buffer.of(0)]).toString('base64')}:`],
    ['PEM in bytes', `:${Buffer.from(ofApp.cert).toString('base64')}:`],
    ['two certificates', encodeURIComponent(`${ofApp.cert}${listed.cert}`)],
    ['a private key', encodeURIComponent(ofApp.key)],
    ['a broken escape', '%'],
    ['too long', `:${'A'.repeat(12_000)}:`],
  ])('authenticates nobody if it is %s', async (_, value) => {
    for (const clientId of ['named', 'listed'])
      expect(await through(clientId, value)).toBe('401 malformed_client_certificate')
  })

  it('is the only one that counts: not that of the proxy, and not none', async () => {
    expect(await through('named', undefined, ofApp)).toBe('401 no_client_certificate')
    expect(await host.outcomeOf('named', { certificate: ofApp })).toBe('401 no_client_certificate')
  })

  it('is judged for clients that are looked up as well; without authorities, none of them is recognised by a name', async () => {
    const findClient = (clientId: string) => CLIENTS.find((each) => each.clientId === clientId)
    const looking = await startExchangeHost({ exchange: { findClient, clientCertificate: { from: ['127.0.0.1'] } } })
    const passing = await startCertificateServer(
      passOn(Number(new URL(looking.url).port), () => header),
      [],
    )
    const outcomes: string[] = []
    for (const [clientId, certificate] of [
      ['listed', listed],
      ['named', ofApp],
      ['unknown', ofApp],
    ] as const) {
      header = headerOf(certificate)
      outcomes.push(await outcomeOf(looking, passing, clientId))
    }
    expect(outcomes).toEqual(['200', '401 untrusted_client_certificate', '401 unknown_client'])
    await passing.close()
    await looking.close()
  })

  it('of a stranger is refused, even in addition to a certificate of its own, and reported', async () => {
    const from = ['192.0.2.1', '2001:db8::/32']
    const other = await startCertificateHost({
      ca: [authority.certificate],
      exchange: { clients: CLIENTS, clientCertificate: { from, ca: [authority.certificate] } },
    })
    const headers = { 'client-cert': headerOf(ofApp), 'x-forwarded-for': '192.0.2.1' }
    for (const certificate of [undefined, ofApp])
      expect(await other.outcomeOf('named', { headers, certificate })).toBe('401 certificate_header_not_allowed')
    expect(await other.outcomeOf('named', { certificate: ofApp })).toBe('200')
    await other.close()
  })
})

/** What a proxy does: it ends TLS, and replaces the header. */
function passOn(port: number, headerNow: () => string | readonly string[] | undefined): RequestListener {
  return (req, res) => {
    const { 'client-cert': _, ...headers } = req.headers
    const value = headerNow()
    const forwarded = httpRequest({ port, host: '127.0.0.1', path: req.url, method: req.method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(res)
    })
    if (value !== undefined) forwarded.setHeader('client-cert', value)
    req.pipe(forwarded)
  }
}

/** Of a token request on this connection. */
async function statusOf(socket: TLSSocket, clientId: string, { host }: CertificateHost): Promise<string | undefined> {
  const assertion = await host.idp.issueAssertion()
  const body = new URLSearchParams({ grant_type: GRANT_TYPE, assertion, client_id: clientId }).toString()
  const type = 'Content-Type: application/x-www-form-urlencoded'
  socket.write(
    `POST /oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  let answer = ''
  for await (const chunk of socket) answer += String(chunk)
  return answer.split(' ')[1]
}

function purposes(last: number): Buffer {
  const purpose = tagged(0x06, Buffer.of(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, last))
  return extensionOf([0x55, 0x1d, 0x25], sequence(purpose))
}

function keyUsage(bits: number): Buffer {
  return extensionOf([0x55, 0x1d, 0x0f], tagged(0x03, Buffer.of(0, bits)), true)
}
