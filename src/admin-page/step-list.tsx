import { Badge } from './notice.js'
import type { State } from './states.js'

/** One check. */
export interface ExplainedStep {
  step: string
  outcome: 'passed' | 'failed' | 'skipped'
  reason?: string
  expected: string
  found: string
  /** What a failure usually means. */
  hint?: string
}

const OUTCOMES: Readonly<Record<ExplainedStep['outcome'], State>> = {
  passed: { label: 'Passed', tone: 'good' },
  failed: { label: 'Failed', tone: 'bad' },
  skipped: { label: 'Skipped', tone: 'quiet' },
}

/** Each check with what was expected and what was found. */
export function StepList({ steps }: { steps: readonly ExplainedStep[] }) {
  const count = (outcome: ExplainedStep['outcome']) => steps.filter((step) => step.outcome === outcome).length
  return (
    <section class="card" aria-labelledby="checks">
      <h2 id="checks">Checks</h2>
      <p class="detail">
        {count('passed')} passed, {count('failed')} failed, {count('skipped')} skipped
      </p>
      <table class="cards-if-narrow steps">
        <thead>
          <tr>
            <th scope="col">Check</th>
            <th scope="col">Outcome</th>
            <th scope="col">Expected</th>
            <th scope="col">Found</th>
          </tr>
        </thead>
        <tbody>
          {steps.map((step, index) => (
            <StepRow key={`${index} ${step.step}`} step={step} />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function StepRow({ step: { step, outcome, reason, expected, found, hint } }: { step: ExplainedStep }) {
  const { label, tone } = OUTCOMES[outcome]
  return (
    <tr class={outcome}>
      <th scope="row">{step}</th>
      <td data-label="Outcome">
        <Badge tone={tone}>{label}</Badge>
      </td>
      <td data-label="Expected">{expected}</td>
      <td data-label="Found">
        {found}
        {reason !== undefined && (
          <span class="detail">
            Reason: <code>{reason}</code>
          </span>
        )}
        {hint !== undefined && <span class="hint">{hint}</span>}
      </td>
    </tr>
  )
}
