/**
 * Measures an exchange whose identity providers are in PostgreSQL: node bench/scale/registrations.js [registrations]
 *
 * It registers them in a schema of its own (default: 1 000 000), and drops that at the end. DATABASE_URL names the database.
 * Printed are ratios within one run: warm exchanges beside 10 000 static entries, a cold exchange, memory over many issuers, and
 * good requests while made-up issuers arrive.
 */
import { fork } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import express from 'express'
import pg from 'pg'
import { createJwtExchange, generateSigningKey } from '../../dist/index.js'
import { PostgresIdentityProviderStore } from '../../dist/postgres.js'
import { generateFakeKey, signAssertion } from '../../dist/testing/index.js'

const REGISTRATIONS = Number(process.argv[2] ?? 1_000_000)
const HOT = Math.min(10_000, REGISTRATIONS)
const [ROUNDS, BATCH] = [15, 1000]
const FLOOD = 50_000
const DATABASE_URL = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
const TOKEN_ENDPOINT = 'https://api.example.com/oauth2/token'
const schema = `bench_${randomBytes(4).toString('hex')}`
const key = await generateFakeKey('ES256', 'k')
const signingKey = generateSigningKey('ES256')
const agent = new Agent({ keepAlive: true, maxSockets: 64 })

const idOf = (index) => `tenant-${index}`
const nameOf = (index) => `https://idp-${index}.example`
const entryOf = (index) => ({
  ...{ id: idOf(index), name: nameOf(index), jwks: { keys: [key.publicJwk] } },
  ...{ allowedSubjects: 'any', scopes: ['orders:read'] },
})

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 })
let queries = 0
const query = pool.query.bind(pool)
pool.query = (...given) => {
  queries += 1
  return query(...given)
}

async function register() {
  await pool.query(`CREATE SCHEMA ${schema}`)
  const store = new PostgresIdentityProviderStore(pool, { schema })
  await store.createTable()
  const text = JSON.stringify(entryOf(0))
    .replaceAll(idOf(0), 'tenant-%1$s')
    .replaceAll(nameOf(0), 'https://idp-%1$s.example')
  await pool.query(
    `INSERT INTO ${schema}.jwt_identity_providers
       SELECT id, decode(regexp_replace(encode(id::bytea, 'hex'), '(..)', '00\\1', 'g'), 'hex'), 'https://idp-' || n || '.example',
         id, true, 'first', format($1::text, n)::json, now()
       FROM (SELECT n, 'tenant-' || n AS id FROM generate_series(0, $2::int - 1) AS n) AS numbered`,
    [text, REGISTRATIONS],
  )
  await pool.query(`ANALYZE ${schema}.jwt_identity_providers`)
  return store
}

async function serve(options) {
  const exchange = createJwtExchange({
    ...{ issuer: 'https://api.example.com/oauth2', subject: 'namespaced' },
    clients: [{ clientId: 'app', clientSecret: 'a secret of the bench', scopes: ['orders:read'] }],
    accessToken: { audience: 'https://api.example.com', signingKeys: [signingKey] },
    replay: { maxEntries: 10_000_000 },
    ...options,
  })
  const server = express().use('/oauth2', exchange.router).listen(0, '127.0.0.1')
  await once(server, 'listening')
  await exchange.ready()
  const close = () => {
    server.close()
    exchange.close()
  }
  return { exchange, port: server.address().port, close }
}

function assertionOf(name) {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: name, sub: 'alice', aud: TOKEN_ENDPOINT, iat: now, exp: now + 600, jti: randomUUID() }
  return signAssertion(key, { alg: 'ES256', kid: 'k', typ: 'JWT' }, claims)
}

/** The status of the answer. */
function send(port, assertion) {
  const body = `grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=${assertion}`
  const headers = {
    authorization: `Basic ${Buffer.from('app:a secret of the bench').toString('base64')}`,
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': body.length,
  }
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, host: '127.0.0.1', path: '/oauth2/token', method: 'POST', agent, headers },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode))
      },
    )
    sent.on('error', reject).end(body)
  })
}

/** CPU microseconds for each exchange, this client's included. */
async function timeBatch(port, names) {
  const assertions = await Promise.all(names.map(assertionOf))
  const before = process.cpuUsage()
  for (let start = 0; start < assertions.length; start += 32) {
    const statuses = await Promise.all(assertions.slice(start, start + 32).map((each) => send(port, each)))
    if (statuses.some((status) => status !== 200)) throw new Error(`got ${statuses}`)
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / names.length
}

const median = (values) => [...values].sort((one, other) => one - other)[values.length >> 1]
const percentile = (values, share) => [...values].sort((one, other) => one - other)[Math.floor(values.length * share)]
const someNames = () => Array.from({ length: BATCH }, () => nameOf(Math.floor(Math.random() * HOT)))

async function measureWarm(stored, fixed) {
  for (let start = 0; start < HOT; start += BATCH) {
    const names = Array.from({ length: Math.min(BATCH, HOT - start) }, (_, index) => nameOf(start + index))
    await timeBatch(stored.port, names)
    await timeBatch(fixed.port, names)
  }
  const ratios = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const [ofStored, ofFixed] = [await timeBatch(stored.port, someNames()), await timeBatch(fixed.port, someNames())]
    ratios.push(ofFixed / ofStored)
  }
  console.log(
    `warm, ${HOT} hot of ${REGISTRATIONS} in PostgreSQL / ${HOT} static entries: ${median(ratios).toFixed(3)} x`,
  )
}

