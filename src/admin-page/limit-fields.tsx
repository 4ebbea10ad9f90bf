import { useState } from 'preact/hooks'
import { BooleanOption, ListOption, NumberOption, SelectOption, TextOption, useOption } from './option-fields.js'

/** How assertions are bounded in time, and what else is checked. */
export function LimitFields() {
  return (
    <details class="card">
      <summary>Limits of its assertions</summary>
      <SelectOption
        option="profile"
        label="Profile"
        absent="JWT bearer (default)"
        choices={[{ value: 'workload', label: 'Workload: strict defaults for callers without a client' }]}
      />
      <div class="columns">
        <NumberOption option="maxAge" label="Longest time since iat" />
        <NumberOption option="maxLifetime" label="Longest time until exp" />
        <NumberOption option="clockTolerance" label="Clock tolerance" />
        <NumberOption option="maxBytes" label="Longest assertion" unit="bytes" />
      </div>
      <UseFields />
      <ListOption
        option="algorithms"
        label="Signature algorithms"
        rows={2}
        hint="One in each line. Empty: as for all identity providers."
      />
      <ListOption
        option="audiences"
        label="Further audiences"
        rows={2}
        hint="Values that are accepted in aud in addition to the alias, one in each line."
      />
      <ListOption
        option="types"
        label="Further types"
        rows={2}
        hint="Values that are accepted as typ in addition to JWT, one in each line."
      />
    </details>
  )
}

/** How often an assertion may be used, and what it must have. */
function UseFields() {
  return (
    <>
      <SelectOption
        option="replay"
        label="Use of one assertion"
        absent="As for all identity providers"
        choices={[
          { value: 'once', label: 'Once' },
          { value: 'allow', label: 'Again and again, until it expires' },
        ]}
      />
      <div class="columns">
        <BooleanOption option="requireIat" label="Requires iat" absent="Default" />
        <BooleanOption option="requireJti" label="Requires jti" absent="Default" />
        <BooleanOption option="soleAudience" label="Requires a sole audience" absent="Default" />
      </div>
    </>
  )
}

/** How the key set is fetched. */
export function ConnectionFields() {
  return (
    <details class="card">
      <summary>How the endpoint is reached</summary>
      <SelectOption
        option="network"
        label="Network"
        absent="Public internet only (default here)"
        choices={[
          { value: 'public', label: 'Public internet only' },
          { value: 'any', label: 'Any address, also of your own network' },
        ]}
        hint="Any address needs the option allowPrivateNetworks of createAdmin."
      />
      <AuthoritiesField />
      <TextOption
        option="proxy"
        label="Proxy"
        placeholder="http://proxy.example.com:3128"
        hint="A forward proxy. A password in it is never shown again."
      />
    </details>
  )
}

/** CA certificates are one text or several, each with one certificate or more. */
function AuthoritiesField() {
  const { value } = useOption('ca')
  const [isList] = useState(Array.isArray(value))
  if (isList) return <p class="hint">Several CA certificates are set: see "Other options".</p>
  return (
    <TextOption
      option="ca"
      label="CA certificates (PEM)"
      rows={4}
      hint="The authorities that are trusted for TLS, instead of the usual ones."
    />
  )
}
