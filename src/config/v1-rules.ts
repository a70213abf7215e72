/** Rules as version 1 of the configuration has them on disk: who may have what, and what they are held to. */
import { z } from 'zod';
import type { LimitKey, TimeWindow } from '../policy/rule-config.ts';
import { RCODE } from '../wire/registry.ts';
import {
  certificateLooks,
  choice,
  duration,
  flag,
  integer,
  keyName,
  list,
  longDuration,
  mapping,
  oneOrMany,
  text,
  words,
  written,
} from './shapes.ts';
import * as values from './values.ts';

const REQUEST_TYPES = ['AXFR', 'IXFR', 'SOA', 'NOTIFY'] as const;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const PER = ['source', 'key', 'certificate', 'zone'] as const;
const SOURCE_PER: LimitKey = { kind: 'source', ipv4: 32, ipv6: 56 };

const sourcePrefix = (value: string): values.Parsed<string> => {
  if (!value.startsWith('set:')) return values.parsePrefix(value);
  return value.length > 4
    ? { ok: true, value }
    : { ok: false, failure: 'expected `set:NAME`, with the name of one of `prefix-sets`' };
};

const time = mapping({
  days: list(choice(DAYS), 'days')
    .prefault([])
    .meta({ description: 'Days on which it begins; every day unless given.', example: ['mon', 'tue'] }),
  from: written(values.CLOCK_TIME, values.parseClockTime).prefault('00:00').meta({ description: 'Hours and minutes;' }),
  to: written(values.CLOCK_TIME, values.parseClockTime).prefault('00:00').meta({
    description: 'the same as `from` is a whole day, an earlier one the next morning.',
  }),
  zone: written('a time zone such as `UTC` or `Europe/Berlin`', values.parseTimeZone)
    .prefault('UTC')
    .meta({ description: 'Whose clock.' }),
}).transform(({ days, ...rest }): TimeWindow => ({ ...rest, days: days.map((day) => DAYS.indexOf(day)) }));

const match = mapping({
  source: oneOrMany(written('a network', sourcePrefix), 'networks')
    .optional()
    .meta({
      description: 'Networks, addresses, or `set:NAME` for one of `prefix-sets`.',
      example: ['198.51.100.0/24', '2001:db8::/32'],
    }),
  transport: oneOrMany(choice(['tcp', 'tls', 'udp']), 'transports')
    .optional()
    .meta({ description: 'tcp, tls or udp.', example: 'tls' }),
  listener: oneOrMany(written('an address with its port', values.parseListener), 'listeners')
    .optional()
    .meta({ description: 'Address and port of one of `listen`.', example: '127.0.0.1:53' }),
  key: oneOrMany(keyName(), 'names of `keys`').optional().meta({
    description: 'The TSIG key the request is signed with. Without it, signed and unsigned requests match alike.',
    example: 'sec1-key',
  }),
  certificate: certificateLooks()
    .optional()
    .meta({
      description: 'What the certificate must be that the client has shown; so over TLS only.',
      example: { names: ['sec1.example.net'], pins: [] },
    }),
  zone: oneOrMany(written('a zone name', values.parseZonePattern), 'zones')
    .optional()
    .meta({
      description: 'A zone, `*.example.net` for all below it, or `*`.',
      example: ['example.org', '*.example.net'],
    }),
  'zone-group': oneOrMany(text('a group of a catalog'), 'groups')
    .optional()
    .meta({ description: 'Groups that a catalog puts the zone in.', example: ['gold'] }),
  type: oneOrMany(choice(REQUEST_TYPES), 'request types')
    .optional()
    .meta({
      description: 'AXFR, IXFR and SOA unless given; NOTIFY only where it is.',
      example: ['AXFR', 'IXFR', 'SOA'],
    }),
  time: time.optional().meta({
    description: 'Days and hours.',
    example: { days: ['mon', 'tue'], from: '22:00', to: '06:00', zone: 'UTC' },
  }),
  sig0: oneOrMany(text('the name of one of `sig0-keys`'), 'names of `sig0-keys`')
    .optional()
    .meta({ description: 'The SIG(0) key the request is signed with (RFC 2931).', example: 'sec2.example.net' }),
})
  .prefault({})
  .meta({ description: 'Every item given must hold; a list means any of it. Nothing given matches all.' });

const per = z
  .union(
    [
      z.enum(PER).transform((kind): LimitKey => (kind === 'source' ? SOURCE_PER : { kind })),
      mapping({ ipv4: integer(0, 32).prefault(32), ipv6: integer(0, 128).prefault(56) }).transform(
        (lengths): LimitKey => ({ kind: 'source', ...lengths }),
      ),
    ],
    { error: `expected ${words(PER)}, or prefix lengths such as \`{ ipv4: 24, ipv6: 56 }\`` },
  )
  .optional();

/** A limit by itself, or with what it counts apart and more. */
const limit = <V extends z.ZodType, S extends z.ZodRawShape>(value: V, expected: string, more: S) =>
  z.preprocess(
    (given) => (typeof given === 'object' || given === undefined ? given : { value: given }),
    z.strictObject(
      { value, ...more },
      { error: (issue) => (issue.code === 'invalid_type' ? `expected ${expected}` : undefined) },
    ),
  );

