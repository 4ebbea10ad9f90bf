import { entriesOf, type ImportedRegistration, readForeignDocument } from './foreign-document.js'
import { importKeycloak, isKeycloakIdentityProvider } from './import-keycloak.js'
import { importWso2, isWso2IdentityProvider } from './import-wso2.js'

/** A server whose identity providers can be imported. */
export type ImportFormat = 'wso2' | 'keycloak'

/**
 * Reads a document of another server.
 *
 * @param format undefined: the one that the names in its first entry are from
 * @throws TypeError if it is not such a document, with a text that quotes nothing
 */
export function importRegistrations(document: unknown, format?: ImportFormat): ImportedRegistration[] {
  const known = format ?? findFormat(document)
  if (known === undefined) {
    throw new TypeError('the document is neither an identity provider of WSO2 IS nor of Keycloak; set `format`')
  }
  return known === 'keycloak' ? importKeycloak(document) : importWso2(document)
}

function findFormat(document: unknown): ImportFormat | undefined {
  const [first] = entriesOf(readForeignDocument(document))
  if (isKeycloakIdentityProvider(first)) return 'keycloak'
  return isWso2IdentityProvider(first) ? 'wso2' : undefined
}
