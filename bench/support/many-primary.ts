/** A primary of any number of small zones, in this process: whatever is asked for, there is a zone of five records. */
import { createServer, type Socket } from 'node:net';
import { newSplitter } from '../../test/support/message-splitter.ts';

export interface ManyPrimary {
  readonly port: number;
  readonly asked: { soa: number; axfr: number };
  /** Of every zone. */
  serial: number;
  stop(): Promise<void>;
}

const [SOA, NS, A, AXFR] = [6, 2, 1, 252];

export async function startManyPrimary(): Promise<ManyPrimary> {
  const asked = { soa: 0, axfr: 0 };
  const sockets = new Set<Socket>();
  const below = (label: string): Buffer => Buffer.from([label.length, ...Buffer.from(label), 0xc0, 12]);
  const record = (owner: Buffer, type: number, rdata: Buffer): Buffer =>
    Buffer.concat([owner, Buffer.from([0, type, 0, 1, 0, 0, 14, 16, 0, rdata.length]), rdata]);
  const apex = Buffer.from([0xc0, 12]);
  const soa = (serial: number): Buffer => {
    const numbers = Buffer.from('0000000100000e10000002580001518000000012c'.slice(0, 40), 'hex');
    numbers.writeUInt32BE(serial);
    return record(apex, SOA, Buffer.concat([below('ns1'), below('host'), numbers]));
  };
  const rest = Buffer.concat([
    record(apex, NS, below('ns1')),
    record(below('ns1'), A, Buffer.from([192, 0, 2, 1])),
    record(below('www'), A, Buffer.from([192, 0, 2, 2])),
    record(below('mail'), A, Buffer.from([192, 0, 2, 3])),
  ]);
  const answer = (query: Buffer): Buffer => {
    let end = 12;
    while (query[end] !== 0) end += 1 + (query[end] as number);
    const type = query.readUInt16BE(end + 1);
    const isZone = type === AXFR;
    if (isZone) asked.axfr++;
    else asked.soa++;
    const head = Buffer.alloc(14);
    query.copy(head, 2, 0, 2);
    head.writeUInt16BE(0x8400, 4);
    head.writeUInt16BE(1, 6);
    head.writeUInt16BE(isZone ? 6 : 1, 8);
    const own = soa(primary.serial);
    const message = Buffer.concat([head, query.subarray(12, end + 5), own, ...(isZone ? [rest, own] : [])]);
    message.writeUInt16BE(message.length - 2);
    return message;
  };
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    const split = newSplitter();
    socket.on('data', (data) => {
      const answers = split(data).map(answer);
      if (answers.length > 0) socket.write(Buffer.concat(answers));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const primary: ManyPrimary = {
    port: (server.address() as { port: number }).port,
    asked,
    serial: 1,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return primary;
}
