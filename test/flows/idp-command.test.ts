import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { runCommandLine } from '../../src/cli/run-command-line.js'
import { FileIdentityProviderStore } from '../../src/file-store/index.js'
import { createJwtExchange, generateSigningKey } from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { deploymentOf } from '../support/deployment-file.js'
import { AUDIENCE, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import { createSchema, type TestSchema } from '../support/postgres-schema.js'
import { DATABASE_URL, describeWithPostgres } from '../support/services.js'

/** Some tests run a command many times, each in a process of its own. */
jest.setTimeout(60_000)

const SECRET = 'Bearer secret-that-nobody-may-see'
const MAIN = resolve('dist/cli/main.js')

let idp: FakeIdentityProvider
let directory: string
beforeAll(async () => {
  idp = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256' })
})
afterAll(() => idp.close())
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'idp-command-'))
  mkdirSync(join(directory, 'store'))
})
afterEach(() => rmSync(directory, { recursive: true }))

interface Run {
  status: unknown
  stdout: string
  stderr: string
}

/** The command in a process of its own. */
async function run(args: readonly string[], input = '', env: Record<string, string> = {}): Promise<Run> {
  const child = spawn(process.execPath, [MAIN, 'idp', ...args], {
    cwd: directory,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  child.stdin.on('error', () => {}) // It need not read all of it.
  child.stdin.end(input)
  const status = await new Promise((settle) => child.once('close', settle))
  return withoutLeaks({ status, stdout, stderr })
}

/** The command in this process, which costs a tenth; in the directory of the test, too. */
async function runHere(args: readonly string[], input = '', env: Record<string, string> = {}): Promise<Run> {
  let [stdout, stderr] = ['', '']
  const streams = {
    stdin: Object.assign([Buffer.from(input)].values(), { isTTY: false }) as never,
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
    env: { ...process.env, ...env },
  }
  const before = process.cwd()
  process.chdir(directory)
  try {
    const status = await runCommandLine(['idp', ...args], streams)
    return withoutLeaks({ status, stdout, stderr })
  } finally {
    process.chdir(before)
  }
}

function withoutLeaks(ran: Run): Run {
  expect(`${ran.stdout}${ran.stderr}`).not.toContain(SECRET)
  expect(ran.stderr).not.toMatch(/\n\s+at /)
  return ran
}

const idpOf = (...args: string[]) => runHere([...args, '--store', 'file:store'])
const store = () => new FileIdentityProviderStore(join(directory, 'store'))
const entry = (more: object = {}) => ({
  id: 'acme',
  displayName: 'Acme Inc.',
  name: idp.name,
  jwksUri: idp.jwksUri,
  allowedSubjects: ['service-*'],
  ...more,
})

function write(name: string, content: object | string): string {
  writeFileSync(join(directory, name), typeof content === 'string' ? content : JSON.stringify(content))
  return name
}

describe('a process of its own', () => {
  const idpProcess = (args: string[], input = '') => run([...args, '--store', 'file:store'], input)

  it('ends by itself with the status of each action, whose output goes where it belongs', async () => {
    const secret = JSON.stringify(entry({ headers: { authorization: SECRET } }))
    expect(await idpProcess(['add'], secret)).toEqual({ status: 0, stdout: 'added acme\n', stderr: '' })
    const list = `on   acme  ${idp.name}  Acme Inc.\n1 identity provider\n`
    expect(await idpProcess(['list'])).toEqual({ status: 0, stdout: list, stderr: '' })
    const shown = await idpProcess(['show', 'acme'])
    expect([shown.status, shown.stderr, JSON.parse(shown.stdout).id]).toEqual([0, '', 'acme'])
    const tested = await idpProcess(['test', 'acme'])
    expect([tested.status, tested.stderr]).toEqual([0, ''])
    expect(tested.stdout).toContain(`keys: ${idp.signingKey.kid} (ES256)`)
    for (const action of ['disable', 'enable', 'remove']) {
      expect(await idpProcess([action, 'acme'])).toEqual({ status: 0, stdout: `${action}d acme\n`, stderr: '' })
    }
  })

  it('ends with 1 if the answer is no, and with 2 if it cannot be run as it is written', async () => {
    const refused = await idpProcess(['add'], JSON.stringify(entry({ allowedSubjects: [] })))
    expect([refused.status, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toMatch(/^allowedSubjects: .*\n1 problem\n$/)
    await idp.fault('down')
    try {
      const down = await idpProcess(['test', write('entry.json', entry())])
      expect([down.status, down.stderr]).toEqual([1, ''])
      expect(down.stdout).toContain('no usable keys: ')
    } finally {
      await idp.fault('off')
    }
    const misused = await idpProcess(['list', 'acme'])
    expect([misused.status, misused.stdout]).toEqual([2, ''])
    expect(misused.stderr).toContain('Usage:')
  })
})

describe('a command that cannot be run as it is written', () => {
  it.each<[string[], string]>([
    [[], 'missing action: expected add, list, show, test, enable, disable or remove'],
    [['lst'], 'unknown action: did you mean idp list?'],
    [['constructor'], 'unknown action: expected add'],
    [['list'], 'missing store: expected --store file:DIRECTORY or --store postgres://'],
    [['list', '--store', 'mysql://localhost/db'], 'expected --store file:DIRECTORY'],
    [['list', '--store', 'file:'], 'expected --store file:DIRECTORY'],
    [['list', '--store', 'postgres://['], 'expected --store file:DIRECTORY'],
    [['list', 'acme', '--store', 'file:store'], 'to find some, use --search TEXT'],
    [['show', '--store', 'file:store'], 'idp show needs an id'],
    [['test', '--store', 'file:store'], 'idp test needs an id or a file'],
    [['add', 'a.json', 'b.json', '--store', 'file:store'], 'too many arguments'],
    [['list', '--store', 'file:store', '--keep'], '--keep is for demo'],
  ])('exits with 2 and its usage: %j', async (args, message) => {
    const { status, stdout, stderr } = await runHere(args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(message)
    expect(stderr).toContain('Usage:')
  })
})

describe('an entry that is not added', () => {
  it.each<[string, object | string, string]>([
    ['restricts nobody', { allowedSubjects: undefined }, 'nothing restricts who is accepted'],
    ['has no keys', { jwksUri: undefined }, 'has no keys'],
    [
      'has an option with a slip',
      { alowedSubjects: ['a'] },
      'alowedSubjects: unknown option; did you mean `allowedSubjects`?',
    ],
    ['has a subject that another one could have', { subject: 'raw' }, 'subject: '],
  ])('%s', async (_, more, message) => {
    const { status, stdout, stderr } = await idpOf('add', write('entry.json', entry(more as object)))
    expect([status, stdout]).toEqual([1, ''])
    expect(stderr).toContain(message)
    expect(stderr).toMatch(/\d problems?\n$/)
    expect(readdirSync(join(directory, 'store')).filter((name) => !name.startsWith('.'))).toEqual([])
  })

  it.each<[string, string, string]>([
    ['is not JSON', 'name = "a"', 'entry.json: expected one JSON object'],
    ['is a list', '[{}]', 'entry.json: expected one JSON object'],
    ['has a member twice', '{"id":"a","id":"b"}', 'entry.json: expected one JSON object'],
  ])('%s', async (_, text, message) => {
    expect(await idpOf('add', write('entry.json', text))).toEqual({
      status: 1,
      stdout: '',
      stderr: `${message} without duplicate members\n`,
    })
  })

  it('is in a file that is not there, or too long', async () => {
    expect((await idpOf('add', 'missing.json')).stderr).toBe('missing.json cannot be read (ENOENT)\n')
    const long = await idpOf('add', write('long.json', `{"id":"${'x'.repeat(1_100_000)}"}`))
    expect([long.status, long.stderr.split('\n')[0]]).toEqual([2, 'the input is longer than 1048576 bytes'])
  })

  it('is reported with all problems as JSON', async () => {
    const { status, stdout } = await idpOf(
      'add',
      write('entry.json', entry({ allowedSubjects: [], lifetime: 0 })),
      '--json',
    )
    expect(status).toBe(1)
    const { problems } = JSON.parse(stdout)
    expect(problems.map(({ path }: { path: string[] }) => path.join('.')).sort()).toEqual([
      'allowedSubjects',
      'lifetime',
    ])
  })

  it('has an id, or with another issuer a name, that the store has', async () => {
    expect((await idpOf('add', write('entry.json', entry()))).stdout).toBe('added acme\n')
    expect((await idpOf('add', 'entry.json')).stderr).toContain('the store has an identity provider with this id')
    const second = await idpOf('add', write('second.json', entry({ id: 'second' })))
    expect([second.status, second.stderr]).toEqual([1, expect.stringContaining('registration: missing')])
  })
})

describe('the identity providers of a store in files', () => {
  it('are added, listed, shown, found, switched off and on, and removed', async () => {
    expect(await idpOf('list')).toMatchObject({ status: 0, stdout: 'no identity providers\n' })
    const secret = entry({ headers: { authorization: SECRET } })
    expect(await idpOf('add', write('acme.json', secret))).toMatchObject({ status: 0, stdout: 'added acme\n' })
    const other = { id: 'other', name: 'https://other.example', discovery: true, scopes: ['orders:read'] }
    expect((await runHere(['add', '--store', 'file:store'], JSON.stringify(other))).stdout).toBe('added other\n')
    const list = await idpOf('list')
    expect(list.stdout).toBe(
      `on   acme  ${idp.name}  Acme Inc.\non   other  https://other.example\n2 identity providers\n`,
    )
    expect((await idpOf('list', '--search', 'ACME')).stdout).toMatch(/^on {3}acme .*\n1 identity provider\n$/)
    const shown = JSON.parse((await idpOf('show', 'acme')).stdout)
    expect(shown).toMatchObject({ id: 'acme', headers: { authorization: '[not shown]' }, revision: expect.any(String) })
    expect((await idpOf('disable', 'acme')).stdout).toBe('disabled acme\n')
    expect((await idpOf('list')).stdout).toMatch(/^off {2}acme /)
    expect(JSON.parse((await idpOf('enable', 'acme', '--json')).stdout)).toEqual({
      enabled: 'acme',
      revision: expect.any(String),
    })
    expect(await store().get('acme')).toMatchObject({ enabled: true, headers: { authorization: SECRET } })
    expect((await idpOf('remove', 'acme')).stdout).toBe('removed acme\n')
    for (const action of ['remove', 'show', 'enable', 'disable', 'test']) {
      expect(await idpOf(action, 'acme')).toMatchObject({
        status: 1,
        stderr: 'the store has no identity provider "acme"; see: idp list\n',
      })
    }
    expect(await store().list()).toHaveLength(1)
  })

  it('are trusted by an exchange with this store, until one is switched off', async () => {
    await idpOf('add', write('acme.json', entry()))
    const exchange = createJwtExchange({
      issuer: ISSUER,
      identityProviderStore: store(),
      subject: 'namespaced',
      clients: [{ clientId: 'app', clientSecret: 'a secret of the tests', scopes: ['openid'] }],
      accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
    })
    try {
      await exchange.ready()
      const explain = async () => exchange.explain(await idp.issueAssertion({ sub: 'service-1' }), { clientId: 'app' })
      expect(await explain()).toMatchObject({ isAccepted: true })
      await idpOf('disable', 'acme')
      const deadline = Date.now() + 5000
      while ((await explain()).isAccepted && Date.now() < deadline);
      expect(await explain()).toMatchObject({ isAccepted: false, reason: 'identity_provider_disabled' })
    } finally {
      exchange.close()
    }
  })

  it('are replaced only on demand, and a secret that is not shown stays', async () => {
    await idpOf('add', write('acme.json', entry({ headers: { authorization: SECRET } })))
    const shown = JSON.parse((await idpOf('show', 'acme')).stdout)
    const changed = write('changed.json', { ...shown, displayName: 'Acme Ltd.' })
    expect((await idpOf('add', changed)).status).toBe(1)
    expect((await idpOf('add', changed, '--replace')).stdout).toBe('replaced acme\n')
    expect(await store().get('acme')).toMatchObject({ displayName: 'Acme Ltd.', headers: { authorization: SECRET } })
    // The revision in the file is not the last one any more.
    const again = await idpOf('add', changed, '--replace')
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('was changed meanwhile; show it again')])
  })

  it('do not get a secret for another address', async () => {
    await idpOf('add', write('acme.json', entry({ headers: { authorization: SECRET } })))
    const shown = JSON.parse((await idpOf('show', 'acme')).stdout)
    const elsewhere = write('elsewhere.json', { ...shown, jwksUri: 'https://attacker.example/keys' })
    const refused = await idpOf('add', elsewhere, '--replace')
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('the entry would send it elsewhere')])
  })

  it('may be added from TOML, and get an id from their name', async () => {
    const toml = `name = "${idp.name}"\nid = "toml"\njwks_uri = "${idp.jwksUri}"\nallowed_subjects = ["\${SUBJECT}"]\n`
    const args = ['add', write('acme.toml', toml), '--store', 'file:store']
    expect((await runHere(args, '', { SUBJECT: 'service-1' })).stdout).toBe('added toml\n')
    expect(await store().get('toml')).toMatchObject({ allowedSubjects: ['service-1'] })
    const bad = await idpOf('add', write('bad.toml', 'id = 7\nname = "${UNSET}"\n'))
    expect([bad.status, bad.stderr]).toEqual([
      1,
      expect.stringContaining('bad.toml:2:1: name: the environment variable UNSET is not set'),
    ])
    const unnamed = {
      displayName: 'Übung & Co',
      name: 'https://unnamed.example',
      discovery: true,
      allowedSubjects: ['a'],
    }
    expect((await idpOf('add', write('unnamed.json', unnamed))).stdout).toMatch(/^added ubung-co-[\da-f]{10}\n$/)
  })

  it('are tested: keys that can be fetched, and keys that cannot', async () => {
    await idpOf('add', write('acme.json', entry()))
    const good = await idpOf('test', 'acme')
    expect([good.status, good.stdout]).toEqual([0, expect.stringContaining(`keys: ${idp.signingKey.kid} (ES256)`)])
    expect(good.stdout).toContain('alias: the URL of your token endpoint')
    await idp.fault('down')
    try {
      const down = await idpOf('test', 'acme', '--json')
      expect([down.status, JSON.parse(down.stdout)]).toEqual([1, expect.objectContaining({ state: 'down', keys: [] })])
    } finally {
      await idp.fault('off')
    }
    const file = await idpOf('test', write('new.json', entry({ id: 'new', alias: 'https://api.example.com' })))
    expect(file.stderr).toContain('registration: missing') // The store has one with this name.
    expect(await store().list()).toHaveLength(1)
  })

  it('are checked with the options of the service if --config names its file', async () => {
    const config = write('deployment.toml', deploymentOf(['openid'], 'subject = "namespaced"\n'))
    const bound = entry({ bindings: [{ name: 'deploy', clients: ['nobody'], scopes: ['openid'] }] })
    const refused = await idpOf('add', write('bound.json', bound), '--config', config)
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('bindings[0].clients[0]: ')])
    expect((await idpOf('add', write('acme.json', entry()), '--config', config)).stdout).toBe('added acme\n')
    const tested = await idpOf('test', 'acme', '--config', config)
    expect(tested.stdout).toContain(`alias: ${TOKEN_ENDPOINT}`)
    const broken = write('broken.toml', deploymentOf(['openid'], 'subjekt = "namespaced"\n'))
    const unread = await idpOf('add', 'acme.json', '--config', broken, '--replace')
    expect([unread.status, unread.stderr]).toEqual([1, expect.stringContaining('broken.toml:')])
    const asJson = await idpOf('test', 'acme', '--config', broken, '--json')
    expect([asJson.status, JSON.parse(asJson.stdout).problems.length > 0]).toEqual([1, true])
  })

  it('stay off if they cannot be used', async () => {
    const invalid = { ...entry(), allowedSubjects: [], enabled: false }
    await store().put(invalid as never)
    const enabled = await idpOf('enable', 'acme')
    expect([enabled.status, enabled.stderr]).toEqual([1, expect.stringContaining('allowedSubjects: ')])
    expect(await store().get('acme')).toMatchObject({ enabled: false })
  })

  it('are reported with one sentence if the directory cannot be used', async () => {
    expect(await runHere(['list', '--store', 'file:missing'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^the store: .*missing: the directory does not exist; create it first\n$/),
    })
  })
})

