/** The public half of a private JWK, as a key set. */
export function publicKeySet({ d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...publicJwk }) {
  return { keys: [publicJwk] }
}
