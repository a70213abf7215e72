// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of $GENERATE
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameFromText } from '../../../src/wire/name.ts';
import { recordToText } from '../../../src/wire/presentation/print.ts';
import { type MasterFileFailure, type MasterFileOptions, parseMasterFile } from '../../../src/zone/master-file.ts';

interface Outcome {
  /** Printed, tabs as blanks. */
  readonly records: readonly string[];
  /** As `file:line: message`. */
  readonly failures: readonly string[];
}

function parse(text: string | Buffer, files: Readonly<Record<string, string>> = {}): Outcome {
  const origin = nameFromText('example.org.');
  assert.ok(origin.ok);
  const records: string[] = [];
  const options: MasterFileOptions = {
    file: 'zone',
    text: typeof text === 'string' ? Buffer.from(text, 'latin1') : text,
    origin: origin.value,
    readInclude: (path, from) => {
      const content = files[path];
      return content === undefined ? `${from} may not read ${path}` : { file: path, text: Buffer.from(content) };
    },
    onRecord: (owner, type, ttl, rdata) => records.push(recordToText(owner, ttl, 1, type, rdata).replaceAll('\t', ' ')),
  };
  const failures = parseMasterFile(options).map(
    ({ file, line, message }: MasterFileFailure) => `${file}:${line}: ${message}`,
  );
  return { records, failures };
}

const recordsOf = (text: string | Buffer, files: Readonly<Record<string, string>> = {}): readonly string[] => {
  const { records, failures } = parse(text, files);
  assert.deepEqual(failures, []);
  return records;
};

test('owners: absolute, relative, the origin, and the one before', () => {
  const records = recordsOf(
    '$TTL 60\nwww A 192.0.2.1\n\tA 192.0.2.2\nWWW.Example.COM. A 192.0.2.3\n@ NS ns\n\n ; only a comment\n  NS .\n. NS .\n',
  );

  assert.deepEqual(records, [
    'www.example.org. 60 IN A 192.0.2.1',
    'www.example.org. 60 IN A 192.0.2.2',
    'WWW.Example.COM. 60 IN A 192.0.2.3',
    'example.org. 60 IN NS ns.example.org.',
    'example.org. 60 IN NS .',
    '. 60 IN NS .',
  ]);
});

test('TTL and class stand in either order, or are left out', () => {
  const records = recordsOf(
    '$TTL 1h30m\na 5 IN A 192.0.2.1\na IN 1w2D A 192.0.2.2\na in a 192.0.2.3\na CLASS1 TYPE1 192.0.2.4\na 0 A 192.0.2.5\na 2147483647 A 192.0.2.6\n',
  );

  assert.deepEqual(
    records.map((record) => record.split(' ')[1]),
    ['5', '777600', '5400', '5400', '0', '2147483647'],
  );
});

test('a record without a TTL has that of $TTL, else the last one stated, else the minimum of the SOA', () => {
  const soa = '@ SOA ns1 hostmaster 1 2 3 4 300\n';
  const ttls = (text: string): unknown[] => recordsOf(text).map((record) => Number(record.split(' ')[1]));

  assert.deepEqual(ttls(`$TTL 60\n${soa}a 7 A 192.0.2.1\na A 192.0.2.2\n`), [60, 7, 60]);
  assert.deepEqual(ttls(`${soa}a A 192.0.2.1\na 7 A 192.0.2.2\na A 192.0.2.3\n`), [300, 300, 7, 7]);
  assert.deepEqual(ttls(`a 7 A 192.0.2.1\n${soa}$TTL 9\n  NS a\n`), [7, 7, 9]);
  assert.deepEqual(parse('a A 192.0.2.1\n').failures, [
    'zone:1: no TTL: the record has none, and neither $TTL nor a TTL nor a SOA is before it',
  ]);
});

