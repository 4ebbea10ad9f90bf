import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileIdentityProviderStore, type FileIdentityProviderStoreOptions } from '../../src/file-store/index.js'
import type { RegistrationChange } from '../../src/identity-provider-store/identity-provider-store.js'

/** A directory of a test, with what stores report of it. */
export class TestDirectory {
  readonly path = mkdtempSync(join(tmpdir(), 'registrations-'))
  readonly #stops: (() => void)[] = []

  open(options: FileIdentityProviderStoreOptions = {}): FileIdentityProviderStore {
    return new FileIdentityProviderStore(this.path, options)
  }

  /** What a store reports from now on. It has begun when the first call, which is without a change, is there. */
  async watch(store: FileIdentityProviderStore) {
    const [changes, errors]: [(RegistrationChange | undefined)[], Error[]] = [[], []]
    await new Promise<void>((resolve) => {
      const note = (change?: RegistrationChange) => {
        if (change === undefined && changes.length === 0) resolve()
        changes.push(change)
      }
      this.#stops.push(store.watch(note, (error) => errors.push(error as Error)))
    })
    changes.length = 0
    return { changes, errors }
  }

  write(fileName: string, content: string | object): void {
    writeFileSync(join(this.path, fileName), typeof content === 'string' ? content : JSON.stringify(content))
  }

  read(fileName: string): string {
    return readFileSync(join(this.path, fileName), 'utf8')
  }

  fileNames(): string[] {
    return readdirSync(this.path).sort()
  }

  remove(): void {
    for (const stop of this.#stops) stop()
    rmSync(this.path, { recursive: true, force: true })
  }
}

export function registrationOf(id: string, members: object = {}) {
  return { id, name: `https://${id}.example`, allowedSubjects: 'any' as const, scopes: ['a'], ...members }
}
