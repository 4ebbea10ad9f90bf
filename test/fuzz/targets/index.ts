import type { FuzzTarget } from '../fuzz-target.js'
import { adminTarget } from './admin-target.js'
import { authorizationTarget } from './credentials-target.js'
import { formTarget, httpTarget } from './http-targets.js'
import { importTarget } from './import-target.js'
import { jsonTarget, jwtTarget, signedJwtTarget } from './jwt-target.js'
import { keySetTarget } from './key-set-target.js'
import { claimPathTarget, globTarget } from './policy-targets.js'
import { registrationTarget } from './registration-target.js'
import { requestTarget } from './request-target.js'
import { tomlTarget } from './toml-target.js'

export interface NamedTarget {
  /** What is tried. */
  name: string
  start: () => FuzzTarget | Promise<FuzzTarget>
  /** How many mutated inputs `npm test` tries: less where each goes over a socket. */
  inputs: number
}

export const TARGETS: readonly NamedTarget[] = [
  { name: 'parseJson', start: jsonTarget, inputs: 300 },
  { name: 'parseJwt', start: jwtTarget, inputs: 300 },
  { name: 'a signed token', start: signedJwtTarget, inputs: 300 },
  { name: 'readKeySet', start: keySetTarget, inputs: 300 },
  { name: 'loadConfig', start: tomlTarget, inputs: 300 },
  { name: 'files of registrations', start: registrationTarget, inputs: 300 },
  { name: 'imports of other servers', start: importTarget, inputs: 300 },
  { name: 'claim paths and templates', start: claimPathTarget, inputs: 300 },
  { name: 'globs', start: globTarget, inputs: 300 },
  { name: 'the Authorization header', start: authorizationTarget, inputs: 300 },
  { name: 'addresses, media types and resources', start: requestTarget, inputs: 300 },
  { name: 'readForm', start: formTarget, inputs: 100 },
  { name: 'an exchange', start: httpTarget, inputs: 40 },
  { name: 'the admin API', start: adminTarget, inputs: 40 },
]
