/** Zone serials: a circle of 2^32 numbers (RFC 1982). No `<` on them anywhere else. */

export type SerialOrder = 'equal' | 'newer' | 'older' | 'undefined';

const HALF = 0x8000_0000;

/** How `serial` stands to `reference`. A distance of exactly 2^31 has no order (RFC 1982 §3.2): the caller decides. */
export function compareSerials(serial: number, reference: number): SerialOrder {
  const distance = (serial - reference) >>> 0;
  if (distance === 0) return 'equal';
  if (distance === HALF) return 'undefined';
  return distance < HALF ? 'newer' : 'older';
}

export const isNewer = (serial: number, reference: number): boolean => compareSerials(serial, reference) === 'newer';
