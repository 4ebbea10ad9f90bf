import type { Eventual } from '../clock/when-ready.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import { isTokenRejected } from '../errors/rejections.js'
import { isErrorUri, isOAuthError, OAuthError } from '../oauth/errors.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isSecureUrl } from '../option-checks/urls.js'

/**
 * What the token endpoint answers if an assertion is valid, but the policy refuses it.
 *
 * @example
 * const refusals: RefusalOptions = { documentation: 'https://docs.example.com/tokens' }
 */
export interface RefusalOptions {
  /**
   * An `https` URL without fragment (`http` only on loopback). The refusal then has this URL as `error_uri`, and its
   * `error_description` says who must act: the administrator of the identity provider, the administrator of this service, or the
   * caller. Only an assertion that has passed all checks of signature, issuer, audience and dates gets such an answer. Default:
   * none; all refusals of assertions have the same description.
   */
  documentation?: string
}

export interface RefusalSettings {
  /** undefined: nothing is added. */
  documentation: string | undefined
}

type Actor = 'identity provider' | 'service' | 'caller'

/** In the characters of RFC 6749 §5.2. They contain no rule, value or name. */
const DESCRIPTIONS: Readonly<Record<Actor, string>> = {
  'identity provider': 'The assertion is not sufficient: the administrator of the identity provider must act',
  service: 'The assertion is not accepted here: the administrator of this service must act',
  caller: 'The request cannot be granted: the caller must change it, or present a new assertion',
}

/** All reasons for which an assertion may be refused after it was verified. Other refusals stay as they are. */
const WHO_MUST_ACT: ReadonlyMap<ReasonCode, Actor> = new Map<ReasonCode, Actor>([
  ['invalid_subject', 'identity provider'],
  ['claim_not_allowed', 'identity provider'],
  ['invalid_claim', 'identity provider'],
  ['mapped_claims_too_large', 'identity provider'],
  ['identity_provider_disabled', 'service'],
  ['subject_not_allowed', 'service'],
  ['refused_by_check', 'service'],
  ['no_binding_matches', 'service'],
  ['client_not_allowed', 'service'],
  ['subject_is_client_id', 'service'],
  ['expired', 'caller'],
  ['replayed', 'caller'],
  ['invalid_scope', 'caller'],
  ['invalid_target', 'caller'],
])
export function readRefusalOptions(reader: OptionReader): RefusalSettings {
  const isDocumentation = (text: string) => isSecureUrl(text) && isErrorUri(text)
  const expected = 'an https URL of ASCII characters, without fragment (http only on loopback)'
  const documentation = reader.has('documentation')
    ? reader.string('documentation', expected, isDocumentation)
    : undefined
  reader.refuseUnknown()
  return { documentation }
}

/**
 * Runs the steps after the verification of an assertion. If `documentation` is set, a refusal says who must act. `act` must not
 * include the verification, because the answers would show strangers whom we trust.
 *
 * @throws what `act` throws; with `documentation`, a refusal becomes an OAuthError
 */
export async function withAdvice<Result>(
  { documentation }: RefusalSettings,
  act: () => Eventual<Result>,
): Promise<Result> {
  if (documentation === undefined) return act()
  try {
    return await act()
  } catch (thrown) {
    throw adviceOn(thrown, documentation)
  }
}

function adviceOn(thrown: unknown, documentation: string): unknown {
  if (!isOAuthError(thrown) && !isTokenRejected(thrown)) return thrown
  const { reason, context } = thrown
  const actor = WHO_MUST_ACT.get(reason)
  if (actor === undefined) return thrown
  const code = isOAuthError(thrown) ? thrown.code : 'invalid_grant'
  const details = { reason, uri: documentation, ...(isOAuthError(thrown) && statusOf(thrown)) }
  return Object.assign(new OAuthError(code, DESCRIPTIONS[actor], details), { context })
}

function statusOf({ status, headers }: OAuthError) {
  return { status, headers }
}
