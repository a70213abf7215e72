/**
 * Certificates: made with ECDSA P-256 keys, looked into, pinned. node-forge has no ECDSA, so it builds the ASN.1
 * (RFC 5280 §4.1) and node:crypto makes keys and signatures.
 */
import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import forge from 'node-forge';
import { ZonegateError } from '../base/errors.ts';
import type { ClientCertificate } from '../policy/decision.ts';
import { addressToText, parseAddress } from '../policy/prefix.ts';

export type CertificateKind = 'ca' | 'server' | 'client';

export interface PemPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface CertificateRequest {
  readonly kind: CertificateKind;
  /** Host names and IP addresses; the first is the common name. For a CA only the first counts, and may be any text. */
  readonly names: readonly string[];
  readonly days: number;
  /** Self-signed without one. */
  readonly issuer?: PemPair | undefined;
  readonly now: Date;
}

export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  /** Host names and IP addresses of the subjectAltName. */
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whole days; negative once it has ended. */
  readonly daysLeft: number;
  readonly serial: string;
  /** `EC prime256v1`, `RSA 2048`, `ED25519`. */
  readonly keyType: string;
  /** Of the public key, as a configuration's `pins` have it. */
  readonly pin: string;
  readonly isCa: boolean;
  readonly isSelfSigned: boolean;
  readonly purposes: readonly ('server' | 'client')[];
  /** SHA-256 of the certificate itself, as `openssl x509 -fingerprint -sha256` prints it. */
  readonly fingerprint: string;
}

const DAY_MS = 86_400_000;

export function createCertificate(request: CertificateRequest): PemPair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const names = request.kind === 'ca' ? [] : request.names.map(altName);
  const subject = subjectOf(request);
  const issuer = request.issuer === undefined ? undefined : readIssuer(request.issuer);
  const signer = signerFor(issuer?.key ?? privateKey);
  const subjectKeyId = keyIdOf(spki);

  // A certificate that outlives its issuer is one that fails without a warning: it ends with the issuer.
  const wanted = new Date(request.now.getTime() + request.days * DAY_MS);
  const notAfter = issuer !== undefined && issuer.notAfter < wanted ? issuer.notAfter : wanted;
  const body = sequence(
    explicit(0, integer(Buffer.of(2))), // v3
    integer(randomSerial()),
    signer.algorithm,
    issuer?.subject ?? subject,
    sequence(time(request.now), time(notAfter)),
    subject,
    fromDer(spki),
    explicit(3, sequence(...extensions(request.kind, names, subjectKeyId, issuer?.keyId ?? subjectKeyId))),
  );
  const signature = signer.sign(toDer(body));
  const certificate = sequence(body, signer.algorithm, bits(signature, 0));
  return {
    certPem: toPem('CERTIFICATE', toDer(certificate)),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** Of the first certificate in the text, whatever its key is. */
export function inspectCertificate(pem: string, now: Date): CertificateFacts {
  const certificate = parse(pem);
  const notAfter = new Date(certificate.validTo);
  const oids = certificate.keyUsage ?? [];
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: altNamesOf(certificate),
    notBefore: new Date(certificate.validFrom),
    notAfter,
    daysLeft: Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS),
    serial: certificate.serialNumber,
    keyType: keyTypeOf(certificate.publicKey),
    pin: spkiPin(pem),
    isCa: certificate.ca,
    isSelfSigned: certificate.checkIssued(certificate),
    purposes: (['server', 'client'] as const).filter((purpose) => oids.includes(PURPOSES[purpose])),
    fingerprint: certificate.fingerprint256,
  };
}

/** Base64 of the SHA-256 of the SubjectPublicKeyInfo (RFC 7858 appendix A): it outlives a renewal with the same key. */
export function spkiPin(pem: string): string {
  return createHash('sha256')
    .update(spkiOf(parse(pem)))
    .digest('base64');
}

/** What rules match of a client's certificate. */
export const clientCertificate = (certificate: X509Certificate): ClientCertificate => ({
  names: altNamesOf(certificate).map((name) => name.toLowerCase()),
  pin: createHash('sha256').update(spkiOf(certificate)).digest('base64'),
});

/**
 * Whether a certificate that was verified once still holds: within its dates, and issued by one of the authorities. An
 * issuer that is none of them stood between, in the chain that the client showed then, and cannot be looked at again.
 */
export function isStillGood(shown: X509Certificate, authorities: readonly X509Certificate[], now: number): boolean {
  if (now < Date.parse(shown.validFrom) || now > Date.parse(shown.validTo)) return false;
  const issuers = authorities.filter(({ subject }) => subject === shown.issuer);
  return issuers.length === 0 || issuers.some((issuer) => shown.checkIssued(issuer) && shown.verify(issuer.publicKey));
}

