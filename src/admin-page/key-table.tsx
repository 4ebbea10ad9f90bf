import type { KeySet, PublishedKey } from './identity-provider-item.js'
import { ExpiryDate } from './key-set-state.js'

/** The keys of one identity provider. Only signature keys are kept. */
export function KeyTable({ keySet: { keys, certificates = [] } }: { keySet: KeySet }) {
  return (
    <>
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
      {certificates.length > 0 && (
        <ul class="certificates">
          {certificates.map(({ subject, expiresAt }) => (
            <li key={`${subject} ${expiresAt}`}>
              <span>{subject}</span> <ExpiryDate expiry={expiresAt} />
            </li>
          ))}
        </ul>
      )}
    </>
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
