import type { Entry } from './entry.js'
import { IdentityFields } from './identity-fields.js'
import { KeySourceFields } from './key-source-fields.js'
import { ConnectionFields, LimitFields } from './limit-fields.js'
import { OtherOptions } from './other-options.js'
import { AcceptanceFields, AccessFields, BindingSection, TokenFields } from './policy-fields.js'

/** Options that have a field of their own. */
const SHOWN = [
  ...['id', 'name', 'displayName', 'alias', 'description', 'enabled'],
  ...['jwksUri', 'discovery', 'certificates', 'network', 'proxy'],
  ...[
    'profile',
    'maxAge',
    'maxLifetime',
    'clockTolerance',
    'maxBytes',
    'replay',
    'requireIat',
    'requireJti',
    'soleAudience',
  ],
  ...['algorithms', 'audiences', 'types'],
  ...[
    'allowedSubjects',
    'requiredClaims',
    'singleAsArray',
    'scopes',
    'clientAuthentication',
    'bindings',
    'groupsToScopes',
  ],
  ...['groupsClaim', 'scopeClaim', 'lifetime', 'maxBeyondAssertion', 'subject', 'claimsToToken'],
]

/** The fields of an entry. The policy of one that is saved has a view of its own. */
export function RegistrationFields({ entry, isNew }: { entry: Entry; isNew: boolean }) {
  return (
    <>
      <IdentityFields isNew={isNew} />
      <KeySourceFields />
      {isNew && <NewPolicyFields />}
      <LimitFields />
      <ConnectionFields />
      <OtherOptions shown={Array.isArray(entry.ca) ? SHOWN : [...SHOWN, 'ca']} />
    </>
  )
}

function NewPolicyFields() {
  return (
    <>
      <AcceptanceFields />
      <AccessFields />
      <details class="card">
        <summary>More policy: bindings, groups, and what the access token says</summary>
        <BindingSection />
        <TokenFields />
      </details>
    </>
  )
}
