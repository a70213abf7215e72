/** Every record type with a text form of its own: a type is a row of fields. */
import { TYPE } from '../registry.ts';
import { base32hex, base64Rest, hexRest, optionalBase64Rest, salt, time, typeBitmap } from './encoded-fields.ts';
import {
  type Field,
  ipv4,
  ipv6,
  name,
  named,
  optionalString,
  quotedRest,
  recordType,
  seconds,
  string,
  strings,
  tag,
  u8,
  u16,
  u32,
} from './fields.ts';
import { location } from './loc.ts';
import { addressPrefixes, eui48, eui64, hostIdentity, ipsecKey, locator64, nsap } from './special-fields.ts';
import { serviceParameters } from './svcb.ts';

/** The fields of a type's rdata; undefined where only the form of RFC 3597 is known. */
export const fieldsOf = (type: number): readonly Field[] | undefined => fieldsByType.get(type);

/** All types that have fields. */
export const presentableTypes = (): readonly number[] => [...fieldsByType.keys()];

/** Words that BIND and the IANA registries use for numbers; they are read, but numbers are printed. */
const algorithm = named(1, 'an algorithm from 0 to 255, or its name', {
  RSAMD5: 1,
  DH: 2,
  DSA: 3,
  RSASHA1: 5,
  'DSA-NSEC3-SHA1': 6,
  NSEC3DSA: 6,
  'RSASHA1-NSEC3-SHA1': 7,
  NSEC3RSASHA1: 7,
  RSASHA256: 8,
  RSASHA512: 10,
  ECCGOST: 12,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16,
  INDIRECT: 252,
  PRIVATEDNS: 253,
  PRIVATEOID: 254,
});
const digestType = named(1, 'a digest type from 0 to 255, or its name', {
  'SHA-1': 1,
  SHA1: 1,
  'SHA-256': 2,
  SHA256: 2,
  GOST: 3,
  'SHA-384': 4,
  SHA384: 4,
});
const certificateType = named(2, 'a certificate type from 0 to 65535, or its name', {
  PKIX: 1,
  SPKI: 2,
  PGP: 3,
  IPKIX: 4,
  ISPKI: 5,
  IPGP: 6,
  ACPKIX: 7,
  IACPKIX: 8,
  URI: 253,
  OID: 254,
});

const signature = [recordType, algorithm, u8, seconds, time, time, u16, name, base64Rest];
const delegation = [u16, algorithm, digestType, hexRest];
const certificateMatch = [u8, u8, u8, hexRest];
const service = [u16, name, serviceParameters];

const fieldsByType = new Map<number, readonly Field[]>([
  [TYPE.A, [ipv4]],
  [TYPE.NS, [name]],
  [TYPE.MD, [name]],
  [TYPE.MF, [name]],
  [TYPE.CNAME, [name]],
  [TYPE.SOA, [name, name, u32, seconds, seconds, seconds, seconds]],
  [TYPE.MB, [name]],
  [TYPE.MG, [name]],
  [TYPE.MR, [name]],
  [TYPE.PTR, [name]],
  [TYPE.HINFO, [string, string]],
  [TYPE.MINFO, [name, name]],
  [TYPE.MX, [u16, name]],
  [TYPE.TXT, [strings]],
  [TYPE.RP, [name, name]],
  [TYPE.AFSDB, [u16, name]],
  [TYPE.X25, [string]],
  [TYPE.ISDN, [string, optionalString]],
  [TYPE.RT, [u16, name]],
  [TYPE.NSAP, [nsap]],
  [TYPE.SIG, signature],
  [TYPE.KEY, [u16, u8, algorithm, optionalBase64Rest]],
  [TYPE.PX, [u16, name, name]],
  [TYPE.AAAA, [ipv6]],
  [TYPE.LOC, [location]],
  [TYPE.SRV, [u16, u16, u16, name]],
  [TYPE.NAPTR, [u16, u16, string, string, string, name]],
  [TYPE.KX, [u16, name]],
  [TYPE.CERT, [certificateType, u16, algorithm, base64Rest]],
  [TYPE.DNAME, [name]],
  [TYPE.APL, [addressPrefixes]],
  [TYPE.DS, delegation],
  [TYPE.SSHFP, [u8, u8, hexRest]],
  [TYPE.IPSECKEY, [ipsecKey]],
  [TYPE.RRSIG, signature],
  [TYPE.NSEC, [name, typeBitmap]],
  [TYPE.DNSKEY, [u16, u8, algorithm, base64Rest]],
  [TYPE.DHCID, [base64Rest]],
  [TYPE.NSEC3, [u8, u8, u16, salt, base32hex, typeBitmap]],
  [TYPE.NSEC3PARAM, [u8, u8, u16, salt]],
  [TYPE.TLSA, certificateMatch],
  [TYPE.SMIMEA, certificateMatch],
  [TYPE.HIP, [hostIdentity]],
  [TYPE.CDS, delegation],
  [TYPE.CDNSKEY, [u16, u8, algorithm, base64Rest]],
  [TYPE.OPENPGPKEY, [base64Rest]],
  [TYPE.CSYNC, [u32, u16, typeBitmap]],
  [TYPE.ZONEMD, [u32, u8, u8, hexRest]],
  [TYPE.SVCB, service],
  [TYPE.HTTPS, service],
  [TYPE.SPF, [strings]],
  [TYPE.NID, [u16, locator64]],
  [TYPE.L32, [u16, ipv4]],
  [TYPE.L64, [u16, locator64]],
  [TYPE.LP, [u16, name]],
  [TYPE.EUI48, [eui48]],
  [TYPE.EUI64, [eui64]],
  [TYPE.URI, [u16, u16, quotedRest]],
  [TYPE.CAA, [u8, tag, quotedRest]],
]);
