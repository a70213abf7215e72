/**
 * What a version of a catalog zone lists (RFC 9432 §4), or why it cannot be gone by: a catalog that is broken anywhere
 * is not processed at all (§5.1). Records and properties that are not known are passed over (§3, §4.3.2).
 */
import type { Bytes } from '../base/bytes.ts';
import { nameToText, zoneLabel } from '../wire/name.ts';
import { TYPE } from '../wire/registry.ts';
import type { RecordReader } from '../zone/record-reader.ts';
import type { VersionReader } from '../zone/version.ts';
import { VersionWalk } from '../zone/version-walk.ts';

export interface CatalogMember {
  /** `zoneLabel`. */
  readonly zone: string;
  /** The unique label of its node, lower case: with another one it is a zone anew (§5.4). */
  readonly label: string;
  readonly groups: readonly string[];
  /** `zoneLabel` of the catalog that it is to go to. */
  readonly coo: string | undefined;
}

export type CatalogReading =
  | { readonly ok: true; readonly members: readonly CatalogMember[] }
  | { readonly ok: false; readonly why: readonly string[] };

/** The schema version that RFC 9432 describes. */
const VERSION = '2';
/** Reasons that are told. */
const MOST_REASONS = 5;

/** `apex`: wire form, lower case. */
export function readCatalog(version: VersionReader, apex: Bytes, maxMembers: number): CatalogReading {
  const reader = new CatalogReader(maxMembers);
  const walk = new VersionWalk(version, apex);
  while (walk.next()) reader.take(walk.reader, apex.length);
  return reader.finish();
}

interface Node {
  readonly label: string;
  zone: string | undefined;
  readonly groups: string[];
  coo: string | undefined;
}

class CatalogReader {
  readonly #maxMembers: number;
  readonly #versions: string[] = [];
  readonly #members: CatalogMember[] = [];
  readonly #zones = new Set<string>();
  readonly #why: string[] = [];
  #count = 0;
  #node: Node | undefined;

  constructor(maxMembers: number) {
    this.#maxMembers = maxMembers;
  }

  take(reader: RecordReader, apexLength: number): void {
    const labels = labelsOf(reader.owner, reader.ownerLength - apexLength);
    const { type } = reader;
    const top = labels.at(-1);
    if (labels.length === 1 && top === 'version' && type === TYPE.TXT) this.#versions.push(textOf(reader));
    if (top !== 'zones' || labels.length < 2 || labels.length > 3) return;
    const label = labels.at(-2) as string;
    // Canonical order: what is below a member comes before the next one.
    if (this.#node?.label !== label) {
      this.#end();
      this.#node = { label, zone: undefined, groups: [], coo: undefined };
    }
    const node = this.#node as Node;
    const property = labels.length === 3 ? labels[0] : undefined;
    if (property === undefined && type === TYPE.PTR) {
      if (node.zone === undefined) node.zone = zoneOf(reader);
      else this.#breaks(`member ${label} has more than one PTR record`);
    } else if (property === 'coo' && type === TYPE.PTR) {
      if (node.coo === undefined) node.coo = zoneOf(reader);
      else this.#breaks(`the coo property of member ${label} has more than one PTR record`);
    } else if (property === 'group' && type === TYPE.TXT) node.groups.push(textOf(reader));
  }

  finish(): CatalogReading {
    this.#end();
    const [version] = this.#versions;
    if (this.#versions.length !== 1) {
      this.#why.unshift(`the version property has ${this.#versions.length} TXT records, expected one`);
    } else if (version !== VERSION) this.#why.unshift(`the version is "${version}", expected "${VERSION}"`);
    if (this.#count > this.#maxMembers) {
      this.#breaks(`it has ${this.#count} members, more than catalog-max-members (${this.#maxMembers})`);
    }
    if (this.#why.length === 0) return { ok: true, members: this.#members };
    const more = this.#why.length - MOST_REASONS;
    return { ok: false, why: more > 0 ? [...this.#why.slice(0, MOST_REASONS), `and ${more} more`] : this.#why };
  }

  /** A node that only has properties is no member. */
  #end(): void {
    const node = this.#node;
    if (node?.zone === undefined) return;
    this.#count++;
    // Beyond the limit it is broken anyhow: what is more is counted, not kept.
    if (this.#count > this.#maxMembers) return;
    const { zone, label, groups, coo } = node;
    if (this.#zones.has(zone)) this.#breaks(`${zone} is listed more than once`);
    this.#zones.add(zone);
    this.#members.push({ zone, label, groups: groups.sort(), coo });
  }

  #breaks(why: string): void {
    if (!this.#why.includes(why)) this.#why.push(why);
  }
}

/** As text, lower case, of the first `length` octets of a name. */
function labelsOf(name: Bytes, length: number): string[] {
  const labels: string[] = [];
  for (let at = 0; at < length; at += (name[at] as number) + 1) {
    labels.push(
      nameToText(name.subarray(at, at + (name[at] as number) + 1))
        .slice(0, -1)
        .toLowerCase(),
    );
  }
  return labels;
}

const rdataOf = ({ rdataBytes, rdataStart, rdataLength }: RecordReader): Bytes =>
  rdataBytes.subarray(rdataStart, rdataStart + rdataLength);

const zoneOf = (reader: RecordReader): string => zoneLabel(rdataOf(reader));

/** Several strings of one TXT record with a space between them. */
function textOf(reader: RecordReader): string {
  const rdata = rdataOf(reader);
  const strings: string[] = [];
  for (let at = 0; at < rdata.length; at += (rdata[at] as number) + 1) {
    strings.push(Buffer.from(rdata.subarray(at + 1, at + 1 + (rdata[at] as number))).toString('latin1'));
  }
  return strings.join(' ');
}