const rate = written(values.RATE, values.parseRate);
const COUNT = 'a whole number';
const COUNT_TYPES = { type: ['number', 'object'] };
const RATE_TYPES = { type: ['string', 'object'] };

const limits = mapping({
  per: per.meta({
    description:
      'What the limits count apart: source (v4 /32, v6 /56 unless lengths are given), key, certificate or zone.',
    example: 'source',
  }),
  rate: limit(rate.meta({ example: '10/m' }), values.RATE, { per })
    .optional()
    .meta({
      description: 'AXFR and IXFR requests, a token bucket for each rule and whatever `per` says.',
      ...RATE_TYPES,
      example: '10/m',
    }),
  concurrent: limit(integer(1, 1_000_000).meta({ example: 2 }), COUNT, { per })
    .optional()
    .meta({ description: 'Transfers at a time; what comes on top gets SERVFAIL,', ...COUNT_TYPES, example: 2 }),
  queue: mapping({
    length: integer(0, 10_000).prefault(0).meta({ description: 'So many requests,' }),
    wait: duration().prefault('10s').meta({ description: 'each for so long.' }),
  })
    .optional()
    .meta({ description: 'or waits for a place.', example: { length: 10, wait: '10s' } }),
  bandwidth: limit(written(values.BANDWIDTH, values.parseBandwidth).meta({ example: '50MB/s' }), values.BANDWIDTH, {
    per,
  })
    .optional()
    .meta({
      description: 'Octets a second, divided between those who transfer by the `weight` of their secondary.',
      ...RATE_TYPES,
      example: '50MB/s',
    }),
  bytes: limit(written(values.VOLUME, values.parseVolume).meta({ example: '10GB/h' }), values.VOLUME, { per })
    .optional()
    .meta({
      description: 'Octets over a time. A transfer is charged in full when it begins; none begins while too much was.',
      ...RATE_TYPES,
      example: '10GB/h',
    }),
  'repeat-axfr': limit(rate.meta({ example: '3/h' }), values.RATE, {
    'cool-down': longDuration().prefault('1m').meta({ description: 'Each next one is twice as long,' }),
    longest: longDuration().prefault('1d').meta({ description: 'up to this.' }),
    per,
  })
    .optional()
    .meta({
      description: 'Full transfers of a serial that the client was delivered in full already; then it must wait.',
      ...RATE_TYPES,
      example: '3/h',
    }),
  'min-progress': limit(
    written(values.BANDWIDTH, values.parseBandwidth).meta({ example: '10KB/s' }),
    values.BANDWIDTH,
    { over: duration().prefault('30s').meta({ description: 'The time it is looked at.' }) },
  )
    .optional()
    .meta({
      description: 'Octets a second that a client takes at least; under pressure the slowest end before their time.',
      ...RATE_TYPES,
      example: '10KB/s',
    }),
})
  .prefault({})
  .meta({ description: 'What an allowed request is held to.' });

const rcodes = Object.keys(RCODE).filter((name) => name !== 'NOERROR' && name !== 'BADVERS') as [
  keyof typeof RCODE,
  ...(keyof typeof RCODE)[],
];

export const rule = mapping({
  name: text('a name').optional().meta({ description: 'For logs; `rule-N` unless given.', example: 'sec1-over-xot' }),
  match,
  action: choice(['allow', 'refuse', 'drop', 'delay']).meta({
    description: 'allow, refuse, drop (no answer) or delay (as `delay` says).',
    example: 'allow',
  }),
  shadow: flag()
    .prefault(false)
    .meta({ description: 'Count and log what it would do, and go on with the rules behind it.' }),
  limits,
  answer: mapping({
    rcode: choice(rcodes).prefault('REFUSED').meta({ description: 'Response code;' }),
    ede: integer(0, 65535).optional().meta({ description: 'extended error (RFC 8914), 18 unless given;' }),
    text: z
      .string({ error: 'expected text' })
      .max(200, { error: 'expected at most 200 characters' })
      .prefault('')
      .meta({ description: 'its text.' }),
  })
    .optional()
    .meta({
      description: 'refuse only: what the client is told.',
      example: { rcode: 'REFUSED', ede: 18, text: 'ask the hostmaster' },
    }),
  delay: mapping({
    by: duration().prefault('5s').meta({ description: 'How long a request is held,' }),
    'at-most': integer(1, 100_000)
      .prefault(100)
      .meta({ description: 'how many at a time (what comes on top is not held, nor allowed),' }),
    // biome-ignore lint/suspicious/noThenProperty: a key of the configuration.
    then: choice(['refuse', 'drop', 'allow']).prefault('refuse').meta({ description: 'and what comes then.' }),
  })
    .optional()
    // biome-ignore lint/suspicious/noThenProperty: a key of the configuration.
    .meta({ description: 'delay only.', example: { by: '5s', 'at-most': 100, then: 'refuse' } }),
});
