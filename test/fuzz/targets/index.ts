import type { FuzzTarget } from '../fuzz-target.js'
import { authorizationTarget } from './credentials-target.js'
import { formTarget, httpTarget } from './http-targets.js'
import { jwtTarget, signedJwtTarget } from './jwt-target.js'
import { keySetTarget } from './key-set-target.js'
import { claimPathTarget, globTarget } from './policy-targets.js'
import { tomlTarget } from './toml-target.js'

/** By the name of what is tried. */
export const TARGETS: readonly { name: string; start: () => FuzzTarget | Promise<FuzzTarget> }[] = [
  { name: 'parseJwt', start: jwtTarget },
  { name: 'a signed token', start: signedJwtTarget },
  { name: 'readKeySet', start: keySetTarget },
  { name: 'loadConfig', start: tomlTarget },
  { name: 'claim paths and templates', start: claimPathTarget },
  { name: 'globs', start: globTarget },
  { name: 'the Authorization header', start: authorizationTarget },
  { name: 'readForm', start: formTarget },
  { name: 'an exchange', start: httpTarget },
]
