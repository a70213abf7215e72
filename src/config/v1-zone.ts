/** A zone as version 1 of the configuration has it on disk, in `zones` and in `zone-defaults`. */
import { padding } from './padding.ts';
import { choice, integer, keyName, later, longDuration, mapping, oneOrMany, size, text, written } from './shapes.ts';
import { catalogShapes } from './v1-catalogs.ts';
import { GUARD_DEFAULTS, guardShapes } from './v1-guards.ts';
import * as values from './values.ts';

const TIMERS = {
  'refresh-min': '30s',
  'refresh-max': '1d',
  'retry-min': '10s',
  'retry-max': '1h',
  'expire-min': '1h',
  'expire-max': '30d',
} as const;

const HISTORY = { versions: 20, bytes: '256MB', age: '7d' } as const;

const RELAY = { 'unknown-keys': 'forward', concurrent: 100 } as const;
const OLD_VERSIONS = { bytes: '1GB' } as const;

/** What a zone has where neither it nor `zone-defaults` says otherwise. */
export const ZONE_DEFAULTS = {
  mode: 'mirror',
  timers: TIMERS,
  'max-records': 50_000_000,
  'max-bytes': '8GB',
  'out-of-zone': 'reject',
  'refresh-jitter': '10%',
  'frame-size': '16000B',
  ...GUARD_DEFAULTS,
  history: HISTORY,
  relay: RELAY,
  'old-versions': OLD_VERSIONS,
  'serial-policy': 'hold',
} as const;

const timer = (name: keyof typeof TIMERS, description: string) =>
  longDuration().optional().meta({ description, preset: TIMERS[name] });

const frameSize = (value: string): values.Parsed<number> => {
  const parsed = values.parseSize(value);
  if (!parsed.ok || (parsed.value >= 512 && parsed.value <= 16000)) return parsed;
  return { ok: false, failure: 'expected a size from `512B` to `16000B`' };
};

export const zone = mapping({
  primary: text('the name of one of `primaries`').optional().meta({
    description: 'Where the zone comes from; each zone needs one, of its own or by zone-defaults.',
    example: 'hidden',
  }),
  'primary-key': keyName().optional().meta({ description: "Overrides the primary's key.", example: 'sec1-key' }),
  secondaries: oneOrMany(text('the name of one of `secondaries`'), 'names of `secondaries`')
    .optional()
    .meta({
      description: 'Who takes it; what they may do is said by `rules`.',
      example: ['sec1'],
    }),
  mode: choice(['mirror', 'relay'], ['on-demand']).optional().meta({
    description:
      'mirror: fetched ahead of requests and served from memory; relay: each request goes to the primary, unchanged.',
    preset: ZONE_DEFAULTS.mode,
  }),
  timers: mapping({
    'refresh-min': timer('refresh-min', 'The least time between two refreshes,'),
    'refresh-max': timer('refresh-max', 'and the most.'),
    'retry-min': timer('retry-min', 'The least time until the next try after a failure,'),
    'retry-max': timer('retry-max', 'and the most.'),
    'expire-min': timer('expire-min', 'The least time without a refresh until the zone is no longer served,'),
    'expire-max': timer('expire-max', 'and the most.'),
  })
    .optional()
    .meta({ description: 'The timers come from the SOA, within these bounds.' }),
  'max-records': integer(1, Number.MAX_SAFE_INTEGER).optional().meta({
    description: 'A transfer with more is rejected.',
    preset: ZONE_DEFAULTS['max-records'],
  }),
  'max-bytes': size().optional().meta({
    description: 'A transfer with more octets of records is rejected.',
    preset: ZONE_DEFAULTS['max-bytes'],
  }),
  'out-of-zone': choice(['reject', 'ignore']).optional().meta({
    description: 'A record that does not belong: reject the version, or ignore the record.',
    preset: ZONE_DEFAULTS['out-of-zone'],
  }),
  'refresh-jitter': written(values.PERCENT, values.parsePercent).optional().meta({
    description: 'Share of a refresh interval taken off at random.',
    preset: ZONE_DEFAULTS['refresh-jitter'],
  }),
  'frame-size': written(values.SIZE, frameSize).optional().meta({
    description: 'Length of the messages that a zone is kept as, 512B to 16000B (where name compression ends).',
    preset: ZONE_DEFAULTS['frame-size'],
  }),
  history: mapping({
    versions: integer(0, 10_000).optional().meta({
      description: 'Versions kept besides the one served, for IXFR, pin and rollback; whichever limit comes first,',
      preset: HISTORY.versions,
    }),
    bytes: size().optional().meta({ description: 'octets that live for their sake,', preset: HISTORY.bytes }),
    age: longDuration().optional().meta({ description: 'and how long ago they came.', preset: HISTORY.age }),
  })
    .optional()
    .meta({ description: 'What is kept of the versions before the one served.' }),
  'serial-policy': choice(['hold', 'adopt', 'translate']).optional().meta({
    description:
      "When the primary's serial went back: hold what we have and say so, adopt it with a new history, or translate to serials that never go back (not for signed zones).",
    preset: ZONE_DEFAULTS['serial-policy'],
  }),
  ...guardShapes,
  'old-versions': mapping({
    bytes: size().optional().meta({
      description: 'Beyond it the slowest transfer of an old version ends.',
      preset: OLD_VERSIONS.bytes,
    }),
  })
    .optional()
    .meta({ description: 'Octets of versions that only slow readers keep in memory.' }),
  'on-demand': later('Zones fetched when asked for.'),
  relay: mapping({
    'unknown-keys': choice(['forward', 'refuse']).optional().meta({
      description: 'Requests signed with a key that is not one of `keys` (RFC 8945 section 5.5);',
      preset: RELAY['unknown-keys'],
    }),
    concurrent: integer(1, 100_000).optional().meta({
      description: 'and most requests of the zone at a time.',
      preset: RELAY.concurrent,
    }),
  })
    .optional()
    .meta({ description: '`mode: relay` only.' }),
  padding: padding.optional(),
  ...catalogShapes,
});
