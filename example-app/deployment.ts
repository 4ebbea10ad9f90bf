import { createJwtExchange, generateSigningKey, type JwtExchange, type JwtExchangeOptions } from 'express-jwt-exchange'
import { readConfig, watchConfig } from 'express-jwt-exchange/config'
import { printDecisions } from './print-events.js'
import { type OpenStore, openReplayStore, type StoreChoice } from './replay-stores.js'

/** What an exchange is made of, as plain data: a worker gets it in a message. */
export interface Deployment {
  options: JwtExchangeOptions
  /** undefined: the memory of the process. */
  store: StoreChoice | undefined
  /** The file that the options are from, which is followed. */
  path?: string
  /** Generated for all processes, because none were configured. */
  signingKeys?: readonly ReturnType<typeof generateSigningKey>[]
}

export interface OpenExchange {
  exchange: JwtExchange
  close(): Promise<unknown>
}

/** @throws ConfigError */
export function readDeployment(path: string): Deployment {
  const { options, replayStore: store } = readConfig(path, { replayStores: ['redis', 'postgres'] })
  return { options, store, path }
}

/** The same signing keys for all processes, also where none were configured. */
export function withSigningKeys(deployment: Deployment): Deployment {
  const { signingKeys, algorithm } = deployment.options.accessToken
  return signingKeys === undefined ? { ...deployment, signingKeys: [generateSigningKey(algorithm)] } : deployment
}

export async function openExchange(deployment: Deployment): Promise<OpenExchange> {
  const opened = deployment.store && (await openReplayStore(deployment.store))
  const exchange =
    deployment.path === undefined ? create(deployment, opened) : follow(deployment.path, deployment, opened)
  exchange.events.on('replay_store.at_risk', ({ message }) => console.warn(message))
  return {
    exchange,
    close: async () => {
      exchange.close()
      await opened?.close()
    },
  }
}

function create(deployment: Deployment, opened: OpenStore | undefined): JwtExchange {
  const { options } = deployment
  const replay = { ...options.replay, ...(opened && { store: opened.store }) }
  return createJwtExchange({ ...options, accessToken: accessTokenOf(deployment), replay })
}

/** Each process follows the file for itself, and prints what it decides. */
function follow(path: string, deployment: Deployment, opened: OpenStore | undefined): JwtExchange {
  const { store, signingKeys } = deployment
  const exchange = watchConfig(path, {
    ...(store && opened && { replayStores: { [store.name]: () => opened.store } }),
    ...(signingKeys && { options: { accessToken: accessTokenOf(deployment) } }),
  })
  printDecisions(exchange.events, (line) => console.log(line))
  return exchange
}

function accessTokenOf({ options, signingKeys }: Deployment): JwtExchangeOptions['accessToken'] {
  return { ...options.accessToken, ...(signingKeys && { signingKeys }) }
}
