/**
 * Sends one transfer: lead message, frames, tail message, and nothing else looked at; or the finished messages of an
 * answer, the first with the client's own question. Per message only the length, the
 * header and the trailer (OPT, TSIG) are made; the records are written from shared memory as they lie.
 *
 * A stream writes a quantum and stops; who drives it decides when it goes on. Without that, one fast reader would
 * starve every other client, as `write()` answers true to it for ever.
 */
import { type Bytes, putUint16 } from '../base/bytes.ts';
import { TsigSigner, tsigLength } from '../tsig/signer.ts';
import { HEADER_LENGTH, writeHeader } from '../wire/header.ts';
import { TransferPadding } from '../wire/padding.ts';
import { FLAG } from '../wire/registry.ts';
import { Writer } from '../wire/writer.ts';
import type { FrameList } from '../zone/frame-list.ts';
import { FRAME_HEAD } from '../zone/packer.ts';
import type { VersionReader } from '../zone/version.ts';
import { answerOpt, paddingOf } from './answer.ts';
import type { AcceptedTransfer } from './outcome.ts';
import type { ServedAnswer } from './zones.ts';

/** Where pieces go: a socket, corked by the driver for the length of a quantum. */
export interface Sink {
  write(piece: Uint8Array): unknown;
}

/**
 * Frames to a quantum: 64 plain, about 1 MB (5.0 to 5.5 GB/s in a prototype; 16 and 256 gave 4.1), 24 over TLS.
 */
export const PLAIN_QUANTUM = 64;
export const TLS_QUANTUM = 24;
/** Messages of one record each to one of a frame. */
const SHORT_MESSAGES = 8;

export class TransferStream {
  readonly transfer: AcceptedTransfer;
  readonly answer: ServedAnswer | undefined;
  /** As sent so far, length prefixes not counted. */
  messages = 0;
  bytes = 0;
  readonly #id: number;
  readonly #flags: number;
  /** OPT record for every message, where the query had one (RFC 9103 §6.3.4). */
  readonly #opt: Bytes | undefined;
  /** Of the messages to come; the OPT then ends with the head of its padding. */
  readonly #padding: TransferPadding | undefined;
  readonly #signer: TsigSigner | undefined;
  readonly #quantum: number;
  /** What every plain frame has in place of its first octets: the id, and the flags where the query's RD is set. */
  readonly #stamp: Buffer;
  #pageIndex = 0;
  #page: FrameList | undefined;
  #frameIndex = 0;
  #hasBegun = false;

  /** `now` in milliseconds; `answer`: in place of the zone as it is kept. */
  constructor(transfer: AcceptedTransfer, quantum: number, now: number, answer?: ServedAnswer) {
    const { query, sign, manner } = transfer;
    const padding = paddingOf(query, manner);
    this.transfer = transfer;
    this.answer = answer;
    this.#id = query.header.id;
    this.#flags = FLAG.QR | FLAG.AA | (query.header.flags & FLAG.RD);
    this.#opt = answerOpt(query, { expire: transfer.version.expiresIn(now), padding: padding && 0 }, manner);
    this.#signer = sign && new TsigSigner(sign.key, sign.mac);
    this.#padding = padding && new TransferPadding(padding, () => this.#lengths());
    // Messages may then be four times as long as the frames that they are made of.
    const isLong = padding !== undefined && (padding.policy === 'max' || padding.zoneSizeStep > 0);
    const isShort = transfer.format === 'one-answer';
    this.#quantum = isLong ? Math.max(1, quantum >> 2) : isShort ? quantum * SHORT_MESSAGES : quantum;
    this.#stamp = Buffer.from([this.#id >> 8, this.#id, this.#flags >> 8, this.#flags]).subarray(
      0,
      (this.#flags & FLAG.RD) === 0 ? 2 : 4,
    );
  }

  /** Octets of the frames: what `bytes` comes to, roughly. */
  get totalBytes(): number {
    return this.answer?.answer.octets ?? this.transfer.version.handle.octets;
  }

  get sentAs(): 'AXFR' | 'IXFR' {
    return this.answer === undefined || this.answer.answer.form === 'zone' ? 'AXFR' : 'IXFR';
  }

  /** One write, and it is over. */
  get isShort(): boolean {
    return this.answer === undefined
      ? this.transfer.version.handle.single !== undefined
      : this.answer.answer.count === 1;
  }

