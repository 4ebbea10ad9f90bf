import { useRef, useState } from 'preact/hooks'
import type { Entry } from './entry.js'
import { textsOf } from './entry.js'
import { useEntryForm } from './entry-form.js'
import { type Choice, Choices, Field } from './field.js'
import { TextOption, useOption } from './option-fields.js'

type KeySource = 'jwksUri' | 'discovery' | 'certificates' | 'jwks'

const SOURCES: readonly KeySource[] = ['jwksUri', 'discovery', 'certificates', 'jwks']
/** Refused without an endpoint. */
const OF_ENDPOINT = ['network', 'ca', 'proxy']
const PEM_CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

const CHOICES: readonly Choice<KeySource>[] = [
  { value: 'jwksUri', label: 'Use IDP JWKS endpoint', hint: 'The keys are fetched, and follow each rollover.' },
  { value: 'discovery', label: 'Use IDP metadata', hint: 'They say where the JWKS endpoint is (discovery).' },
  { value: 'certificates', label: 'Upload IDP certificate', hint: 'For keys that are not published.' },
]
const FIXED: Choice<KeySource> = { value: 'jwks', label: 'A fixed key set', hint: 'See "Other options".' }

/** Where its keys come from: WSO2 Identity Server's names. */
export function KeySourceFields() {
  const { chosen, choose } = useKeySource()
  return (
    <section class="card" aria-labelledby="its-keys">
      <h2 id="its-keys">Its keys</h2>
      <Choices<KeySource>
        label="Choose IDP certificate type"
        value={chosen}
        onChange={choose}
        choices={chosen === 'jwks' ? [...CHOICES, FIXED] : CHOICES}
      />
      {chosen === 'jwksUri' && (
        <TextOption
          option="jwksUri"
          label="Identity Provider's JWKS Endpoint"
          isRequired
          placeholder="https://idp.example.com/.well-known/jwks.json"
          hint="An https URL."
        />
      )}
      {chosen === 'discovery' && <DiscoveryField />}
      {chosen === 'certificates' && <CertificatesField />}
    </section>
  )
}

function useKeySource() {
  const { entry, change } = useEntryForm()
  const [chosen, setChosen] = useState<KeySource>(sourceOf(entry) ?? 'jwksUri')
  /** What another choice had, for the way back. */
  const kept = useRef<Entry>({})
  const choose = (next: KeySource) => {
    kept.current = { ...kept.current, ...entry }
    const isFetched = next === 'jwksUri' || next === 'discovery'
    for (const other of SOURCES.filter((each) => each !== next)) change(other, undefined)
    for (const option of OF_ENDPOINT) change(option, isFetched ? kept.current[option] : undefined)
    change(next, kept.current[next] ?? (next === 'discovery' ? true : undefined))
    setChosen(next)
  }
  return { chosen, choose }
}

function sourceOf(entry: Entry): KeySource | undefined {
  return SOURCES.find((each) => entry[each] !== undefined && entry[each] !== false)
}

/** `true` reads the metadata at the issuer; a text is the URL of another document. */
function DiscoveryField() {
  const { value, set, field } = useOption('discovery')
  return (
    <Field label="Metadata URL" hint="Empty: the name, followed by /.well-known/openid-configuration." {...field}>
      {(control) => (
        <input
          {...control}
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={typeof value === 'string' ? value : ''}
          onInput={(event) => set(event.currentTarget.value.trim() || true)}
        />
      )}
    </Field>
  )
}

function CertificatesField() {
  const { value, set, field } = useOption('certificates')
  const texts = textsOf(value)
  return (
    <>
      <CertificateFile onRead={(added) => set([...new Set([...texts, ...added])])} />
      <Field label="Certificates (PEM)" isRequired {...field}>
        {(control) => (
          <textarea
            {...control}
            class="pem"
            rows={6}
            spellcheck={false}
            value={texts.join('\n')}
            onInput={(event) => set(splitCertificates(event.currentTarget.value))}
          />
        )}
      </Field>
    </>
  )
}

function CertificateFile({ onRead }: { onRead(certificates: readonly string[]): void }) {
  const [problem, setProblem] = useState('')
  const upload = async (input: HTMLInputElement) => {
    const certificates = (await Promise.all([...(input.files ?? [])].map(readCertificates))).flat()
    input.value = ''
    setProblem(certificates.length === 0 ? 'The file has no certificate. Choose a certificate in PEM or DER.' : '')
    if (certificates.length > 0) onRead(certificates)
  }
  return (
    <Field
      label="Certificate file"
      hint="In PEM or DER, without its chain. It is added to the text below."
      problem={problem}
    >
      {(control) => (
        <input
          {...control}
          type="file"
          multiple
          accept=".pem,.crt,.cer,.der"
          onChange={(event) => void upload(event.currentTarget)}
        />
      )}
    </Field>
  )
}

/** undefined if it is empty; anything else stays, so that the API says what is wrong with it. */
function splitCertificates(text: string): readonly string[] | undefined {
  if (text.trim() === '') return undefined
  const found = text.match(PEM_CERTIFICATES) ?? []
  return text.replace(PEM_CERTIFICATES, '').trim() === '' ? found : [text]
}

/** The certificates of a file, as PEM. */
async function readCertificates(file: File): Promise<readonly string[]> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  const found = new TextDecoder().decode(bytes).match(PEM_CERTIFICATES)
  if (found !== null) return found
  // A certificate in DER is a SEQUENCE whose length has two bytes.
  if (bytes[0] !== 0x30 || bytes[1] !== 0x82 || bytes.length > 20_000) return []
  const base64 = btoa(String.fromCharCode(...bytes)).replace(/.{64}(?=.)/g, '$&\n')
  return [`-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----`]
}
