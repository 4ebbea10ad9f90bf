import { createPrivateKey, sign } from 'node:crypto'

/** Returns a function that signs claims with one key of RS256 or ES256, synchronously. */
export function createSigner(privateJwk, header) {
  const key = { key: createPrivateKey({ key: privateJwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }
  const encodedHeader = encodePart(header)
  return (claims) => {
    const signingInput = `${encodedHeader}.${encodePart(claims)}`
    return `${signingInput}.${sign('sha256', Buffer.from(signingInput), key).toString('base64url')}`
  }
}

function encodePart(part) {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

/** The same token with another signature: one character of it, not the last, which can hold bits that are not read. */
export function withAlteredSignature(token) {
  const position = token.lastIndexOf('.') + 20
  const other = token[position] === 'A' ? 'B' : 'A'
  return token.slice(0, position) + other + token.slice(position + 1)
}