  /** Whether its memory is one of these pieces, by lease slot. */
  reads(slots: ReadonlySet<number>): boolean {
    return slots.has(this.transfer.version.slot) || (this.answer !== undefined && slots.has(this.answer.slot));
  }

  /** Held until the socket has taken the last octet: libuv reads the shared memory until then. */
  lease(): void {
    this.transfer.version.lease();
    this.answer?.lease();
  }

  release(): void {
    this.transfer.version.release();
    this.answer?.release();
  }

  /**
   * Writes the next quantum, of about `mostOctets` at most (never less than a message). True when the last message has
   * been written.
   */
  writeQuantum(sink: Sink, nowSeconds: number, mostOctets = Number.POSITIVE_INFINITY): boolean {
    const enough = this.bytes + mostOctets;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      if (this.#writeFirst(sink, nowSeconds)) return true;
    }
    let left = this.#quantum;
    while (left > 0 && this.bytes < enough) {
      const page = this.#currentPage();
      if (page === undefined) {
        if (this.answer === undefined) this.#writeSoa(sink, nowSeconds, false);
        return true;
      }
      const first = this.#frameIndex;
      const most = Math.min(page.length, first + left);
      const last = enough === Number.POSITIVE_INFINITY ? most : framesWithin(page, first, most, enough - this.bytes);
      if (this.#opt === undefined && this.#signer === undefined) this.#writePlain(sink, page, first, last);
      else for (let i = first; i < last; i++) this.#writeTrailed(sink, page, i, nowSeconds);
      this.#frameIndex = last;
      left -= last - first;
    }
    return false;
  }

  /** The message with the question. True where it is the only one. */
  #writeFirst(sink: Sink, now: number): boolean {
    const { handle, slabs } = this.transfer.version;
    if (this.answer !== undefined) {
      const page = this.answer.reader.page(0);
      const range = { slab: page.slab(0), offset: page.offset(0), length: page.octetLength(0) };
      this.#writeWithQuestion(sink, slabs.view(range), now);
      this.#page = page;
      this.#frameIndex = 1;
      this.#pageIndex = 1;
      return this.answer.answer.count === 1;
    }
    if (handle.single === undefined) this.#writeSoa(sink, now, true);
    else this.#writeWithQuestion(sink, slabs.view(handle.single), now);
    return handle.single !== undefined;
  }

  #currentPage(): FrameList | undefined {
    while (this.#page === undefined || this.#frameIndex >= this.#page.length) {
      const { reader } = this.answer ?? this.transfer.version;
      if (this.#pageIndex >= reader.pageCount) return undefined;
      this.#page = reader.page(this.#pageIndex++);
      this.#frameIndex = 0;
    }
    return this.#page;
  }

