/** One decision of a policy of 10,000 rules and 100,000 prefixes, from sources not seen before: under 2 µs (issue 5). */
import type { Facts } from '../../src/policy/decision.ts';
import { Policy } from '../../src/policy/policy.ts';
import { type AddressBytes, type Prefix, parseAddress } from '../../src/policy/prefix.ts';
import { buildPrefixTable } from '../../src/policy/prefix-table.ts';
import type { RuleConfig } from '../../src/policy/rule-config.ts';
import { rule } from '../../test/support/rules.ts';

const RULES = 10_000;
const PREFIXES = 100_000;
const REQUESTS = 200_000;
const octet = (i: number, shift: number): number => (i >>> shift) & 0xff;

/** A customer a rule: a network and a zone, every third with a key; then a deny list, then two rules for all. */
const rules: RuleConfig[] = Array.from({ length: RULES - 3 }, (_, i) =>
  rule(`customer-${i}`, {
    source: [`10.${octet(i, 8)}.${octet(i, 0)}.0/24`, `2001:db8:${i.toString(16)}::/48`],
    zone: [`customer-${i}.example`, `*.customer-${i}.example`],
    key: i % 3 === 0 ? [`key-${i}`] : undefined,
  }),
);
rules.push(rule('denied', { source: ['set:denied'] }, 'refuse'));
rules.push(rule('serials', { type: ['SOA'] }), rule('rest', {}, 'refuse'));

const prefixes: Prefix[] = Array.from({ length: PREFIXES }, (_, i) => {
  const address = parseAddress(`${11 + (i % 200)}.${octet(i, 8)}.${octet(i, 0)}.${(i * 64) & 0xc0}`) as AddressBytes;
  return { address, bits: 122 };
});

const building = performance.now();
const sets = new Map([['denied', buildPrefixTable(prefixes)]]);
const compiled = performance.now();
const policy = new Policy(rules, { sets, groups: new Map() });
const ready = performance.now();

const requests: Facts[] = Array.from({ length: REQUESTS }, (_, i) => {
  const customer = (i * 7919) % RULES;
  const isCustomer = i % 2 === 0;
  const source = isCustomer
    ? `10.${octet(customer, 8)}.${octet(customer, 0)}.${i & 0xff}`
    : `${11 + (i % 200)}.${octet(i, 8)}.${octet(i, 0)}.${i & 0xff}`;
  return {
    source: parseAddress(source) as AddressBytes,
    transport: 'tcp',
    listener: '0.0.0.0#53',
    certificate: undefined,
    key: isCustomer ? `key-${customer}` : undefined,
    sig0: undefined,
    zone: `customer-${customer}.example`,
    type: 'AXFR',
    now: 0,
  };
});

console.log(
  `${PREFIXES} prefixes compiled in ${(compiled - building).toFixed(0)} ms, ${RULES} rules in ${(ready - compiled).toFixed(0)} ms`,
);
for (let round = 0; round < 5; round++) {
  const kinds = { allow: 0, refuse: 0, drop: 0, delay: 0 };
  const started = performance.now();
  for (const request of requests) kinds[policy.evaluate(request).kind]++;
  const each = ((performance.now() - started) / REQUESTS) * 1e6;
  console.log(`${each.toFixed(0)} ns a decision (${kinds.allow} allowed, ${kinds.refuse} refused)`);
}
