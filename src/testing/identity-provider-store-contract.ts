import { type MakeIdentityProviderStore, type ProviderStoreCheck, runOnBench } from './checked-provider-store.js'
import { checkLostUpdates, checkManyWriters, checkOneWinner, checkOtherProcess } from './provider-store-races.js'
import {
  checkEnabled,
  checkFind,
  checkGet,
  checkLimit,
  checkOrder,
  checkPaging,
  checkSearch,
  checkSeveralOfOneName,
} from './provider-store-reading.js'
import {
  checkCopies,
  checkExactOrRefused,
  checkOddIds,
  checkOddNames,
  checkRefusedNames,
  checkRefusedValues,
  checkValues,
} from './provider-store-values.js'
import { checkOwnReports, checkReports, checkStop } from './provider-store-watching.js'
import {
  checkGivenRevision,
  checkPut,
  checkPutConditions,
  checkRemove,
  checkRemoveConditions,
} from './provider-store-writing.js'

/** One promise of the contract of identity provider stores. */
export interface IdentityProviderStoreCase {
  /** What the store does, in the present tense. */
  name: string
  /** Takes up to 30 seconds. Rejects with an `AssertionError` if the store behaves otherwise, or with the store's own error. */
  run(): Promise<void>
}

const CASES: readonly [string, ProviderStoreCheck][] = [
  ['finds the registration of a name, compared exactly', checkFind],
  ['finds several registrations of one name, also those that are switched off', checkSeveralOfOneName],
  ['gets a registration by its id, and undefined for any other', checkGet],
  ['lists registrations in the order of their ids, compared by code unit', checkOrder],
  ['lists at most as many as asked for, and 100 by default', checkLimit],
  ['lists those whose id, name or display name contains a text, in upper or lower case', checkSearch],
  ['lists those that are trusted, or those that are switched off', checkEnabled],
  ['lists page by page without gaps while others are added and removed', checkPaging],
  ['answers each put with what it has now, with another revision', checkPut],
  ['ignores a revision and a time that it is given', checkGivenRevision],
  ['puts a registration only if it has the expected revision', checkPutConditions],
  ['removes a registration once', checkRemove],
  ['removes a registration only if it has the expected revision', checkRemoveConditions],
  ['lets one of 50 writers with the same revision win, in four processes', checkOneWinner],
  ['loses no update of writers that read and repeat after a conflict', checkLostUpdates],
  ['takes 50 registrations at the same time', checkManyWriters],
  ['knows each change of another process at once', checkOtherProcess],
  ['keeps ids apart that look alike, or like paths, patterns or code', checkOddIds],
  ['keeps names apart that look alike, of up to 1000 characters', checkOddNames],
  ['returns every value as it was', checkValues],
  ['returns what some databases cannot hold as it was, or refuses it', checkExactOrRefused],
  ['refuses what JSON would drop or change', checkRefusedValues],
  ['refuses an id or a name that an access token cannot have, and finds nothing by it', checkRefusedNames],
  ['is not changed by a change to an object that it took or returned', checkCopies],
  ['reports each change and removal of another process within a second', checkReports],
  ['reports changes of its own process, and of many at once the last', checkOwnReports],
  ['reports nothing after a watch has ended, and goes on with others', checkStop],
]

/**
 * What every identity provider store must do, for any test runner:
 * `for (const { name, run } of identityProviderStoreContract(makeStore)) test(name, run)`.
 *
 * Use an empty store, and run these cases one after the other: they replace and remove registrations with ids such as `..`,
 * `CON` and `a`. Each case removes what it has put, and ends its watches. No store is closed. A store without `watch` need not
 * report anything.
 *
 * @example
 * declare function openStore(): Promise<IdentityProviderStore>
 * for (const { name, run } of identityProviderStoreContract(openStore)) test(name, run)
 *
 * @param makeStore makes a store as another process would: with its own connection to the same data
 */
export function identityProviderStoreContract(makeStore: MakeIdentityProviderStore): IdentityProviderStoreCase[] {
  return CASES.map(([name, check]) => ({ name, run: () => runOnBench(makeStore, check) }))
}
