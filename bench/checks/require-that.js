/** @throws where a fact that was checked is none */
export function requireThat(isSo, fact) {
  if (!isSo) throw new Error(`Not so: ${fact}`)
}
