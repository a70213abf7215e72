/** The TSIG algorithms (RFC 8945 §6): HMAC-MD5 is left out, as nobody should still need it. */
import type { Bytes } from '../base/bytes.ts';
import { equalNames, nameFromText } from '../wire/name.ts';

export type AlgorithmName = 'hmac-sha1' | 'hmac-sha224' | 'hmac-sha256' | 'hmac-sha384' | 'hmac-sha512';

export interface TsigAlgorithm {
  readonly name: AlgorithmName;
  /** What `node:crypto` calls the hash. */
  readonly hash: string;
  /** Octets of the whole MAC. */
  readonly macLength: number;
  /** The algorithm's name on the wire, lower case. */
  readonly wireName: Bytes;
}

const define = (name: AlgorithmName, hash: string, macLength: number): TsigAlgorithm => {
  const wireName = nameFromText(`${name}.`);
  if (!wireName.ok) throw new Error(`not a name: ${name}`);
  return { name, hash, macLength, wireName: wireName.value };
};

export const TSIG_ALGORITHMS: Readonly<Record<AlgorithmName, TsigAlgorithm>> = {
  'hmac-sha1': define('hmac-sha1', 'sha1', 20),
  'hmac-sha224': define('hmac-sha224', 'sha224', 28),
  'hmac-sha256': define('hmac-sha256', 'sha256', 32),
  'hmac-sha384': define('hmac-sha384', 'sha384', 48),
  'hmac-sha512': define('hmac-sha512', 'sha512', 64),
};

/** By its name on the wire. */
export const findAlgorithm = (wireName: Bytes): TsigAlgorithm | undefined =>
  Object.values(TSIG_ALGORITHMS).find((algorithm) => equalNames(algorithm.wireName, wireName));
