// A process with an identity provider store of its own. It sends each change that its watch reports, and does what it is told:
// { put: registration }, or { write: ids }, which puts these registrations again and again, each time with another number in it.
import { PostgresIdentityProviderStore } from 'express-jwt-exchange/postgres'
import { Pool } from 'pg'

const [url, schema, application] = process.argv.slice(2)
const pool = new Pool({ connectionString: url, application_name: application })
const store = new PostgresIdentityProviderStore(pool, { schema })
store.watch((change) => process.send({ change: change ?? null }))

const registrationOf = (id, number) => ({
  ...{ id, name: `https://${id}.example/${number}`, jwksUri: 'https://idp.example/jwks', allowedSubjects: 'any' },
  ...{ description: `${number}`, scopes: Array.from({ length: 300 }, () => `scope:${number}`) },
})

process.on('message', async ({ put, write }) => {
  if (put !== undefined) process.send({ stored: await store.put(put) })
  for (let number = 0; write !== undefined; number += 1) {
    const id = write[number % write.length]
    if (number % 7 === 6) await store.remove(id)
    else process.send({ stored: await store.put(registrationOf(id, number)) })
  }
})
process.send('ready')
