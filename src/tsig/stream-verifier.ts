/**
 * Checks the answer to a signed request of ours: one message, or the many of a transfer, of which the first and the
 * last must be signed and at most 99 in a row between them need not be (RFC 8945 §5.3.1).
 */
import { createHmac, type Hmac } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';
import type { TsigRecord } from '../wire/message.ts';
import { nameKey } from '../wire/name.ts';
import type { TsigKey } from './key.ts';
import { TSIG_SUCCESS, tsigTimers, tsigVariables, updateWithLength } from './signer.ts';
import { sameMac, unsignedHeader } from './verifier.ts';

export type TsigStreamFailure =
  | 'NOT_SIGNED'
  | 'TOO_MANY_UNSIGNED'
  | 'OTHER_KEY'
  | 'BAD_MAC'
  | 'BAD_TIME'
  | 'TSIG_ERROR';

const MOST_UNSIGNED = 99;

export class TsigStreamVerifier {
  readonly #key: TsigKey;
  #priorMac: Bytes;
  #isFirst: boolean;
  #unsigned = 0;
  #hmac: Hmac | undefined;
  #failure: TsigStreamFailure | undefined;

  /**
   * `priorMac`: of the request, or, to go on in the middle of a transfer, of the last signed message before.
   */
  constructor(key: TsigKey, priorMac: Bytes, isFirst = true) {
    this.#key = key;
    this.#priorMac = priorMac;
    this.#isFirst = isFirst;
  }

  /** Whether the last message taken was signed: a transfer must not end otherwise. */
  get isSealed(): boolean {
    return this.#unsigned === 0 && !this.#isFirst && this.#failure === undefined;
  }

  /** Takes the next message whole; `now` in seconds. Undefined means it fits so far; the first failure stays. */
  take(message: Bytes, tsig: TsigRecord | undefined, now: number): TsigStreamFailure | undefined {
    this.#failure ??= this.#check(message, tsig, now);
    return this.#failure;
  }

  #check(message: Bytes, tsig: TsigRecord | undefined, now: number): TsigStreamFailure | undefined {
    if (this.#hmac === undefined) {
      this.#hmac = createHmac(this.#key.algorithm.hash, this.#key.secret);
      updateWithLength(this.#hmac, this.#priorMac);
    }
    if (tsig === undefined) {
      if (this.#isFirst) return 'NOT_SIGNED';
      if (++this.#unsigned > MOST_UNSIGNED) return 'TOO_MANY_UNSIGNED';
      this.#hmac.update(message);
      return undefined;
    }
    const { algorithm, wireName } = this.#key;
    if (nameKey(tsig.keyName) !== nameKey(wireName) || nameKey(tsig.algorithm) !== nameKey(algorithm.wireName)) {
      return 'OTHER_KEY';
    }
    if (tsig.mac.length !== algorithm.macLength) return tsig.error === 0 ? 'BAD_MAC' : 'TSIG_ERROR';
    this.#hmac.update(unsignedHeader(message, tsig.originalId)).update(message.subarray(12, tsig.offset));
    this.#hmac.update(
      this.#isFirst
        ? tsigVariables(this.#key, tsig.timeSigned, tsig.fudge, tsig)
        : tsigTimers(tsig.timeSigned, tsig.fudge),
    );
    if (!sameMac(this.#hmac.digest(), tsig.mac)) return 'BAD_MAC';
    if (tsig.error !== TSIG_SUCCESS.error) return 'TSIG_ERROR';
    if (Math.abs(now - tsig.timeSigned) > tsig.fudge) return 'BAD_TIME';
    this.#priorMac = new Uint8Array(tsig.mac);
    this.#hmac = undefined;
    this.#unsigned = 0;
    this.#isFirst = false;
    return undefined;
  }
}
