/** Takes a zone from a server on loopback with the project's own client: what the scenarios look at. */
import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
import { MessageFramer } from '../../src/wire/framing.ts';
import { nameFromText, nameToText } from '../../src/wire/name.ts';
import { rdataToText } from '../../src/wire/presentation/print.ts';
import { typeToText } from '../../src/wire/registry.ts';
import { TransferClient } from '../../src/xfr/client.ts';

export interface TakenZone {
  /** `owner type rdata`, sorted; the SOA once. */
  readonly records: readonly string[];
  /** Of an IXFR, sorted, SOA records included. */
  readonly deleted: readonly string[];
  readonly added: readonly string[];
  readonly sentAs: string | undefined;
  readonly serial: number;
  readonly messages: number;
}

export interface TakeOptions {
  readonly localAddress?: string;
  /** Asks IXFR from there. */
  readonly serial?: number;
}

/** Rejects with the client's sentence where the answer is refused or wrong. */
export function takeZone(
  port: number,
  zoneText: string,
  { localAddress = '127.0.0.1', serial }: TakeOptions = {},
): Promise<TakenZone> {
  const zone = nameFromText(zoneText);
  if (!zone.ok) throw new Error(zoneText);
  const lists = { zone: [] as string[], deleted: [] as string[], added: [] as string[] };
  const now = (): number => Math.floor(Date.now() / 1000);
  const client = new TransferClient({
    zone: zone.value,
    kind: serial === undefined ? 'AXFR' : 'IXFR',
    serial,
    id: randomInt(0x1_0000),
    now: now(),
    onRecord: (change, { owner, type, rdata }) =>
      lists[change].push(`${nameToText(owner)} ${typeToText(type)} ${rdataToText(type, rdata)}`),
  });
  return new Promise((resolve, reject) => {
    const framer = new MessageFramer();
    const socket = connect({ port, host: '127.0.0.1', localAddress }, () => {
      const query = client.query();
      const framed = Buffer.alloc(query.length + 2);
      framed.writeUInt16BE(query.length);
      framed.set(query, 2);
      socket.write(framed);
    });
    socket.setTimeout(15_000, () => socket.destroy(new Error('no answer in 15 s')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed the connection')));
    socket.on('data', (data) => {
      framer.push(data, (message) => {
        const step = client.take(message, now());
        if (step.kind === 'failed') reject(new Error(step.failure.text));
        if (step.kind === 'done')
          resolve({
            records: lists.zone.sort(),
            deleted: lists.deleted.sort(),
            added: lists.added.sort(),
            sentAs: client.sentAs,
            serial: client.serial ?? -1,
            messages: client.counters.messages,
          });
        if (step.kind !== 'more') socket.destroy();
        return step.kind === 'more';
      });
    });
  });
}
