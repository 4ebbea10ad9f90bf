import type { Entry } from './entry.js'
import { toToml } from './to-toml.js'

/** The entry as a configuration file has it. */
export function TomlPanel({ entry }: { entry: Entry }) {
  return (
    <section class="card toml" aria-labelledby="as-toml">
      <h2 id="as-toml">The same in a file</h2>
      <p class="hint">As in deployment.toml.</p>
      <pre>
        <code>{toToml(entry)}</code>
      </pre>
    </section>
  )
}
