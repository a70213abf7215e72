/** The proofs of what is not there: chains of NSEC and NSEC3 records with one thing wrong at a time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TYPE } from '../../../src/wire/registry.ts';
import type { RawRecord } from '../../support/raw-messages.ts';
import { changedAt, isAt, problemsOf, signAndCheck, withoutAt, ZONE } from '../../support/signed-zones.ts';
import { apexOf } from '../../support/version-building.ts';
import { nameText, nsec3Hash, nsec3Owner, type SignerOptions, typeBitmap } from '../../support/zone-signer.ts';

const { A, NS, TXT, CAA, DNAME, DS, RRSIG, NSEC, NSEC3, NSEC3PARAM } = TYPE;

// --- NSEC ------------------------------------------------------------------------------------------------------

const nsec = (next: string, ...types: number[]): Buffer =>
  Buffer.concat([apexOf(next), typeBitmap([...types, RRSIG, NSEC])]);

for (const [what, options, expected] of [
  ['a name without one', withoutAt('ns2.example', NSEC), ['NSEC_MISSING ns2.example: it has no NSEC record']],
  [
    'a delegation without one',
    withoutAt('insecure.example', NSEC),
    ['NSEC_MISSING insecure.example: it has no NSEC record'],
  ],
  [
    'a next name that is passed over',
    changedAt('ns1.example', NSEC, () => nsec('own.example', A)),
    ['NSEC_CHAIN ns1.example: its NSEC record says that own.example comes next, but ns2.example does'],
  ],
  [
    'a next name that is not there',
    changedAt('ns1.example', NSEC, () => nsec('ns1a.example', A)),
    ['NSEC_CHAIN ns1.example: its NSEC record says that ns1a.example comes next, but ns2.example does'],
  ],
  [
    'a last one that does not lead back to the apex',
    changedAt('www.example', NSEC, () => nsec('www.example', A, CAA, 65_280)),
    ['NSEC_CHAIN www.example: its NSEC record says that www.example comes next, but example does'],
  ],
  [
    'a type that it leaves out',
    changedAt('www.example', NSEC, () => nsec('example', A, 65_280)),
    ['NSEC_TYPES www.example: its NSEC record says A RRSIG NSEC TYPE65280, it has A RRSIG NSEC CAA TYPE65280'],
  ],
  [
    'a type that is not there',
    changedAt('ns1.example', NSEC, () => nsec('ns2.example', A, TXT)),
    ['NSEC_TYPES ns1.example: its NSEC record says A TXT RRSIG NSEC, it has A RRSIG NSEC'],
  ],
  [
    'glue in the types of a delegation',
    changedAt('own.example', NSEC, () => nsec('redirect.example', A, NS)),
    ['NSEC_TYPES own.example: its NSEC record says A NS RRSIG NSEC, it has NS RRSIG NSEC'],
  ],
  [
    'a delegation that hides its DS record',
    changedAt('secure.example', NSEC, () => nsec('*.wild.example', NS)),
    ['NSEC_TYPES secure.example: its NSEC record says NS RRSIG NSEC, it has NS DS RRSIG NSEC'],
  ],
] as [string, SignerOptions, string[]][]) {
  test(`NSEC: ${what} is told`, () => {
    assert.deepEqual(problemsOf(signAndCheck(options)), expected);
  });
}

test('NSEC: next names are compared without case', () => {
  const options = changedAt('ns1.example', NSEC, () => nsec('NS2.Example', A));

  assert.deepEqual(problemsOf(signAndCheck(options)), []);
});

test('NSEC: of very many types some are told', () => {
  const many = Array.from({ length: 500 }, (_, i) => 300 + i);

  const [problem] = problemsOf(signAndCheck(changedAt('ns1.example', NSEC, () => nsec('ns2.example', A, ...many))));

  assert.match(problem ?? '', /says A RRSIG NSEC TYPE300 (TYPE3\d\d )+and more, it has A RRSIG NSEC$/);
});

test('NSEC: two at a name, one below a cut, and one at a name that has nothing else are told', () => {
  const added = (owner: string, rdata: Buffer): SignerOptions => ({
    change: (records) => [...records, { owner: apexOf(owner), type: NSEC, ttl: 900, rdata }],
  });

  const two = signAndCheck(added('ns1.example', nsec('zzz.example', A)));
  const below = signAndCheck(added('ns.insecure.example', nsec('own.example', A)));
  const alone = signAndCheck({
    change: (records) => [
      ...records.map((record) =>
        isAt('ns1.example', NSEC)(record) ? { ...record, rdata: nsec('ns1a.example', A) } : record,
      ),
      { owner: apexOf('ns1a.example'), type: NSEC, ttl: 900, rdata: nsec('ns2.example') },
    ],
  });

  assert.deepEqual(problemsOf(two), ['NSEC_CHAIN ns1.example: it has 2 NSEC records, not one']);
  assert.deepEqual(problemsOf(below), ['NSEC_STRAY ns.insecure.example: an NSEC record below a zone cut']);
  assert.deepEqual(problemsOf(alone), [
    'NSEC_STRAY ns1a.example: it has an NSEC record and nothing else (RFC 4035 section 2.3)',
  ]);
});

test('a zone with neither NSEC nor NSEC3PARAM at its apex proves nothing', () => {
  assert.deepEqual(problemsOf(signAndCheck({ denial: 'none' })), [
    'NO_DENIAL example: it has neither an NSEC nor an NSEC3PARAM record, so nothing proves what is not there',
  ]);
});

test('names below a DNAME record may have proofs or not, as no answer ever shows them', () => {
  const name = 'below.redirect.example';
  const inChain = (records: RawRecord[]): RawRecord[] => [
    ...records.map((record) =>
      isAt('redirect.example', NSEC)(record) ? { ...record, rdata: nsec(name, DNAME) } : record,
    ),
    { owner: apexOf(name), type: NSEC, ttl: 900, rdata: nsec('secure.example', TXT) },
  ];

  // The chain with it is whole, but what is in the chain must be signed, too; Knot DNS does (test/interop).
  assert.deepEqual(problemsOf(signAndCheck({ change: inChain })), [`NO_SIGNATURE ${name} NSEC: it has no signature`]);
  assert.deepEqual(problemsOf(signAndCheck(hashAdded(name))), []);
});

// --- NSEC3 -----------------------------------------------------------------------------------------------------

const SALT = 'abcd';
const hashOf = (name: string): Buffer => nsec3Hash(apexOf(name), Buffer.from(SALT, 'hex'), 2);
const hashName = (name: string): string => nameText(nsec3Owner(hashOf(name), apexOf('example')));
const label = (name: string): string => hashName(name).slice(0, 32);

const hashed = (options: SignerOptions = {}): SignerOptions => ({
  denial: 'nsec3',
  salt: SALT,
  iterations: 2,
  ...options,
});

/** Changes the record of a name's hash. */
const hashChangedAt = (name: string, change: (rdata: Buffer) => Buffer): SignerOptions =>
  hashed(changedAt(hashName(name), NSEC3, change));

