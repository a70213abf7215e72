/** The parameters of SVCB and HTTPS (RFC 9460, dohpath of RFC 9461): `key=value` words to the end of the record. */
import { type Bytes, concatBytes } from '../../base/bytes.ts';
import { printIpv4, printIpv6, readDotted, readGroups } from './address.ts';
import { readBase64 } from './encoded-fields.ts';
import { type Field, quoted } from './fields.ts';
import { OctetReader, OctetWriter } from './octets.ts';
import { type Token, tokensFromText } from './scanner.ts';
import { expected, TokenCursor, unescapeTo } from './words.ts';

export const serviceParameters: Field = {
  read: (words, out) => {
    const values = new Map<number, Bytes>();
    for (let word = words.take(); word !== undefined; word = words.take()) {
      const parameter = readParameter(word);
      if (typeof parameter === 'string') return expected(parameter, word);
      if (values.has(parameter.key)) return expected('each parameter once', word);
      values.set(parameter.key, parameter.value);
    }
    const inOrder = [...values].sort(([a], [b]) => a - b);
    const failure = inOrder.length > 0 ? inconsistency(values) : undefined;
    if (failure !== undefined) return failure;
    for (const [key, value] of inOrder) {
      out.u16(key);
      out.u16(value.length);
      out.append(value);
    }
    return undefined;
  },
  print: (octets) => {
    const values = new Map<number, Bytes>();
    const texts: string[] = [];
    for (let lastKey = -1; octets.left > 0; ) {
      const key = octets.u16();
      const value = octets.bytes(octets.u16());
      const text = printParameter(key, value);
      if (key <= lastKey || text === undefined) octets.fail(); // keys ascend (RFC 9460 §2.2)
      texts.push(text ?? '');
      values.set(key, value);
      lastKey = key;
    }
    if (inconsistency(values) !== undefined) octets.fail();
    return texts.join(' ');
  },
};

const KEY = { MANDATORY: 0, ALPN: 1, NO_DEFAULT_ALPN: 2 } as const;

/** What the value of a parameter means; without a row here it is any octets. */
interface ParameterForm {
  readonly name: string;
  readonly what: string;
  /** From the octets that the written value stands for; undefined where they are not right. */
  readonly read: (value: Bytes) => Bytes | undefined;
  /** Undefined where the octets are not valid. */
  readonly print: (value: Bytes) => string | undefined;
}

const FORMS: readonly ParameterForm[] = [
  { name: 'mandatory', what: 'a list of parameters', read: readMandatory, print: printMandatory },
  { name: 'alpn', what: 'a list of protocols of 1 to 255 octets', read: readAlpn, print: printAlpn },
  {
    name: 'no-default-alpn',
    what: 'no value',
    read: (value) => (value.length === 0 ? value : undefined),
    print: (value) => (value.length === 0 ? '' : undefined),
  },
  { name: 'port', what: 'a number from 0 to 65535', read: readPort, print: printPort },
  { name: 'ipv4hint', what: 'a list of IPv4 addresses', ...addressList(4, readDotted, printIpv4) },
  { name: 'ech', what: 'base64', read: fromBase64, print: (value) => text(toBase64(value)) },
  { name: 'ipv6hint', what: 'a list of IPv6 addresses', ...addressList(16, readGroups, printIpv6) },
  { name: 'dohpath', what: 'a path', read: (value) => text(value), print: (value) => text(value) && quoted(value) },
];

interface Parameter {
  readonly key: number;
  readonly value: Bytes;
}

/** A string is what was expected instead. */
function readParameter(word: Token): Parameter | string {
  if (word.quoted) return 'a parameter as key or key="value"';
  const equals = word.octets.subarray(word.start, word.end).indexOf(EQUALS_SIGN);
  const keyEnd = equals < 0 ? word.end : word.start + equals;
  const keyText = latin1(word.octets.subarray(word.start, keyEnd));
  const key = readKey(keyText);
  if (key === undefined) return 'a parameter of RFC 9460 or key0 to key65534';
  const value = readValue(word.octets, equals < 0 ? keyEnd : keyEnd + 1, word.end);
  if (typeof value === 'string') return value;
  const form = FORMS[key];
  if (form === undefined) return { key, value };
  // Under its number a known parameter has the octets of the wire (RFC 9460 §2.1), which must be valid all the same.
  const isNumbered = keyText.toLowerCase() !== form.name;
  const octets = isNumbered ? (form.print(value) === undefined ? undefined : value) : form.read(value);
  return octets === undefined || octets.length > 0xffff ? `${form.name} with ${form.what}` : { key, value: octets };
}

/** The octets between `start` and `end`, which are a string in quotes or without; a string is what was expected. */
function readValue(octets: Bytes, start: number, end: number): Bytes | string {
  const isQuoted = octets[start] === QUOTE && start < end;
  const [from, to] = isQuoted ? [start + 1, end - 1] : [start, end];
  for (let at = from; at < to; at++) {
    if (octets[at] === BACKSLASH) at++;
    else if (octets[at] === QUOTE) return 'one pair of quotes around the whole value';
  }
  const out = new OctetWriter();
  return unescapeTo(octets, from, to, 0xffff, out) ?? out.view();
}

function printParameter(key: number, value: Bytes): string | undefined {
  const form = FORMS[key];
  if (key === 0xffff) return undefined; // reserved as invalid (RFC 9460 §14.3.2)
  if (form === undefined) return value.length === 0 ? `key${key}` : `key${key}=${quoted(value)}`;
  const printed = form.print(value);
  return printed === '' ? form.name : printed && `${form.name}=${printed}`;
}

