/** Clients at many addresses: all of 127.0.0.0/8 is this machine. */
import { connect } from 'node:net';
import { labels, rawMessage, rawQuestion } from './raw-messages.ts';

const SOA = 6;

/** The response code to a SOA query over TCP from an address. */
export function askFrom(source: string, port: number, zone = labels('example', 'org')): Promise<number> {
  const query = rawMessage({ id: 7, questions: [rawQuestion(zone, SOA)] });
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: source }, () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    });
    socket.once('data', (answer) => {
      resolve((answer[5] as number) & 0xf);
      socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`${source} was closed without an answer`)));
  });
}
