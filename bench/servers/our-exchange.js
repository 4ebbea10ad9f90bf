import { createJwtExchange } from '../../dist/index.js'
import { audience, client, issuer } from '../deployment.js'

/** Our exchange with its defaults, and one listener that counts an event. */
export function createOurExchange({ identityProviders, signingKey, jwksEndpoint }, countedEvent, more = {}) {
  const exchange = createJwtExchange({
    issuer,
    identityProviders,
    clients: [client],
    subject: 'raw',
    accessToken: { audience, signingKeys: [signingKey] },
    ...(jwksEndpoint && { jwksEndpoint }),
    ...more,
  })
  let heard = 0
  exchange.events.on(countedEvent, () => {
    heard += 1
  })
  return { exchange, heardEvents: () => heard }
}
