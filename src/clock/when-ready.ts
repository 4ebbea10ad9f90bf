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
