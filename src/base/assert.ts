/** Ends a total switch: reached only when a union gained a member that nobody handles. */
export function assertNever(value: never, what = 'value'): never {
  throw new Error(`unhandled ${what}: ${JSON.stringify(value)}`);
}
