/** The servers around zonegate as version 1 of the configuration has them on disk: primaries and secondaries. */
import { TRANSFER_FORMATS } from '../wire/transfer-format.ts';
import {
  certificateLooks,
  choice,
  duration,
  file,
  flag,
  integer,
  keyName,
  list,
  mapping,
  number,
  oneOrMany,
  text,
  written,
} from './shapes.ts';
import * as values from './values.ts';

/** Who a server is over TLS. */
const peerTls = {
  name: text('a host name').optional().meta({
    description: 'Name that its certificate must be for, verified with `ca-file`.',
    example: 'primary.example.net',
  }),
  'ca-file': file('PEM certificates of authorities').optional().meta({
    description: 'Authorities that its certificate may come from.',
    example: 'tls/ca.pem',
  }),
  pins: list(written('a pin', values.parsePin), 'pins').prefault([]).meta({
    description:
      'SHA-256 of its public key (`zonegate cert pin`): one must hold, and the name, too, where it is given.',
  }),
  certificate: text('the name of one of `certificates`').optional().meta({
    description: 'Ours, for mutual TLS: the name of one of `certificates`.',
    example: 'main',
  }),
};

const primaryTls = mapping({
  ...peerTls,
  alpn: choice(['required', 'optional']).prefault('required').meta({
    description: '`optional` is for servers that choose no ALPN protocol (NSD 4.6).',
  }),
  resumption: flag().prefault(true).meta({ description: 'Whether TLS sessions are resumed.' }),
});

export const primary = mapping({
  addresses: list(written('an IP address', values.parseHost), 'addresses')
    .min(1, { error: 'expected at least one address' })
    .optional()
    .meta({
      description: 'Servers that hold the zones, tried in this order; port 53, or 853 with tls, unless given.',
      example: ['192.0.2.1:53'],
    }),
  key: keyName().optional().meta({ description: 'TSIG key for everything sent to it.', example: 'sec1-key' }),
  transport: choice(['tcp', 'tls'])
    .prefault('tcp')
    .meta({ description: 'How it is asked: tcp, or tls (XoT, RFC 9103).' }),
  tls: primaryTls.optional().meta({ description: 'tls only: who it is. `name` with `ca-file`, or `pins`, or all.' }),
  selection: choice(['ordered', 'highest-serial']).prefault('ordered').meta({
    description: 'Which address a zone is taken from: the first that answers, or the one with the highest serial.',
  }),
  'stall-timeout': duration().prefault('30s').meta({ description: 'No progress on a transfer for so long ends it.' }),
  'transfer-timeout': duration().prefault('1h').meta({ description: 'The longest that a transfer may take.' }),
  'queries-per-second': integer(1, 1_000_000)
    .prefault(100)
    .meta({ description: 'Most that is sent to it, transfers included.' }),
  'concurrent-transfers': integer(1, 10_000).prefault(10).meta({ description: 'Most transfers from it at a time.' }),
  connections: integer(1, 100).prefault(2).meta({
    description: 'Most connections to each of its addresses: from two on, one is kept for queries.',
  }),
  pipeline: integer(1, 1000).prefault(16).meta({ description: 'Most queries in flight on a connection.' }),
  'connection-idle': duration().prefault('10s').meta({
    description: 'How long an idle connection to it is kept, if its edns-tcp-keepalive does not say less.',
  }),
  'notify-from': oneOrMany(written('a network', values.parsePrefix), 'networks')
    .optional()
    .meta({
      description: 'Who may send NOTIFY without a rule; the addresses above unless given.',
      example: ['192.0.2.0/24'],
    }),
  'notify-key': keyName().optional().meta({
    description: 'TSIG key that NOTIFY from there must be signed with.',
    example: 'sec1-key',
  }),
  'source-address': written('an IP address', values.parseIp).optional().meta({
    description: 'Local address that queries leave from.',
    example: '192.0.2.53',
  }),
  edns: flag().prefault(true).meta({ description: 'false: no OPT is sent to it.' }),
  ixfr: flag().prefault(true).meta({ description: 'true: ask for IXFR, and learn when it cannot; false: never.' }),
  'zone-files': file('a folder of zone files').optional().meta({
    description: 'In place of `addresses`: a folder of zone files, named ZONE or ZONE.zone.',
    example: 'zones/',
  }),
  watch: flag()
    .optional()
    .meta({ description: 'zone-files only: reload a zone when its file changes.', example: true }),
  'include-below': file('a folder').optional().meta({
    description: 'zone-files only: the folder that $INCLUDE may not leave; the same folder unless given.',
    example: 'zones/',
  }),
});

export const secondary = mapping({
  address: written('an IP address', values.parseHost).optional().meta({
    description: 'Where NOTIFY is sent to; port 53, or 853 with tls, unless given.',
    example: '198.51.100.7',
  }),
  key: oneOrMany(keyName(), 'names of `keys`')
    .optional()
    .meta({
      description: 'TSIG keys: the first signs NOTIFY, any tells that a client is this secondary.',
      example: ['sec1-key'],
    }),
  notify: flag().optional().meta({
    description: 'Whether NOTIFY is sent to it: yes unless given, where it has an address.',
    example: true,
  }),
  transport: choice(['udp', 'tcp', 'tls']).prefault('udp').meta({ description: 'How NOTIFY is sent to it.' }),
  sources: oneOrMany(written('a network', values.parsePrefix), 'networks')
    .optional()
    .meta({
      description: 'From where clients count as this secondary; its address unless given.',
      example: ['198.51.100.7'],
    }),
  'source-address': written('an IP address', values.parseIp).optional().meta({
    description: 'Local address that NOTIFY leaves from.',
    example: '192.0.2.53',
  }),
  tls: mapping(peerTls)
    .optional()
    .meta({ description: 'tls only: who it is. `name` with `ca-file`, or `pins`, or all.' }),
  'notify-retry': mapping({
    tries: integer(1, 100).prefault(5).meta({ description: 'How often a NOTIFY is sent at most.' }),
    timeout: duration().prefault('60s').meta({ description: 'How long the first one waits for its answer.' }),
    backoff: number(1, 10).prefault(2).meta({ description: 'So many times as long does each next one wait.' }),
  })
    .prefault({})
    .meta({ description: 'RFC 1996 section 3.6.' }),
  'notify-delay': duration().prefault('0s').meta({
    description: 'Upper end of a random delay before NOTIFY, so that secondaries do not come all at once.',
  }),
  edns: flag()
    .prefault(true)
    .meta({ description: 'false: no OPT is sent to it, neither with NOTIFY nor where it asks with one.' }),
  certificate: certificateLooks()
    .optional()
    .meta({
      description: 'A client is this secondary only where it shows such a certificate.',
      example: { names: ['sec1.example.net'], pins: [] },
    }),
  format: choice(TRANSFER_FORMATS).prefault('compressed').meta({
    description:
      'How zones are sent to it: as other servers do; uncompressed: no name is a pointer; one-answer: one record a message.',
  }),
  'reserved-transfers': integer(0, 10_000).prefault(1).meta({
    description: 'Transfers of it that have places besides those of `limits.concurrent`, which others never take.',
  }),
  weight: integer(1, 1000).prefault(1).meta({ description: 'Its share where a bandwidth is divided.' }),
});
