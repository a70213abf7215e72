/** What a limit counts apart, as octets: the limit's kind, its rule's name (so that a reload refills none), and who. */
import type { Bytes } from '../../base/bytes.ts';
import type { Facts } from '../decision.ts';
import { type AddressBytes, isMapped, maskAddress } from '../prefix.ts';
import type { LimitKey } from '../rule-config.ts';

/** IPv4 addresses by themselves, IPv6 ones by /56: what one customer is given. */
export const BY_SOURCE: LimitKey = { kind: 'source', ipv4: 32, ipv6: 56 };

export function limitKey(
  limit: string,
  rule: string,
  per: LimitKey,
  facts: Pick<Facts, 'source' | 'key' | 'sig0' | 'certificate' | 'zone'>,
): Bytes {
  return Buffer.concat([Buffer.from(`${limit}\0${rule}\0`), whoOf(per, facts)]);
}

function whoOf(per: LimitKey, facts: Pick<Facts, 'source' | 'key' | 'sig0' | 'certificate' | 'zone'>): Bytes {
  switch (per.kind) {
    case 'zone':
      return Buffer.from(`zone ${facts.zone}`);
    case 'key': {
      const name = facts.key ?? facts.sig0;
      return name === undefined ? sourceKey(facts.source, BY_SOURCE) : Buffer.from(`key ${name}`);
    }
    case 'certificate':
      return facts.certificate === undefined
        ? sourceKey(facts.source, BY_SOURCE)
        : Buffer.from(`pin ${facts.certificate.pin}`);
    case 'source':
      return sourceKey(facts.source, per);
  }
}

/** A source as limits count it. */
export function sourceKey(source: AddressBytes, per: LimitKey = BY_SOURCE): Bytes {
  const { ipv4, ipv6 } = per.kind === 'source' ? per : { ipv4: 32, ipv6: 56 };
  return maskAddress(source, isMapped(source) ? 96 + ipv4 : ipv6);
}
