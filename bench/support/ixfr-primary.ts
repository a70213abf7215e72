/**
 * A primary for benches, in this process: a synthetic zone by AXFR, and by IXFR changes of ten records at random places.
 * Answers SOA over UDP and TCP.
 */
import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { newSplitter } from '../../test/support/message-splitter.ts';
import { axfrStream, wireName } from './synthetic.ts';

export interface IxfrPrimary {
  readonly port: number;
  readonly serial: number;
  /** Transfers asked for, by type. */
  readonly asked: Record<'AXFR' | 'IXFR', number>;
  /** Changes ten records, under the next serial. */
  change(): void;
  /** Closes connections on whatever is asked. */
  isAway: boolean;
  /** Addresses by number of the host, where they are not the first ones, at a serial of the last thousand. */
  addressesAt(serial: number): ReadonlyMap<number, string>;
  stop(): Promise<void>;
}

const CHANGED = 10;
const [SOA, IXFR, AXFR] = [6, 251, 252];

export async function startIxfrPrimary(zone: string, records: number): Promise<IxfrPrimary> {
  const apex = wireName(zone);
  const first = axfrStream(zone, records);
  let serial = 1;
  /** By the serial they lead from. */
  const steps = new Map<number, Buffer>();
  const addresses = new Map<number, Buffer>();
  const asked = { AXFR: 0, IXFR: 0 };
  /** What addresses were before the change to a serial. */
  const changed = new Map<number, ReadonlyMap<number, Buffer | undefined>>();
  let isAway = false;
  const below = (label: string): Buffer => Buffer.from([label.length, ...Buffer.from(label), 0xc0, 12]);
  const soaRdata = (value: number): Buffer => {
    const numbers = Buffer.from('0000000100000e10000002580001518000000012c'.slice(0, 40), 'hex');
    numbers.writeUInt32BE(value);
    return Buffer.concat([below('ns1'), below('hostmaster'), numbers]);
  };
  const record = (owner: Buffer, type: number, rdata: Buffer): Buffer => {
    const fixed = Buffer.from([0, type, 0, 1, 0, 0, 14, 16, rdata.length >> 8, rdata.length & 255]);
    return Buffer.concat([owner, fixed, rdata]);
  };
  const soa = (value: number): Buffer => record(Buffer.from([0xc0, 12]), SOA, soaRdata(value));
  const host = (i: number, address: Buffer): Buffer => record(below(`host-${String(i).padStart(8, '0')}`), 1, address);

  const change = (): void => {
    const parts = [soa(serial + 1), soa(serial)];
    const additions = [soa(serial + 1)];
    const chosen = new Map<number, Buffer | undefined>();
    // Those whose number ends in 0 to 4 are addresses.
    while (chosen.size < CHANGED) {
      const i = 10 * Math.floor(1 + Math.random() * (records / 10 - 2));
      chosen.set(i, addresses.get(i));
    }
    for (const [i, old] of chosen) {
      const before = old ?? Buffer.from([198, 18, (i >> 8) & 255, i & 255]);
      const after = Buffer.from([203, 0, serial & 255, (before[3] as number) ^ 1]);
      parts.push(host(i, before));
      additions.push(host(i, after));
      addresses.set(i, after);
    }
    const body = Buffer.concat([...parts, ...additions, soa(serial + 1)]);
    steps.set(serial, body);
    steps.delete(serial - 30);
    serial++;
    changed.set(serial, chosen);
    changed.delete(serial - 1000);
  };

  const addressesAt = (wanted: number): ReadonlyMap<number, string> => {
    const at = new Map<number, Buffer | undefined>(addresses);
    for (let later = serial; later > wanted; later--) for (const [i, old] of changed.get(later) ?? []) at.set(i, old);
    return new Map([...at].flatMap(([i, address]) => (address === undefined ? [] : [[i, address.join('.')]])));
  };

  const answer = (query: Buffer): Buffer | undefined => {
    const nameEnd = 12 + apex.length;
    const type = query.readUInt16BE(nameEnd);
    const question = query.subarray(12, nameEnd + 4);
    const head = (answers: number, flags = 0x8400): Buffer => {
      const octets = Buffer.alloc(12);
      query.copy(octets, 0, 0, 2);
      octets.writeUInt16BE(flags, 2);
      octets.writeUInt16BE(1, 4);
      octets.writeUInt16BE(answers, 6);
      return octets;
    };
    if (type === SOA) return Buffer.concat([head(1), question, soa(serial)]);
    if (type !== IXFR) return type === AXFR ? undefined : Buffer.concat([head(0, 0x8405), question]);
    asked.IXFR++;
    const step = steps.get(serialOf(query, nameEnd + 4) ?? 0);
    if (step === undefined) return Buffer.concat([head(1), question, soa(serial)]);
    return Buffer.concat([head(2 * CHANGED + 4), question, step]);
  };

  const sendZone = (socket: Socket, query: Buffer): void => {
    asked.AXFR++;
    const copy = serial === 1 ? Buffer.from(first) : axfrStream(zone, records, serial, addresses);
    for (let at = 0; at < copy.length; at += 2 + copy.readUInt16BE(at)) query.copy(copy, at + 2, 0, 2);
    socket.write(copy);
  };

  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    const split = newSplitter();
    socket.on('data', (data) => {
      for (const query of split(data)) {
        if (isAway) {
          socket.destroy();
          return;
        }
        const message = answer(query);
        if (message === undefined) sendZone(socket, query);
        else socket.write(Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const udp = createSocket('udp4');
  udp.on('message', (query, from) => {
    const message = isAway ? undefined : answer(query);
    if (message !== undefined) udp.send(message, from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
  return {
    port,
    asked,
    get serial() {
      return serial;
    },
    change,
    addressesAt,
    get isAway() {
      return isAway;
    },
    set isAway(value) {
      isAway = value;
    },
    stop: async () => {
      udp.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Serial of the SOA record that begins at `at`. */
function serialOf(query: Buffer, at: number): number | undefined {
  let end = at;
  const skipName = (): void => {
    for (;;) {
      const octet = query[end] as number;
      if (octet >= 0xc0) {
        end += 2;
        return;
      }
      end += 1 + octet;
      if (octet === 0) return;
    }
  };
  if (at >= query.length) return undefined;
  skipName();
  end += 10;
  skipName();
  skipName();
  return query.readUInt32BE(end);
}
