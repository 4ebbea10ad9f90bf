import { useState } from 'preact/hooks'
import { type ApiFailure, callApi, pathOf, toApiFailure } from './admin-api.js'
import { describeDuration } from './durations.js'
import { describeFailure } from './fetch-failures.js'
import { Heading } from './heading.js'
import { describeKeySource, hasFixedKeys, type IdentityProviderItem, type KeySet } from './identity-provider-item.js'
import { isFailing } from './key-set-state.js'
import { KeyTable } from './key-table.js'
import { Badge, FailureNotice, Notice } from './notice.js'
import { ProviderHeader } from './provider-header.js'
import { stateOf } from './states.js'
import { useRequest } from './use-request.js'

/** Milliseconds. */
const REFRESH_INTERVAL = 3000

/** The keys of one identity provider. */
export function KeysView({ id }: { id: string }) {
  const provider = useRequest<IdentityProviderItem>(pathOf(id), REFRESH_INTERVAL)
  const item = provider.answer?.body
  // Keys that this process does not use are fetched for each request: once is enough.
  const isInUse = item !== undefined && item.keys !== null
  const keys = useRequest<{ keys: KeySet }>(pathOf(id, 'keys'), isInUse ? REFRESH_INTERVAL : undefined)
  const keySet = keys.answer?.body.keys
  return (
    <>
      {item === undefined ? (
        <Heading>Keys</Heading>
      ) : (
        <ProviderHeader item={item} view="keys" onChanged={provider.reload} />
      )}
      <FailureNotice failure={provider.failure ?? keys.failure} />
      {item !== undefined && keySet !== undefined && (
        <section class="card" aria-labelledby="key-set">
          <h2 id="key-set">Key set</h2>
          <p>
            <Badge tone={stateOf(keySet).tone}>{stateOf(keySet).label}</Badge>{' '}
            {item.registration !== null && <code>{describeKeySource(item.registration)}</code>}
          </p>
          <KeySetFacts keySet={keySet} />
          {!hasFixedKeys(keySet) && <RefreshButton id={id} onRefreshed={keys.reload} />}
          <KeyTable keySet={keySet} />
        </section>
      )}
    </>
  )
}

function KeySetFacts({ keySet }: { keySet: KeySet }) {
  const { keySetAge, expiresIn, servesFor, nextRefreshIn, nextAttemptIn, fetches, failedFetches, lastSuccess } = keySet
  const facts: [string, string | undefined][] = [
    [
      'Last fetch',
      lastSuccess && `${describeDuration(lastSuccess.millisecondsAgo)} ago, in ${lastSuccess.durationMs} ms`,
    ],
    ['Age', durationOf(keySetAge)],
    ['Fresh for', durationOf(expiresIn === 0 ? undefined : expiresIn)],
    ['Serves without the endpoint for', durationOf(servesFor)],
    ['Next refresh in', durationOf(nextRefreshIn)],
    ['Next attempt in', durationOf(nextAttemptIn)],
    ['Fetches', fetches === undefined ? undefined : `${fetches}, of which ${failedFetches ?? 0} failed`],
  ]
  const failure = keySet.metadataFailure ?? keySet.lastFailure
  return (
    <>
      <dl class="facts">
        {facts.map(([term, text]) => text !== undefined && <Fact key={term} term={term} text={text} />)}
      </dl>
      {failure !== undefined && (
        <p class={isFailing(keySet) ? 'problem' : 'detail'}>Last error: {describeFailure(failure)}.</p>
      )}
      {keySet.cut !== undefined && (
        <Notice tone="warn">
          The key set has {keySet.cut.keys} members. Only the first {keySet.cut.maxKeys} are read.
        </Notice>
      )}
    </>
  )
}

function Fact({ term, text }: { term: string; text: string }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{text}</dd>
    </div>
  )
}

function durationOf(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : describeDuration(milliseconds)
}

function RefreshButton({ id, onRefreshed }: { id: string; onRefreshed(): void }) {
  const [isBusy, setBusy] = useState(false)
  const [failure, setFailure] = useState<ApiFailure>()
  const [isDone, setDone] = useState(false)
  const refresh = async () => {
    setBusy(true)
    setFailure(undefined)
    setDone(false)
    try {
      await callApi(pathOf(id, 'refresh-keys'), { method: 'POST', body: {} })
      setDone(true)
    } catch (error) {
      setFailure(toApiFailure(error))
    }
    setBusy(false)
    onRefreshed()
  }
  return (
    <>
      <div class="actions">
        <button type="button" disabled={isBusy} onClick={() => void refresh()}>
          {isBusy ? 'Fetching…' : 'Fetch the keys now'}
        </button>
        <span role="status" class="detail">
          {isDone ? 'The keys were fetched.' : ''}
        </span>
      </div>
      <FailureNotice failure={failure} />
    </>
  )
}
