/** A Redis or a database that several processes share and nobody else uses. */
export interface SharedStore {
  /** Its lines in `[replay]` of the file. */
  toml: string
  /** The outages that it can have, each with what ends it. A break that passes by itself ends at once. */
  outages: readonly Outage[]
  /** How many claims it holds: those that are live, and all. */
  claims(): Promise<{ live: number; all: number }>
  close(): Promise<void>
}

export interface Outage {
  name: string
  begin(): Promise<void>
  end(): Promise<void>
}
