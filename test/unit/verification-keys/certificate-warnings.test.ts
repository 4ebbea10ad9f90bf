import { beforeEach, describe, expect, it } from '@jest/globals'
import { ExchangeEventEmitter, type ExchangeEvents } from '../../../src/events/exchange-events.js'
import { CertificateWarnings } from '../../../src/verification-keys/certificate-warnings.js'
import type { KeyOwner } from '../../../src/verification-keys/key-source.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

const DAY = 86_400
const IDP = 'https://idp.example.com'
const ownerOf = (name: string): KeyOwner => ({ kind: 'identity_provider', name })

describe('warnings of certificates', () => {
  let clock: AdjustableClock
  let told: ExchangeEvents['certificate.expiring'][]
  let warnings: CertificateWarnings
  let expiresAt: number

  beforeEach(() => {
    clock = new AdjustableClock()
    told = []
    const events = new ExchangeEventEmitter().on('certificate.expiring', (event) => told.push(event))
    warnings = new CertificateWarnings({ clock, events })
    expiresAt = clock.now() + 40 * DAY
  })

  const certificate = (subject = 'CN=a') => ({ subject, expiresAt })
  /** Which certificates are warned of by this check. */
  const toldBy = (certificates: Parameters<CertificateWarnings['check']>[0], names = [IDP]) => {
    told.length = 0
    warnings.check(certificates, names.map(ownerOf))
    return told.map((event) => event.certificate)
  }
  const toldAt = (now: number) => {
    clock.set(now)
    return toldBy([certificate()]).length
  }

  it('are none where there are no certificates', () => expect(toldBy([])).toEqual([]))

  it('begin thirty days before the end and not a moment earlier', () => {
    expect(toldAt(expiresAt - 30 * DAY - 0.001)).toBe(0)
    expect(toldAt(expiresAt - 30 * DAY)).toBe(1)
  })

  it('come at most once a day', () => {
    const start = expiresAt - 30 * DAY
    expect([toldAt(start), toldAt(start), toldAt(start + DAY - 0.001), toldAt(start + DAY)]).toEqual([1, 0, 0, 1])
    expect([toldAt(start + 2 * DAY - 0.001), toldAt(start + 2 * DAY)]).toEqual([0, 1])
  })

  it('come a day after the last one, not a day after the first', () => {
    const start = expiresAt - 30 * DAY
    expect([toldAt(start), toldAt(start + 1.5 * DAY), toldAt(start + 2 * DAY), toldAt(start + 2.5 * DAY)]).toEqual([
      1, 1, 0, 1,
    ])
  })

  it('go on when the certificate has expired', () => {
    expect([toldAt(expiresAt), toldAt(expiresAt + DAY), toldAt(expiresAt + 400 * DAY)]).toEqual([1, 1, 1])
  })

  it('do not come more often because somebody sets the clock back', () => {
    const start = expiresAt - 10 * DAY
    expect([toldAt(start), toldAt(start - 5 * DAY), toldAt(start), toldAt(start + DAY)]).toEqual([1, 0, 0, 1])
  })

  it('come again a day later where the clock was ahead by a year before', () => {
    const start = expiresAt - 10 * DAY
    expect(toldAt(start + 365 * DAY)).toBe(1)
    expect(toldAt(start)).toBe(0)
    clock.advance(DAY)
    expect(toldBy([certificate()])).toEqual(['CN=a'])
  })

  it('name certificate, end and identity provider', () => {
    clock.set(expiresAt - DAY)
    warnings.check([certificate()], [ownerOf(IDP)])
    expect(told).toEqual([{ identityProvider: IDP, certificate: 'CN=a', expiresAt }])
  })

  it('are told to each identity provider that has the certificate', () => {
    clock.set(expiresAt - DAY)
    warnings.check([certificate()], [IDP, 'https://other.example.com'].map(ownerOf))
    expect(told.map(({ identityProvider }) => identityProvider)).toEqual([IDP, 'https://other.example.com'])
  })

  it('name a client by its id, and are not those of an identity provider of the same name', () => {
    clock.set(expiresAt - DAY)
    warnings.check([certificate()], [ownerOf(IDP), { kind: 'client', name: IDP }])
    expect(told).toEqual([
      { identityProvider: IDP, certificate: 'CN=a', expiresAt },
      { clientId: IDP, certificate: 'CN=a', expiresAt },
    ])
  })

  it('are fit to be printed', () => {
    clock.set(expiresAt)
    expect(toldBy([certificate(`CN=\u001b[31m\n${'x'.repeat(1000)}`)])[0]).toMatch(/^CN=\\u001b\[31m\\u000ax+\.\.\.$/)
    expect(told[0]?.certificate.length).toBe(200)
  })

  it('come for each certificate by itself', () => {
    clock.set(expiresAt - 30 * DAY)
    const [old, young, later] = [
      certificate('CN=old'),
      certificate('CN=young'),
      { subject: 'CN=a', expiresAt: expiresAt + DAY },
    ]
    expect(toldBy([old, later])).toEqual(['CN=old'])
    expect(toldBy([old, young, later])).toEqual(['CN=young'])
    clock.advance(DAY)
    expect(toldBy([old, young, later])).toEqual(['CN=old', 'CN=young', 'CN=a'])
  })

  it('tell certificates of one subject apart by their end', () => {
    clock.set(expiresAt)
    expect(toldBy([certificate(), { ...certificate(), expiresAt: expiresAt + 1 }])).toEqual(['CN=a', 'CN=a'])
    expect(toldBy([{ ...certificate(), expiresAt: expiresAt + 1 }, certificate()])).toEqual([])
  })

  it('come once a day for a certificate that is there twice', () => {
    clock.set(expiresAt)
    const twice = [certificate(), certificate()]
    expect(toldBy(twice)).toEqual(['CN=a'])
    expect(toldBy(twice)).toEqual([])
    clock.advance(DAY)
    expect(toldBy(twice)).toEqual(['CN=a'])
    expect(toldBy(twice)).toEqual([])
  })

  it('of one identity provider do not count for another', () => {
    clock.set(expiresAt)
    expect(toldBy([certificate()], [IDP])).toEqual(['CN=a'])
    expect(toldBy([certificate()], ['https://other.example.com'])).toEqual(['CN=a'])
    expect(toldBy([certificate()], [IDP])).toEqual([])
    expect(toldBy([certificate()], ['https://other.example.com', IDP])).toEqual([])
  })

  it('come once a day for a certificate that is gone and comes back', () => {
    clock.set(expiresAt)
    expect(toldBy([certificate('CN=a'), certificate('CN=b')])).toEqual(['CN=a', 'CN=b'])
    for (let times = 0; times < 3; times += 1) {
      expect(toldBy([certificate('CN=b')])).toEqual([])
      expect(toldBy([certificate('CN=a'), certificate('CN=b')])).toEqual([])
    }
    clock.advance(DAY)
    expect(toldBy([certificate('CN=b')])).toEqual(['CN=b'])
    expect(toldBy([certificate('CN=a'), certificate('CN=b')])).toEqual(['CN=a'])
  })

  it('of an identity provider that has others at each look are remembered in part only', () => {
    clock.set(expiresAt)
    const many = (from: number) => Array.from({ length: 100 }, (_, index) => certificate(`CN=${from + index}`))
    for (let from = 0; from < 1000; from += 100) expect(toldBy(many(from))).toHaveLength(100)
    expect(toldBy(many(900))).toEqual([])
    expect(toldBy(many(0))).toHaveLength(100)
  })
})
