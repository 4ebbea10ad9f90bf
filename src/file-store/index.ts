export { FileIdentityProviderStore } from './file-identity-provider-store.js'
export type { FileIdentityProviderStoreOptions } from './file-store-options.js'
export { RegistrationFileError } from './registration-file.js'
