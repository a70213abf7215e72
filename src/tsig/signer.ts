/**
 * Makes TSIG records (RFC 8945): for a request, for the answer to one, and for each message of a transfer, where every
 * MAC covers the one before it (§5.3.1).
 */
import { createHmac, type Hmac } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';
import { CLASS, TYPE } from '../wire/registry.ts';
import { Writer } from '../wire/writer.ts';
import type { TsigKey } from './key.ts';

export interface TsigOutcome {
  readonly error: number;
  /** Server time in BADTIME, empty otherwise. */
  readonly otherData: Bytes;
}

const NOTHING: Bytes = new Uint8Array(0);
export const TSIG_SUCCESS: TsigOutcome = { error: 0, otherData: NOTHING };

export class TsigSigner {
  readonly #key: TsigKey;
  #priorMac: Bytes;
  #isFirst = true;

  /** `priorMac`: the request's MAC when an answer is signed, undefined for a request. */
  constructor(key: TsigKey, priorMac?: Bytes) {
    this.#key = key;
    this.#priorMac = priorMac ?? NOTHING;
  }

  /** The MAC of the last message signed. */
  get mac(): Bytes {
    return this.#priorMac;
  }

  /**
   * Signs the next message: `parts` together are its octets, with ARCOUNT as it is without the TSIG record. Returns the
   * record to append; the caller then raises ARCOUNT by one. `now` in seconds.
   */
  sign(parts: readonly Bytes[], id: number, now: number, outcome: TsigOutcome = TSIG_SUCCESS): Uint8Array<ArrayBuffer> {
    const hmac = createHmac(this.#key.algorithm.hash, this.#key.secret);
    if (this.#priorMac.length > 0) updateWithLength(hmac, this.#priorMac);
    for (const part of parts) hmac.update(part);
    hmac.update(
      this.#isFirst ? tsigVariables(this.#key, now, this.#key.fudge, outcome) : tsigTimers(now, this.#key.fudge),
    );
    this.#isFirst = false;
    this.#priorMac = hmac.digest();
    return writeTsig(
      this.#key.wireName,
      this.#key.algorithm.wireName,
      now,
      this.#key.fudge,
      this.#priorMac,
      id,
      outcome,
    );
  }
}

/** Octets of the record that `sign` makes. */
export const tsigLength = (key: TsigKey, { otherData }: TsigOutcome = TSIG_SUCCESS): number =>
  key.wireName.length + 10 + key.algorithm.wireName.length + 16 + key.algorithm.macLength + otherData.length;

/** A TSIG record that carries an error and no MAC: BADKEY and BADSIG are answered unsigned (RFC 8945 §5.2). */
export function unsignedTsig(
  keyName: Bytes,
  algorithm: Bytes,
  request: { readonly timeSigned: number; readonly fudge: number },
  id: number,
  error: number,
): Uint8Array<ArrayBuffer> {
  return writeTsig(keyName, algorithm, request.timeSigned, request.fudge, NOTHING, id, { error, otherData: NOTHING });
}

function writeTsig(
  keyName: Bytes,
  algorithm: Bytes,
  time: number,
  fudge: number,
  mac: Bytes,
  id: number,
  outcome: TsigOutcome,
): Uint8Array<ArrayBuffer> {
  const rdataLength = algorithm.length + 16 + mac.length + outcome.otherData.length;
  return new Writer(keyName.length + 10 + rdataLength)
    .octets(keyName)
    .uint16(TYPE.TSIG)
    .uint16(CLASS.ANY)
    .uint32(0)
    .uint16(rdataLength)
    .octets(algorithm)
    .uint48(time)
    .uint16(fudge)
    .uint16(mac.length)
    .octets(mac)
    .uint16(id)
    .uint16(outcome.error)
    .uint16(outcome.otherData.length)
    .octets(outcome.otherData)
    .view();
}

/** The TSIG variables a first MAC covers (RFC 8945 §4.3.3). */
export function tsigVariables(key: TsigKey, time: number, fudge: number, outcome: TsigOutcome): Bytes {
  return new Writer(64)
    .octets(key.wireName)
    .uint16(CLASS.ANY)
    .uint32(0)
    .octets(key.algorithm.wireName)
    .uint48(time)
    .uint16(fudge)
    .uint16(outcome.error)
    .uint16(outcome.otherData.length)
    .octets(outcome.otherData)
    .view();
}

/** What later MACs of a transfer cover in their place (RFC 8945 §5.3.1). */
export const tsigTimers = (time: number, fudge: number): Bytes => new Writer(8).uint48(time).uint16(fudge).view();

export function updateWithLength(hmac: Hmac, mac: Bytes): void {
  hmac.update(new Writer(2).uint16(mac.length).view()).update(mac);
}
