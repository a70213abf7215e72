import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rdataFromText } from '../../../../src/wire/presentation/parse.ts';
import { rdataToText, recordToText } from '../../../../src/wire/presentation/print.ts';
import { presentableTypes } from '../../../../src/wire/presentation/types.ts';
import { TYPE, typeToText } from '../../../../src/wire/registry.ts';

/** Hexadecimal, with names as `<mail.example>` and text as `'abc'`. */
const wire = (text: string): Buffer =>
  Buffer.from(
    text
      .replace(/<([^>]*)>/g, (_, name: string) => {
        const labels = name.split('.').filter((label) => label !== '');
        return `${labels.map((label) => hexOf(String.fromCharCode(label.length) + label)).join('')}00`;
      })
      .replace(/'([^']*)'/g, (_, octets: string) => hexOf(octets))
      .replace(/\s/g, ''),
    'hex',
  );
const hexOf = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
const ORIGIN = wire('<example>');

/** Type, text, octets, and the text that is printed where it is another. */
const VECTORS: readonly (readonly [keyof typeof TYPE, string, string, string?])[] = [
  ['A', '192.0.2.1', 'c0000201'],
  ['NS', 'ns1', '<ns1.example>', 'ns1.example.'],
  ['MD', 'a.', '<a>'],
  ['MF', 'a.', '<a>'],
  ['CNAME', '@', '<example>', 'example.'],
  [
    'SOA',
    'ns1. h\\.m. 1 1h30m 2d 1W 300',
    "<ns1> 03'h.m'00 00000001 00001518 0002a300 00093a80 0000012c",
    'ns1. h\\.m. 1 5400 172800 604800 300',
  ],
  ['SOA', '. . 4294967295 4294967295 0 0 0', '00 00 ffffffff ffffffff 00000000 00000000 00000000'],
  ['MB', 'a.', '<a>'],
  ['MG', 'a.', '<a>'],
  ['MR', 'a.', '<a>'],
  ['PTR', 'a.b.', '<a.b>'],
  ['HINFO', '"PC" "Linux 6"', "02'PC' 07'Linux 6'"],
  ['MINFO', 'a. b.', '<a><b>'],
  ['MX', '10 mail', '000a <mail.example>', '10 mail.example.'],
  [
    'TXT',
    'a "b c" "" "\\"\\\\;\\000\\255é"',
    "01'a' 03'b c' 00 07'\"\\;' 00ff c3a9",
    '"a" "b c" "" "\\"\\\\;\\000\\255\\195\\169"',
  ],
  ['RP', 'a. .', '<a><>'],
  ['AFSDB', '1 a.', '0001 <a>'],
  ['X25', '"311061700956"', "0c'311061700956'"],
  ['ISDN', '"150862028003217" "004"', "0f'150862028003217' 03'004'"],
  ['ISDN', '"150862028003217"', "0f'150862028003217'"],
  ['RT', '2 a.', '0002 <a>'],
  ['NSAP', '0x47.0005.80', '47000580', '0x47000580'],
  ['SIG', 'A 8 2 3600 20240101000000 19700101000000 1 a. YQ==', "0001 08 02 00000e10 65920080 00000000 0001 <a> 'a'"],
  ['KEY', '49152 3 8', 'c000 03 08'],
  ['KEY', '512 3 RSASHA256 YWI=', "0200 03 08 'ab'", '512 3 8 YWI='],
  ['PX', '1 a. b.', '0001 <a><b>'],
  ['AAAA', '2001:DB8:0:0:1::2', '20010db8000000000001000000000002', '2001:db8::1:0:0:2'],
  ['AAAA', '::', '00000000000000000000000000000000'],
  ['AAAA', '::ffff:192.0.2.1', '00000000000000000000ffffc0000201', '::ffff:c000:201'],
  ['AAAA', '1:2:3:4:5:6:7::', '00010002000300040005000600070000', '1:2:3:4:5:6:7:0'],
  ['AAAA', '::2:3:4:5:6:7:8', '00000002000300040005000600070008', '0:2:3:4:5:6:7:8'],
  [
    'LOC',
    '52 22 23 N 4 53 32 E -2m 0m',
    '00 00 16 13 8b3cf018 810cbce0 009895b8',
    '52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m',
  ],
  ['SRV', '1 2 65535 a.', '0001 0002 ffff <a>'],
  ['NAPTR', '100 50 "s" "x" "!^.*$!\\\\1!" .', "0064 0032 01's' 01'x' 09'!^.*$!\\1!' 00"],
  ['KX', '1 a.', '0001 <a>'],
  ['CERT', 'PKIX 1 RSASHA256 YQ==', "0001 0001 08 'a'", '1 1 8 YQ=='],
  ['DNAME', 'a.', '<a>'],
  ['APL', '1:192.0.2.0/25 !2:2001:db8::/32 1:0.0.0.0/0', '0001 19 03 c00002 0002 20 84 20010db8 0001 00 00'],
  ['APL', '', ''],
  ['DS', '60485 RSASHA1 SHA-1 ABcd ef', 'ec45 05 01 abcdef', '60485 5 1 abcdef'],
  ['SSHFP', '2 1 abcdef', '02 01 abcdef'],
  ['IPSECKEY', '10 1 2 192.0.2.38 YQ==', "0a 01 02 c0000226 'a'"],
  ['IPSECKEY', '10 0 0 .', '0a 00 00'],
  ['IPSECKEY', '10 2 2 2001:db8::1 YQ==', "0a 02 02 20010db8000000000000000000000001 'a'"],
  ['IPSECKEY', '10 3 2 gw YQ==', "0a 03 02 <gw.example> 'a'", '10 3 2 gw.example. YQ=='],
  [
    'RRSIG',
    'TYPE65280 13 2 1h 21060207062815 1704067200 1 a. YWJj',
    "ff00 0d 02 00000e10 ffffffff 65920080 0001 <a> 'abc'",
    'TYPE65280 13 2 3600 21060207062815 20240101000000 1 a. YWJj',
  ],
  [
    'NSEC',
    'host. A mx RRSIG NSEC TYPE1234',
    '<host> 0006 400100000003 041b 000000000000000000000000000000000000000000000000000020',
    'host. A MX RRSIG NSEC TYPE1234',
  ],
  ['DNSKEY', '257 3 ECDSAP256SHA256 YW Jj', "0101 03 0d 'abc'", '257 3 13 YWJj'],
  ['DHCID', 'AAIBYQ==', '00020161'],
  [
    'NSEC3',
    '1 1 12 AABBccdd 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR MX',
    '01 01 000c 04aabbccdd 14 174eb2409fe28bcb4887a1836f957f0a8425e27b 0002 0001',
    '1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX',
  ],
  ['NSEC3', '1 0 0 - 00', '01 00 0000 00 01 00'],
  ['NSEC3PARAM', '1 0 0 -', '01 00 0000 00'],
  ['TLSA', '3 1 1 ab', '03 01 01 ab'],
  ['SMIMEA', '3 1 1 ab', '03 01 01 ab'],
  ['HIP', '2 2001 YWJj rvs1 rvs2.', "02 02 0003 2001 'abc' <rvs1.example> <rvs2>", '2 2001 YWJj rvs1.example. rvs2.'],
  ['CDS', '0 0 0 00', '0000 00 00 00'],
  ['CDNSKEY', '0 3 0 AA==', '0000 03 00 00'],
  ['OPENPGPKEY', 'YWJj', "'abc'"],
  ['CSYNC', '66 3 A NS AAAA', '00000042 0003 0004 60000008'],
  ['ZONEMD', '1 1 241 ab cd', '00000001 01 f1 abcd', '1 1 241 abcd'],
  ['SVCB', '1 a. port=53', '0001 <a> 0003 0002 0035'],
  ['HTTPS', '0 a.', '0000 <a>'],
  ['SPF', '"v=spf1 -all"', "0b'v=spf1 -all'"],
  ['NID', '10 14:4fff:ff20:ee64', '000a 00144fffff20ee64', '10 0014:4fff:ff20:ee64'],
  ['L32', '10 10.1.2.0', '000a 0a010200'],
  ['L64', '10 2001:0db8:1140:1000', '000a 20010db811401000'],
  ['LP', '10 a.', '000a <a>'],
  ['EUI48', '00-00-5E-00-53-2a', '00005e00532a', '00-00-5e-00-53-2a'],
  ['EUI64', '00-00-5e-ef-10-00-00-2a', '00005eef1000002a'],
  ['URI', '10 1 "https://www.example/"', "000a 0001 'https://www.example/'"],
  ['CAA', '128 issue "ca.example; a=b"', "80 05'issue' 'ca.example; a=b'"],
];