export function checkPair(certPem: string, keyPem: string): boolean {
  try {
    return parse(certPem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}

/** The certificates of a PEM file, the chain included, each by itself. */
export const splitPem = (text: string): string[] =>
  text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];

interface Issuer {
  readonly subject: Asn1;
  readonly keyId: Buffer;
  readonly key: KeyObject;
  readonly notAfter: Date;
}

function readIssuer({ certPem, keyPem }: PemPair): Issuer {
  const certificate = parse(certPem);
  if (!certificate.ca) throw invalid('the issuer is not a CA: its basicConstraints do not say so');
  if (!checkPair(certPem, keyPem)) throw invalid("the issuer's key is not that of its certificate");
  const fields = childrenOf(childrenOf(fromDer(certificate.raw))[0]);
  // Optional version first, then serial, algorithm, issuer, validity, subject (RFC 5280 §4.1).
  const subject = fields[fields[0]?.tagClass === asn1.Class.CONTEXT_SPECIFIC ? 5 : 4];
  if (subject === undefined) throw invalid('the issuer has no subject');
  return {
    subject,
    keyId: extensionOf(fields, OID.subjectKeyId) ?? keyIdOf(spkiOf(certificate)),
    key: createPrivateKey(keyPem),
    notAfter: new Date(certificate.validTo),
  };
}

/** The inside of a subjectKeyIdentifier: what the issuer says of itself must come back in the AKI (RFC 5280 §4.2.1.1). */
function extensionOf(fields: readonly Asn1[], oid: string): Buffer | undefined {
  const wrapped = fields.find(
    (field) => field.tagClass === asn1.Class.CONTEXT_SPECIFIC && (field.type as number) === 3,
  );
  for (const extension of childrenOf(childrenOf(wrapped)[0])) {
    const parts = childrenOf(extension);
    if (asn1.derToOid(parts[0]?.value as string) !== oid) continue;
    const value = parts.at(-1)?.value as string;
    return Buffer.from(asn1.fromDer(value).value as string, 'latin1');
  }
  return undefined;
}

function extensions(kind: CertificateKind, names: readonly Asn1[], subjectKeyId: Buffer, issuerKeyId: Buffer): Asn1[] {
  const isCa = kind === 'ca';
  const list = [
    extension(OID.basicConstraints, true, isCa ? sequence(boolean(true)) : sequence()),
    // A CA signs certificates and CRLs; TLS 1.3 asks for digitalSignature alone.
    extension(OID.keyUsage, true, isCa ? bits(Buffer.of(0x06), 1) : bits(Buffer.of(0x80), 7)),
    extension(OID.subjectKeyId, false, octets(subjectKeyId)),
    extension(OID.authorityKeyId, false, sequence(implicit(0, issuerKeyId))),
  ];
  if (!isCa) list.push(extension(OID.extendedKeyUsage, false, sequence(oidOf(PURPOSES[kind]))));
  if (names.length > 0) list.push(extension(OID.subjectAltName, false, sequence(...names)));
  return list;
}

function subjectOf({ kind, names }: CertificateRequest): Asn1 {
  const [name] = names;
  if (name === undefined || name === '') throw invalid('a certificate needs at least one name');
  // 64 characters is all that a common name holds (RFC 5280 appendix A.1).
  if (name.length > 64 && kind === 'ca') throw invalid(`the name of a CA has at most 64 characters: ${name}`);
  const commonName = sequence(oidOf(OID.commonName), utf8(name.length > 64 ? 'zonegate' : name));
  return sequence(asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, [commonName]));
}

/** A GeneralName (RFC 5280 §4.2.1.6): tag 2 for host names, 7 for addresses. */
function altName(name: string): Asn1 {
  const address = isIP(name) === 0 ? undefined : parseAddress(name);
  if (address !== undefined) return implicit(7, Buffer.from(isIP(name) === 4 ? address.subarray(12) : address));
  const label = '[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?';
  if (!new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})*$`).test(name) || name.length > 253) {
    throw invalid(`not a host name or IP address: ${JSON.stringify(name)}`);
  }
  return implicit(2, Buffer.from(name, 'latin1'));
}

interface Signer {
  readonly algorithm: Asn1;
  readonly sign: (data: Buffer) => Buffer;
}

/** Our own keys are P-256; an issuer's may be of any kind. */
function signerFor(key: KeyObject): Signer {
  switch (key.asymmetricKeyType) {
    case 'ec':
      return { algorithm: sequence(oidOf(OID.ecdsaSha256)), sign: (data) => sign('sha256', data, key) };
    case 'rsa':
      return { algorithm: sequence(oidOf(OID.rsaSha256), nothing()), sign: (data) => sign('sha256', data, key) };
    case 'ed25519':
      return { algorithm: sequence(oidOf(OID.ed25519)), sign: (data) => sign(null, data, key) };
    default:
      throw invalid(`the issuer's key has a type that cannot sign here: ${String(key.asymmetricKeyType)}`);
  }
}

