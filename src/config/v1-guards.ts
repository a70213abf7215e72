/** What guards a zone against a bad version, as version 1 of the configuration has it on disk. */
import { readTrustAnchor } from '../guard/dnssec/anchor.ts';
import { choice, duration, file, flag, integer, list, longDuration, mapping, text, written } from './shapes.ts';
import * as values from './values.ts';

/** What a zone has where neither it nor `zone-defaults` says otherwise. */
export const GUARD_DEFAULTS = {
  zonemd: 'ignore',
  dnssec: { validation: false, 'trust-anchors': [], 'min-validity': '1d' },
  'change-guard': {
    'names-removed': '30%',
    'zone-shrunk': '50%',
    'apex-ns-lost': true,
    'apex-dnskey-lost': true,
    'from-records': 100,
  },
  'external-validation': { command: [], input: 'zone-file', timeout: '30s', 'on-timeout': 'reject' },
} as const;

const CHANGES = GUARD_DEFAULTS['change-guard'];
const EXTERNAL = GUARD_DEFAULTS['external-validation'];

const share = (preset: string, description: string) =>
  written(values.PERCENT, values.parsePercent).optional().meta({ description, preset });

const lost = (preset: boolean, description: string) => flag().optional().meta({ description, preset });

const dnssec = mapping({
  validation: flag().optional().meta({
    description: 'Every signature and every proof of the zone must hold.',
    preset: GUARD_DEFAULTS.dnssec.validation,
  }),
  'trust-anchors': list(written('a DS or DNSKEY record', readTrustAnchor), 'DS or DNSKEY records').optional().meta({
    description: "DS or DNSKEY records; with the zone's name in front where they are not for one zone.",
    preset: GUARD_DEFAULTS.dnssec['trust-anchors'],
  }),
  'trust-anchor-file': file('a file of DS or DNSKEY records').nullable().optional().meta({
    description: 'More of them, as a zone file has them, for any number of zones.',
    example: 'keys/anchors',
  }),
  'min-validity': longDuration().optional().meta({
    description: 'A version with a signature that ends sooner is refused.',
    preset: GUARD_DEFAULTS.dnssec['min-validity'],
  }),
});

const changeGuard = mapping({
  action: choice(['hold', 'reject', 'warn']).optional().meta({
    description:
      'What becomes of such a version: held for the operator, rejected, or taken with a warning. Off without it.',
    example: 'hold',
  }),
  'names-removed': share(CHANGES['names-removed'], 'So many names are gone,'),
  'zone-shrunk': share(CHANGES['zone-shrunk'], 'so many records fewer,'),
  'apex-ns-lost': lost(CHANGES['apex-ns-lost'], 'none of the NS records of the apex is left,'),
  'apex-dnskey-lost': lost(CHANGES['apex-dnskey-lost'], 'or none of its DNSKEY records.'),
  'from-records': integer(0, Number.MAX_SAFE_INTEGER).optional().meta({
    description: 'Zones with fewer records are not judged by share.',
    preset: CHANGES['from-records'],
  }),
});

const externalValidation = mapping({
  command: list(text('a program or an argument'), 'a program and its arguments').optional().meta({
    description: 'Run for each new version; an exit code other than 0 rejects it. Off where it is empty.',
    preset: EXTERNAL.command,
  }),
  input: choice(['zone-file']).optional().meta({
    description: 'What it reads from its standard input.',
    preset: EXTERNAL.input,
  }),
  timeout: duration().optional().meta({ description: 'How long it may take,', preset: EXTERNAL.timeout }),
  'on-timeout': choice(['reject', 'accept']).optional().meta({
    description: 'and what becomes of the version when it takes longer.',
    preset: EXTERNAL['on-timeout'],
  }),
});

/** Keys of a zone. */
export const guardShapes = {
  zonemd: choice(['ignore', 'check', 'require']).optional().meta({
    description: 'The digest of the zone (RFC 8976): checked where there is one, or required.',
    preset: GUARD_DEFAULTS.zonemd,
  }),
  dnssec: dnssec.optional().meta({ description: 'Validation of a signed zone before it is served.' }),
  'change-guard': changeGuard.optional().meta({ description: 'Stops a version that changes too much.' }),
  'external-validation': externalValidation
    .optional()
    .meta({ description: 'A command that has its say on each version.' }),
};
