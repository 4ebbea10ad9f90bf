import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { PostgresConnectionPool } from '../database/postgres-listener.js'
import { fieldOf } from '../errors/field-of.js'
import type { IdentityProviderStore } from '../identity-provider-store/identity-provider-store.js'
import { CommandFailed, Misuse } from './command.js'

export interface OpenStore {
  store: IdentityProviderStore
  /** Creates what the store needs, if it is missing. */
  prepare?(): Promise<void>
  close(): Promise<void>
}

const EXPECTED = 'expected --store file:DIRECTORY or --store postgres://USER@HOST/DATABASE'
const FILE = /^file:(?!\/\/)(.+)$/s
const POSTGRES = /^postgres(?:ql)?:\/\//
/** Options of the store that may follow the address: `?schema=auth&table=identity_providers`. */
const NAMES = ['schema', 'table']
/** Milliseconds. */
const CONNECT_TIMEOUT = 5000

/**
 * Opens a store by its address, which may hold a password.
 *
 * @throws Misuse if it is not an address of a store
 * @throws CommandFailed if a package is missing
 */
export async function openStore(address: string | undefined): Promise<OpenStore> {
  if (address === undefined || address === '') throw new Misuse(`missing store: ${EXPECTED}`)
  const directory = FILE.exec(address)?.[1]
  if (directory !== undefined) return openDirectory(directory)
  if (POSTGRES.test(address)) return openPostgres(address)
  throw new Misuse(EXPECTED)
}

async function openDirectory(directory: string): Promise<OpenStore> {
  const { FileIdentityProviderStore } = await import('../file-store/index.js')
  return { store: new FileIdentityProviderStore(directory), close: async () => {} }
}

async function openPostgres(address: string): Promise<OpenStore> {
  if (!URL.canParse(address)) throw new Misuse(EXPECTED)
  const url = new URL(address)
  const names = Object.fromEntries(NAMES.flatMap((name) => takeParameter(url, name)))
  const { Pool } = await loadPg()
  const { PostgresIdentityProviderStore } = await import(
    '../identity-provider-store/postgres-identity-provider-store.js'
  )
  const pool = new Pool({ connectionString: url.href, connectionTimeoutMillis: CONNECT_TIMEOUT, max: 2 })
  const store = new PostgresIdentityProviderStore(pool, names)
  return { store, prepare: () => store.createTable(), close: () => pool.end() }
}

/** A parameter of the address that is not for PostgreSQL. */
function takeParameter({ searchParams }: URL, name: string): [string, string][] {
  const value = searchParams.get(name)
  searchParams.delete(name)
  return value === null ? [] : [[name, value]]
}

/** The part of the package `pg` that is used. */
interface Pg {
  Pool: new (options: object) => PostgresConnectionPool & { end(): Promise<void> }
}

/** The package belongs to the project of the caller: it is not a dependency of this one. */
async function loadPg(): Promise<Pg> {
  try {
    const path = createRequire(join(process.cwd(), 'package.json')).resolve('pg')
    return ((await import(pathToFileURL(path).href)) as { default: Pg }).default
  } catch (error) {
    if (fieldOf(error, 'code') !== 'MODULE_NOT_FOUND') throw error
    throw new CommandFailed('a store in PostgreSQL needs the package pg, which is not installed; run: npm install pg')
  }
}

/** What a store threw, without the password in its address. */
export function describeStoreFault(error: unknown, address = ''): string {
  const message = String(fieldOf(error, 'message') || fieldOf(error, 'code') || 'it failed')
  return passwordsIn(address).reduce((text, password) => text.replaceAll(password, '…'), message)
}

/** As it is written in the address, and as it is sent. */
function passwordsIn(address: string): string[] {
  const { password } = URL.canParse(address) ? new URL(address) : { password: '' }
  const sent = new URLSearchParams(`password=${password.replaceAll('+', '%2B')}`).get('password')
  return [password, sent ?? ''].filter((text) => text !== '')
}
