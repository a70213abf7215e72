/**
 * The differences of an IXFR answer as one change (RFC 1995 §4): steps are added up, and a record must be deleted and
 * added in turns. Whether it was there to begin with shows when the change is applied.
 */
import type { Bytes } from '../base/bytes.ts';
import { nameToText } from '../wire/name.ts';
import { TYPE, typeToText } from '../wire/registry.ts';
import type { Change } from '../zone/apply.ts';
import { ChangeWriter } from '../zone/diff.ts';
import { RecordArena, type StoredRecord } from '../zone/record-arena.ts';
import type { PackedRecord } from '../zone/run-writer.ts';
import type { SlabWriter } from '../zone/slab.ts';
import { type AnswerOptions, AnswerReader, type IngestFailure } from './answer-reader.ts';
import { TransferInterpreter } from './interpreter.ts';
import { isSameSoa, type SoaRecord } from './soa-record.ts';

export interface IxfrOptions extends AnswerOptions {
  readonly frameSize: number;
  readonly outOfZone: 'reject' | 'ignore';
  /** Serial that was asked from. */
  readonly known: number;
}

export interface ReceivedChange {
  readonly change: Change;
  /** Of the version that the change leads to. */
  readonly soa: SoaRecord;
  readonly steps: number;
  readonly deleted: number;
  readonly added: number;
}

export type IxfrChangeResult =
  | { readonly ok: true; readonly received: ReceivedChange }
  | { readonly ok: false; readonly failure: IngestFailure };

/** A piece of memory with whole length-prefixed messages. */
export interface Piece {
  readonly bytes: Bytes;
  readonly start: number;
  readonly end: number;
}

/** Reads a whole answer; `slabs` is where the change goes. */
export function readIxfr(pieces: readonly Piece[], options: IxfrOptions, slabs: SlabWriter): IxfrChangeResult {
  return new IxfrReader(options, slabs).read(pieces);
}

interface Difference {
  readonly stored: StoredRecord;
  readonly isAddition: boolean;
}

class IxfrReader {
  readonly #options: IxfrOptions;
  readonly #slabs: SlabWriter;
  readonly #interpreter: TransferInterpreter;
  readonly #answer: AnswerReader;
  readonly #arena = new RecordArena();
  readonly #differences: Difference[] = [];
  #soa: SoaRecord | undefined;
  #steps = 0;
  #added = 0;

  constructor(options: IxfrOptions, slabs: SlabWriter) {
    this.#options = options;
    this.#slabs = slabs;
    this.#interpreter = new TransferInterpreter('IXFR', options.known);
    this.#answer = new AnswerReader(options, this.#interpreter, () => this.#record());
  }

  read(pieces: readonly Piece[]): IxfrChangeResult {
    const answer = this.#answer;
    const isRead = pieces.every(({ bytes, start, end }) => answer.read(bytes, start, end));
    if (isRead && this.#interpreter.state !== 'end')
      answer.fail('CLOSED_EARLY', 'the differences do not come to an end');
    if (isRead && !answer.isSealed) answer.fail('TSIG_NOT_SEALED', 'the last message is not signed');
    const change = answer.failure === undefined ? this.#change() : undefined;
    if (change === undefined || this.#soa === undefined) {
      return { ok: false, failure: answer.failure ?? { code: 'NO_FIRST_SOA', text: 'the answer holds no SOA' } };
    }
    const deleted = this.#differences.length - this.#added;
    return { ok: true, received: { change, soa: this.#soa, steps: this.#steps, deleted, added: this.#added } };
  }

  #record(): boolean {
    const { reader } = this.#answer;
    if (reader.isOutOfZone) return this.#options.outOfZone === 'ignore' || this.#answer.failRecord('OUT_OF_ZONE');
    if (reader.type === TYPE.SOA) return this.#soaRecord();
    const state = this.#interpreter.record();
    if (state === 'failed') return this.#answer.failSequence();
    if (state === 'zone') return this.#answer.fail('NOT_DIFFERENCES', 'the answer is a whole zone, not differences');
    if (!reader.rdata()) return this.#answer.failRecord();
    const isAddition = state === 'adding';
    if (isAddition) this.#added++;
    this.#differences.push({ stored: this.#arena.store(reader), isAddition });
    reader.releaseScratch();
    return true;
  }

  #soaRecord(): boolean {
    const answer = this.#answer;
    const soa = answer.soa();
    if (soa === undefined) return false;
    answer.reader.releaseScratch();
    const state = this.#interpreter.soa(soa.serial);
    if (state === 'failed') return answer.failSequence();
    if (state === 'lead') this.#soa = soa;
    if (state === 'deleting') this.#steps++;
    if (state !== 'end' || (this.#soa && isSameSoa(this.#soa, soa))) return true;
    return answer.fail('SERIAL_CHANGED', 'the SOA records at the beginning and the end differ');
  }

  /** Undefined where a record is deleted or added twice in a row. */
  #change(): Change | undefined {
    const arena = this.#arena;
    const { frameSize } = this.#options;
    const [removed, added, lacking] = [0, 1, 2].map(() => new ChangeWriter(this.#slabs, frameSize)) as Writers;
    const sorted = this.#differences.toSorted(
      (a, b) => arena.compare(a.stored, b.stored) || a.stored.start - b.stored.start,
    );
    for (let i = 0; i < sorted.length; ) {
      const first = sorted[i] as Difference;
      let last = first;
      for (i++; i < sorted.length; i++) {
        const next = sorted[i] as Difference;
        if (arena.compare(first.stored, next.stored) !== 0) break;
        if (next.isAddition === last.isAddition) return this.#failTwice(arena.record(next.stored), next.isAddition);
        last = next;
      }
      const isKept =
        (first.isAddition || removed.offer(arena.record(first.stored))) &&
        (!last.isAddition || added.offer(arena.record(last.stored))) &&
        (!first.isAddition || last.isAddition || lacking.offer(arena.record(first.stored)));
      if (!isKept) {
        this.#answer.failTooLarge();
        return undefined;
      }
    }
    return { removed: removed.finish(), added: added.finish(), lacking: lacking.finish() };
  }

  #failTwice(record: PackedRecord, isAddition: boolean): undefined {
    this.#answer.fail(...changeFailure(isAddition ? 'ADDED_IS_THERE' : 'REMOVED_IS_NOT_THERE', record));
  }
}

type Writers = [ChangeWriter, ChangeWriter, ChangeWriter];

/** Code and sentence for a difference that does not fit the zone. */
export function changeFailure(
  code: 'ADDED_IS_THERE' | 'REMOVED_IS_NOT_THERE',
  { owner, ownerLength, type }: PackedRecord,
): [string, string] {
  const name = typeToText(type);
  const record = `${BEGINS_WITH_VOWEL.test(name) ? 'an' : 'a'} ${name} record of ${nameToText(owner.subarray(0, ownerLength))}`;
  return code === 'ADDED_IS_THERE'
    ? [code, `an IXFR adds ${record} that is there already`]
    : [code, `an IXFR deletes ${record} that is not there`];
}

/** As they are said, spelt out or as a word: an A, an MX, an SRV, an HTTPS, but a SOA, a LOC, a DNSKEY record. */
const BEGINS_WITH_VOWEL = /^(?:[AEIO]|[FLMNRSX][^AEIOU]|HTTPS)/;
