import {
  createJwtExchange,
  generateSigningKey,
  type IdentityProviderStore,
  type JwtExchange,
  type JwtExchangeOptions,
  type ReplayStore,
  type RevocationStore,
} from 'express-jwt-exchange'
import { readConfig, watchConfig } from 'express-jwt-exchange/config'
import { FileIdentityProviderStore } from 'express-jwt-exchange/file-store'
import { printDecisions } from './print-events.js'
import { openReplayStore, openRevocationStore, type StoreChoice } from './replay-stores.js'

/** What an exchange is made of, as plain data: a worker gets it in a message. */
export interface Deployment {
  options: JwtExchangeOptions
  /** undefined: the memory of the process. */
  store: StoreChoice | undefined
  /** Where revocations are; undefined: the memory of the process, or they are off. */
  revocationStore?: StoreChoice | undefined
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
  revocationStore: RevocationStore | undefined
  identityProviderStore: IdentityProviderStore | undefined
}

/** @throws ConfigError */
export function readDeployment(path: string, directory: string | undefined): Deployment {
  const names = ['redis', 'postgres'] as const
  const {
    options,
    replayStore: store,
    revocationStore,
  } = readConfig(path, {
    ...{ replayStores: names, revocationStores: names },
    options: withStore(storeIn(directory)),
  })
  const { identityProviderStore: _, ...others } = options // It is no plain data.
  return { options: others, store, revocationStore, path, directory }
}

/** The same signing keys for all processes, also where none were configured. */
export function withSigningKeys(deployment: Deployment): Deployment {
  const { signingKeys, algorithm } = deployment.options.accessToken
  return signingKeys === undefined ? { ...deployment, signingKeys: [generateSigningKey(algorithm)] } : deployment
}

export async function openExchange(deployment: Deployment): Promise<OpenExchange> {
  const { store, revocationStore, path, directory } = deployment
  const opened = store && (await openReplayStore(store))
  const revocations = revocationStore && (await openRevocationStore(revocationStore))
  const stores = {
    replayStore: opened?.store,
    revocationStore: revocations?.store,
    identityProviderStore: storeIn(directory),
  }
  const exchange = path === undefined ? create(deployment, stores) : follow(path, deployment, stores)
  exchange.events.on('replay_store.at_risk', ({ message }) => console.warn(message))
  return {
    exchange,
    identityProviderStore: stores.identityProviderStore,
    close: async () => {
      exchange.close()
      await opened?.close()
      await revocations?.close()
    },
  }
}

function create(deployment: Deployment, stores: Stores): JwtExchange {
  const { replayStore, revocationStore, identityProviderStore } = stores
  const { options } = deployment
  const replay = { ...options.replay, ...(replayStore && { store: replayStore }) }
  const accessToken = accessTokenOf(deployment)
  const revocation = revocationStore && { revocation: { ...options.revocation, store: revocationStore } }
  return createJwtExchange({ ...options, accessToken, replay, ...revocation, ...withStore(identityProviderStore) })
}

/** Each process follows the file for itself, and prints what it decides. */
function follow(path: string, deployment: Deployment, stores: Stores): JwtExchange {
  const { replayStore, revocationStore, identityProviderStore } = stores
  const { store, revocationStore: named, signingKeys } = deployment
  const exchange = watchConfig(path, {
    ...(store && replayStore && { replayStores: { [store.name]: () => replayStore } }),
    ...(named && revocationStore && { revocationStores: { [named.name]: () => revocationStore } }),
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