function parse(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new ZonegateError('ZG_CERTIFICATE_INVALID', 'not a certificate in PEM form', {}, cause);
  }
}

function altNamesOf(certificate: X509Certificate): string[] {
  const text = certificate.subjectAltName ?? '';
  // Node puts values with commas or quotes into JSON quotes, so that they cannot look like two names.
  return Array.from(text.matchAll(/(DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g), ([, , value = '']) => {
    const address = isIP(value) === 0 ? undefined : parseAddress(value);
    if (address !== undefined) return addressToText(address);
    return value.startsWith('"') ? String(JSON.parse(value)) : value;
  });
}

function keyTypeOf(key: KeyObject): string {
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  return [String(key.asymmetricKeyType).toUpperCase(), namedCurve ?? modulusLength].filter(Boolean).join(' ');
}

/** SHA-1 of the key's bits, without the SPKI around them (RFC 5280 §4.2.1.2 method 1): a label, not a protection. */
function keyIdOf(spki: Buffer): Buffer {
  const keyBits = Buffer.from(bitsOf(spki), 'latin1').subarray(1);
  return createHash('sha1').update(keyBits).digest();
}

const bitsOf = (spki: Buffer): string => {
  // forge takes a BIT STRING apart where its content looks like ASN.1, as an RSA key's does: that must stay whole.
  const parsed = asn1.fromDer(spki.toString('latin1'), { decodeBitStrings: false } as unknown as boolean);
  return childrenOf(parsed)[1]?.value as string;
};

const spkiOf = (certificate: X509Certificate): Buffer => certificate.publicKey.export({ type: 'spki', format: 'der' });

/** 16 octets, positive, and never so small that the length gives something away (RFC 5280 §4.1.2.2). */
function randomSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  return serial;
}

const { asn1 } = forge;
type Asn1 = forge.asn1.Asn1;

const OID = {
  commonName: '2.5.4.3',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  ecdsaSha256: '1.2.840.10045.4.3.2',
  rsaSha256: '1.2.840.113549.1.1.11',
  ed25519: '1.3.101.112',
} as const;

const PURPOSES = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

const universal = (type: forge.asn1.Type, value: Buffer | string): Asn1 =>
  asn1.create(asn1.Class.UNIVERSAL, type, false, typeof value === 'string' ? value : value.toString('latin1'));

const sequence = (...items: Asn1[]): Asn1 => asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, items);
const explicit = (tag: number, inner: Asn1): Asn1 => asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, true, [inner]);
const implicit = (tag: number, value: Buffer): Asn1 =>
  asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, false, value.toString('latin1'));
const integer = (value: Buffer): Asn1 => universal(asn1.Type.INTEGER, value);
const boolean = (value: boolean): Asn1 => universal(asn1.Type.BOOLEAN, Buffer.of(value ? 0xff : 0));
const octets = (value: Buffer): Asn1 => universal(asn1.Type.OCTETSTRING, value);
const bits = (value: Buffer, unused: number): Asn1 =>
  universal(asn1.Type.BITSTRING, Buffer.concat([Buffer.of(unused), value]));
const utf8 = (value: string): Asn1 => universal(asn1.Type.UTF8, Buffer.from(value, 'utf8'));
const nothing = (): Asn1 => universal(asn1.Type.NULL, '');
const oidOf = (oid: string): Asn1 => universal(asn1.Type.OID, asn1.oidToDer(oid).getBytes());

const extension = (oid: string, isCritical: boolean, value: Asn1): Asn1 =>
  sequence(oidOf(oid), ...(isCritical ? [boolean(true)] : []), octets(toDer(value)));

/** Two digits of the year until 2049, four from 2050 (RFC 5280 §4.1.2.5). */
const time = (date: Date): Asn1 =>
  date.getUTCFullYear() < 2050
    ? universal(asn1.Type.UTCTIME, asn1.dateToUtcTime(date))
    : universal(asn1.Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date));

const toDer = (value: Asn1): Buffer => Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
const fromDer = (der: Buffer): Asn1 => asn1.fromDer(der.toString('latin1'));
const childrenOf = (value: Asn1 | undefined): readonly Asn1[] => (Array.isArray(value?.value) ? value.value : []);

const toPem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;

const oneLine = (name: string): string => (name ?? '').split('\n').join(', ');
const invalid = (message: string): ZonegateError => new ZonegateError('ZG_CERTIFICATE_INVALID', message);