async function measureCold(store) {
  const { port, close } = await serve({ identityProviderStore: store })
  const times = { cold: [], warm: [] }
  const before = queries
  for (let index = 0; index < 100; index += 1) {
    const name = nameOf(REGISTRATIONS - 1 - index)
    for (const kind of ['cold', 'warm']) {
      const assertion = await assertionOf(name)
      const start = performance.now()
      await send(port, assertion)
      times[kind].push(performance.now() - start)
    }
  }
  close()
  const perIssuer = (queries - before) / 100
  console.log(
    `cold ${median(times.cold).toFixed(2)} ms, warm ${median(times.warm).toFixed(2)} ms; ${perIssuer} queries an issuer, polls included`,
  )
}

async function measureMemory(store) {
  // Without used assertions, which would fill the memory as well.
  const { port, exchange, close } = await serve({ identityProviderStore: store, assertion: { replay: 'allow' } })
  const issuers = Math.min(200_000, REGISTRATIONS)
  for (let start = 0; start < issuers; start += 10_000) {
    for (let batch = start; batch < start + 10_000; batch += 100) {
      const names = Array.from({ length: 100 }, (_, index) => nameOf((batch + index) % REGISTRATIONS))
      await Promise.all(names.map(async (name) => send(port, await assertionOf(name))))
    }
    if ((start / 10_000) % 5 !== 4) continue
    globalThis.gc?.()
    const megabytes = Math.round(process.memoryUsage().heapUsed / 1e6)
    const { loaded } = exchange.stats().identityProviderLookup
    console.log(`after ${start + 10_000} issuers: ${loaded} loaded, heap ${megabytes} MB`)
  }
  close()
}

async function measureFlood(kind, { port }, perSecond) {
  const latencies = async (isOver) => {
    const times = []
    while (!isOver(times)) {
      const assertion = await assertionOf(nameOf(Math.floor(Math.random() * 100)))
      const start = performance.now()
      const status = await send(port, assertion)
      if (status !== 200) throw new Error(`a good request got ${status}`)
      times.push(performance.now() - start)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    return times
  }
  const before = await latencies((times) => times.length === 1000)
  const queriesBefore = queries
  let statuses
  const child = fork(new URL(import.meta.url), [String(REGISTRATIONS), String(port), String(perSecond)])
  child.on('message', (told) => {
    statuses = told
  })
  const during = await latencies(() => statuses !== undefined)
  const [p99Before, p99During] = [percentile(before, 0.99), percentile(during, 0.99)]
  console.log(
    `good requests of ${kind}, p99: ${p99Before.toFixed(2)} ms before, ${p99During.toFixed(2)} ms while ${FLOOD} made-up issuers arrive, ${perSecond} a second (${(p99During / p99Before).toFixed(2)} x)`,
  )
  console.log(`the flood got ${JSON.stringify(statuses)}, and caused ${queries - queriesBefore} queries`)
}

/** In a process of its own, with a key that signs for nobody. */
async function flood(port, perSecond) {
  const statuses = {}
  const startedAt = performance.now()
  for (let start = 0; start < FLOOD; start += 8) {
    const early = (start / perSecond) * 1000 - (performance.now() - startedAt)
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
    const madeUp = await Promise.all(Array.from({ length: 8 }, () => assertionOf(`https://${randomUUID()}.example`)))
    for (const status of await Promise.all(madeUp.map((each) => send(port, each)))) {
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  process.send(statuses)
  process.disconnect()
  agent.destroy()
}

async function measureAll() {
  const store = await register()
  try {
    const stored = await serve({ identityProviderStore: store })
    const fixed = await serve({ identityProviders: Array.from({ length: HOT }, (_, index) => entryOf(index)) })
    await measureWarm(stored, fixed)
    await measureCold(store)
    for (const perSecond of [1000, Number.POSITIVE_INFINITY]) {
      await measureFlood('static entries', fixed, perSecond)
      await measureFlood('a store', stored, perSecond)
    }
    fixed.close()
    stored.close()
    await measureMemory(store)
  } finally {
    agent.destroy()
    await pool.query(`DROP SCHEMA ${schema} CASCADE`)
    await pool.end()
  }
}

const [floodedPort, perSecond] = process.argv.slice(3)
if (floodedPort === undefined) await measureAll()
else await flood(Number(floodedPort), Number(perSecond))
