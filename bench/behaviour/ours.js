import { createResourceServer } from '../../dist/index.js'
import { audience } from '../deployment.js'

function createOurs({ issuer, jwksUri }, more) {
  const resourceServer = createResourceServer({ issuer, audience, jwksUri, ...more })
  return { authenticate: resourceServer.protect(), close: () => resourceServer.close() }
}

/** This package, with its defaults, and for identity providers that do not follow RFC 9068. */
export const ours = [
  { name: 'ours', packages: [], create: (idp) => createOurs(idp) },
  { name: 'ours, any type', packages: [], create: (idp) => createOurs(idp, { types: ['at+jwt', 'JWT', 'none'] }) },
]
