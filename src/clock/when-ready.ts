/** A value that is there at once, or later. */
export type Eventual<Value> = Value | Promise<Value>

/** Whether a value comes later. Only for promises of ours: those of a host may come from another realm. */
export function isPending<Value>(value: Eventual<Value>): value is Promise<Value> {
  return value instanceof Promise
}

/**
 * Goes on with a value: in the same turn if it is there at once, or when it comes. What `next` throws is thrown, or rejects,
 * accordingly.
 */
export function whenReady<Value, Result>(value: Eventual<Value>, next: (value: Value) => Result): Eventual<Result> {
  return isPending(value) ? value.then(next) : next(value)
}
