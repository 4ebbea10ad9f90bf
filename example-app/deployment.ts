import { createJwtExchange, generateSigningKey, type JwtExchange, type JwtExchangeOptions } from 'express-jwt-exchange'
import { readConfig } from 'express-jwt-exchange/config'
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
  const { options, replayStore: store } = readConfig(path, { replayStores: ['redis', 'postgres'] })
  return { options, store }
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
