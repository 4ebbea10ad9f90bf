import { choosePlace } from './place.js'
import { createSelfSignedCertificate } from './self-signed.js'

const { HOST = '127.0.0.1', PORT = '3000', TLS = '', WORKERS = '1' } = process.env
const MAX_WORKERS = 64

function readNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (text !== '' && Number.isInteger(number) && number >= least && number <= most) return number
  throw new Error(`${name} must be a whole number from ${least} to ${most}`)
}

/** Only for trying things out: in production, a proxy serves https with a certificate that others trust. */
function readCertificate() {
  if (TLS !== '' && TLS !== '1') throw new Error('TLS must be 1, or not set')
  return TLS === '1' ? createSelfSignedCertificate() : undefined
}

try {
  const workers = readNumber('WORKERS', WORKERS, 1, MAX_WORKERS)
  const place = await choosePlace(readNumber('PORT', PORT, 0, 65_535), HOST, readCertificate())
  const { run } = await import('./run.js') // Not before the settings are known to be right.
  await run(place, workers)
} catch (error) {
  console.error(String(error))
  process.exit(1)
}
