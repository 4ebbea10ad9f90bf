import fc from 'fast-check'
import { judge } from './access-rules.js'
import { requestDrafts } from './request-drafts.js'
import type { TokenEndpoint } from './token-endpoint.js'

/** Runs of four or five requests on average, which may use each other's tokens again. */
export async function tryRequests(endpoint: TokenEndpoint, runs: number): Promise<void> {
  const property = fc.asyncProperty(requestDrafts, async (drafts) => {
    const run = endpoint.startRun()
    for (const draft of drafts) {
      const sent = run.compose(draft)
      await run.expectVerdict(sent, judge(sent, run.memory, Date.now() / 1000))
    }
  })
  await fc.assert(property, { numRuns: runs })
}