for (const [type, text, octets, printed = text] of VECTORS) {
  test(`${type} ${text}`.slice(0, 80), () => {
    const rdata = wire(octets);
    const read = rdataFromText(TYPE[type], text, ORIGIN);

    assert.ok(read.ok, read.ok ? '' : read.failure);
    assert.equal(Buffer.from(read.value).toString('hex'), rdata.toString('hex'));
    assert.equal(rdataToText(TYPE[type], rdata), printed);
    const again = rdataFromText(TYPE[type], `\\# ${rdata.length} ${rdata.toString('hex')}`, ORIGIN);
    assert.ok(again.ok, 'the form of RFC 3597 is read for a known type');
    assert.deepEqual(Buffer.from(again.value), rdata);
  });
}

test('every type in the table has a vector', () => {
  const tested = new Set<number>(VECTORS.map(([type]) => TYPE[type]));
  assert.deepEqual(
    presentableTypes()
      .filter((type) => !tested.has(type))
      .map(typeToText),
    [],
  );
});

test('a record is one line with absolute names', () => {
  const text = recordToText(wire('<WWW.example>'), 300, 1, TYPE.MX, wire('000a <mail.example>'));

  assert.equal(text, 'WWW.example.\t300\tIN\tMX\t10 mail.example.');
});

