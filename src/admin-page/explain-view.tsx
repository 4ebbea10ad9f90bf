import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiFailure, callApi, toApiFailure } from './admin-api.js'
import { describeDuration } from './durations.js'
import { membersOf } from './entry.js'
import { Field } from './field.js'
import { Heading } from './heading.js'
import { FailureNotice, Notice } from './notice.js'
import { type ExplainedStep, StepList } from './step-list.js'

/** Whether an assertion would be accepted. */
interface Explanation {
  isAccepted: boolean
  reason?: string
  steps: readonly ExplainedStep[]
  accessToken?: ExplainedAccessToken
}

interface ExplainedAccessToken {
  subject: string
  scopes: readonly string[]
  audiences: readonly string[]
  /** Seconds. */
  lifetime: number
  claims: Readonly<Record<string, unknown>>
}

/** Explains an assertion: each check with what was expected and what was found. */
export function ExplainView() {
  const [explanation, setExplanation] = useState<Explanation>()
  const [failure, setFailure] = useState<ApiFailure>()
  const [isBusy, setBusy] = useState(false)
  const verdict = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (explanation !== undefined || failure !== undefined) verdict.current?.focus()
  }, [explanation, failure])
  const explain = async (body: Readonly<Record<string, string>>) => {
    setBusy(true)
    setFailure(undefined)
    setExplanation(undefined)
    try {
      const answer = await callApi<Explanation>('explain', { method: 'POST', body })
      setExplanation(answer.body)
    } catch (error) {
      setFailure(toApiFailure(error))
    }
    setBusy(false)
  }
  return (
    <>
      <Heading>Explain an assertion</Heading>
      <p class="lead">Paste a token of an identity provider to see why it is accepted, or refused.</p>
      <ExplainForm isBusy={isBusy} onExplain={(body) => void explain(body)} />
      <div ref={verdict} tabIndex={-1} class="why">
        <FailureNotice failure={failure} />
        {explanation !== undefined && <Verdict explanation={explanation} />}
      </div>
    </>
  )
}

function ExplainForm({ isBusy, onExplain }: { isBusy: boolean; onExplain(body: Record<string, string>): void }) {
  const [assertion, setAssertion] = useState('')
  const [clientId, setClientId] = useState('')
  const [scope, setScope] = useState('')
  return (
    <form
      class="card"
      autocomplete="off"
      onSubmit={(event) => {
        event.preventDefault()
        const [client, scopes] = [clientId.trim(), scope.trim()]
        onExplain({
          assertion: assertion.trim(),
          ...(client && { clientId: client }),
          ...(scopes && { scope: scopes }),
        })
      }}
    >
      <AssertionField assertion={assertion} onInput={setAssertion} />
      <div class="columns">
        <TextInput
          label="Client id"
          hint="Empty: as a caller without a client."
          text={clientId}
          onInput={setClientId}
        />
        <TextInput label="Requested scope" hint="Empty: a request without scope." text={scope} onInput={setScope} />
      </div>
      <button type="submit" class="primary" disabled={isBusy || assertion.trim() === ''}>
        {isBusy ? 'Explaining…' : 'Explain'}
      </button>
    </form>
  )
}

function AssertionField({ assertion, onInput }: { assertion: string; onInput(assertion: string): void }) {
  return (
    <Field label="Assertion (JWT)" hint="It is sent to this server only. It is neither stored nor used up.">
      {(control) => (
        <textarea
          {...control}
          class="pem"
          rows={6}
          spellcheck={false}
          autocomplete="off"
          placeholder="eyJhbGciOi…"
          value={assertion}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  )
}

function TextInput({
  label,
  hint,
  text,
  onInput,
}: {
  label: string
  hint: string
  text: string
  onInput(text: string): void
}) {
  return (
    <Field label={label} hint={hint}>
      {(control) => (
        <input
          {...control}
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  )
}

function Verdict({ explanation: { isAccepted, reason, steps, accessToken } }: { explanation: Explanation }) {
  return (
    <>
      <Notice tone={isAccepted ? 'good' : 'bad'}>
        <h2>{isAccepted ? 'It would be accepted' : 'It would be refused'}</h2>
        {reason !== undefined && (
          <p>
            The reason is <code>{reason}</code>.
          </p>
        )}
        {isAccepted && <p>Whether it was used before is not checked.</p>}
      </Notice>
      <StepList steps={steps} />
      {accessToken !== undefined && <AccessTokenFacts accessToken={accessToken} />}
    </>
  )
}

function AccessTokenFacts({ accessToken }: { accessToken: ExplainedAccessToken }) {
  const { subject, scopes, audiences, lifetime, claims } = accessToken
  const facts: [string, string][] = [
    ['Subject', subject],
    ['Scopes', scopes.join(' ') || 'none'],
    ['Audiences', audiences.join(', ')],
    ['Lifetime', describeDuration(lifetime * 1000)],
    ...membersOf(claims).map(([claim, value]): [string, string] => [`Claim ${claim}`, JSON.stringify(value) ?? '']),
  ]
  return (
    <section class="card" aria-labelledby="access-token">
      <h2 id="access-token">The access token that it would get</h2>
      <dl class="facts">
        {facts.map(([term, text]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>
              <code>{text}</code>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
