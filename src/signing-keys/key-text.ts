import { holdsPem } from '../jwt/pem.js'

/** What is wrong with the text of a key, and what to do; undefined if nothing of that kind is. */
export function findKeyTextSlip(text: string): string | undefined {
  return SLIPS.find(({ isSo }) => isSo(text))?.message
}

interface Slip {
  isSo(text: string): boolean
  message: string
}

const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/
/** A PEM header, what it holds, and no line break between. */
const ONE_LINE = /-----BEGIN [A-Z ]+-----[^\r\n]*-----END/
/** How long a text is looked at: no key is longer. */
const MAX_LENGTH = 65_536

const SLIPS: readonly Slip[] = [
  {
    isSo: (text) => holdsPem(text) && text.includes('\\n'),
    message:
      'the PEM has \\n written as two characters; replace them with line breaks, for example with .replaceAll("\\\\n", "\\n")',
  },
  {
    isSo: (text) => /-----BEGIN ENCRYPTED |Proc-Type: 4,ENCRYPTED/.test(text),
    message: 'the key is encrypted; decrypt it first, for example with openssl pkey -in key.pem -out plain.pem',
  },
  {
    isSo: (text) => ONE_LINE.test(text),
    message: 'the PEM is in one line; keep its line breaks',
  },
  {
    isSo: (text) => text.includes('-----BEGIN OPENSSH '),
    message: 'the key has the format of OpenSSH; convert it, for example with ssh-keygen -p -m PKCS8 -f key',
  },
  {
    isSo: (text) => holdsPem(decoded(text)),
    message: 'the text is base64 of PEM; decode it first, for example with Buffer.from(text, "base64").toString()',
  },
  {
    isSo: (text) => /^\s*[{[]/.test(decoded(text)),
    message: 'the text is base64 of JSON; decode it, and parse it with JSON.parse',
  },
  { isSo: (text) => /^\s*[{[]/.test(text), message: 'the text is JSON; parse it with JSON.parse' },
  { isSo: (text) => /^\s*"/.test(text), message: 'the text has quotes around it; remove them' },
  {
    isSo: (text) => decoded(text).startsWith('0'),
    message:
      'the text is base64 of a key without its PEM lines; put -----BEGIN PRIVATE KEY----- before it and the END line after it',
  },
]

/** What base64 text stands for; empty if it is something else. */
function decoded(text: string): string {
  const isBase64 = text.length >= 16 && text.length <= MAX_LENGTH && BASE64.test(text)
  return isBase64 ? Buffer.from(text, 'base64').toString('latin1') : ''
}
