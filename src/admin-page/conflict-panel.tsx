import { differencesOf, type Entry } from './entry.js'
import { Notice } from './notice.js'

interface ConflictPanelProps {
  mine: Entry
  theirs: Entry
  onResolve(keep: 'theirs' | 'mine'): void
}

/** Both versions of an entry that somebody else has changed meanwhile. */
export function ConflictPanel({ mine, theirs, onResolve }: ConflictPanelProps) {
  const differences = differencesOf(mine, theirs)
  return (
    <Notice tone="warn">
      <h2>Somebody else has saved this identity provider meanwhile</h2>
      <p>Nothing of yours was saved. These options are different:</p>
      <table class="cards-if-narrow difference">
        <thead>
          <tr>
            <th scope="col">Option</th>
            <th scope="col">Yours</th>
            <th scope="col">Saved by somebody else</th>
          </tr>
        </thead>
        <tbody>
          {differences.map(({ option, mine: own, theirs: other }) => (
            <tr key={option}>
              <th scope="row">{option}</th>
              <td data-label="Yours">
                <OptionValue value={own} />
              </td>
              <td data-label="Saved by somebody else">
                <OptionValue value={other} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="actions">
        <button type="button" class="primary" onClick={() => onResolve('theirs')}>
          Load the saved version
        </button>
        <button type="button" onClick={() => onResolve('mine')}>
          Keep my changes, on top of the saved version
        </button>
      </div>
    </Notice>
  )
}

function OptionValue({ value }: { value: unknown }) {
  if (value === undefined) return <span class="detail">not set</span>
  return <code>{typeof value === 'string' ? value : describeJson(value)}</code>
}

/** In one line if it is short. */
function describeJson(value: unknown): string {
  const line = JSON.stringify(value)
  return line.length <= 60 ? line : JSON.stringify(value, null, 2)
}
