import { createJwtExchange, generateSigningKey, type JwtExchange, type JwtExchangeOptions } from 'express-jwt-exchange'
import { loadConfig } from 'express-jwt-exchange/config'
import { openReplayStore, type StoreChoice } from './replay-stores.js'

/** What an exchange is made of, as plain data: a worker gets it in a message. */
export interface Deployment {
  options: JwtExchangeOptions
  /** undefined: the memory of the process. */
  store: StoreChoice | undefined
}

export interface OpenExchange {
  exchange: JwtExchange
  close(): Promise<unknown>
}

/** @throws ConfigError */
export function readDeployment(path: string): Deployment {
  let store: StoreChoice | undefined
  const choose = (name: StoreChoice['name']) => (url: string) => {
    store = { name, url }
    return { markUsed: () => false } // Not the one that is used: this only tells which one to open.
  }
  const { replay = {}, ...options } = loadConfig(path, {
    replayStores: { redis: choose('redis'), postgres: choose('postgres') },
  })
  const { store: _, ...settings } = replay
  return { options: { ...options, replay: settings }, store }
}

/** The same signing keys for all processes, also where none were configured. */
export function withSigningKeys({ options, store }: Deployment): Deployment {
  const { accessToken } = options
  const signingKeys = accessToken.signingKeys ?? [generateSigningKey(accessToken.algorithm)]
  return { options: { ...options, accessToken: { ...accessToken, signingKeys } }, store }
}

export async function openExchange({ options, store }: Deployment): Promise<OpenExchange> {
  const opened = store && (await openReplayStore(store))
  const exchange = createJwtExchange({
    ...options,
    replay: { ...options.replay, ...(opened && { store: opened.store }) },
  })
  exchange.events.on('replay_store.at_risk', ({ message }) => console.warn(message))
  return {
    exchange,
    close: async () => {
      exchange.close()
      await opened?.close()
    },
  }
}
