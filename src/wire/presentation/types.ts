/** Every record type with a text form of its own: a type is a row of fields. */
import { TYPE } from '../registry.ts';
import { type Field, ipv4, ipv6, name, seconds, strings, u16, u32 } from './fields.ts';

const fieldsByType = new Map<number, readonly Field[]>([
  [TYPE.A, [ipv4]],
  [TYPE.NS, [name]],
  [TYPE.CNAME, [name]],
  [TYPE.SOA, [name, name, u32, seconds, seconds, seconds, seconds]],
  [TYPE.PTR, [name]],
  [TYPE.MX, [u16, name]],
  [TYPE.TXT, [strings]],
  [TYPE.AAAA, [ipv6]],
  [TYPE.SRV, [u16, u16, u16, name]],
]);

/** The fields of a type's rdata; undefined where only the form of RFC 3597 is known. */
export const fieldsOf = (type: number): readonly Field[] | undefined => fieldsByType.get(type);

/** All types that have fields, for tests and documentation. */
export const presentableTypes = (): readonly number[] => [...fieldsByType.keys()];
