// A process with a file store of its own, in the directory that is its argument. It acts on the messages that it gets.
import { createHash } from 'node:crypto'
import { FileIdentityProviderStore } from 'express-jwt-exchange/file-store'

const [directory, format] = process.argv.slice(2)
const store = new FileIdentityProviderStore(directory, { format })

const ACTS = {
  async put(registration) {
    return await store.put(registration)
  },
  async watch() {
    await new Promise((resolve) => {
      store.watch((change) => (change === undefined ? resolve() : process.send({ change })))
    })
  },
  /** Adds its texts to the scopes of a registration, each by itself. */
  async add({ id, scopes }) {
    for (const scope of scopes) while (!(await tryToAdd(id, scope)));
  },
  /** Writes without end. Each registration has the hash of its text, and the number of the write. */
  async writeOn({ ids, from }) {
    for (let number = from; ; number += 1) {
      const id = ids[number % ids.length]
      const description = 'x'.repeat((number * 7919) % 150_000)
      const scopes = [String(number), createHash('sha256').update(`${number} ${description}`).digest('hex')]
      await store.put({ id, name: `https://${id}.example`, description, scopes })
      process.send({ written: { id, number } })
    }
  },
}

async function tryToAdd(id, scope) {
  const { revision, ...before } = await store.get(id)
  try {
    await store.put({ ...before, scopes: [...before.scopes, scope] }, { ifRevision: revision })
    return true
  } catch (error) {
    if (error.code !== 'revision_conflict') throw error
    return false
  }
}

process.on('message', async ({ act, data }) => {
  process.send({ result: (await ACTS[act](data)) ?? null })
})
process.send({ result: 'ready' })