/** Takes a record out of the chain, and closes the chain over it. */
const hashTakenOut = (name: string, more: SignerOptions = {}): SignerOptions =>
  hashed({
    ...more,
    change: (records) => {
      const gone = records.find(isAt(hashName(name), NSEC3));
      return records
        .filter((record) => record !== gone)
        .map((record) =>
          record.type === NSEC3 && nextOf(record.rdata).equals(hashOf(name)) && gone !== undefined
            ? { ...record, rdata: withNext(record.rdata, nextOf(gone.rdata)) }
            : record,
        );
    },
  });

/** Puts a record for a name into the chain. */
const hashAdded = (name: string): SignerOptions =>
  hashed({
    change: (records) => {
      const before = covering(records, name);
      const rdata = withTypes(before.rdata, A, RRSIG);
      return [
        ...records.map((record) =>
          record === before ? { ...record, rdata: withNext(record.rdata, hashOf(name)) } : record,
        ),
        { owner: apexOf(hashName(name)), type: NSEC3, ttl: 900, rdata },
      ];
    },
  });

/** Head of five octets, salt of two, length of the hash. */
const NEXT = 8;
const nextOf = (rdata: Buffer): Buffer => rdata.subarray(NEXT, NEXT + 20);
const withNext = (rdata: Buffer, next: Buffer): Buffer =>
  Buffer.concat([rdata.subarray(0, NEXT), next, rdata.subarray(NEXT + 20)]);