describe('a store in PostgreSQL without the package pg', () => {
  it('is reported with the command that installs it', async () => {
    const { status, stderr } = await run(['list', '--store', 'postgres://user:pass-word@127.0.0.1:1/db'])
    expect([status, stderr]).toEqual([
      1,
      'a store in PostgreSQL needs the package pg, which is not installed; run: npm install pg\n',
    ])
  })
})

describeWithPostgres('the identity providers of a store in PostgreSQL', () => {
  let schema: TestSchema
  beforeAll(async () => {
    schema = await createSchema()
  })
  afterAll(() => schema.drop())
  beforeEach(() => {
    mkdirSync(join(directory, 'node_modules'))
    symlinkSync(resolve('node_modules/pg'), join(directory, 'node_modules/pg'))
  })
  const address = () => `${DATABASE_URL}?schema=${schema.name}`

  it('are in a table that the first one creates', async () => {
    const onPostgres = (...args: string[]) => run(args, '', { IDENTITY_PROVIDER_STORE: address() })
    const before = await onPostgres('list')
    expect([before.status, before.stderr]).toEqual([1, expect.stringContaining('jwt_identity_providers" is missing')])
    expect((await onPostgres('add', write('acme.json', entry()))).stdout).toBe('added acme\n')
    expect((await onPostgres('test', 'acme')).status).toBe(0)
    expect((await onPostgres('disable', 'acme')).stdout).toBe('disabled acme\n')
    expect((await onPostgres('list')).stdout).toMatch(/^off {2}acme /)
    expect((await onPostgres('remove', 'acme')).stdout).toBe('removed acme\n')
  })

  it('are reported without the password if the server does not answer', async () => {
    const { status, stderr } = await run(['list', '--store', 'postgres://user:pass%20word@127.0.0.1:1/db'])
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^the store: .*ECONNREFUSED.*\n$/)])
    expect(stderr).not.toMatch(/pass(%20| )word/)
  })
})
