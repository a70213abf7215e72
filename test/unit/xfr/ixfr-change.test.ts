/** What is said of differences that do not fit a zone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPE } from '../../../src/wire/registry.ts';
import { changeFailure } from '../../../src/xfr/ixfr-change.ts';
import { emptyRecord } from '../../../src/zone/run-writer.ts';
import { wireName } from '../../support/transfer-messages.ts';

test('a type has the article that it is spoken with', () => {
  const owner = Uint8Array.from(wireName('www.example.org'));
  const article = (type: number): string | undefined => {
    const [, text] = changeFailure('ADDED_IS_THERE', { ...emptyRecord(), owner, ownerLength: owner.length, type });
    return /^an IXFR adds (an? \S+) record of www\.example\.org\. that is there already$/.exec(text)?.[1];
  };

  const { A, AAAA, MX, NS, SRV, HTTPS, RRSIG, SOA, CNAME, TXT, DNSKEY, LOC } = TYPE;
  assert.deepEqual([A, AAAA, MX, NS, SRV, HTTPS, RRSIG].map(article), [
    'an A',
    'an AAAA',
    'an MX',
    'an NS',
    'an SRV',
    'an HTTPS',
    'an RRSIG',
  ]);
  assert.deepEqual([SOA, CNAME, TXT, DNSKEY, LOC, 65_280].map(article), [
    'a SOA',
    'a CNAME',
    'a TXT',
    'a DNSKEY',
    'a LOC',
    'a TYPE65280',
  ]);
});
