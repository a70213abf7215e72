/**
 * Version 1 of the configuration on disk: every key with its meaning, its form and its default. Keys that a later
 * version of the program brings are `later`: `check` says so instead of calling them unknown.
 */
import { z } from 'zod';
import { TSIG_ALGORITHMS } from '../tsig/algorithm.ts';
import { choice, duration, file, flag, integer, later, list, mapping, named, text, written } from './shapes.ts';
import { bans } from './v1-bans.ts';
import { limits } from './v1-limits.ts';
import { primary, secondary } from './v1-peers.ts';
import { rule } from './v1-rules.ts';
import { prefixSet } from './v1-sets.ts';
import { tls } from './v1-tls.ts';
import { zone } from './v1-zone.ts';
import * as values from './values.ts';

const algorithms = Object.keys(TSIG_ALGORITHMS) as [keyof typeof TSIG_ALGORITHMS, ...(keyof typeof TSIG_ALGORITHMS)[]];

const listener = mapping({
  address: written('an IP address', values.parseIp).meta({
    description: 'Address to bind: `0.0.0.0` is every IPv4 address, `"::"` every IPv6 one.',
    example: '127.0.0.1',
  }),
  port: integer(0, 65535).optional().meta({
    description: '53 for tcp and 853 for tls unless given; 0 takes any free port, told in the ready line.',
    example: 53,
  }),
  transport: choice(['tcp', 'tls']).prefault('tcp').meta({ description: 'tcp, or tls (XoT, RFC 9103).' }),
  udp: flag().optional().meta({
    description: 'SOA, NOTIFY and IXFR over UDP at the same address; for tcp only, where it is on by default.',
    example: true,
  }),
  'udp-max-size': integer(512, 65535).prefault(1232).meta({ description: 'Longest answer over UDP, in octets.' }),
  certificate: text('the name of one of `certificates`').optional().meta({
    description: 'tls only, where it is needed: the name of one of `certificates`.',
    example: 'main',
  }),
  'client-certificate': choice(['none', 'optional', 'required']).optional().meta({
    description: 'tls only: whether clients show a certificate; optional where `client-ca-file` is set, else none.',
    example: 'optional',
  }),
  alpn: choice(['required', 'optional']).optional().meta({
    description: 'tls only: `required` closes connections whose client does not offer ALPN `dot`.',
    example: 'required',
  }),
  'xfr-only': z
    .literal(true, { error: 'expected `true`: zonegate answers nothing but SOA, AXFR, IXFR and NOTIFY anywhere' })
    .optional()
    .meta({ example: true, description: 'tls only: what is not SOA, AXFR, IXFR or NOTIFY is refused (EDE 21).' }),
  'proxy-allowlist': list(written('a network', values.parsePrefix), 'networks')
    .prefault([])
    .meta({ description: 'Load balancers: they must send PROXY protocol v2, nobody else may. Rules see the client.' }),
});

const certificate = mapping({
  'cert-file': file('a PEM certificate').meta({
    description: 'PEM, the chain below it in the same file.',
    example: 'tls/server.pem',
  }),
  'key-file': file('a PEM private key').meta({ description: 'PEM, not encrypted.', example: 'tls/server.key' }),
  'client-ca-file': file('PEM certificates of authorities').optional().meta({
    description: 'Authorities whose client certificates are taken.',
    example: 'tls/ca.pem',
  }),
});

const key = mapping({
  algorithm: choice(algorithms).prefault('hmac-sha256').meta({ description: 'TSIG algorithm (RFC 8945 section 6).' }),
  secret: text('base64 text').optional().meta({ description: 'The secret in base64, or:', example: 'c2VjcmV0' }),
  'secret-file': file('a file that holds the base64 secret alone').optional().meta({
    description: 'A file that holds the base64 secret alone.',
    example: 'keys/sec1',
  }),
  fudge: duration().prefault('300s').meta({ description: 'How far the clocks may be apart.' }),
  truncation: z
    .union([z.literal('none'), z.literal(128), z.literal(192), z.literal(256)], {
      error: 'expected `none`, 128, 192 or 256',
    })
    .prefault('none')
    .meta({ description: 'Shortest MAC that is accepted, in bits, never under half the hash; none: whole ones only.' }),
  'replay-check': flag().prefault(false).meta({
    description: 'Whether an older time signed than the newest seen is refused (RFC 8945 section 5.2.3).',
  }),
});

const threadCount = (description: string) => {
  const error = 'expected `auto` or a whole number from 1 to 1024';
  return z
    .union([z.literal('auto'), z.number().int({ error }).min(1, { error }).max(1024, { error })], { error })
    .prefault('auto')
    .meta({ description });
};

const mapSize = () =>
  written(
    `\`auto\` or ${values.SIZE}`,
    (text): values.Parsed<number | undefined> =>
      text === 'auto' ? { ok: true, value: undefined } : values.parseSize(text),
  ).prefault('auto');