  /**
   * Frames that follow each other in a slab are written as pairs: the id, then everything up to the next id, length
   * prefix included. Half the pieces of a write a frame, and no copy.
   */
  #writePlain(sink: Sink, page: FrameList, first: number, last: number): void {
    const stamp = this.#stamp;
    const skip = 2 + stamp.length;
    let i = first;
    while (i < last) {
      const slabIndex = page.slab(i);
      const slab = this.transfer.version.slabs.bytes(slabIndex);
      let offset = page.offset(i);
      sink.write(slab.subarray(offset, offset + 2));
      for (;;) {
        sink.write(stamp);
        const length = page.octetLength(i);
        const end = offset + length;
        this.messages++;
        this.bytes += length - 2;
        i++;
        const goesOn = i < last && page.slab(i) === slabIndex && page.offset(i) === end;
        sink.write(slab.subarray(offset + skip, goesOn ? end + 2 : end));
        if (!goesOn) break;
        offset = end;
      }
    }
  }

  /** One frame with a trailer of its own. */
  #writeTrailed(sink: Sink, page: FrameList, i: number, now: number): void {
    const slab = this.transfer.version.slabs.bytes(page.slab(i));
    const offset = page.offset(i);
    const end = offset + page.octetLength(i);
    const head = Buffer.allocUnsafe(FRAME_HEAD);
    head.set(slab.subarray(offset, offset + FRAME_HEAD));
    this.#send(sink, head, slab.subarray(offset + FRAME_HEAD, end), now);
  }

  /** Lead (question and SOA) or tail (SOA). */
  #writeSoa(sink: Sink, now: number, isLead: boolean): void {
    const { query, version } = this.transfer;
    const question = isLead && query.question !== undefined ? query.question.wire : undefined;
    const body = new Writer(600);
    if (question !== undefined) body.octets(question);
    body.octets(version.handle.soaRecord);
    const head = new Writer(FRAME_HEAD).uint16(HEADER_LENGTH + body.length);
    writeHeader(head, 0, 0, { questions: question === undefined ? 0 : 1, answers: 1 });
    this.#send(sink, head.view(), body.view(), now);
  }

  /** A message stored with a question: the octets of the client's are put in its place. */
  #writeWithQuestion(sink: Sink, stored: Bytes, now: number): void {
    const { question } = this.transfer.query;
    if (question === undefined) return;
    const message = Buffer.from(stored);
    message.set(question.wire, FRAME_HEAD);
    this.#send(sink, message.subarray(0, FRAME_HEAD), message.subarray(FRAME_HEAD), now);
  }

  /** Completes `head` (length prefix and header of the message as stored) and writes it with body and trailer. */
  #send(sink: Sink, head: Uint8Array, body: Uint8Array, now: number): void {
    const { opt, padding } = this.#trailer(HEADER_LENGTH + body.length);
    let length = HEADER_LENGTH + body.length + (opt?.length ?? 0) + (padding?.length ?? 0);
    putUint16(head, 2, this.#id);
    putUint16(head, 4, this.#flags);
    if (opt !== undefined) putUint16(head, 12, 1);
    let tsig: Uint8Array | undefined;
    if (this.#signer !== undefined) {
      const header = head.subarray(2);
      const parts = [header, body, opt, padding].filter((part) => part !== undefined);
      tsig = this.#signer.sign(parts, this.#id, now);
      length += tsig.length;
      putUint16(head, 12, opt === undefined ? 1 : 2);
    }
    putUint16(head, 0, length);
    sink.write(head);
    sink.write(body);
    if (opt !== undefined) sink.write(opt);
    if (padding !== undefined) sink.write(padding);
    if (tsig !== undefined) sink.write(tsig);
    this.messages++;
    this.bytes += length;
  }

  /** The OPT and the zeros behind it, for a message that is so long without them. */
  #trailer(length: number): { readonly opt: Bytes | undefined; readonly padding?: Uint8Array } {
    if (this.#opt === undefined || this.#padding === undefined) return { opt: this.#opt };
    // A copy, as a sink may keep it until the quantum is whole.
    const opt = new Uint8Array(this.#opt);
    const octets = this.#padding.next(length + opt.length + this.#signatureLength);
    putUint16(opt, OPT_LENGTH_AT, opt.length - OPT_LENGTH_AT - 2 + octets);
    putUint16(opt, opt.length - 2, octets);
    return { opt, padding: ZEROS.subarray(0, octets) };
  }

  get #signatureLength(): number {
    const { sign } = this.transfer;
    return sign === undefined ? 0 : tsigLength(sign.key);
  }

  /** Of all messages, without padding. */
  *#lengths(): Generator<number> {
    const { query, version } = this.transfer;
    const { handle } = version;
    const trailer = (this.#opt?.length ?? 0) + this.#signatureLength;
    const ofFrames = function* ({ reader }: { readonly reader: VersionReader }): Generator<number> {
      for (let p = 0; p < reader.pageCount; p++) {
        const page = reader.page(p);
        for (let i = 0; i < page.length; i++) yield page.octetLength(i) - 2 + trailer;
      }
    };
    if (this.answer !== undefined) yield* ofFrames(this.answer);
    else if (handle.single !== undefined) yield handle.single.length - 2 + trailer;
    else {
      const tail = HEADER_LENGTH + handle.soaRecord.length + trailer;
      yield tail + (query.question?.wire.length ?? 0);
      yield* ofFrames(version);
      yield tail;
    }
  }
}

/** Owner, type, class and TTL go before the length of an OPT's options. */
const OPT_LENGTH_AT = 9;
const ZEROS = new Uint8Array(65_535);

/** Where to stop so that frames have so many octets, rounded up to a whole frame. */
function framesWithin(page: FrameList, first: number, most: number, octets: number): number {
  let last = first;
  for (let left = octets; last < most && left > 0; last++) left -= page.octetLength(last);
  return last;
}
