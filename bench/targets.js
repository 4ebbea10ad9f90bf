/** A target of which more is better. `value` is undefined where it was not measured. */
export function atLeast(bound, text, value) {
  return { text, wanted: `≥ ${bound}`, value, isMet: value === undefined ? undefined : value >= bound }
}

/** A target of which less is better. */
export function atMost(bound, text, value) {
  return { text, wanted: `≤ ${bound}`, value, isMet: value === undefined ? undefined : value <= bound }
}