const sig0Key = mapping({
  'key-file': file('KEY records').meta({
    description: 'KEY records as `dnssec-keygen -T KEY` writes them; several while one takes the place of another.',
    example: 'keys/Ksec2.example.net.+013+12345.key',
  }),
  fudge: duration().prefault('300s').meta({ description: 'How far the clocks may be apart.' }),
});

export const v1 = mapping({
  version: z.literal(1, { error: 'expected 1' }).meta({ description: 'Of this file format.', example: 1 }),
  listen: list(listener, 'listeners')
    .min(1, { error: 'expected at least one listener' })
    .meta({ description: 'Where zones are served.' }),
  certificates: named(certificate, 'names to certificates').prefault({}).meta({
    description: 'Certificates of TLS listeners. `zonegate cert create` makes them.',
    example: 'main',
  }),
  keys: named(key, 'names to TSIG keys').prefault({}).meta({
    description: 'TSIG keys by their name on the wire. `zonegate keygen` makes them.',
    example: 'sec1-key',
  }),
  'sig0-keys': named(sig0Key, 'names to SIG(0) keys').prefault({}).meta({
    description: 'Public keys of clients that sign requests with SIG(0) (RFC 2931), by their name.',
    example: 'sec2.example.net',
  }),
  primaries: named(primary, 'names to primaries').prefault({}).meta({
    description: 'Where zones come from: servers, or a folder of zone files.',
    example: 'hidden',
  }),
  secondaries: named(secondary, 'names to secondaries').prefault({}).meta({
    description: 'Who takes zones.',
    example: 'sec1',
  }),
  'zone-defaults': zone.prefault({}).meta({ description: 'Any key of a zone, for all zones.' }),
  zones: named(zone, 'zone names to zones').prefault({}).meta({
    description: 'The zones served. Each takes any key of zone-defaults, too, and overrides it.',
    example: 'example.org',
  }),
  'catalog-templates': named(zone, 'names to settings of members').prefault({}).meta({
    description: 'Settings of zones that a catalog brings, over those of zone-defaults: any key of a zone.',
    example: 'member',
  }),
  'prefix-sets': named(prefixSet, 'names to prefix sets').prefault({}).meta({
    description: 'Sets of networks from files and feeds, for `source: ["set:NAME"]` of rules.',
    example: 'lab',
  }),
  rules: list(rule, 'rules').prefault([]).meta({
    description: 'Who may have what. The first match wins; what nothing matches is refused.',
  }),
  limits,
  bans,
  tls,
  store: mapping({
    type: choice(['memory', 'lmdb'], ['redis'])
      .prefault('lmdb')
      .meta({ description: 'lmdb: in a folder; memory: nowhere, a restart transfers every zone anew.' }),
    path: file('a folder').prefault('/var/lib/zonegate').meta({ description: 'Folder of an lmdb store.' }),
    url: later('Address of the store.'),
    'map-size': mapSize().meta({
      description: 'The most that versions may take on the disk; auto: no limit. Beyond it a new one is refused.',
    }),
    sync: flag().prefault(true).meta({
      description:
        'A version is on the disk before it is served; false is quicker and may lose the last ones in a crash of the machine.',
    }),
  })
    .prefault({})
    .meta({ description: 'Where zone versions are kept.' }),
  threads: mapping({
    front: threadCount('Threads that serve; auto is half the cores, at least one.'),
    pool: threadCount('Threads that check and encode zones; auto is the other cores.'),
  })
    .prefault({})
    .meta({ description: 'auto counts the cores this process may use.' }),
  log: mapping({
    level: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
      .prefault('info')
      .meta({ description: 'The least.' }),
    format: choice(['json', 'text']).prefault('json').meta({ description: 'json for machines, text for people.' }),
    transfers: choice(['all', 'summary'], ['sampled']).prefault('all').meta({ description: 'A line each, or sums.' }),
  })
    .prefault({})
    .meta({ description: 'Logs go to standard output.' }),
  admin: mapping({
    listen: written('an address with its port', (value) => values.parseAddress(value)).meta({
      description: 'Address and port.',
      example: '127.0.0.1:8053',
    }),
    'token-file': file('the token').optional().meta({
      description: 'A file that holds the token for whatever changes state.',
      example: 'admin.token',
    }),
  })
    .optional()
    .meta({ description: 'The admin page and API; absent: no admin server.' }),
  audit: mapping({
    file: file('the audit log').meta({
      description:
        'JSON lines in a chain of hashes, which `zonegate audit verify` follows. SIGHUP opens it anew, after it was moved away.',
      example: '/var/log/zonegate/audit.jsonl',
    }),
  })
    .optional()
    .meta({ description: 'Every transfer, refusal, ban and change, for evidence; absent: none is kept.' }),
});

export type V1 = z.output<typeof v1>;
export type V1Zone = V1['zones'][string];