/** What RFC 9460 §8 and §7.1.1 ask of a record as a whole. */
function inconsistency(values: ReadonlyMap<number, Bytes>): string | undefined {
  const mandatory = new OctetReader(values.get(KEY.MANDATORY) ?? new Uint8Array());
  while (mandatory.left > 0) {
    const key = mandatory.u16();
    if (!values.has(key)) return `the parameter ${keyName(key)}, as it is mandatory, got none`;
  }
  if (!values.has(KEY.NO_DEFAULT_ALPN) || values.has(KEY.ALPN)) return undefined;
  return 'alpn beside no-default-alpn, got none';
}

const keyName = (key: number): string => FORMS[key]?.name ?? `key${key}`;

function readKey(written: string): number | undefined {
  const lower = written.toLowerCase();
  const known = FORMS.findIndex((form) => form.name === lower);
  if (known >= 0) return known;
  const number = /^key(0|[1-9]\d{0,4})$/.exec(lower)?.[1];
  return number !== undefined && Number(number) < 0xffff ? Number(number) : undefined;
}

/** Keys in ascending order, none twice, never itself (RFC 9460 §8); written in any order. */
function readMandatory(value: Bytes): Bytes | undefined {
  const keys = latin1(value).split(',').map(readKey);
  const sorted = keys.filter((key) => key !== undefined).sort((a, b) => a - b);
  const octets = Uint8Array.from(sorted.flatMap((key) => [key >> 8, key & 0xff]));
  return sorted.length === keys.length && printMandatory(octets) !== undefined ? octets : undefined;
}

function printMandatory(value: Bytes): string | undefined {
  const reader = new OctetReader(value);
  const names: string[] = [];
  for (let last: number = KEY.MANDATORY; reader.left > 0; ) {
    const key = reader.u16();
    if (key <= last || key === 0xffff) return undefined;
    names.push(keyName(key));
    last = key;
  }
  return reader.failed ? undefined : text(names.join(','));
}

/** Commas separate; `\,` and `\\` are octets of a protocol, after the string's own escapes (RFC 9460 appendix A.1). */
function readAlpn(value: Bytes): Bytes | undefined {
  const protocols: number[][] = [[]];
  for (let at = 0; at < value.length; at++) {
    const octet = value[at] as number;
    if (octet === COMMA) protocols.push([]);
    else if (octet !== BACKSLASH) protocols.at(-1)?.push(octet);
    else if (++at < value.length) protocols.at(-1)?.push(value[at] as number);
    else return undefined;
  }
  if (protocols.some(({ length }) => length === 0 || length > 255)) return undefined;
  return Uint8Array.from(protocols.flatMap((protocol) => [protocol.length, ...protocol]));
}

function printAlpn(value: Bytes): string | undefined {
  const reader = new OctetReader(value);
  const parts: Bytes[] = [];
  while (reader.left > 0) {
    const protocol = reader.bytes(reader.u8());
    if (protocol.length === 0) return undefined;
    if (parts.length > 0) parts.push(Uint8Array.of(COMMA));
    for (const octet of protocol) {
      parts.push(octet === COMMA || octet === BACKSLASH ? Uint8Array.of(BACKSLASH, octet) : Uint8Array.of(octet));
    }
  }
  return parts.length === 0 || reader.failed ? undefined : quoted(concatBytes(parts));
}

function readPort(value: Bytes): Bytes | undefined {
  const port = latin1(value);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 0xffff) return undefined;
  return Uint8Array.of(Number(port) >> 8, Number(port) & 0xff);
}

function printPort(value: Bytes): string | undefined {
  return value.length === 2 ? String((value[0] as number) * 256 + (value[1] as number)) : undefined;
}

function addressList(
  size: 4 | 16,
  readOne: (octets: Bytes, start: number, end: number, out: OctetWriter) => boolean,
  printOne: (octets: Bytes) => string,
): Pick<ParameterForm, 'read' | 'print'> {
  return {
    read: (value) => {
      const out = new OctetWriter();
      for (let start = 0; start <= value.length; ) {
        const comma = value.indexOf(COMMA, start);
        const end = comma < 0 ? value.length : comma;
        if (!readOne(value, start, end, out)) return undefined;
        start = end + 1;
      }
      return out.view();
    },
    print: (value) => {
      if (value.length === 0 || value.length % size !== 0) return undefined;
      const count = value.length / size;
      return Array.from({ length: count }, (_, i) => printOne(value.subarray(i * size, (i + 1) * size))).join(',');
    },
  };
}

function fromBase64(value: Bytes): Bytes | undefined {
  const out = new OctetWriter();
  const tokens = tokensFromText(value);
  if (!tokens.ok || tokens.value.length !== 1) return undefined;
  return readBase64(new TokenCursor(tokens.value), out) === undefined ? text(out.view()) : undefined;
}

const toBase64 = (value: Bytes): string => Buffer.from(value).toString('base64');
const latin1 = (octets: Bytes): string => Buffer.from(octets).toString('latin1');

/** The same, or undefined where there is nothing in it (`""` included). */
const text = <T extends { readonly length: number }>(value: T): T | undefined =>
  value.length === 0 ? undefined : value;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const EQUALS_SIGN = 0x3d;
