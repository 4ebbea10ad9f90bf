import { type JwksEndpointSettings, readJwksEndpointOptions } from '../../src/jwks/jwks-endpoint-options.js'
import { OptionReader } from '../../src/option-checks/option-reader.js'

/** The defaults of `jwksEndpoint`. */
export const DEFAULT_SETTINGS: JwksEndpointSettings = readJwksEndpointOptions(new OptionReader({}))
