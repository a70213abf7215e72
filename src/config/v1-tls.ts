/** `tls` as version 1 of the configuration has it on disk: what all TLS listeners have in common. */
import { choice, flag, list, mapping, written } from './shapes.ts';
import * as values from './values.ts';

/** All suites of TLS 1.3, the cheapest first: AES-128 sends half as much again as AES-256. */
const SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'] as const;
const MOST_LIFETIME_MS = 7 * 86_400_000;

const lifetime = (text: string): values.Parsed<number> => {
  const parsed = values.parseDuration(text);
  if (!parsed.ok || (parsed.value >= 1000 && parsed.value <= MOST_LIFETIME_MS)) return parsed;
  return { ok: false, failure: 'expected a duration from `1s` to `7d` (RFC 8446 section 4.6.1)' };
};

export const tls = mapping({
  ciphers: list(choice(SUITES), 'cipher suites of TLS 1.3')
    .min(1, { error: 'expected at least one cipher suite' })
    .prefault([...SUITES])
    .meta({ description: 'Cipher suites of TLS 1.3, the one that is preferred first.' }),
  'session-tickets': flag().prefault(true).meta({
    description: 'Whether clients may resume a session, with any front.',
  }),
  'ticket-lifetime': written(values.DURATION, lifetime).prefault('1h').meta({
    description: 'The keys of tickets are new so often, and when authorities or rules for certificates change.',
  }),
})
  .prefault({})
  .meta({ description: 'What all TLS listeners have in common.' });
