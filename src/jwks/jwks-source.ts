import type { JwksConnectionSettings } from '../guarded-fetch/connection-options.js'
import { isInsecure } from '../option-checks/urls.js'
import type { KeyReading } from '../verification-keys/key-reading.js'
import type { KeyOwner } from '../verification-keys/key-source.js'

/** Where an owner has its keys, and who we are to it. */
export interface JwksSource {
  owner: KeyOwner
  alias: string
  jwksUri: string
  /** The issuer whose metadata are at `jwksUri` and say where its key set is; undefined: the key set is there itself. */
  metadataOf?: string | undefined
  connection: JwksConnectionSettings
  /** How the members of its key set are read; undefined: strictly. */
  reading?: KeyReading | undefined
}

/** Whether its keys may come without TLS from another machine. With metadata, `http` on this machine counts as well, because they may lead to another one. */
export function mayBeInsecure(url: URL, { connection, metadataOf }: JwksSource): boolean {
  return connection.allowInsecureHttp && (isInsecure(url) || (url.protocol === 'http:' && metadataOf !== undefined))
}