const withTypes = (rdata: Buffer, ...types: number[]): Buffer =>
  Buffer.concat([rdata.subarray(0, NEXT + 20), typeBitmap(types)]);

for (const name of ['www.example', 'example', 'insecure.example', 'ent.example', 'c.ent.example', 'entcut.example']) {
  test(`NSEC3: none for ${name} is told by its name`, () => {
    assert.deepEqual(problemsOf(signAndCheck(hashTakenOut(name))), [
      `NSEC3_MISSING ${name}: there is no NSEC3 record for its hash ${label(name)}`,
    ]);
  });
}

test('NSEC3: opt-out does not excuse a name of the zone, nor a signed delegation', () => {
  for (const name of ['www.example', 'secure.example', 'c.ent.example']) {
    assert.deepEqual(problemsOf(signAndCheck(hashTakenOut(name, { optOut: true }))), [
      `NSEC3_MISSING ${name}: there is no NSEC3 record for its hash ${label(name)}`,
    ]);
  }
});

test('NSEC3: names below a cut, and what lies between only because of them, have none', () => {
  const zone = `${ZONE}deep.er.ns.insecure A 192.0.2.1\n`;

  assert.deepEqual(problemsOf(signAndCheck(hashed(), zone)), []);
});

test('NSEC3: a next hash that is wrong is told where the chain breaks', () => {
  const options = hashChangedAt('www.example', (rdata) => withNext(rdata, hashOf('nowhere.example')));

  const [problem, ...more] = problemsOf(signAndCheck(options));

  assert.deepEqual(more, []);
  const start = `NSEC3_CHAIN NSEC3 ${label('www.example')} of example: its next hash is ${label('nowhere.example')}, but `;
  assert.ok(problem?.startsWith(start) && problem.endsWith(' comes next'), problem);
});

test('NSEC3: a chain that is not closed at its end is told', () => {
  const options = hashed({
    change: (records) => {
      const hashes = records
        .filter(({ type }) => type === NSEC3)
        .map(({ owner }) => nameText(owner))
        .sort();
      return records.map((record) =>
        isAt(hashes.at(-1) ?? '', NSEC3)(record)
          ? { ...record, rdata: withNext(record.rdata, Buffer.alloc(20, 255)) }
          : record,
      );
    },
  });

  const problems = problemsOf(signAndCheck(options));

  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? '', /^NSEC3_CHAIN .* its next hash is v{32}, but \w{32} comes next$/);
});

test('NSEC3: types that are wrong are told by the name and its hash', () => {
  for (const [name, types, says, has] of [
    ['www.example', [A, RRSIG], 'A RRSIG', 'A RRSIG CAA TYPE65280'],
    ['insecure.example', [NS, RRSIG], 'NS RRSIG', 'NS'],
    ['own.example', [A, NS], 'A NS', 'NS'],
    ['secure.example', [NS, RRSIG], 'NS RRSIG', 'NS DS RRSIG'],
    ['c.ent.example', [A], 'A', 'no types'],
    ['insecure.example', [NS, DS, RRSIG], 'NS DS RRSIG', 'NS'],
  ] as const) {
    const options = hashChangedAt(name, (rdata) => withTypes(rdata, ...types));

    assert.deepEqual(problemsOf(signAndCheck(options)), [
      `NSEC3_TYPES ${name}: its NSEC3 record ${label(name)} says ${says}, it has ${has}`,
    ]);
  }
});

