import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { createFindClient } from '../../src/client-auth/find-client.js'
import { loadConfig, watchConfig } from '../../src/config/index.js'
import { isDependencyUnavailable } from '../../src/errors/rejections.js'
import { readExchangeOptions } from '../../src/exchange/options.js'
import { type ClientOptions, createJwtExchange, type JwtExchangeOptions, MemoryReplayStore } from '../../src/index.js'
import { isConfigError } from '../../src/option-checks/config-error.js'
import { isPlainObject } from '../../src/option-checks/describe-value.js'
import { PostgresReplayStore } from '../../src/replay/postgres-replay-store.js'
import { RedisReplayStore } from '../../src/replay/redis-replay-store.js'
import { createDeploymentFile, deploymentOf } from '../support/deployment-file.js'
import {
  asToml,
  CLIENT,
  clock,
  EXAMPLES,
  findRefusal,
  isWithin,
  nameOf,
  obtainedBy,
  optionsAskedFor,
  type Path,
  placesIn,
  ruledFile,
  type Tree,
  textsIn,
  valueAt,
  withoutPlace,
  withValue,
} from '../support/option-tree.js'

const askedFor = optionsAskedFor(() => Object.values(EXAMPLES).map((options) => readExchangeOptions(options)))
const named = new Set(Object.values(EXAMPLES).flatMap((options) => placesIn(options).map(nameOf)))

const REDIS = { sendCommand: async () => null, isReady: true, on: () => {} } as never
const POOL = { query: async () => ({ rows: [] }), on: () => {} } as never

/** Whether the options are refused, by a problem that names this place or one that it is in. */
function isRefusedAt(options: unknown, path: Path): boolean {
  return namesPlace(findRefusal(options), path)
}

function namesPlace(error: unknown, path: Path): boolean {
  if (!isConfigError(error)) return false
  return error.problems.some((problem) => {
    return problem.path.length > 0 && problem.path.every((step, index) => step === path[index])
  })
}

