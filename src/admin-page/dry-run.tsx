import { useState } from 'preact/hooks'
import { type ApiFailure, callApi, toApiFailure } from './admin-api.js'
import type { Entry } from './entry.js'
import { describeFailure } from './fetch-failures.js'
import { hasFixedKeys, type KeySet } from './identity-provider-item.js'
import { describeCount } from './key-set-state.js'
import { KeyTable } from './key-table.js'
import { FailureNotice, Notice } from './notice.js'
import type { EntryEditor } from './use-entry-editor.js'

interface Outcome {
  of: Entry
  found?: KeySet
  failure?: ApiFailure
}

/** Fetches the keys of an entry that is not saved yet, and shows what was found. It changes nothing. */
export function DryRun({ editor }: { editor: EntryEditor }) {
  const { entry, setProblems } = editor
  const [outcome, setOutcome] = useState<Outcome>()
  const [isRunning, setRunning] = useState(false)
  const run = async () => {
    setRunning(true)
    const settled = await testEntry(entry)
    setRunning(false)
    setOutcome({ of: entry, ...settled })
    setProblems(settled.failure?.problems ?? [])
  }
  return (
    <section class="card" aria-label="Test before saving">
      <h2>Test before saving</h2>
      <p>This fetches the keys as the saved entry would. It saves nothing.</p>
      <button type="button" disabled={isRunning} onClick={() => void run()}>
        {isRunning ? 'Testing…' : 'Test'}
      </button>
      <div aria-live="polite">
        {outcome !== undefined && outcome.of !== entry && (
          <p class="detail">The entry has changed since the last test.</p>
        )}
        {outcome !== undefined && outcome.of === entry && <DryRunOutcome {...outcome} />}
      </div>
    </section>
  )
}

async function testEntry(entry: Entry): Promise<Omit<Outcome, 'of'>> {
  try {
    const { body } = await callApi<{ keys: KeySet }>('identity-providers/test', { method: 'POST', body: { entry } })
    return { found: body.keys }
  } catch (error) {
    return { failure: toApiFailure(error) }
  }
}

function DryRunOutcome({ found, failure }: Outcome) {
  if (found === undefined) return <FailureNotice failure={failure} />
  const { keys, certificates = [], lastFailure, metadataFailure } = found
  const fault = metadataFailure ?? lastFailure
  if (keys.length === 0 && certificates.length === 0) {
    return (
      <Notice tone="bad">
        <p>No usable key was found{fault === undefined ? '.' : `: ${describeFailure(fault)}`}</p>
      </Notice>
    )
  }
  return (
    <>
      <Notice tone="good">
        <p>
          {hasFixedKeys(found) ? 'The configured keys can be used' : 'The keys were fetched, and can be used'}:{' '}
          {describeCount(found)}.
        </p>
      </Notice>
      <KeyTable keySet={found} />
    </>
  )
}
