import { fieldOf } from '../errors/field-of.js'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import { type AdminDeps, type AdminRequest, type AdminRoute, checkMembers, requireStore } from './admin-request.js'
import { type Answer, json } from './answer.js'
import type { ImportedRegistration } from './foreign-document.js'
import { noteSaved, storeNew, submissionDeps } from './identity-provider-routes.js'
import type { ImportFormat } from './import-format.js'
import { type AdminProblem, type EntryProblem, invalidEntry, isAdminProblem } from './problem.js'
import type { JsonObject } from './read-json.js'
import { inspectEntry, requireValid } from './submitted-entry.js'

export const IMPORT_ROUTES: readonly AdminRoute[] = [
  { method: 'POST', path: '/identity-providers/import', handle: importDocument, maxBodyBytes: 1_048_576 },
]

/** One identity provider of the document. */
interface ImportedItem {
  registration: JsonObject
  problems: readonly EntryProblem[]
  notMapped: ImportedRegistration['notMapped']
}

const MEMBERS = ['format', 'document', 'defaults', 'save']

/** Reads a document of another server; with `save`, stores those entries that have no problem. */
async function importDocument({ readBody, by }: AdminRequest, deps: AdminDeps): Promise<Answer> {
  const body = await readBody()
  checkMembers(body, MEMBERS)
  const save = ownMember(body, 'save') ?? false
  const defaults = ownMember(body, 'defaults') ?? {}
  if (typeof save !== 'boolean') throw wrong('save', 'expected true or false')
  if (!isJsonObject(defaults)) throw wrong('defaults', 'expected an object with options of an entry')
  if (save) requireStore(deps)
  const imported = await readDocument(body)
  const registrations: ImportedItem[] = []
  const saved: string[] = []
  for (const { registration, notMapped } of imported) {
    const item = await importOne({ ...defaults, ...registration }, deps)
    if (save && item.problems.length === 0) item.problems = await saveOne(item.registration, saved, by, deps)
    registrations.push({ ...item, notMapped })
  }
  return json({ registrations, saved })
}

/** Neither of the two knows what the API adds. */
async function importOne(registration: JsonObject, deps: AdminDeps) {
  const { entry, problems } = await inspectEntry(registration, undefined, submissionDeps(deps))
  return { registration: entry, problems }
}

/** @returns why it is not saved; empty if it is */
async function saveOne(
  registration: JsonObject,
  saved: string[],
  by: string | undefined,
  deps: AdminDeps,
): Promise<readonly EntryProblem[]> {
  try {
    // Checked again: an entry of the same document may be stored meanwhile.
    const stored = await storeNew(await requireValid(registration, undefined, submissionDeps(deps)), deps)
    noteSaved('imported', stored, by, deps)
    saved.push(stored.id)
    return []
  } catch (error) {
    const { problem, details, message } = isAdminProblem(error)
      ? error
      : { problem: undefined, details: {}, message: '' }
    if (problem === 'already-exists') return [{ code: 'not_unique', path: ['id'], message }]
    if (problem === 'invalid-entry') return { problems: [], ...details }.problems
    throw error
  }
}

/** Loaded only now: hardly any process imports anything. */
async function readDocument(body: JsonObject): Promise<ImportedRegistration[]> {
  const { importRegistrations } = await import('./import-format.js')
  const format = ownMember(body, 'format')
  if (!isFormat(format)) throw wrong('format', 'expected "wso2", "keycloak", or no format')
  try {
    return importRegistrations(ownMember(body, 'document'), format)
  } catch (error) {
    if (fieldOf(error, 'name') !== 'TypeError') throw error
    throw wrong('document', String(fieldOf(error, 'message')))
  }
}

function isFormat(format: unknown): format is ImportFormat | undefined {
  return format === undefined || format === 'wso2' || format === 'keycloak'
}

function wrong(member: string, message: string): AdminProblem {
  return invalidEntry([{ code: 'invalid', path: [member], message }])
}
