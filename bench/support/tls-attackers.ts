/** TLS 1.3 as an attacker speaks it: whole handshakes, a ClientHello to be sent over and over, keys renewed by hand. */
import { createCipheriv, createHmac } from 'node:crypto';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';

const OPTIONS = {
  ALPNProtocols: ['dot'],
  rejectUnauthorized: false,
  minVersion: 'TLSv1.3',
  // The keys below are derived for this one.
  ciphers: 'TLS_AES_128_GCM_SHA256',
} as const;

/** No session is kept, so each is a full one. */
export function shakeHands(socket: Socket, done: (tls: TLSSocket) => void): void {
  const tls = connect({ ...OPTIONS, socket });
  tls.on('error', () => undefined);
  tls.once('secureConnect', () => done(tls));
}

/** The first octets of a handshake, which do for any number of them. */
export function captureHello(): Buffer {
  const parts: Buffer[] = [];
  const wire = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      parts.push(chunk);
      done();
    },
  });
  connect({ ...OPTIONS, socket: wire as Socket }).on('error', () => undefined);
  return Buffer.concat(parts);
}

const KEY_UPDATE = Buffer.from('1800000101', 'hex'); // and the other side is to renew its keys as well
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;

/**
 * Renews the keys of a connection (RFC 8446 §4.6.3). Node cannot, so after its handshake the records are written by
 * hand, with the secret that it logs.
 */
export class KeyRenewer {
  readonly #socket: Socket;
  /** Keeps the connection alive. */
  readonly #query: Buffer;
  #secret: Buffer | undefined;
  #key: Buffer = Buffer.alloc(16);
  #iv: Buffer = Buffer.alloc(12);
  #sequence = 0;
  #isReady = false;
  #rounds = 0;

  constructor(socket: Socket, query: Buffer) {
    this.#socket = socket;
    this.#query = query;
    let isOurs = false;
    const wire = new Duplex({
      read: () => undefined,
      // What Node has to say after its handshake is not sent: its keys are not these any more.
      write: (chunk: Buffer, _encoding, done) => {
        if (!isOurs) socket.write(chunk);
        done();
      },
    });
    const feed = (data: Buffer): void => {
      if (!isOurs) wire.push(data);
    };
    socket.on('data', feed);
    const tls = connect({ ...OPTIONS, socket: wire as Socket });
    tls.on('error', () => undefined);
    tls.on('keylog', (line: Buffer) => {
      const [label, , secret] = line.toString().trim().split(' ');
      if (label === 'CLIENT_TRAFFIC_SECRET_0') this.#take(Buffer.from(secret as string, 'hex'));
    });
    // Its Finished is written by then.
    tls.once('secureConnect', () =>
      setImmediate(() => {
        isOurs = true;
        this.#isReady = true;
      }),
    );
  }

  /** So many times, in one write; gives how many. */
  renew(times: number): number {
    if (!this.#isReady || this.#secret === undefined || this.#socket.writableLength > 0) return 0;
    const records: Buffer[] = [];
    for (let i = 0; i < times; i++) {
      records.push(this.#record(KEY_UPDATE, HANDSHAKE));
      this.#take(expand(this.#secret, 'traffic upd', 32));
    }
    if (this.#rounds++ % 10 === 0) records.push(this.#record(this.#query, APPLICATION_DATA));
    this.#socket.write(Buffer.concat(records));
    return times;
  }

  #take(secret: Buffer): void {
    this.#secret = secret;
    this.#key = expand(secret, 'key', 16);
    this.#iv = expand(secret, 'iv', 12);
    this.#sequence = 0;
  }

  #record(content: Buffer, type: number): Buffer {
    const inner = Buffer.concat([content, Buffer.of(type)]);
    const head = Buffer.of(APPLICATION_DATA, 3, 3, 0, 0);
    head.writeUInt16BE(inner.length + 16, 3);
    const nonce = Buffer.from(this.#iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.#sequence++) >>> 0, 8);
    const cipher = createCipheriv('aes-128-gcm', this.#key, nonce).setAAD(head);
    return Buffer.concat([head, cipher.update(inner), cipher.final(), cipher.getAuthTag()]);
  }
}

/** HKDF-Expand-Label (RFC 8446 §7.1) without a context, of one block at most. */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.of(0, length, name.length), name, Buffer.of(0, 1)]);
  return createHmac('sha256', secret).update(info).digest().subarray(0, length);
}
