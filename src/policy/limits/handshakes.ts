/**
 * TLS handshakes per second and source, full ones and resumed ones apart. Whether a session is resumed is known at the
 * end only, as anybody can claim it; so each handshake is charged as a full one at first, and the token goes back when
 * it was resumed. A source that has no more tokens for full ones may go on resuming: it is let in on a token for resumed
 * ones, and where the handshake turns out to be full it is ended and charged what a full one costs in resumed ones.
 */
import type { AddressBytes } from '../prefix.ts';
import type { Rate } from '../rule-config.ts';
import { sourceKey } from './limit-key.ts';
import { chargeTokens, type RateTable, returnToken, takeToken } from './rate.ts';

export interface HandshakeRates {
  readonly full: Rate;
  readonly resumed: Rate;
}

/** What a handshake was let in on. */
export type HandshakeCharge = 'full' | 'resumed';

export class HandshakeLimit {
  readonly #table: RateTable;

  constructor(table: RateTable) {
    this.#table = table;
  }

  /** Undefined where the source has had its share. */
  begin(source: AddressBytes, rates: HandshakeRates, now: number): HandshakeCharge | undefined {
    if (takeToken(this.#table, keyOf('full', source), rates.full, now)) return 'full';
    return takeToken(this.#table, keyOf('resumed', source), rates.resumed, now) ? 'resumed' : undefined;
  }

  /**
   * Whether one more of a source that is not named may begin. Each costs a third of a millisecond from its first octets
   * on, so that many sources, each within its own limit, would keep a front from all else.
   */
  beginStranger(rate: Rate, now: number): boolean {
    return takeToken(this.#table, STRANGERS, rate, now);
  }

  /** It was a cheap one. */
  resumeStranger(rate: Rate, now: number): void {
    returnToken(this.#table, STRANGERS, rate, now);
  }

  /** Whether the connection may stay. */
  end(source: AddressBytes, charge: HandshakeCharge, isResumed: boolean, rates: HandshakeRates, now: number): boolean {
    if (isResumed === (charge === 'resumed')) return true;
    const resumed = keyOf('resumed', source);
    if (!isResumed) {
      chargeTokens(
        this.#table,
        resumed,
        rates.resumed,
        now,
        Math.ceil(perSecond(rates.resumed) / perSecond(rates.full)),
      );
      return false;
    }
    returnToken(this.#table, keyOf('full', source), rates.full, now);
    return takeToken(this.#table, resumed, rates.resumed, now);
  }
}

const STRANGERS = Buffer.from('handshakes of strangers\0');

const keyOf = (kind: HandshakeCharge, source: AddressBytes): Buffer =>
  Buffer.concat([Buffer.from(`handshake ${kind}\0`), sourceKey(source)]);

const perSecond = ({ count, perMs }: Rate): number => (count * 1000) / perMs;