test('octets that the type does not allow are printed in the form of RFC 3597', () => {
  assert.equal(rdataToText(TYPE.A, wire('c00002')), '\\# 3 c00002');
  assert.equal(rdataToText(TYPE.A, wire('c000020101')), '\\# 5 c000020101');
  assert.equal(rdataToText(TYPE.MX, wire('000a c00c')), '\\# 4 000ac00c');
  assert.equal(rdataToText(TYPE.TXT, new Uint8Array()), '\\# 0');
  assert.equal(rdataToText(TYPE.NSEC, wire('00 0002 4000')), '\\# 5 0000024000');
  assert.equal(rdataToText(TYPE.CAA, wire("00 01'-'")), '\\# 3 00012d');
  assert.equal(
    rdataToText(TYPE.LOC, wire('01 121613 80000000 80000000 00989680')),
    '\\# 16 01121613800000008000000000989680',
  );
  assert.equal(rdataToText(65_280, wire('abcd')), '\\# 2 abcd');
});

const FAILURES: readonly (readonly [keyof typeof TYPE, string, string])[] = [
  ['A', 'abc', "an IPv4 address, got 'abc'"],
  ['A', '', 'an IPv4 address, got the end of the record'],
  ['A', '192.0.2.01', "an IPv4 address, got '192.0.2.01'"],
  ['A', '192.0.2.256', "an IPv4 address, got '192.0.2.256'"],
  ['A', '192.0.2', "an IPv4 address, got '192.0.2'"],
  ['A', '192.0.2.1.', "an IPv4 address, got '192.0.2.1.'"],
  ['A', '"192.0.2.1"', "an IPv4 address, got '192.0.2.1'"],
  ['A', '192.0.2.1 192.0.2.2', "nothing more, got '192.0.2.2'"],
  ['A', '\\# 3 c00002', 'octets that are valid for the type after \\#, got others'],
  ['A', '\\# 4 c00002', '4 octets after \\#, got 3'],
  ['A', '\\# x', "a length from 0 to 65535 after \\#, got 'x'"],
  ['AAAA', '1::2::3', "an IPv6 address, got '1::2::3'"],
  ['AAAA', ':::', "an IPv6 address, got ':::'"],
  ['AAAA', '1:2:3:4:5:6:7:8:9', "an IPv6 address, got '1:2:3:4:5:6:7:8:9'"],
  ['AAAA', '1:2:3:4:5:6:7', "an IPv6 address, got '1:2:3:4:5:6:7'"],
  ['AAAA', '1:2:3:4:5:6:7:8::', "an IPv6 address, got '1:2:3:4:5:6:7:8::'"],
  ['AAAA', '12345::', "an IPv6 address, got '12345::'"],
  ['AAAA', '1::2:', "an IPv6 address, got '1::2:'"],
  ['AAAA', '::1.2.3', "an IPv6 address, got '::1.2.3'"],
  ['MX', 'mail 10', "a number from 0 to 65535, got 'mail'"],
  ['MX', '65536 mail', "a number from 0 to 65535, got '65536'"],
  ['MX', '10 a..b', "a domain name without empty labels, got 'a..b'"],
  ['MX', '10 .a', "a domain name without empty labels, got '.a'"],
  ['MX', '10 a\\256', "a domain name with \\DDD escapes from \\000 to \\255, got 'a\\256'"],
  ['MX', `10 ${'x'.repeat(64)}`, `a domain name with labels of at most 63 octets, got '${'x'.repeat(60)}...'`],
  [
    'MX',
    `10 ${'abcdefg.'.repeat(32)}`,
    `a domain name of at most 255 octets, got '${'abcdefg.'.repeat(8).slice(0, 60)}...'`,
  ],
  ['TXT', '', 'a string, got the end of the record'],
  ['TXT', `"${'x'.repeat(300)}"`, 'strings of at most 255 octets, got one of 300: split it into several'],
  ['TXT', 'a="b"', 'a string that is quoted as a whole or not at all, got \'a="b"\''],
  ['SOA', '. . 1 2 3 4 5x', "a time in seconds, or with units as in 1h30m, got '5x'"],
  ['DS', '1 FOO 1 ab', "an algorithm from 0 to 255, or its name, got 'FOO'"],
  ['DS', '1 5 1 abc', 'an even number of hexadecimal digits, got an odd one'],
  ['DS', '1 5 1 xy', "hexadecimal digits, got 'xy'"],
  ['DNSKEY', '257 3 13 YWJ', 'base64 with padding to a multiple of four, got another length'],
  ['DNSKEY', '257 3 13 Y!Jj', "base64, got 'Y!Jj'"],
  ['RRSIG', 'A 8 2 1 20240230000000 0 1 a. YQ==', "a time as YYYYMMDDHHmmSS from 1970 to 2106, got '20240230000000'"],
  ['NSEC', 'a. A FOO', "record types, got 'FOO'"],
  ['CAA', '0 is-sue "x"', "a tag of letters and digits, got 'is-sue'"],
  ['LOC', '91 N 0 E 0m', "up to 90 degrees, with minutes and seconds if any, then N or S, got 'N'"],
  ['LOC', '1 2 3 4 N', "up to 90 degrees, with minutes and seconds if any, then N or S, got '4'"],
  ['LOC', '1 N 180 0 0.001 E 0m', "up to 180 degrees, with minutes and seconds if any, then E or W, got 'E'"],
  ['LOC', '1 N 0 E 0m 90000000.01m', "0 to 90000000.00 metres, got '90000000.01m'"],
  ['IPSECKEY', '10 4 2 . YQ==', "a gateway type from 0 to 3, got '4'"],
  ['IPSECKEY', '10 0 2 gw YQ==', ". for no gateway, got 'gw'"],
  ['HIP', '2 xy YQ==', "a host identity tag in hexadecimal, got 'xy'"],
  ['NSEC3', '1 0 0 - 01', "a hash in base32hex, got '01'"],
  ['NSEC3', '1 0 0 abc 00', "a salt in hexadecimal, or -, got 'abc'"],
  ['LOC', '1 N 0 E x', "an altitude from -100000.00 to 42849672.95 metres, got 'x'"],
  ['APL', '3:1/2', "address prefixes as 1:192.0.2.0/24 or !2:2001:db8::/32, got '3:1/2'"],
  ['WKS', '192.0.2.1 6 25', "rdata as \\# length hex (RFC 3597), the only form of this type, got '192.0.2.1'"],
];

for (const [type, text, failure] of FAILURES) {
  test(`${type} ${text.slice(0, 40)} fails with what was expected`, () => {
    assert.deepEqual(rdataFromText(TYPE[type], text, ORIGIN), { ok: false, failure });
  });
}

test('rdata of more than 65535 octets is refused', () => {
  const most = rdataFromText(TYPE.TXT, `${`"${'x'.repeat(254)}" `.repeat(257)}`, ORIGIN);
  const more = rdataFromText(TYPE.TXT, `${`"${'x'.repeat(255)}" `.repeat(257)}`, ORIGIN);

  assert.ok(most.ok);
  assert.equal(most.value.length, 65_535);
  assert.deepEqual(more, { ok: false, failure: 'rdata of at most 65535 octets, got more' });
});