/** `['accessToken', 'signingKeys']` → `signing_keys`. */
function snakeCase(path: Path): string {
  return String(path.at(-1)).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** The place and the suggestion of each problem. */
function suggestionsOf(read: () => unknown): [Path, string | undefined][] {
  const error = errorOf(read)
  return isConfigError(error) ? error.problems.map(({ path, suggestion }) => [path, suggestion]) : []
}

function emptied(value: unknown): unknown {
  if (Array.isArray(value)) return []
  return typeof value === 'string' ? '' : isPlainObject(value) ? {} : undefined
}

describe('the examples of the option tree', () => {
  it('are accepted', () => {
    for (const options of Object.values(EXAMPLES)) expect(findRefusal(options)).toBeUndefined()
  })

  it('name every option that the readers ask for', () => {
    // Each claim may have each operator: one of them must have it.
    const ofAnyClaim = (name: string) => name.replace(/\.requiredClaims\.(?:"[^"]+"|[^.]+)\./, '.requiredClaims.*.')
    const inExamples = new Set([...named].map(ofAnyClaim))
    expect([...askedFor].map(ofAnyClaim).filter((name) => !inExamples.has(name))).toEqual([])
    expect(askedFor.size).toBeGreaterThan(90)
  })

  it('obtain something, and not everything', async () => {
    const obtained = await obtainedBy(EXAMPLES.rules ?? {})
    const accepted = obtained.filter((tokens) => tokens.length > 0)
    expect([accepted.length > 2, accepted.length < obtained.length / 2]).toEqual([true, true])
  })
})

describe.each(Object.entries(EXAMPLES))('in the example of %s', (_, options) => {
  const places = placesIn(options)
  /** Members of a key or a table of headers, which are not ours, may be null in a document of somebody else. */
  const ofOurs = places.filter((path) => askedFor.has(nameOf(path)))

  it('each option that is named and undefined is refused, with its place', () => {
    for (const path of places) {
      expect([nameOf(path), isRefusedAt(withValue(options, path, undefined), path)]).toEqual([nameOf(path), true])
    }
  })

  it('each option that is null is refused, with its place', () => {
    for (const path of ofOurs) {
      expect([nameOf(path), isRefusedAt(withValue(options, path, null), path)]).toEqual([nameOf(path), true])
    }
  })

  it('each option in snake_case is one problem, which suggests its name', () => {
    const isCamelCase = (path: Path) => typeof path.at(-1) === 'string' && snakeCase(path) !== path.at(-1)
    for (const path of ofOurs.filter(isCamelCase)) {
      const renamed = [...path.slice(0, -1), snakeCase(path)]
      const changed = withValue(withoutPlace(options, path), renamed, valueAt(options, path))
      expect(suggestionsOf(() => readExchangeOptions(changed))).toEqual([[renamed, path.at(-1)]])
    }
  })

  it('several options that are undefined or null are all reported together', () => {
    fc.assert(
      fc.property(
        fc.subarray([...ofOurs], { minLength: 1, maxLength: 5 }),
        fc.constantFrom(undefined, null),
        (paths, nothing) => {
          // One within another one is gone with that.
          const outer = paths.filter((path) => !paths.some((other) => other !== path && isWithinPath(path, other)))
          const changed = outer.reduce((tree, path) => withValue(tree, path, nothing), options)
          const error = findRefusal(changed)
          for (const path of outer) expect([nameOf(path), namesPlace(error, path)]).toEqual([nameOf(path), true])
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('an option that is named and empty', () => {
  const options = EXAMPLES.rules ?? {}
  let before: Awaited<ReturnType<typeof obtainedBy>>
  beforeAll(async () => {
    before = await obtainedBy(options)
  })

  it('is refused, or obtains no more than one that says something; a table without options is like no such table', async () => {
    const looser: string[] = []
    for (const path of placesIn(options)) {
      const value = emptied(valueAt(options, path))
      if (value === undefined) continue
      const changed = withValue(options, path, value)
      if (findRefusal(changed) !== undefined) continue
      const isTable = isPlainObject(value) && [...askedFor].some((name) => name.startsWith(`${nameOf(path)}.`))
      const bound = isTable ? await obtainedBy(withoutPlace(options, path)) : before
      if (!isWithin(await obtainedBy(changed), bound)) looser.push(nameOf(path))
    }
    expect(looser).toEqual([])
  }, 60_000)
})

describe('a text in a file', () => {
  const file = createDeploymentFile()
  afterAll(() => file.remove())
  const ruled = ruledFile()
  const texts = textsIn(ruled)
  const env = { EMPTY: '', STARS: '**', PLACE: '${claims.sub}' }
  const load = (options: Tree) => {
    file.write(asToml(options))
    return loadConfig(file.path, { env, options: { clock } }) as unknown as Tree
  }
  let before: Awaited<ReturnType<typeof obtainedBy>>
  beforeAll(async () => {
    before = await obtainedBy(load(ruled))
  })

  it('obtains what the same options obtain in code', () => {
    expect(before.flat().length).toBeGreaterThan(5)
    expect(texts.length).toBeGreaterThan(40)
  })

  it.each(['${UNSET}', '${EMPTY}', 'x${EMPTY}'])('that holds %s is refused, wherever it is', (text) => {
    for (const path of texts) {
      const error = errorOf(() => load(withValue(ruled, path, text)))
      expect([nameOf(path), isConfigError(error) && error.problems.map(({ message }) => message).join()]).toEqual([
        nameOf(path),
        expect.stringMatching(/the environment variable (UNSET is not set|EMPTY is empty)/),
      ])
    }
  })

  it.each(['${STARS}', 'a${STARS}', '${PLACE}', '${EMPTY:-}', '${UNSET:-}'])(
    'that holds %s is refused, or obtains no more than before',
    async (text) => {
      const looser: string[] = []
      // Who an access token is for is a name of ours: another one is neither more nor less.
      for (const path of texts.filter((each) => nameOf(each) !== 'accessToken.audience.*')) {
        const changed = errorOf(() => load(withValue(ruled, path, text)))
        if (isConfigError(changed)) continue
        if (!isWithin(await obtainedBy(changed as Tree), before)) looser.push(nameOf(path))
      }
      expect(looser).toEqual([])
    },
    120_000,
  )

  it('has each option in camelCase as one problem, which suggests its name', () => {
    const toml = asToml(ruled)
    const names = [...toml.matchAll(/^([a-z]+_[a-z_]+) =/gm)]
    const ofOptions = names.filter(([, name = '']) => !['realm_access', 'equals_claim', 'has_word'].includes(name))
    expect(ofOptions.length).toBeGreaterThan(40)
    for (const { 0: written, 1: name = '', index } of ofOptions) {
      const camel = name.replace(/_([a-z])/g, (_, next: string) => next.toUpperCase())
      file.write(`${toml.slice(0, index)}${written.replace(name, camel)}${toml.slice(index + written.length)}`)
      const found = suggestionsOf(() => loadConfig(file.path, { env, options: { clock } }))
      expect([camel, found.map(([path, suggestion]) => [path.at(-1), suggestion?.split('.').at(-1)])]).toEqual([
        camel,
        [[camel, name]],
      ])
    }
  })

  it('is a pattern where the file itself says so', async () => {
    const path = ['identityProviders', 0, 'allowedSubjects', 0]
    expect(isWithin(await obtainedBy(load(withValue(ruled, path, '*'))), before)).toBe(false)
  })
})

describe('what findClient finds', () => {
  const lookUp = (client: unknown) => createFindClient([], () => client as ClientOptions)('app')

  it('is a client where it is complete', async () => {
    expect(await lookUp(CLIENT)).toMatchObject({ clientId: 'app', lifetime: 800 })
  })

  it.each(placesIn(CLIENT).map((path) => [nameOf(path), path] as const))(
    'is an outage of ours, and never a client, where %s is undefined or null',
    async (_, path) => {
      for (const nothing of [undefined, null]) {
        const error = await lookUp(withValue(CLIENT, path, nothing)).catch((thrown: unknown) => thrown)
        expect(isDependencyUnavailable(error) && error.reason).toBe('client_lookup_failed')
      }
    },
  )

  it('is an outage of ours where an option is named that the client might have', async () => {
    for (const option of ['lifetime', 'identityProviders', 'grantTypes', 'scopes', 'clientSecretHash']) {
      await expect(lookUp({ ...CLIENT, [option]: undefined })).rejects.toMatchObject({ reason: 'client_lookup_failed' })
    }
  })
})

describe('an overlay', () => {
  const file = createDeploymentFile()
  beforeAll(() => file.write(deploymentOf()))
  afterAll(() => file.remove())
  const ofTop = [...askedFor].filter((name) => !name.includes('.'))

  it.each(ofTop)('that names %s, and has undefined or null for it, is refused as code', (option) => {
    for (const nothing of [undefined, null]) {
      for (const load of [loadConfig, watchConfig]) {
        const error = errorOf(() => load(file.path, { options: { [option]: nothing } }))
        const places = isConfigError(error) ? error.problems.map(({ path, location }) => [path, location]) : error
        expect(places).toContainEqual([[option], 'in code'])
      }
    }
  })

  it.each([
    ['options', { options: undefined }],
    ['options', { options: null }],
    ['options', { options: 'subject' }],
    ['options', { options: [] }],
    ['env', { env: undefined }],
    ['replayStores', { replayStores: undefined }],
    ['interval', { interval: undefined }],
    ['interval', { interval: null }],
  ])('is not laid by a slip: %s of %p', (name, loadOptions) => {
    const error = errorOf(() => watchConfig(file.path, loadOptions as object))
    expect(isConfigError(error) && error.problems.map(({ path }) => path)).toEqual([['watchConfig', name]])
  })
})

describe('other options', () => {
  const exchange = createJwtExchange(EXAMPLES.rules as unknown as JwtExchangeOptions)
  afterAll(() => exchange.close())
  const nothings = [undefined, null] as never[]

  it.each<[string, (nothing: never) => unknown]>([
    ['protect(undefined)', (nothing) => exchange.protect(nothing)],
    ['the scope of protect', (scope) => exchange.protect({ scope })],
    ['a member of the scope of protect', (scope) => exchange.protect({ scope: ['read', scope] })],
    ['clientId of explain', (clientId) => exchange.explain('', { clientId })],
    ['scope of explain', (scope) => exchange.explain('', { scope })],
    ['failFast of ready', (failFast) => exchange.ready({ failFast })],
    ['spread of ready', (spread) => exchange.ready({ spread })],
    ['the options of reconfigure', (nothing) => exchange.reconfigure(nothing)],
    ['what a function gives to reconfigure', (nothing) => exchange.reconfigure(() => nothing)],
    ['maxEntries of a MemoryReplayStore', (maxEntries) => new MemoryReplayStore({ maxEntries })],
    ['the clock of a MemoryReplayStore', (clock) => new MemoryReplayStore({ clock })],
    ['the prefix of a RedisReplayStore', (prefix) => new RedisReplayStore(REDIS, { prefix })],
    ['the clock of a RedisReplayStore', (clock) => new RedisReplayStore(REDIS, { clock })],
    ['the schema of a PostgresReplayStore', (schema) => new PostgresReplayStore(POOL, { schema })],
    ['the table of a PostgresReplayStore', (table) => new PostgresReplayStore(POOL, { table })],
  ])('are refused: %s that is undefined or null', async (_, use) => {
    for (const nothing of nothings) {
      const error = await Promise.resolve()
        .then(() => use(nothing))
        .catch((thrown: unknown) => thrown)
      expect(isConfigError(error)).toBe(true)
    }
  })

  it('of protect may be left out', () => {
    expect(exchange.protect()).toBeInstanceOf(Function)
    expect(exchange.protect({})).toBeInstanceOf(Function)
  })
})

function errorOf(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}

function isWithinPath(path: Path, outer: Path): boolean {
  return outer.length < path.length && outer.every((step, index) => step === path[index])
}
