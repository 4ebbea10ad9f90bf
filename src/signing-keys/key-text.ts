import { holdsPem } from '../jwt/pem.js'
import { IS_SET } from '../option-checks/findings.js'

/** A usual mistake in the text of a key, and how to correct it; undefined if there is none. */
export function findKeyTextSlip(text: string): string | undefined {
  return SLIPS.find(({ matches }) => matches(text))?.message
}

/** What is wrong with text that is not one key and has none of these mistakes. */
export function describeOtherText(text: string): string {
  if (holdsPem(text) || text.includes('-----END '))
    return 'the PEM is incomplete; copy all of it, with its BEGIN and END lines'
  if (text.trim() === '') return `got an empty string; expected a JWK set or PEM${IS_SET}`
  const read = IS_PEM_FILE.test(text)
    ? "readFileSync('key.pem', 'utf8')"
    : "JSON.parse(readFileSync('keys.json', 'utf8'))"
  return `this is neither PEM nor JSON; in code, read the file first: ${read}`
}

interface Slip {
  matches(text: string): boolean
  message: string
}

const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/
/** A PEM block without line breaks. */
const ONE_LINE = /-----BEGIN [A-Z ]+-----[^\r\n]*-----END/
const IS_PEM_FILE = /\.(?:pem|key)$/i
/** No key is longer. */
const MAX_LENGTH = 65_536

const SLIPS: readonly Slip[] = [
  {
    matches: (text) => holdsPem(text) && text.includes('\\n'),
    message:
      'the PEM has \\n written as two characters; replace them with line breaks, for example with .replaceAll("\\\\n", "\\n")',
  },
  {
    matches: (text) => /-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED/.test(text),
    message: 'the key is encrypted; decrypt it first, for example with openssl pkey -in key.pem -out plain.pem',
  },
  {
    matches: (text) => ONE_LINE.test(text),
    message: 'the PEM is in one line; keep its line breaks',
  },
  {
    matches: (text) => text.includes('-----BEGIN OPENSSH '),
    message: 'the key has the format of OpenSSH; convert it, for example with ssh-keygen -p -m PKCS8 -f key',
  },
  {
    matches: (text) => holdsPem(decodeBase64(text)),
    message: 'the text is base64 of PEM; decode it first, for example with Buffer.from(text, "base64").toString()',
  },
  {
    matches: (text) => /^\s*[{[]/.test(decodeBase64(text)),
    message: 'the text is base64 of JSON; decode it, and parse it with JSON.parse',
  },
  { matches: (text) => /^\s*[{[]/.test(text), message: 'the text is JSON; parse it with JSON.parse' },
  { matches: (text) => /^\s*"/.test(text), message: 'the text has quotes around it; remove them' },
  {
    matches: (text) => decodeBase64(text).startsWith('0'),
    message:
      'the text is base64 of a key without its PEM lines; put -----BEGIN PRIVATE KEY----- before it and the END line after it',
  },
]

/** Base64 text, decoded; empty for any other text. */
function decodeBase64(text: string): string {
  const isBase64 = text.length >= 16 && text.length <= MAX_LENGTH && BASE64.test(text)
  return isBase64 ? Buffer.from(text, 'base64').toString('latin1') : ''
}