test('$ORIGIN holds for the names that follow and may itself be relative', () => {
  const records = recordsOf(
    '$TTL 1\n$ORIGIN sub\nwww CNAME @\n$ORIGIN example.net.\nwww CNAME a\n$origin .\nwww CNAME a\n',
  );

  assert.deepEqual(records, [
    'www.sub.example.org. 1 IN CNAME sub.example.org.',
    'www.example.net. 1 IN CNAME a.example.net.',
    'www. 1 IN CNAME a.',
  ]);
});

test('parentheses join lines, with comments and blanks at their will', () => {
  const records = recordsOf(
    '@ 1 IN SOA ns1 hostmaster ( ; serial next\n1 2\n\n3 ( 4 ) ; nested\n5 ) ; end\n  TXT ( "a;(b)"\nc ) d\n',
  );

  assert.deepEqual(records, [
    'example.org. 1 IN SOA ns1.example.org. hostmaster.example.org. 1 2 3 4 5',
    'example.org. 1 IN TXT "a;(b)" "c" "d"',
  ]);
});

test('lines may end in CRLF, the file begin with a byte order mark and end without a line end', () => {
  const records = recordsOf('\xef\xbb\xbf$TTL 1\r\nwww TXT "a" b\r\n    A ( 192.0.2.1\r\n)\r\n\r\nx A 192.0.2.2');

  assert.deepEqual(records, [
    'www.example.org. 1 IN TXT "a" "b"',
    'www.example.org. 1 IN A 192.0.2.1',
    'x.example.org. 1 IN A 192.0.2.2',
  ]);
});

test('escapes keep their octets in names and strings', () => {
  const records = recordsOf(
    '$TTL 1\na\\.b\\032\\"\\;\\( TXT "\\"\\\\\\255" \\;x "\xe9"\n\\@ CNAME \\@\n\\$TTL CNAME *\n',
  );

  assert.deepEqual(records, [
    'a\\.b\\032\\"\\;\\(.example.org. 1 IN TXT "\\"\\\\\\255" ";x" "\\233"',
    '\\@.example.org. 1 IN CNAME \\@.example.org.',
    '\\$TTL.example.org. 1 IN CNAME *.example.org.',
  ]);
});

test('strings that touch are separate ones', () => {
  assert.deepEqual(recordsOf('a 1 TXT "b""c"d\n'), ['a.example.org. 1 IN TXT "b" "c" "d"']);
});

test('records that are there twice are passed on twice', () => {
  assert.equal(recordsOf('a 1 A 192.0.2.1\na 1 A 192.0.2.1\n').length, 2);
});

test('every failure is told with its line, and the records around it are still read', () => {
  const { records, failures } = parse(
    [
      '$TTL 60',
      'www A abc',
      '    A 192.0.2.1',
      '@ SOA ns1 hostmaster (',
      '  1 2',
      '  x 4 5 )',
      'mx MX 10',
      'a..b A 192.0.2.1',
      '    A 192.0.2.1',
      'a HS A 192.0.2.1',
      'a FOO 192.0.2.1',
      'a IN IN A 192.0.2.1',
      'a 5 6 A 192.0.2.1',
      'a 2147483648 A 192.0.2.1',
      'a 5',
      'a ANY 192.0.2.1',
      'a OPT \\# 0',
      'a TXT "open',
      'a A ) 192.0.2.1',
      'a TXT b\\',
      'a A 192.0.2.1 192.0.2.2',
      'a A (',
      '192.0.2.9',
    ].join('\n'),
  );

  assert.deepEqual(failures, [
    "zone:2: A: expected an IPv4 address, got 'abc'",
    "zone:6: SOA: expected a time in seconds, or with units as in 1h30m, got 'x'",
    'zone:7: MX: expected a domain name, got the end of the record',
    "zone:8: expected a domain name without empty labels, got 'a..b'",
    'zone:9: begins with a blank, but there is no owner before it',
    'zone:10: class HS: only class IN is known here',
    "zone:11: expected a TTL, class or record type, got 'FOO'",
    "zone:12: expected a TTL, class or record type, got 'IN'",
    "zone:13: expected a TTL, class or record type, got '6'",
    "zone:14: expected a TTL from 0 to 2147483647, got '2147483648'",
    'zone:15: expected a record type, got the end of the record',
    'zone:16: ANY is not a type of data',
    'zone:17: OPT is not a type of data',
    'zone:18: a quoted string is not closed on its line',
    'zone:19: a closing parenthesis without an opening one',
    'zone:20: a backslash with nothing after it',
    "zone:21: A: expected nothing more, got '192.0.2.2'",
    'zone:22: a parenthesis is opened and never closed',
  ]);
  assert.deepEqual(records, ['www.example.org. 60 IN A 192.0.2.1']);
});

