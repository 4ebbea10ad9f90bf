import { isPlainObject } from '../option-checks/describe-value.js'
import { OptionReader } from '../option-checks/option-reader.js'
import type { FileFormat } from './registration-text.js'

/**
 * Options of `FileIdentityProviderStore`.
 *
 * @example
 * const onError = (error: Error) => console.error(error.message)
 * const store = new FileIdentityProviderStore('identity-providers', { format: 'toml', onError })
 */
export interface FileIdentityProviderStoreOptions {
  /**
   * How new registrations are written. Existing files keep their format. A registration that TOML cannot hold is written as
   * JSON: for example one with `null`, or with text that contains `${`. Default: `json`.
   */
  format?: 'json' | 'toml'
  /**
   * Milliseconds after which a watch looks at all files again, 100 to 60 000. So it also finds changes that the operating
   * system does not report. Default: 500.
   */
  pollInterval?: number
  /** Where `${VAR}` in a TOML file is looked up. Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>>
  /**
   * Gets a `RegistrationFileError` for each file that cannot be read, or has the `id` of another one, when it is found and when
   * it changes. While the store is watched, it also gets an error if the directory cannot be read, once until it can be read
   * again. The message has the path and the reason, and nothing of the content. Default: only a watch reports it.
   */
  onError?: (error: Error) => void
}

export interface FileStoreSettings {
  path: string
  format: FileFormat
  pollInterval: number
  env: FileIdentityProviderStoreOptions['env']
  onError: FileIdentityProviderStoreOptions['onError']
}

const CALL = 'FileIdentityProviderStore'

/** @throws ConfigError */
export function readFileStoreOptions(directory: unknown, options: unknown): FileStoreSettings {
  const reader = new OptionReader(isPlainObject(options) ? { ...options, directory } : options, [CALL])
  const settings = {
    path: reader.string('directory', 'the path of a directory'),
    format: reader.oneOf('format', ['json', 'toml'], 'json'),
    pollInterval: reader.integer('pollInterval', { min: 100, max: 60_000, default: 500, unit: 'milliseconds' }),
    env: readEnvironment(reader),
    onError: readFunction(reader),
  }
  reader.refuseUnknown()
  reader.throwProblems()
  return settings
}

function readEnvironment(reader: OptionReader): FileStoreSettings['env'] {
  const value = reader.hostObject('env')
  if (value === undefined || (typeof value === 'object' && !Array.isArray(value))) {
    return value as FileStoreSettings['env']
  }
  reader.problem('env', 'an object', undefined, 'wrong_type')
  return undefined
}

function readFunction(reader: OptionReader): FileStoreSettings['onError'] {
  const value = reader.hostObject('onError')
  if (value === undefined || typeof value === 'function') return value as FileStoreSettings['onError']
  reader.problem('onError', 'a function', undefined, 'wrong_type')
  return undefined
}
