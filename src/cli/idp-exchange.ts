import { readSource } from '../config/file-problem.js'
import { checkFile } from '../config/load-config.js'
import { createJwtExchange, type JwtExchange } from '../exchange/jwt-exchange.js'
import type { JwtExchangeOptions } from '../exchange/options.js'
import type { IdentityProviderStore } from '../identity-provider-store/identity-provider-store.js'
import type { CommandArguments, CommandStreams } from './command.js'

/** What an action works with. */
export interface Action {
  args: CommandArguments
  streams: CommandStreams
  store: IdentityProviderStore
  /** The second word: an id or a file. Empty if there is none. */
  word: string
}

/** Checks an entry without `--config`: who you are is not known, and no entry of your options. */
const PLACEHOLDERS = {
  issuer: 'https://issuer.example/oauth2',
  subject: 'namespaced',
  findClient: () => undefined,
  accessToken: { audience: 'https://issuer.example' },
} as const satisfies JwtExchangeOptions

/**
 * Uses an exchange with the options of `--config` and with the store.
 *
 * @throws ConfigError
 */
export async function withExchange<Result>(
  { args, streams, store }: Action,
  use: (exchange: JwtExchange) => Promise<Result>,
): Promise<Result> {
  const exchange = createJwtExchange(readDeployment(args, streams, withoutWatch(store)))
  try {
    return await use(exchange)
  } finally {
    exchange.close()
  }
}

/** @throws ConfigError */
function readDeployment(
  { config, ignoreUnknownTables }: CommandArguments,
  { env }: CommandStreams,
  identityProviderStore: IdentityProviderStore,
): JwtExchangeOptions {
  const options = { identityProviderStore }
  if (config === undefined) return { ...PLACEHOLDERS, ...options }
  return checkFile(readSource(config), config, { env, ignoreUnknownTables, options }).options
}

/** A command is over before anything could change. */
function withoutWatch(store: IdentityProviderStore): IdentityProviderStore {
  return {
    find: (name) => store.find(name),
    list: (options) => store.list(options),
    get: (id) => store.get(id),
    put: (registration, options) => store.put(registration, options),
    remove: (id, options) => store.remove(id, options),
  }
}