test('a failure in parentheses does not spill into the lines after them', () => {
  const { records, failures } = parse('a 1 TXT ( "open\n"b" )\nc 1 A 192.0.2.1\n');

  assert.deepEqual(failures, ['zone:1: a quoted string is not closed on its line']);
  assert.deepEqual(records, ['c.example.org. 1 IN A 192.0.2.1']);
});

test('directives are told what is wrong with them', () => {
  const { failures } = parse(
    '$FOO\n$TTL\n$TTL x\n$TTL 1 2\n$ORIGIN a..b\n$ORIGIN a b\n$INCLUDE\n$INCLUDE f a..\n$INCLUDE f a b\n',
  );

  assert.deepEqual(failures, [
    'zone:1: $FOO is no directive: there are $ORIGIN, $TTL, $INCLUDE and $GENERATE',
    'zone:2: $TTL: expected a TTL from 0 to 2147483647, got the end of the record',
    "zone:3: $TTL: expected a TTL from 0 to 2147483647, got 'x'",
    "zone:4: $TTL: expected one TTL, got '2'",
    "zone:5: $ORIGIN: expected a domain name without empty labels, got 'a..b'",
    "zone:6: $ORIGIN: expected one name, got 'b'",
    'zone:7: $INCLUDE: expected a file name: a string, got the end of the record',
    "zone:8: $INCLUDE: expected a domain name without empty labels, got 'a..'",
    "zone:9: $INCLUDE: expected a file name and an origin, got 'b'",
  ]);
});

test('after a hundred failures the parser stops', () => {
  const { records, failures } = parse(`${'a 1 A x\n'.repeat(150)}b 1 A 192.0.2.1\n`);

  assert.equal(failures.length, 100);
  assert.deepEqual(records, []);
});

test('$INCLUDE reads a file with the origin and owner of its place, which it cannot change for its parent', () => {
  const records = recordsOf(
    '$TTL 1\nwww A 192.0.2.1\n$INCLUDE "in side" ; comment\n  A 192.0.2.2\n$INCLUDE other sub\nx A 192.0.2.3\n',
    { 'in side': '  A 192.0.2.11\nhost A 192.0.2.12\n$ORIGIN deep\nhost A 192.0.2.13', other: '@ A 192.0.2.14\n' },
  );

  assert.deepEqual(records, [
    'www.example.org. 1 IN A 192.0.2.1',
    'www.example.org. 1 IN A 192.0.2.11',
    'host.example.org. 1 IN A 192.0.2.12',
    'host.deep.example.org. 1 IN A 192.0.2.13',
    'www.example.org. 1 IN A 192.0.2.2',
    'sub.example.org. 1 IN A 192.0.2.14',
    'x.example.org. 1 IN A 192.0.2.3',
  ]);
});

test('failures in an included file carry its name; the including file goes on', () => {
  const { records, failures } = parse('$TTL 1\n$INCLUDE a\n$INCLUDE b\n$INCLUDE missing\nw A 192.0.2.1\n', {
    a: '\nx A y\n',
    b: '$INCLUDE missing\n',
  });

  assert.deepEqual(failures, [
    "a:2: A: expected an IPv4 address, got 'y'",
    'b:1: $INCLUDE: b may not read missing',
    'zone:4: $INCLUDE: zone may not read missing',
  ]);
  assert.deepEqual(records, ['w.example.org. 1 IN A 192.0.2.1']);
});

