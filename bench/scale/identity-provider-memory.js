// Creates our exchange with many identity providers, none of them used, and tells how many bytes that holds.
import { generateSigningKey } from '../../dist/index.js'
import { answerParent } from '../processes/answer-parent.js'
import { createOurExchange } from '../servers/our-exchange.js'
import { heldBytes } from './held-bytes.js'
import { manyIdentityProviders } from './many-identity-providers.js'

/** Exchanges that are kept, so that nothing of them is collected. */
const kept = []

answerParent({
  async measure({ others }) {
    createExchange(0)
    const before = await heldBytes()
    kept.push(createExchange(others))
    return (await heldBytes()) - before
  },
})

function createExchange(others) {
  const identityProviders = manyIdentityProviders(others, 'http://127.0.0.1:1')
  return createOurExchange({ identityProviders, signingKey: generateSigningKey() }, 'token.issued')
}
