/** The SOA record's numbers (RFC 1035 §3.3.13). */
import type { Bytes } from '../base/bytes.ts';

export interface SoaTimers {
  readonly serial: number;
  /** Seconds, as the three after it. */
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

/** From uncompressed rdata: the numbers are its last twenty octets. Undefined when there is no room for them. */
export function readSoaTimers(rdata: Bytes): SoaTimers | undefined {
  if (rdata.length < 22) return undefined;
  const view = new DataView(rdata.buffer, rdata.byteOffset + rdata.length - 20, 20);
  return {
    serial: view.getUint32(0),
    refresh: view.getUint32(4),
    retry: view.getUint32(8),
    expire: view.getUint32(12),
    minimum: view.getUint32(16),
  };
}
