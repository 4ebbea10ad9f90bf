import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** A certificate and its private key, in PEM. */
export interface Certificate {
  cert: string
  key: string
}

const DAY = 86_400_000
const COMMON_NAME = tagged(0x06, Buffer.from('550403', 'hex'))
const ALTERNATIVE_NAMES = tagged(0x06, Buffer.from('551d11', 'hex'))
const ECDSA_WITH_SHA256 = sequence(tagged(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
const LOOPBACK = [Buffer.of(127, 0, 0, 1), Buffer.concat([Buffer.alloc(15), Buffer.of(1)])]

/** A certificate for localhost that nobody else vouches for, valid for a week: for trying things out, with `curl -k`. */
export function createSelfSignedCertificate(): Certificate {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const spki = createPublicKey(createPrivateKey(key)).export({ type: 'spki', format: 'der' })
  const name = sequence(tagged(0x31, sequence(COMMON_NAME, tagged(0x0c, Buffer.from('localhost')))))
  const names = sequence(tagged(0x82, Buffer.from('localhost')), ...LOOPBACK.map((address) => tagged(0x87, address)))
  const toBeSigned = sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    tagged(0x02, Buffer.of(1), randomBytes(15)),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(Date.now() - DAY), time(Date.now() + 7 * DAY)),
    name,
    spki,
    tagged(0xa3, sequence(sequence(ALTERNATIVE_NAMES, tagged(0x04, names)))),
  )
  const signature = tagged(0x03, Buffer.of(0), sign('sha256', toBeSigned, key))
  const base64 = sequence(toBeSigned, ECDSA_WITH_SHA256, signature).toString('base64')
  const lines = base64.match(/.{1,64}/g) ?? []
  return { cert: ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n'), key }
}

function time(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replace(/\.\d+Z$|\D/g, '')
  return tagged(0x18, Buffer.from(`${digits}Z`))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, ...parts)
}

/** One value of DER: tag, length, contents. */
function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const contents = Buffer.concat(parts)
  const { length } = contents
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), contents])
}
