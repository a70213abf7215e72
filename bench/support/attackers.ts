/** The attackers themselves: what each does on its connections. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { framed, labels, rawMessage, rawQuestion, u16 } from '../../test/support/raw-messages.ts';
import { wireName } from '../../test/support/transfer-messages.ts';
import { signRequest } from '../../test/support/tsig-messages.ts';
import { type AttackName, type AttackTally, type AttackTask, TLS_ATTACKS } from './attacks.ts';
import { Crowd } from './crowd.ts';
import { NotifyStorm } from './notify-storm.ts';
import { captureHello, KeyRenewer, shakeHands } from './tls-attackers.ts';

export interface Attacker {
  start(): Promise<void>;
  stop(): void;
}

const AXFR = 252;
const SOURCES = 200;
/** Of an answer that refuses. */
const SHORT = 200;

export function attackerOf(task: AttackTask, tally: AttackTally): Attacker {
  const { target, network, scale } = task;
  if (task.name === 'notify') return new NotifyStorm({ ...target, network, perSecond: 5000 * scale, tally });
  const isTls = TLS_ATTACKS.includes(task.name);
  const port = isTls ? target.tlsPort : target.port;
  if (port === undefined) throw new Error(`${task.name} needs TLS`);
  const crowd = (count: number, perSecond: number, play: Play): Attacker =>
    new Crowd({
      ...{ port, network, tally, play },
      count: Math.max(1, Math.round(count * scale)),
      perSecond: Math.max(20, perSecond * scale),
      sources: Math.max(4, Math.round(SOURCES * scale)),
    });
  return PLAYS[task.name](task, tally, crowd);
}

/** What is done on a connection that is there; a function that comes back is called every 100 ms. */
export type Play = (socket: Socket) => (() => void) | undefined;
type NewCrowd = (count: number, perSecond: number, play: Play) => Attacker;

const axfr = (zone: string, id = 7): Buffer => rawMessage({ id, questions: [rawQuestion(wireName(zone), AXFR)] });

const PLAYS: Record<
  Exclude<AttackName, 'notify'>,
  (task: AttackTask, tally: AttackTally, crowd: NewCrowd) => Attacker
> = {
  idle: (_task, _tally, crowd) => crowd(2000, 4000, () => undefined),

  'slow-writers': ({ target }, tally, crowd) =>
    crowd(500, 2000, (socket) => {
      const query = framed(axfr(target.zone));
      let ticks = 0;
      return () => {
        const at = ticks++ / 10;
        if (!Number.isInteger(at) || at >= query.length) return;
        tally.sent++;
        socket.write(query.subarray(at, at + 1));
      };
    }),

  'slow-readers': ({ target }, tally, crowd) =>
    crowd(200, 500, (socket) => {
      // The crowd reads all that comes; here it is read by hand.
      socket.removeAllListeners('data');
      socket.pause();
      for (let id = 0; id < 4; id++) socket.write(framed(axfr(target.largeZone, id)));
      tally.sent += 4;
      return () => {
        const taken: Buffer | null = socket.read(400) ?? socket.read();
        tally.received += taken?.length ?? 0;
      };
    }),

  garbage: (_task, tally, crowd) => {
    let turn = 0;
    return crowd(100, 1000, (socket) => {
      const isFramed = turn++ % 2 === 0;
      const octets = isFramed
        ? Buffer.concat(Array.from({ length: 10 }, () => framed(randomBytes(12 + Math.floor(Math.random() * 400)))))
        : randomBytes(2000);
      tally.sent++;
      socket.write(octets);
      let ticks = 0;
      return () => {
        if (++ticks > 2) socket.destroy();
      };
    });
  },

  'half-messages': ({ target }, tally, crowd) =>
    crowd(1000, 2000, (socket) => {
      tally.sent++;
      socket.write(framed(axfr(target.zone)).subarray(0, 20));
      return undefined;
    }),

  handshakes: (_task, tally, crowd) =>
    crowd(50, 3000, (socket) => {
      shakeHands(socket, (tls) => {
        tally.sent++;
        tls.destroy();
      });
      return undefined;
    }),

  hellos: (_task, tally, crowd) => {
    const hello = captureHello();
    return crowd(100, 3000, (socket) => {
      tally.sent++;
      socket.write(hello);
      socket.once('data', () => socket.destroy());
      return undefined;
    });
  },

  'key-updates': ({ target }, tally, crowd) => {
    const soa = framed(rawMessage({ questions: [rawQuestion(wireName(target.zone), 6)] }));
    return crowd(20, 100, (socket) => {
      const renewer = new KeyRenewer(socket, soa);
      return () => {
        tally.sent += renewer.renew(100);
      };
    });
  },

  hammer: ({ target }, tally, crowd) =>
    crowd(200, 1000, (socket) => {
      // A whole transfer brings some octets a record; then the next is asked for.
      const query = framed(axfr(target.largeZone));
      const ask = (): void => {
        tally.sent++;
        socket.write(query);
      };
      ask();
      let quiet = 0;
      let atOnce = 0;
      socket.on('data', (data) => {
        quiet = 0;
        // Refused: again.
        if (data.length < SHORT && atOnce-- > 0) ask();
      });
      return () => {
        atOnce = 10;
        if (++quiet > 1) ask();
      };
    }),

  'unknown-keys': ({ target }, tally, crowd) => {
    const requests = Array.from({ length: 20 }, (_, i) => {
      const key = { name: `nobody-${i}.example`, hash: 'sha256', secret: Buffer.alloc(32, i) };
      return framed(signRequest(axfr(target.zone, i), key, { time: Math.floor(Date.now() / 1000) }).message);
    });
    return repeated(crowd, tally, Buffer.concat(requests), requests.length);
  },

  loops: (_task, tally, crowd) => {
    const requests = pointerLoops().map(framed);
    return repeated(crowd, tally, Buffer.concat(requests), requests.length);
  },
};

/** The same octets again at each tick, for as long as the connection lasts. */
function repeated(crowd: NewCrowd, tally: AttackTally, octets: Buffer, messages: number): Attacker {
  return crowd(100, 1000, (socket) => {
    const send = (): void => {
      if (socket.writableLength > 0) return;
      tally.sent += messages;
      socket.write(octets);
    };
    send();
    return send;
  });
}

/** Requests whose names do not end, or only after many jumps. */
export function pointerLoops(): Buffer[] {
  const question = rawQuestion(labels('example', 'org'), AXFR);
  const ask = (name: Buffer): Buffer => rawMessage({ questions: [rawQuestion(name, AXFR)] });
  const pointer = (to: number): Buffer => u16(0xc000 | to);
  // Records behind the question, each owner a pointer to the one before it: every name a chain of jumps.
  const start = 12 + question.length;
  const link = (i: number): Buffer =>
    Buffer.concat([pointer(i === 0 ? 12 : start + 12 * (i - 1)), Buffer.of(0, 1, 0, 1, 0, 0, 0, 0, 0, 0)]);
  const chain = Array.from({ length: 1300 }, (_, i) => link(i));
  return [
    ask(pointer(12)),
    ask(Buffer.concat([pointer(14), pointer(12)])),
    ask(Buffer.concat([Buffer.from('\x01a'), pointer(12)])),
    ask(pointer(0x3fff)),
    rawMessage({ questions: [question], additionals: chain }),
    rawMessage({ questions: [question], authorities: chain }),
  ];
}
