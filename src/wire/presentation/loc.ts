/** LOC rdata (RFC 1876): a place on the globe, its size and how precisely it is known. */
import type { Field } from './fields.ts';
import type { OctetReader, OctetWriter } from './octets.ts';
import type { Token } from './scanner.ts';
import { expected, type TokenCursor, tokenText } from './words.ts';

export const location: Field = { read: readLocation, print: printLocation };

const EQUATOR = 0x8000_0000;
const SEA_LEVEL_CM = 10_000_000;
const MS_PER_DEGREE = 3_600_000;
const MAX_PRECISION_CM = 9_000_000_000;
/** One metre, ten kilometres and ten metres (RFC 1876 §3). */
const DEFAULT_PRECISIONS: readonly number[] = [0x12, 0x16, 0x13];

/** `52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m`, the last three and the smaller units at will. */
function readLocation(words: TokenCursor, out: OctetWriter): string | undefined {
  const latitude = readAngle(words, 90, 'N', 'S');
  if (typeof latitude === 'string') return latitude;
  const longitude = readAngle(words, 180, 'E', 'W');
  if (typeof longitude === 'string') return longitude;
  const altitudeWord = words.take();
  const altitude = readCentimetres(altitudeWord, -SEA_LEVEL_CM, 0xffff_ffff - SEA_LEVEL_CM);
  if (altitude === undefined) return expected('an altitude from -100000.00 to 42849672.95 metres', altitudeWord);
  out.u8(0);
  for (const standard of DEFAULT_PRECISIONS) {
    const word = words.take();
    const centimetres = word === undefined ? undefined : readCentimetres(word, 0, MAX_PRECISION_CM);
    if (word !== undefined && centimetres === undefined) return expected('0 to 90000000.00 metres', word);
    out.u8(centimetres === undefined ? standard : toPrecision(centimetres));
  }
  out.u32(latitude);
  out.u32(longitude);
  return out.u32(altitude + SEA_LEVEL_CM);
}

function printLocation(octets: OctetReader): string {
  if (octets.u8() !== 0) octets.fail();
  const precisions = [octets.u8(), octets.u8(), octets.u8()];
  const latitude = printAngle(octets, 90, 'N', 'S');
  const longitude = printAngle(octets, 180, 'E', 'W');
  const altitude = printCentimetres(octets.u32() - SEA_LEVEL_CM);
  return [latitude, longitude, altitude, ...precisions.map((octet) => printPrecision(octet, octets))].join(' ');
}

/** Thousandths of a second of arc around 2^31; a string is the failure. */
function readAngle(words: TokenCursor, maxDegrees: number, positive: string, negative: string): number | string {
  const what = `up to ${maxDegrees} degrees, with minutes and seconds if any, then ${positive} or ${negative}`;
  let milliseconds = 0;
  for (let i = 0; ; i++) {
    const word = words.take();
    const text = word === undefined || word.quoted ? '' : tokenText(word).toUpperCase();
    if (i > 0 && (text === positive || text === negative)) {
      if (milliseconds > maxDegrees * MS_PER_DEGREE) return expected(what, word);
      return text === positive ? EQUATOR + milliseconds : EQUATOR - milliseconds;
    }
    const part = ANGLE_PARTS[i];
    if (part === undefined || !part.form.test(text) || Number(text) >= part.below) return expected(what, word);
    milliseconds += Math.round(Number(text) * part.milliseconds);
  }
}

const ANGLE_PARTS = [
  { form: /^\d{1,3}$/, below: 181, milliseconds: MS_PER_DEGREE },
  { form: /^\d{1,2}$/, below: 60, milliseconds: 60_000 },
  { form: /^\d{1,2}(?:\.\d{1,3})?$/, below: 60, milliseconds: 1000 },
];

function printAngle(octets: OctetReader, maxDegrees: number, positive: string, negative: string): string {
  const offset = octets.u32() - EQUATOR;
  const total = Math.abs(offset);
  if (total > maxDegrees * MS_PER_DEGREE) octets.fail();
  const degrees = Math.floor(total / MS_PER_DEGREE);
  const minutes = Math.floor(total / 60_000) % 60;
  const seconds = ((total % 60_000) / 1000).toFixed(3);
  return `${degrees} ${minutes} ${seconds} ${offset < 0 ? negative : positive}`;
}

function readCentimetres(word: Token | undefined, min: number, max: number): number | undefined {
  const text = word === undefined || word.quoted ? '' : tokenText(word);
  const parts = /^(-?)(\d{1,8})(?:\.(\d{1,2}))?m?$/i.exec(text);
  if (parts === null) return undefined;
  const size = Number(parts[2]) * 100 + Number((parts[3] ?? '0').padEnd(2, '0'));
  const centimetres = parts[1] === '-' && size > 0 ? -size : size;
  return centimetres >= min && centimetres <= max ? centimetres : undefined;
}

function printCentimetres(centimetres: number): string {
  const size = Math.abs(centimetres);
  return `${centimetres < 0 ? '-' : ''}${Math.floor(size / 100)}.${String(size % 100).padStart(2, '0')}m`;
}

/** One digit and a power of ten, in four bits each; further digits are lost, as in the RFC's own code. */
function toPrecision(centimetres: number): number {
  let power = 0;
  let digit = centimetres;
  for (; digit > 9; power++) digit = Math.floor(digit / 10);
  return digit * 16 + power;
}

/** Nothing above nine is defined, and zero has one form only (RFC 1876 §2). */
function printPrecision(octet: number, octets: OctetReader): string {
  const digit = octet >> 4;
  const power = octet & 15;
  if (digit > 9 || power > 9 || (digit === 0 && power > 0)) octets.fail();
  return printCentimetres(digit * 10 ** power);
}