test('files that include each other in a circle are an error, twice the same file is not', () => {
  const circle = parse('$INCLUDE a\n', { a: '$INCLUDE b\n', b: '\n$INCLUDE a\n' });
  const twice = recordsOf('$TTL 1\n$INCLUDE a\n$INCLUDE a\n', { a: 'w A 192.0.2.1\n' });

  assert.deepEqual(circle.failures, ['b:2: $INCLUDE: a includes itself']);
  assert.equal(twice.length, 2);
});

test('twenty files within each other are read, and no more', () => {
  const files: Record<string, string> = {};
  for (let i = 1; i <= 21; i++) files[`f${i}`] = `w 1 TXT ${i}\n$INCLUDE f${i + 1}\n`;

  const { records, failures } = parse('$INCLUDE f1\n', files);

  assert.equal(records.length, 20);
  assert.deepEqual(failures, ['f20:2: $INCLUDE: more than 20 files within each other']);
});

test('what an include sets as $TTL holds for the lines after it, as in BIND', () => {
  assert.deepEqual(recordsOf('$TTL 1\n$INCLUDE a\nw A 192.0.2.1\n', { a: '$TTL 2\n' }), [
    'w.example.org. 2 IN A 192.0.2.1',
  ]);
});

test('$GENERATE makes a record for each number, in the forms that BIND knows', () => {
  const records = recordsOf(
    [
      '$TTL 1',
      '$GENERATE 1-2 h$ A 192.0.2.$',
      '$GENERATE 8-10/2 h${10,4,x} 60 IN CNAME a${-8}.$$.\\$.${0,3}',
      '$GENERATE 300-300 ${0,5,n}.${0,6,N}z PTR H${0,0,X}o${0,4,o}',
      '$GENERATE 1-1 t TXT "a $ ; b" c$',
    ].join('\n'),
  );

  assert.deepEqual(records, [
    'h1.example.org. 1 IN A 192.0.2.1',
    'h2.example.org. 1 IN A 192.0.2.2',
    'h0012.example.org. 60 IN CNAME a0.\\$.\\$.008.example.org.',
    'h0014.example.org. 60 IN CNAME a2.\\$.\\$.010.example.org.',
    'c.2.1.C.2.1.z.example.org. 1 IN PTR H12Co0454.example.org.',
    't.example.org. 1 IN TXT "a 1 ; b" "c1"',
  ]);
});

test('a $GENERATE that cannot be carried out says why, once', () => {
  const { failures } = parse(
    [
      '$TTL 1',
      '$GENERATE',
      '$GENERATE 2-1 a A 192.0.2.1',
      '$GENERATE 1-2/0 a A 192.0.2.1',
      '$GENERATE 1-2 a',
      '$GENERATE 1-2 a${x} A 192.0.2.1',
      '$GENERATE 1-2 a${1 A 192.0.2.1',
      '$GENERATE 1-2 a${-2} A 192.0.2.1',
      '$GENERATE 250-300 a$ A 192.0.2.$',
      '$GENERATE 0-2147483647 a A 192.0.2.1',
    ].join('\n'),
  );

  assert.deepEqual(failures, [
    'zone:2: $GENERATE: expected start-stop or start-stop/step, got the end of the record',
    "zone:3: $GENERATE: expected start-stop or start-stop/step, got '2-1'",
    "zone:4: $GENERATE: expected start-stop or start-stop/step, got '1-2/0'",
    'zone:5: $GENERATE: expected an owner, a type and rdata, got the end of the record',
    "zone:6: $GENERATE: expected ${offset,width,base} at '${x} A 192.0.2.1'",
    "zone:7: $GENERATE: expected ${offset,width,base} at '${1 A 192.0.2.1'",
    'zone:8: $GENERATE: a number below zero in the line for 1',
    "zone:9: $GENERATE: in the line for 256: A: expected an IPv4 address, got '192.0.2.256'",
    'zone:10: $GENERATE: more than 1048576 lines',
  ]);
});
