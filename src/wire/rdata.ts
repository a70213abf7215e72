/** Which record types hold domain names, and where: what compression, canonical form and printing need to know. */
import { TYPE } from './registry.ts';

/**
 * The shape of rdata up to its last name: numbers are fixed octets, `string` is a character-string (RFC 1035 §3.3),
 * `name` a domain name. Whatever follows the last element is opaque.
 */
export type RdataElement = number | 'string' | 'name';

export interface RdataShape {
  readonly elements: readonly RdataElement[];
  /** Names may be compressed when sent: only in the types of RFC 1035 (RFC 3597 §4). */
  readonly compressible: boolean;
  /** Names are lower case in canonical form (RFC 4034 §6.2 with RFC 6840 §5.1: not in NSEC, HINFO has none). */
  readonly lowerCase: boolean;
}

const compressible = (...elements: RdataElement[]): RdataShape => ({ elements, compressible: true, lowerCase: true });
const folded = (...elements: RdataElement[]): RdataShape => ({ elements, compressible: false, lowerCase: true });
const verbatim = (...elements: RdataElement[]): RdataShape => ({ elements, compressible: false, lowerCase: false });

const shapes = new Map<number, RdataShape>([
  [TYPE.NS, compressible('name')],
  [TYPE.MD, compressible('name')],
  [TYPE.MF, compressible('name')],
  [TYPE.CNAME, compressible('name')],
  [TYPE.SOA, compressible('name', 'name')],
  [TYPE.MB, compressible('name')],
  [TYPE.MG, compressible('name')],
  [TYPE.MR, compressible('name')],
  [TYPE.PTR, compressible('name')],
  [TYPE.MINFO, compressible('name', 'name')],
  [TYPE.MX, compressible(2, 'name')],
  [TYPE.RP, folded('name', 'name')],
  [TYPE.AFSDB, folded(2, 'name')],
  [TYPE.RT, folded(2, 'name')],
  [TYPE.SIG, folded(18, 'name')],
  [TYPE.PX, folded(2, 'name', 'name')],
  [TYPE.NXT, folded('name')],
  [TYPE.SRV, folded(6, 'name')],
  [TYPE.NAPTR, folded(4, 'string', 'string', 'string', 'name')],
  [TYPE.KX, folded(2, 'name')],
  [TYPE.DNAME, folded('name')],
  [TYPE.RRSIG, folded(18, 'name')],
  [TYPE.NSEC, verbatim('name')],
  [TYPE.SVCB, verbatim(2, 'name')],
  [TYPE.HTTPS, verbatim(2, 'name')],
  [TYPE.LP, verbatim(2, 'name')],
]);

/** Shape of a type's rdata; undefined where it holds no name and is opaque octets throughout. */
export const rdataShape = (type: number): RdataShape | undefined => shapes.get(type);

/** Direct-indexed twin of `rdataShape` for the ingest loop, which asks once a record. */
export const SHAPE_BY_TYPE: readonly (RdataShape | undefined)[] = Array.from({ length: 258 }, (_, type) =>
  shapes.get(type),
);
