/**
 * Front threads without the rest of the service, for tests that end one: a process, as its descriptors come from its
 * parent. Takes lines on standard input: `end N` ends front N; says in JSON lines what happens.
 *
 * node hub-process.js FRONTS DESCRIPTOR...
 */
import { createInterface } from 'node:readline';
import { FrontHub } from '../../src/front/hub.ts';
import { newQuotaTables } from '../../src/policy/limits/quota.ts';
import { newRateTable } from '../../src/policy/limits/rate.ts';
import { newCountTable } from '../../src/policy/limits/shared-count.ts';
import { buildPrefixTable } from '../../src/policy/prefix-table.ts';
import { Leases } from '../../src/upstream/leases.ts';
import { policyUpdate, rule } from './rules.ts';

const [fronts, ...fds] = process.argv.slice(2).map(Number) as [number, ...number[]];
const leases = new Leases();
const say = (fields: object): boolean => process.stdout.write(`${JSON.stringify(fields)}\n`);

const hub = new FrontHub({
  fronts,
  listeners: [{ fds, name: 'test', transport: 'tcp', tls: undefined, proxyAllowlist: [] }],
  policy: policyUpdate([rule('all')]),
  bans: buildPrefixTable([]),
  rates: newRateTable(),
  sources: newCountTable(fronts),
  counts: newCountTable(fronts),
  quotas: newQuotaTables(),
  connections: new Int32Array(new SharedArrayBuffer(4)),
  versions: {
    row: (front) => leases.row(front),
    leaseFor: (front, version) => leases.leaseFor(front, version),
    slabs: () => [],
    expiries: leases.expiries,
  },
  onEvents: () => undefined,
  onRelayWanted: async () => undefined,
  onAnswerWanted: async () => undefined,
  onNotify: () => undefined,
  onOffences: () => undefined,
  onDeath: (front, _error, replaced) => say({ died: front, replaced }),
});
hub.publish('example.org', { kind: 'loading' });
await hub.start();
say({ ready: true });
createInterface({ input: process.stdin })
  .on('line', (line) => void hub.endFront(Number(line.split(' ')[1])))
  .on('close', () => process.exit(0));
