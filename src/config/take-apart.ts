/** What taking the shapes on disk apart has in common. */
import { parseName } from './values.ts';

/** Only keys that are not available yet may be left over: an available one that nobody carries over fails to compile. */
type NothingLeft<T> = { [K in keyof T]: unknown extends T[K] ? T[K] : never };
export const nothingLeft = <T extends object>(_rest: NothingLeft<T> & T): void => undefined;

/** Names of keys are compared as domain names: without case, without the final dot. */
export function canonical(name: string): string {
  const parsed = parseName(name);
  return parsed.ok ? parsed.value.label : name;
}
