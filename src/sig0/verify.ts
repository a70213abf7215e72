/** Checks the SIG(0) of a request (RFC 2931 §3.1): key, then signature, then time. Answers are not signed so. */
import type { KeyObject } from 'node:crypto';
import type { Bytes } from '../base/bytes.ts';
import { importKey, isSignatureValid } from '../guard/dnssec/algorithm.ts';
import type { Sig0Record } from '../wire/message.ts';
import { zoneLabel } from '../wire/name.ts';
import { isNewer } from '../zone/serial.ts';
import { KEY_HEAD, type Sig0Key, tagOf } from './key.ts';

export type Sig0Verdict =
  | { readonly kind: 'valid'; readonly key: string }
  | { readonly kind: 'failed'; readonly why: 'unknown-key' | 'bad-signature' | 'bad-time' };

interface Known {
  readonly tag: number;
  readonly algorithm: number;
  readonly key: KeyObject;
  readonly fudge: number;
}

/** Keys that requests are checked by; made once, as importing one costs more than a check. */
export class Sig0Keys {
  readonly #keys = new Map<string, readonly Known[]>();

  constructor(keys: readonly Sig0Key[]) {
    for (const { name, records, fudge } of keys) {
      this.#keys.set(
        name,
        records.flatMap((record) => {
          const algorithm = record[3] as number;
          const key = importKey(algorithm, record.subarray(KEY_HEAD));
          return key === undefined ? [] : [{ tag: tagOf(record), algorithm, key, fudge }];
        }),
      );
    }
  }

  /** `message` is the whole request, `now` in seconds. */
  verify(message: Bytes, sig: Sig0Record, now: number): Sig0Verdict {
    const name = zoneLabel(sig.signer);
    const known = this.#keys.get(name)?.filter(({ tag, algorithm }) => tag === sig.tag && algorithm === sig.algorithm);
    if (known === undefined || known.length === 0) return { kind: 'failed', why: 'unknown-key' };
    const data = signedData(message, sig);
    // Tags are not unique: any key of it may be the one.
    const fitting = known.find(({ algorithm, key }) => isSignatureValid(algorithm, key, data, sig.signature));
    if (fitting === undefined) return { kind: 'failed', why: 'bad-signature' };
    const from = (sig.inception - fitting.fudge) >>> 0;
    const to = (sig.expiration + fitting.fudge) >>> 0;
    // Times wrap as serials do (RFC 4034 §3.1.5).
    const isInTime = !isNewer(from, now >>> 0) && !isNewer(now >>> 0, to);
    return isInTime ? { kind: 'valid', key: name } : { kind: 'failed', why: 'bad-time' };
  }
}

/** The record's rdata without the signature, then the message as it was before the record was added. */
function signedData(message: Bytes, { offset, head }: Sig0Record): Bytes {
  const header = Buffer.from(message.subarray(0, 12));
  header.writeUInt16BE(header.readUInt16BE(10) - 1, 10);
  return Buffer.concat([head, header, message.subarray(12, offset)]);
}
