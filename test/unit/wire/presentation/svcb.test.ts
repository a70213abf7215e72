import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rdataFromText } from '../../../../src/wire/presentation/parse.ts';
import { rdataToText } from '../../../../src/wire/presentation/print.ts';
import { TYPE } from '../../../../src/wire/registry.ts';

const ROOT = Uint8Array.of(0);
const COM = '03666f6f076578616d706c6503636f6d00';
const ORG = '03666f6f076578616d706c65036f726700';

/** RFC 9460 appendix D.1 and D.2: text, octets, and what is printed where that differs. */
const VECTORS: readonly (readonly [string, string, string?])[] = [
  ['0 foo.example.com.', `0000${COM}`],
  ['1 .', '000100'],
  ['16 foo.example.com. port=53', `0010${COM}000300020035`],
  ['1 foo.example.com. key667=hello', `0001${COM}029b000568656c6c6f`, '1 foo.example.com. key667="hello"'],
  ['1 foo.example.com. key667="hello\\210qoo"', `0001${COM}029b000968656c6c6fd2716f6f`],
  [
    '1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
    `0001${COM}0006002020010db800000000000000000000000120010db8000000000000000000530001`,
    '1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1',
  ],
  [
    '1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"',
    '0001076578616d706c6503636f6d000006001020010db80122034400000000c0000221',
    '1 example.com. ipv6hint=2001:db8:122:344::c000:221',
  ],
  [
    '16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1',
    `0010${ORG}0000000400010004000100090268320568332d313900040004c0000201`,
    '16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1',
  ],
  ['16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"', `0010${ORG}0001000c08665c6f6f2c626172026832`],
  [
    '16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2',
    `0010${ORG}0001000c08665c6f6f2c626172026832`,
    '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"',
  ],
  [
    '1 . alpn=h2 no-default-alpn dohpath=/q{?dns}',
    `000100000100030268320002000000070008${Buffer.from('/q{?dns}').toString('hex')}`,
    '1 . alpn="h2" no-default-alpn dohpath="/q{?dns}"',
  ],
  ['1 . ech=YWJj key65534', '00010000050003616263fffe0000'],
  ['1 . key3="\\000\\053" KEY1=\\002h2', '00010000010003026832000300020035', '1 . alpn="h2" port=53'],
];

for (const [text, hex, printed = text] of VECTORS) {
  test(`SVCB ${text}`, () => {
    const read = rdataFromText(TYPE.SVCB, text, ROOT);

    assert.ok(read.ok, read.ok ? '' : read.failure);
    assert.equal(Buffer.from(read.value).toString('hex'), hex);
    assert.equal(rdataToText(TYPE.SVCB, read.value), printed);
  });
}

/** RFC 9460 appendix D.3, and what else the parameters cannot be. */
const FAILURES: readonly (readonly [string, string])[] = [
  ['key123=abc key123=def', "each parameter once, got 'key123=def'"],
  ['mandatory', "mandatory with a list of parameters, got 'mandatory'"],
  ['alpn', "alpn with a list of protocols of 1 to 255 octets, got 'alpn'"],
  ['port', "port with a number from 0 to 65535, got 'port'"],
  ['ipv4hint', "ipv4hint with a list of IPv4 addresses, got 'ipv4hint'"],
  ['ipv6hint', "ipv6hint with a list of IPv6 addresses, got 'ipv6hint'"],
  ['no-default-alpn=abc', "no-default-alpn with no value, got 'no-default-alpn=abc'"],
  ['mandatory=key123', 'the parameter key123, as it is mandatory, got none'],
  ['mandatory=mandatory', "mandatory with a list of parameters, got 'mandatory=mandatory'"],
  ['mandatory=key123,key123 key123=abc', "mandatory with a list of parameters, got 'mandatory=key123,key123'"],
  ['no-default-alpn', 'alpn beside no-default-alpn, got none'],
  ['alpn=h2,,h3', "alpn with a list of protocols of 1 to 255 octets, got 'alpn=h2,,h3'"],
  ['alpn=h2\\\\', "alpn with a list of protocols of 1 to 255 octets, got 'alpn=h2\\\\'"],
  ['port=65536', "port with a number from 0 to 65535, got 'port=65536'"],
  ['ech=a', "ech with base64, got 'ech=a'"],
  ['dohpath=""', 'dohpath with a path, got \'dohpath=""\''],
  ['key3=x', "port with a number from 0 to 65535, got 'key3=x'"],
  ['key65535=x', "a parameter of RFC 9460 or key0 to key65534, got 'key65535=x'"],
  ['key01=x', "a parameter of RFC 9460 or key0 to key65534, got 'key01=x'"],
  ['foo=x', "a parameter of RFC 9460 or key0 to key65534, got 'foo=x'"],
  ['"port=53"', 'a parameter as key or key="value", got \'port=53\''],
  ['alpn="h2"x', 'one pair of quotes around the whole value, got \'alpn="h2"x\''],
];

for (const [parameters, failure] of FAILURES) {
  test(`SVCB with ${parameters} fails with what was expected`, () => {
    assert.deepEqual(rdataFromText(TYPE.SVCB, `1 foo. ${parameters}`, ROOT), { ok: false, failure });
  });
}

test('parameters out of order, twice or inconsistent have no text form but that of RFC 3597', () => {
  for (const hex of [
    '000100000300020035000200 00',
    '0001000003000200350003000200 35',
    '00010000000002 0003',
    '00010000020000',
  ]) {
    const rdata = Buffer.from(hex.replace(' ', ''), 'hex');

    assert.equal(rdataToText(TYPE.HTTPS, rdata), `\\# ${rdata.length} ${rdata.toString('hex')}`);
  }
});
