import type { KeySet, PublishedKey } from './identity-provider-item.js'
import { ExpiryDate } from './key-set-state.js'

/** The keys of one identity provider, and its configured certificates. Only signature keys are kept. */
export function KeyTable({ keySet }: { keySet: KeySet }) {
  const { keys, certificates = [] } = keySet
  return (
    <>
      {(keys.length > 0 || certificates.length === 0) && <PublishedKeys keys={keys} />}
      {certificates.length > 0 && <Certificates certificates={certificates} />}
    </>
  )
}

function PublishedKeys({ keys }: Pick<KeySet, 'keys'>) {
  return (
    <table class="cards-if-narrow">
      <caption>{keys.length === 1 ? 'One signature key' : `${keys.length} signature keys`}</caption>
      <thead>
        <tr>
          <th scope="col">Key id (kid)</th>
          <th scope="col">Algorithms (alg)</th>
          <th scope="col">Use</th>
          <th scope="col">Certificate</th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key, index) => (
          <KeyRow key={`${index} ${key.kid}`} published={key} />
        ))}
      </tbody>
    </table>
  )
}

function Certificates({ certificates }: { certificates: NonNullable<KeySet['certificates']> }) {
  return (
    <table class="cards-if-narrow">
      <caption>Configured certificates</caption>
      <thead>
        <tr>
          <th scope="col">Subject</th>
          <th scope="col">Valid until</th>
        </tr>
      </thead>
      <tbody>
        {certificates.map(({ subject, expiresAt }) => (
          <tr key={`${subject} ${expiresAt}`}>
            <th scope="row">{subject}</th>
            <td data-label="Valid until">
              <ExpiryDate expiry={expiresAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function KeyRow({ published: { kid, algorithms, certificateExpiresAt, note } }: { published: PublishedKey }) {
  return (
    <tr>
      <th scope="row">{kid === undefined ? <span class="detail">without a kid</span> : <code>{kid}</code>}</th>
      <td data-label="Algorithms (alg)">{algorithms.join(', ')}</td>
      <td data-label="Use">Signature</td>
      <td data-label="Certificate">
        {certificateExpiresAt === undefined ? (
          <span class="detail">{note === 'x5c_unreadable' ? 'Cannot be read' : 'None'}</span>
        ) : (
          <ExpiryDate expiry={certificateExpiresAt} />
        )}
      </td>
    </tr>
  )
}
