/** A value that is available at once, or later. */
export type Eventual<Value> = Value | Promise<Value>

/** Whether a value is a promise of ours. Promises of a host may come from another realm, and are not recognised. */
export function isPending<Value>(value: Eventual<Value>): value is Promise<Value> {
  return value instanceof Promise
}

/**
 * Calls `next` with a value: in the same turn if the value is available, otherwise when it arrives. An error of `next` is thrown
 * in the first case, and rejects in the second.
 */
export function whenReady<Value, Result>(
  value: Eventual<Value>,
  next: (value: Value) => Eventual<Result>,
): Eventual<Result> {
  return isPending(value) ? value.then(next) : next(value)
}

/**
 * Acts on each item, one after the other: in the same turn as long as nothing must be awaited. It waits for any promise, also from
 * another realm: acting is often a check, which must not be skipped.
 */
export function inTurn<Item>(items: readonly Item[], act: (item: Item) => Eventual<void>): Eventual<void> {
  return inTurnFrom(0, items, act)
}

function inTurnFrom<Item>(first: number, items: readonly Item[], act: (item: Item) => Eventual<void>): Eventual<void> {
  for (let index = first; index < items.length; index += 1) {
    const acting = act(items[index] as Item)
    if (acting !== undefined) return Promise.resolve(acting).then(() => inTurnFrom(index + 1, items, act))
  }
}
