/**
 * What the records of a transfer mean (RFC 5936 §2.2, RFC 1995 §4), told by its SOA records alone:
 *
 *     start --SOA--> lead --record--> zone ----------------SOA = first--> end        (AXFR, AXFR-style IXFR)
 *                     |--SOA = known--> deleting --SOA--> adding --SOA = first--> end (IXFR, first is newer than known)
 *                     |                    ^----SOA = last new-----|
 *                     |--SOA = first--> end                           (a zone of a SOA only)
 *                     '--end of message, not newer--> end             (the client is current)
 */
import { isNewer } from '../zone/serial.ts';

export type TransferKind = 'AXFR' | 'IXFR';
export type TransferState = 'start' | 'lead' | 'zone' | 'deleting' | 'adding' | 'end' | 'failed';
export type TransferFailure =
  | 'NO_FIRST_SOA'
  | 'SERIAL_CHANGED'
  | 'SERIAL_GAP'
  | 'NOT_NEWER'
  | 'RECORD_AFTER_END'
  | 'NO_KNOWN_SERIAL';

export class TransferInterpreter {
  readonly #kind: TransferKind;
  readonly #known: number | undefined;
  #first: number | undefined;
  #lastNew = 0;
  #state: TransferState;
  #failure: TransferFailure | undefined;
  #isCurrent = false;

  /** `known`: the serial that an IXFR asked from. */
  constructor(kind: TransferKind, known?: number, state: TransferState = 'start') {
    this.#kind = kind;
    this.#known = known;
    this.#state = state;
  }

  /** For a part of an AXFR that is not its beginning: the caller compares the SOAs. */
  static inZone(): TransferInterpreter {
    return new TransferInterpreter('AXFR', undefined, 'zone');
  }

  get state(): TransferState {
    return this.#state;
  }

  get failure(): TransferFailure | undefined {
    return this.#failure;
  }

  /** The answer was one SOA: nothing newer is to be had. */
  get isCurrent(): boolean {
    return this.#isCurrent;
  }

  /** Takes a SOA record of the apex. Gives the state after it. */
  soa(serial: number): TransferState {
    switch (this.#state) {
      case 'start':
        this.#first = serial;
        return this.#go('lead');
      case 'lead':
        if (serial === this.#first) return this.#go('end');
        if (this.#kind === 'AXFR') return this.#fail('SERIAL_CHANGED');
        if (serial !== this.#known) return this.#fail('SERIAL_GAP');
        // Differences that lead back would be taken for news.
        return isNewer(this.#first as number, serial) ? this.#go('deleting') : this.#fail('NOT_NEWER');
      case 'zone':
        // In the middle of an AXFR taken up in parts, the first serial is not known here.
        return this.#first === undefined || serial === this.#first ? this.#go('end') : this.#fail('SERIAL_CHANGED');
      case 'deleting':
        this.#lastNew = serial;
        return this.#go('adding');
      case 'adding':
        if (serial !== this.#lastNew) return this.#fail('SERIAL_GAP');
        return this.#go(serial === this.#first ? 'end' : 'deleting');
      case 'end':
        return this.#fail('RECORD_AFTER_END');
      case 'failed':
        return 'failed';
    }
  }

  /** Takes any other record; the state says what it is: of the zone, deleted or added. */
  record(): TransferState {
    switch (this.#state) {
      case 'start':
        return this.#fail('NO_FIRST_SOA');
      case 'lead':
        return this.#go('zone');
      case 'end':
        return this.#fail('RECORD_AFTER_END');
      default:
        return this.#state;
    }
  }

  /**
   * To be called after each message. One SOA alone ends an IXFR only when it is not newer than what was asked from:
   * else the rest is still to come, as from a primary that sends one record per message.
   */
  endOfMessage(): TransferState {
    if (this.#state !== 'lead' || this.#kind !== 'IXFR') return this.#state;
    if (this.#known === undefined) return this.#fail('NO_KNOWN_SERIAL');
    if (this.#first !== undefined && isNewer(this.#first, this.#known)) return this.#state;
    this.#isCurrent = true;
    return this.#go('end');
  }

  #go(state: TransferState): TransferState {
    this.#state = state;
    return state;
  }

  #fail(failure: TransferFailure): TransferState {
    this.#failure = failure;
    return this.#go('failed');
  }
}
