/** A JSON Schema with the keywords that are checked here; another keyword is a fault of the schema. */
export type JsonSchema = Readonly<Record<string, unknown>>

type Check = (wanted: unknown, value: unknown, place: string, root: JsonSchema) => string[]

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
  array: Array.isArray,
  object: isObject,
}

const unless = (isGood: boolean, fault: string): string[] => (isGood ? [] : [fault])

const CHECKS: Readonly<Record<string, Check>> = {
  $ref: (name, value, place, root) => faultsOf(value, resolve(String(name), root), root, place),
  type: (types, value, place) => {
    const names = [types].flat() as string[]
    return unless(
      names.some((name) => TYPES[name]?.(value) === true),
      `${place}: expected ${names.join(' or ')}`,
    )
  },
  enum: (values, value, place) => unless((values as unknown[]).includes(value), `${place}: expected one of ${values}`),
  pattern: (pattern, value, place) =>
    unless(typeof value === 'string' && new RegExp(String(pattern), 'u').test(value), `${place}: expected ${pattern}`),
  maxLength: (length, value, place) => unless(String(value).length <= Number(length), `${place}: too long`),
  minimum: (least, value, place) => unless(Number(value) >= Number(least), `${place}: too small`),
  maximum: (most, value, place) => unless(Number(value) <= Number(most), `${place}: too large`),
  anyOf: (schemas, value, place, root) => {
    const found = (schemas as JsonSchema[]).map((schema) => faultsOf(value, schema, root, place))
    return found.some((faults) => faults.length === 0) ? [] : found.flat()
  },
  items: (schema, value, place, root) =>
    (Array.isArray(value) ? value : []).flatMap((member, index) =>
      faultsOf(member, schema as JsonSchema, root, `${place}[${index}]`),
    ),
  required: (names, value, place) => {
    const missing = (names as string[]).filter((name) => isObject(value) && !Object.hasOwn(value, name))
    return missing.map((name) => `${place}.${name}: missing`)
  },
  properties: (schemas, value, place, root) =>
    Object.entries(schemas as Record<string, JsonSchema>).flatMap(([name, schema]) =>
      isObject(value) && Object.hasOwn(value, name) ? faultsOf(value[name], schema, root, `${place}.${name}`) : [],
    ),
  description: () => [],
  default: () => [],
}

/** Where a value is not as a schema says; none if it is. @param root what `$ref` refers to */
export function faultsOf(value: unknown, schema: JsonSchema, root: JsonSchema, place = '$'): string[] {
  return Object.entries(schema).flatMap(([keyword, wanted]) => {
    if (keyword === 'additionalProperties') return furtherFaults(value, schema, root, place)
    const check = CHECKS[keyword]
    if (check === undefined) throw new Error(`${place}: the keyword ${keyword} is not checked`)
    return check(wanted, value, place, root)
  })
}

function furtherFaults(value: unknown, schema: JsonSchema, root: JsonSchema, place: string): string[] {
  if (!isObject(value)) return []
  const known = Object.keys((schema.properties ?? {}) as object)
  return Object.entries(value).flatMap(([name, member]) => {
    if (known.includes(name)) return []
    if (schema.additionalProperties === false) return [`${place}.${name}: unknown`]
    return faultsOf(member, schema.additionalProperties as JsonSchema, root, `${place}.${name}`)
  })
}

function resolve(reference: string, root: JsonSchema): JsonSchema {
  const found = reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((at, step) => (isObject(at) ? at[step] : undefined), root)
  if (!isObject(found)) throw new Error(`nothing is at ${reference}`)
  return found
}