test('NSEC3: a record for a name that is not there, or that needs none, is told', () => {
  for (const name of ['nowhere.example', 'ns.insecure.example']) {
    assert.deepEqual(problemsOf(signAndCheck(hashAdded(name))), [
      `NSEC3_STRAY NSEC3 ${label(name)}: no name of the zone has this hash, or it needs none`,
    ]);
  }
});

test('NSEC3: an owner that is no hash is told', () => {
  const options = hashed({
    change: (records) => [
      ...records,
      { ...(records.find(({ type }) => type === NSEC3) as RawRecord), owner: apexOf('zz.example') },
    ],
  });

  assert.deepEqual(problemsOf(signAndCheck(options)), [
    'NSEC3_STRAY zz.example: an NSEC3 record whose owner is no hash right below the apex',
  ]);
});

test('NSEC3: records of other parameters are no part of the chain', () => {
  const ignored = hashed({
    change: (records) =>
      [
        ...records,
        { ...(records.find(({ type }) => type === NSEC3) as RawRecord), owner: apexOf(hashName('else.example')) },
      ].map((record) =>
        isAt(hashName('else.example'), NSEC3)(record) ? { ...record, rdata: flagged(record.rdata, 2) } : record,
      ),
  });
  const allOther = hashed({
    change: (records) => records.map((r) => (r.type === NSEC3 ? { ...r, rdata: flagged(r.rdata, 2) } : r)),
  });

  assert.deepEqual(problemsOf(signAndCheck(ignored)), []);
  assert.deepEqual(problemsOf(signAndCheck(allOther)), [
    'NO_DENIAL example: it has an NSEC3PARAM record, but no NSEC3 record with it',
  ]);
});

test('NSEC3: parameters that are not known, or cost too much, are told', () => {
  const parameters = (change: (rdata: Buffer) => Buffer): string[] =>
    problemsOf(signAndCheck(hashed(changedAt('example', NSEC3PARAM, change))));

  assert.deepEqual(
    parameters((rdata) => Buffer.concat([Buffer.from([2]), rdata.subarray(1)])),
    ['NSEC3_PARAMETERS example NSEC3PARAM: hash algorithm 2 is not known'],
  );
  assert.deepEqual(
    parameters((rdata) => rdata.subarray(0, -1)),
    ['NSEC3_PARAMETERS example NSEC3PARAM: it is cut off'],
  );
  assert.deepEqual(problemsOf(signAndCheck({ denial: 'nsec3', iterations: 151 })), [
    'NSEC3_PARAMETERS example NSEC3PARAM: 151 iterations are more than the 150 that validators take (RFC 9276 section 3.2)',
  ]);
  assert.deepEqual(problemsOf(signAndCheck({ denial: 'nsec3', iterations: 150 })), []);
  // RFC 5155 section 4.1.2: with a flag it is as if it were not there.
  assert.match(parameters((rdata) => flagged(rdata, 1))[0] ?? '', /^NO_DENIAL example: it has neither/);
});

const flagged = (rdata: Buffer, flags: number): Buffer =>
  Buffer.concat([rdata.subarray(0, 1), Buffer.from([flags]), rdata.subarray(2)]);

/** The record that covers a hash: the last one below it, or the last of all. Digits of hashes have their order. */
function covering(records: readonly RawRecord[], name: string): RawRecord {
  const chain = records.filter(({ type }) => type === NSEC3);
  const inOrder = chain.sort((a, b) => (nameText(a.owner) < nameText(b.owner) ? -1 : 1));
  return (inOrder.findLast(({ owner }) => nameText(owner) < hashName(name)) ?? inOrder.at(-1)) as RawRecord;
}
