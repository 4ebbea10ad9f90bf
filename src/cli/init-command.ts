import { dirname, join } from 'node:path'
import { inOneLine } from '../errors/printable.js'
import type { Command } from './command.js'
import { DEPLOYMENT_TEMPLATE, TEMPLATE_VARIABLES } from './deployment-template.js'
import { shellWord } from './output.js'
import { writeNewFile } from './write-new-file.js'

/** The file may get a secret. */
const READABLE_BY_OWNER = 0o600

/** Writes a deployment file to start with, and says what to do next. */
export const initCommand: Command = async ({ path, stdout: isPrinted }, { stdout }) => {
  if (isPrinted) {
    stdout.write(DEPLOYMENT_TEMPLATE)
    return 'ok'
  }
  writeNewFile(path, DEPLOYMENT_TEMPLATE, READABLE_BY_OWNER)
  stdout.write(nextSteps(path).split('\n').map(inOneLine).join('\n'))
  return 'ok'
}

function nextSteps(path: string): string {
  return `Wrote ${path}

Next:
1. Set these environment variables, or write their values into the file:
   ${TEMPLATE_VARIABLES.join(', ')}
2. Check the file and fetch the key set:
   npx express-jwt-exchange check ${shellWord(path)}
3. Make a key that outlives the process, then remove the # before signing_keys:
   npx express-jwt-exchange keygen ${shellWord(join(dirname(path), 'keys.json'))}
4. Use the file in your app:
   import { createJwtExchange } from 'express-jwt-exchange'
   import { loadConfig } from 'express-jwt-exchange/config'
   const exchange = createJwtExchange(loadConfig(${JSON.stringify(path)}))
`
}
