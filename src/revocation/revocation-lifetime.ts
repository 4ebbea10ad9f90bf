/** Seconds: no access token lives longer. */
export const MAX_TOKEN_LIFETIME = 86_400
/** Seconds by which the clocks of processes and of a store may differ. */
const MARGIN = 60

/** @param latestExpiry seconds since the epoch, when the last token that a revocation refuses expires */
export function keptUntil(latestExpiry: number): number {
  return Math.ceil(latestExpiry) + MARGIN
}
