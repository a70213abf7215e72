/** Clients at many addresses: all of 127.0.0.0/8 is this machine. */
import { connect } from 'node:net';
import { labels, rawMessage, rawQuestion } from './raw-messages.ts';

const SOA = 6;

/** The first message in answer to a query over TCP from an address; undefined where the connection is closed instead. */
export function exchangeFrom(source: string, port: number, query: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: source }, () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    });
    let received = Buffer.alloc(0);
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      resolve(received.subarray(2, 2 + received.readUInt16BE(0)));
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(undefined));
  });
}

/** The response code to a SOA query over TCP from an address. */
export async function askFrom(source: string, port: number, zone = labels('example', 'org')): Promise<number> {
  const answer = await exchangeFrom(source, port, rawMessage({ id: 7, questions: [rawQuestion(zone, SOA)] }));
  if (answer === undefined) throw new Error(`${source} was closed without an answer`);
  return (answer[3] as number) & 0xf;
}
