/**
 * A TCP connection to a primary. Octets are read straight into memory of the reader's choice: a transfer's go into
 * shared memory without being copied once more.
 */
import { connect, type Socket } from 'node:net';
import { ZonegateError } from '../base/errors.ts';
import type { Address } from '../config/config.ts';

/** Where received octets go. */
export interface Intake {
  /** Room for what comes next. */
  space(): Uint8Array;
  /** `length` octets were put at the beginning of the last `space()`. False: enough for now, until `resume`. */
  received(length: number): boolean;
  /** The connection is over; `error` says why, if not by a plain close. */
  ended(error: Error | undefined): void;
}

export class PrimaryConnection {
  readonly address: Address;
  readonly #socket: Socket;
  #intake: Intake;
  #space: Uint8Array;
  #isClosed = false;

  private constructor(
    address: Address,
    sourceAddress: string | undefined,
    connected: () => void,
    failed: (error: Error) => void,
  ) {
    this.address = address;
    this.#intake = idleIntake;
    this.#space = SCRATCH();
    this.#socket = connect({
      host: address.host,
      port: address.port,
      noDelay: true,
      ...(sourceAddress !== undefined && { localAddress: sourceAddress }),
      onread: { buffer: () => this.#space, callback: (length: number) => this.#read(length) },
    });
    this.#socket.once('connect', connected);
    let cause: Error | undefined;
    this.#socket.on('error', (error) => {
      cause = error;
      failed(error);
    });
    this.#socket.on('end', () => this.#end(cause));
    this.#socket.on('close', () => this.#end(cause));
  }

  /** Rejects with ZG_PRIMARY_CLOSED or ZG_PRIMARY_TIMEOUT. */
  static open(address: Address, sourceAddress: string | undefined, timeoutMs: number): Promise<PrimaryConnection> {
    return new Promise((resolve, reject) => {
      const where = `${address.host}#${address.port}`;
      const timer = setTimeout(() => {
        connection.close();
        reject(new ZonegateError('ZG_PRIMARY_TIMEOUT', `${where}: no connection after ${timeoutMs} ms`));
      }, timeoutMs);
      const connection = new PrimaryConnection(
        address,
        sourceAddress,
        () => {
          clearTimeout(timer);
          resolve(connection);
        },
        (error) => {
          clearTimeout(timer);
          const code = (error as NodeJS.ErrnoException).code ?? error.message;
          reject(new ZonegateError('ZG_PRIMARY_CLOSED', `${where}: ${code}`, {}, error));
        },
      );
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends a message, with its length prefix in the same write (RFC 7766 §8), and lets `intake` have what comes. */
  send(message: Uint8Array, intake: Intake): void {
    this.#intake = intake;
    const framed = Buffer.allocUnsafe(message.length + 2);
    framed.writeUInt16BE(message.length, 0);
    framed.set(message, 2);
    this.#socket.write(framed);
  }

  resume(): void {
    if (!this.#isClosed) this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The room that the socket has was asked for before a new intake came: then the octets are copied over. */
  #read(length: number): boolean {
    const filled = this.#space.subarray(0, length);
    const intake = this.#intake;
    let goesOn = true;
    if (this.#owner === intake) goesOn = intake.received(length);
    else {
      let at = 0;
      while (at < length) {
        const room = intake.space();
        const taken = Math.min(room.length, length - at);
        room.set(filled.subarray(at, at + taken));
        at += taken;
        goesOn = intake.received(taken);
      }
    }
    this.#owner = this.#intake;
    this.#space = this.#intake.space();
    return goesOn;
  }

  #owner: Intake = idleIntake;

  #end(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const intake = this.#intake;
    this.#intake = idleIntake;
    this.#socket.destroy();
    intake.ended(error);
  }
}

const SCRATCH = (): Uint8Array => new Uint8Array(16_384);

/** Nothing is expected: what comes is thrown away. */
const idleIntake: Intake = {
  space: () => new Uint8Array(1024),
  received: () => true,
  ended: () => undefined,
};
