import { readSource } from '../config/file-problem.js'
import { type CheckedFile, checkFile } from '../config/load-config.js'
import { isConfigError } from '../option-checks/config-error.js'
import type { CommandArguments, CommandStreams } from './command.js'
import { toJson } from './output.js'

/**
 * What a file says, with no replay store opened: no assertion is marked used here, and only the application knows the
 * stores. With `--json`, problems of the file are written next to the verdict.
 *
 * @throws ConfigError without `--json`
 */
export function readOptions(
  { path, json, ignoreUnknownTables }: CommandArguments,
  { env, stdout }: CommandStreams,
  verdict: object,
): CheckedFile | undefined {
  try {
    return checkFile(readSource(path), path, { env, ignoreUnknownTables })
  } catch (error) {
    if (!json || !isConfigError(error)) throw error
    stdout.write(toJson({ ...verdict, problems: error.problems }))
    return undefined
  }
}
