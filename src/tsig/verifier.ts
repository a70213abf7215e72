/** Checks the TSIG of a request, in the order of RFC 8945 §5.2: key, MAC, time, truncation. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';
import type { TsigRecord } from '../wire/message.ts';
import { nameKey, zoneLabel } from '../wire/name.ts';
import { TSIG_ERROR } from '../wire/registry.ts';
import { Writer } from '../wire/writer.ts';
import type { TsigAlgorithm } from './algorithm.ts';
import type { TsigKey } from './key.ts';
import { tsigVariables } from './signer.ts';

export type RequestVerdict =
  | { readonly kind: 'valid'; readonly key: TsigKey; readonly mac: Bytes }
  /** FORMERR: a MAC of a length that no truncation allows (RFC 8945 §5.2.2.1). */
  | { readonly kind: 'malformed' }
  /** Answered unsigned: the key is unknown, or the MAC is wrong. */
  | { readonly kind: 'unsigned-error'; readonly error: number }
  /** Answered signed: the MAC held, the time or the truncation did not. */
  | { readonly kind: 'signed-error'; readonly error: number; readonly key: TsigKey; readonly mac: Bytes };

/**
 * `message` is the whole request, `now` in seconds, `keys` by canonical name. `isInOrder`: whether no newer time signed
 * is known of a key, asked where the key says so.
 */
export function verifyRequest(
  message: Bytes,
  tsig: TsigRecord,
  keys: ReadonlyMap<string, TsigKey>,
  now: number,
  isInOrder: (key: string, timeSigned: number) => boolean = () => true,
): RequestVerdict {
  const key = keys.get(zoneLabel(tsig.keyName));
  if (key === undefined || nameKey(tsig.algorithm) !== nameKey(key.algorithm.wireName)) {
    return { kind: 'unsigned-error', error: TSIG_ERROR.BADKEY };
  }
  if (isImpossibleMac(tsig.mac, key.algorithm)) return { kind: 'malformed' };
  const hmac = createHmac(key.algorithm.hash, key.secret);
  hmac.update(unsignedHeader(message, tsig.originalId));
  hmac.update(message.subarray(12, tsig.offset));
  hmac.update(tsigVariables(key, tsig.timeSigned, tsig.fudge, tsig));
  if (!sameMac(hmac.digest(), tsig.mac)) return { kind: 'unsigned-error', error: TSIG_ERROR.BADSIG };
  // Kept beyond the message: the answer's MAC covers it.
  const mac = new Uint8Array(tsig.mac);
  const isReplay = (): boolean => key.isReplayChecked === true && !isInOrder(key.name, tsig.timeSigned);
  if (Math.abs(now - tsig.timeSigned) > tsig.fudge || isReplay()) {
    return { kind: 'signed-error', error: TSIG_ERROR.BADTIME, key, mac };
  }
  if (mac.length < (key.leastMacLength ?? key.algorithm.macLength))
    return { kind: 'signed-error', error: TSIG_ERROR.BADTRUNC, key, mac };
  return { kind: 'valid', key, mac };
}

/** Longer than the algorithm's, or shorter than any truncation may make it (RFC 8945 §5.2.2.1). */
export const isImpossibleMac = (mac: Bytes, { macLength }: TsigAlgorithm): boolean =>
  mac.length > macLength || mac.length < Math.max(10, macLength / 2);

/** The header as it was before the TSIG record was added: original id, ARCOUNT less one (RFC 8945 §4.3.2). */
export function unsignedHeader(message: Bytes, originalId: number): Bytes {
  const additionals = (((message[10] as number) << 8) | (message[11] as number)) - 1;
  return new Writer(12).uint16(originalId).octets(message.subarray(2, 10)).uint16(additionals).view();
}

/** In constant time for MACs of one length (RFC 8945 §5.2.2); a truncated one is compared over what is there. */
export function sameMac(expected: Bytes, received: Bytes): boolean {
  if (received.length === 0 || received.length > expected.length) return false;
  return timingSafeEqual(expected.subarray(0, received.length), new Uint8Array(received));
}
