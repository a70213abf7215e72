import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEdns, writeOpt } from '../../../src/wire/edns.ts';
import { EDE } from '../../../src/wire/registry.ts';
import { u16 } from '../../support/raw-messages.ts';
import { edeOption } from '../../support/transfer-messages.ts';

const option = (code: number, data: Buffer): Buffer => Buffer.concat([u16(code, data.length), data]);
const NOTHING = Buffer.alloc(0);

test('an OPT without options tells size, version and the upper bits of the response code', () => {
  const edns = readEdns(4096, 0x9c_05_80_00, NOTHING);

  assert.deepEqual(edns, {
    version: 5,
    udpSize: 4096,
    extendedRcode: 0x9c,
    keepalive: false,
    padding: false,
    expire: false,
  });
});

test('the options that matter are seen among others', () => {
  const rdata = Buffer.concat([
    option(10, Buffer.alloc(8)),
    option(11, NOTHING),
    option(12, Buffer.alloc(3)),
    option(9, NOTHING),
  ]);

  const edns = readEdns(1232, 0, rdata);

  assert.deepEqual([edns?.keepalive, edns?.padding, edns?.expire], [true, true, true]);
});

test('options cut at any place but between two are refused', () => {
  const options = [option(11, NOTHING), option(12, Buffer.alloc(3)), option(65_001, Buffer.alloc(1))];
  const rdata = Buffer.concat(options);
  for (let length = 0; length <= rdata.length; length++) {
    const isBetween = [0, 4, 11, 16].includes(length);

    assert.equal(readEdns(1232, 0, rdata.subarray(0, length)) !== undefined, isBetween, `cut at ${length}`);
  }
});

test('an OPT is written with nothing in it', () => {
  assert.deepEqual(Buffer.from(writeOpt({ udpSize: 1232 })), Buffer.concat([Buffer.of(0), u16(41, 1232, 0, 0, 0)]));
});

test('an OPT is written with extended response code, keepalive and an Extended DNS Error', () => {
  const opt = writeOpt({
    udpSize: 512,
    extendedRcode: 255,
    keepalive: 300,
    ede: { code: EDE.NOT_READY, text: 'später' },
  });

  const options = Buffer.concat([u16(11, 2, 300), edeOption(14, 'später')]);
  assert.deepEqual(Buffer.from(opt), Buffer.concat([Buffer.of(0), u16(41, 512, 0xff00, 0, options.length), options]));
});

test('an Extended DNS Error may go without text', () => {
  const opt = writeOpt({ udpSize: 1232, ede: { code: EDE.PROHIBITED, text: '' } });

  assert.deepEqual(Buffer.from(opt.subarray(9)), u16(6, 15, 2, 18));
});
