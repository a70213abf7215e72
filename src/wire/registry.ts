/** The IANA registries that zonegate names things by, one table each. */

export const TYPE = {
  A: 1, NS: 2, MD: 3, MF: 4, CNAME: 5, SOA: 6, MB: 7, MG: 8, MR: 9, NULL: 10, WKS: 11, PTR: 12, HINFO: 13, MINFO: 14,
  MX: 15, TXT: 16, RP: 17, AFSDB: 18, X25: 19, ISDN: 20, RT: 21, NSAP: 22, SIG: 24, KEY: 25, PX: 26, AAAA: 28, LOC: 29,
  NXT: 30, SRV: 33, NAPTR: 35, KX: 36, CERT: 37, A6: 38, DNAME: 39, OPT: 41, APL: 42, DS: 43, SSHFP: 44, IPSECKEY: 45,
  RRSIG: 46, NSEC: 47, DNSKEY: 48, DHCID: 49, NSEC3: 50, NSEC3PARAM: 51, TLSA: 52, SMIMEA: 53, HIP: 55, CDS: 59,
  CDNSKEY: 60, OPENPGPKEY: 61, CSYNC: 62, ZONEMD: 63, SVCB: 64, HTTPS: 65, SPF: 99, NID: 104, L32: 105, L64: 106,
  LP: 107, EUI48: 108, EUI64: 109, TKEY: 249, TSIG: 250, IXFR: 251, AXFR: 252, ANY: 255, URI: 256, CAA: 257,
} as const;

export const CLASS = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const;

export const OPCODE = { QUERY: 0, STATUS: 2, NOTIFY: 4, UPDATE: 5 } as const;

export const RCODE = {
  NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, YXDOMAIN: 6, YXRRSET: 7, NXRRSET: 8,
  NOTAUTH: 9, NOTZONE: 10, BADVERS: 16,
} as const;

/** Errors inside a TSIG record (RFC 8945 §3), in a number space shared with RCODEs. */
export const TSIG_ERROR = { NONE: 0, BADSIG: 16, BADKEY: 17, BADTIME: 18, BADTRUNC: 22 } as const;

/** Extended DNS Errors (RFC 8914 §4) that zonegate sends. */
export const EDE = {
  OTHER: 0, NOT_READY: 14, PROHIBITED: 18, NOT_AUTHORITATIVE: 20, NOT_SUPPORTED: 21,
  NO_REACHABLE_AUTHORITY: 22, INVALID_DATA: 24,
} as const;

export const EDNS_OPTION = { EXPIRE: 9, COOKIE: 10, KEEPALIVE: 11, PADDING: 12, EDE: 15 } as const;

/** Header bits, as they lie in the 16-bit flags word (RFC 1035 §4.1.1, RFC 2535 §6.1). */
export const FLAG = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, AD: 0x0020, CD: 0x0010 } as const;

const typeNames = new Map<number, string>(Object.entries(TYPE).map(([name, code]) => [code, name]));
const rcodeNames = new Map<number, string>(Object.entries(RCODE).map(([name, code]) => [code, name]));
const classNames = new Map<number, string>(Object.entries(CLASS).map(([name, code]) => [code, name]));

/** `MX`, or `TYPE65280` for a type without a name here (RFC 3597 §5). */
export const typeToText = (type: number): string => typeNames.get(type) ?? `TYPE${type}`;
export const classToText = (code: number): string => classNames.get(code) ?? `CLASS${code}`;
export const rcodeToText = (code: number): string => rcodeNames.get(code) ?? `RCODE${code}`;

/** The number of a type by name, in either case, `TYPEn` included; undefined when there is none. */
export function typeFromText(text: string): number | undefined {
  const upper = text.toUpperCase();
  return (TYPE as Record<string, number>)[upper] ?? numbered(upper, 'TYPE');
}

export function classFromText(text: string): number | undefined {
  const upper = text.toUpperCase();
  return (CLASS as Record<string, number>)[upper] ?? numbered(upper, 'CLASS');
}

function numbered(text: string, prefix: string): number | undefined {
  if (!text.startsWith(prefix) || !/^\d{1,5}$/.test(text.slice(prefix.length))) return undefined;
  const value = Number(text.slice(prefix.length));
  return value <= 0xffff ? value : undefined;
}
