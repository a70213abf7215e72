/** The service as "What bad input gets" needs it: a rule of each kind, a zone in each state, a key; and its requests. */
import assert from 'node:assert/strict';
import type { Outcome } from '../../src/front/outcome.ts';
import type { RequestType } from '../../src/policy/rule-config.ts';
import { FrontWorld, peer, type ReadAnswer, readAnswer, SECONDS } from './front-world.ts';
import { labels, type RawMessage, rawMessage, rawQuestion, rawRecord } from './raw-messages.ts';
import { atRate, rule } from './rules.ts';
import { optRecord } from './transfer-messages.ts';
import { type SignOptions, signRequest } from './tsig-messages.ts';
import { testKey, tsigKey } from './tsig-vectors.ts';
import { zoneSoa } from './zone-building.ts';

export const ZONE = labels('example', 'org');
export const KEY = tsigKey('key1.example', 'hmac-sha256', Buffer.alloc(32, 7));
export const UNKNOWN_KEY = tsigKey('key9.example', 'hmac-sha256', Buffer.alloc(32, 7));
const TYPES: RequestType[] = ['AXFR', 'IXFR', 'SOA', 'NOTIFY'];
export const SOA = 6;
export const IXFR = 251;
export const AXFR = 252;
export const NOTIFY = 0x2000;
export const STRANGER = peer('203.0.113.9');
export const optOfVersion1 = (): Buffer => {
  const opt = optRecord();
  opt.writeUInt8(1, 6);
  return opt;
};

export function world(): FrontWorld {
  const made = new FrontWorld({
    rules: [
      rule('banned', { source: ['192.0.2.66'] }, 'refuse'),
      rule('dropped', { source: ['192.0.2.67'] }, 'drop'),
      rule('signed', { source: ['192.0.2.2'], key: ['key1.example'] }),
      rule('once', { source: ['192.0.2.3'] }, 'allow', atRate({ count: 1, perMs: 60_000 })),
      rule('all', { source: ['192.0.2.0/24'], zone: ['example.org', '*.example.org'], type: TYPES }),
    ],
    keys: [KEY],
    notifyFrom: new Map([['example.org', ['198.51.100.1']]]),
  });
  made.serve('example.org', ZONE, []);
  made.zones.set('loading.example.org', { kind: 'loading' }, []);
  made.zones.set('expired.example.org', { kind: 'expired' }, []);
  return made;
}

export const ask = (type: number, name = ZONE, more: RawMessage = {}): Buffer =>
  rawMessage({ id: 0xbeef, questions: [rawQuestion(name, type)], ...more });
export const soaOf = (serial: number): Buffer => rawRecord(zoneSoa(ZONE, serial));
export const withOpt = { additionals: [optRecord()] };
export const sign = (request: Buffer, options: Partial<SignOptions> = {}, key = KEY): Buffer =>
  signRequest(request, testKey(key), { time: SECONDS, ...options }).message;
export const macOf = (request: Buffer): Buffer => {
  const mac = readAnswer(request).tsig?.mac;
  assert.ok(mac !== undefined);
  return mac;
};
export const loading = labels('loading', 'example', 'org');
export const expired = labels('expired', 'example', 'org');
export const unheld = labels('nowhere', 'example', 'org');

export function answerOf(outcome: Outcome): ReadAnswer {
  assert.ok(outcome.kind === 'answer' || outcome.kind === 'notify', outcome.kind);
  return readAnswer(outcome.message);
}

export const messageOf = (outcome: Outcome): Uint8Array => {
  assert.ok(outcome.kind === 'answer' || outcome.kind === 'notify');
  return outcome.message;
};
