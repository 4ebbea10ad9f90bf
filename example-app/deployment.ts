import {
  createJwtExchange,
  generateSigningKey,
  type IdentityProviderStore,
  type JwtExchange,
  type JwtExchangeOptions,
  type ReplayStore,
} from 'express-jwt-exchange'
import { readConfig, watchConfig } from 'express-jwt-exchange/config'
import { FileIdentityProviderStore } from 'express-jwt-exchange/file-store'
import { printDecisions } from './print-events.js'
import { openReplayStore, type StoreChoice } from './replay-stores.js'

/** What an exchange is made of, as plain data: a worker gets it in a message. */
export interface Deployment {
  options: JwtExchangeOptions
  /** undefined: the memory of the process. */
  store: StoreChoice | undefined
  /** The file that the options are from, which is followed. */
  path?: string
  /** The directory of the identity providers that are registered at run time. */
  directory: string | undefined
  /** Generated for all processes, because none were configured. */
  signingKeys?: readonly ReturnType<typeof generateSigningKey>[]
}

export interface OpenExchange {
  exchange: JwtExchange
  /** undefined: identity providers cannot be registered at run time. */
  identityProviderStore: IdentityProviderStore | undefined
  close(): Promise<unknown>
}

interface Stores {
  replayStore: ReplayStore | undefined
  identityProviderStore: IdentityProviderStore | undefined
}

/** @throws ConfigError */
export function readDeployment(path: string, directory: string | undefined): Deployment {
  const { options, replayStore: store } = readConfig(path, {
    replayStores: ['redis', 'postgres'],
    options: withStore(storeIn(directory)),
  })
  const { identityProviderStore: _, ...others } = options // It is no plain data.
  return { options: others, store, path, directory }
}

/** The same signing keys for all processes, also where none were configured. */
export function withSigningKeys(deployment: Deployment): Deployment {
  const { signingKeys, algorithm } = deployment.options.accessToken
  return signingKeys === undefined ? { ...deployment, signingKeys: [generateSigningKey(algorithm)] } : deployment
}

export async function openExchange(deployment: Deployment): Promise<OpenExchange> {
  const { store, path, directory } = deployment
  const opened = store && (await openReplayStore(store))
  const stores = { replayStore: opened?.store, identityProviderStore: storeIn(directory) }
  const exchange = path === undefined ? create(deployment, stores) : follow(path, deployment, stores)
  exchange.events.on('replay_store.at_risk', ({ message }) => console.warn(message))
  return {
    exchange,
    identityProviderStore: stores.identityProviderStore,
    close: async () => {
      exchange.close()
      await opened?.close()
    },
  }
}

function create(deployment: Deployment, { replayStore, identityProviderStore }: Stores): JwtExchange {
  const { options } = deployment
  const replay = { ...options.replay, ...(replayStore && { store: replayStore }) }
  const accessToken = accessTokenOf(deployment)
  return createJwtExchange({ ...options, accessToken, replay, ...withStore(identityProviderStore) })
}

/** Each process follows the file for itself, and prints what it decides. */
function follow(path: string, deployment: Deployment, { replayStore, identityProviderStore }: Stores): JwtExchange {
  const { store, signingKeys } = deployment
  const exchange = watchConfig(path, {
    ...(store && replayStore && { replayStores: { [store.name]: () => replayStore } }),
    options: {
      ...withStore(identityProviderStore),
      ...(signingKeys && { accessToken: accessTokenOf(deployment) }),
    },
  })
  printDecisions(exchange.events, (line) => console.log(line))
  return exchange
}

function storeIn(directory: string | undefined): IdentityProviderStore | undefined {
  return directory === undefined ? undefined : new FileIdentityProviderStore(directory)
}

/** No option is undefined. */
function withStore(identityProviderStore: IdentityProviderStore | undefined) {
  return identityProviderStore === undefined ? {} : { identityProviderStore }
}

function accessTokenOf({ options, signingKeys }: Deployment): JwtExchangeOptions['accessToken'] {
  return { ...options.accessToken, ...(signingKeys && { signingKeys }) }
}
