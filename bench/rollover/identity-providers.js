import { FakeIdentityProvider } from '../../dist/testing/index.js'
import { tokenEndpoint } from '../deployment.js'

/** ES256, because signing with it is cheap. */
const ALGORITHM = 'ES256'

/** Two that are well, one that refuses connections, and one that accepts them and never answers. */
export async function startIdentityProviders() {
  const start = () => FakeIdentityProvider.start({ algorithm: ALGORITHM, alias: tokenEndpoint })
  const [live, alive, down, stalled] = await Promise.all([start(), start(), start(), start()])
  await down.fault('down')
  await stalled.fault('stalled')
  return { live, alive, down, stalled }
}

/** What must be known of one to trust it. */
export function registrationOf({ name, alias, jwksUri }) {
  return { name, allowedSubjects: 'any', alias, jwksUri }
}
