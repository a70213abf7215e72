/** What a reload changes, and what of it has to wait for a restart. */
import { isDeepStrictEqual } from 'node:util';
import type { Config } from './config.ts';

export interface ConfigComparison {
  /** Sections that are swapped into the running service, in the words of the file. */
  readonly changed: readonly string[];
  /** Sections that differ, too, but stay as they are until the next start. */
  readonly needsRestart: readonly string[];
}

/** Complete by its type: a section that is added must be put on one side. */
const SECTIONS: Readonly<Record<keyof Config, 'live' | 'restart'>> = {
  listen: 'restart',
  certificates: 'live',
  keys: 'live',
  sig0Keys: 'live',
  primaries: 'live',
  secondaries: 'live',
  zones: 'live',
  catalogTemplates: 'live',
  prefixSets: 'live',
  rules: 'live',
  limits: 'live',
  bans: 'live',
  tls: 'live',
  store: 'restart',
  threads: 'restart',
  log: 'live',
  audit: 'live',
  admin: 'restart',
};

export function compareConfigs(old: Config, next: Config): ConfigComparison {
  const different = (Object.keys(SECTIONS) as (keyof Config)[]).filter(
    (section) => !isDeepStrictEqual(old[section], next[section]),
  );
  return {
    changed: different.filter((section) => SECTIONS[section] === 'live'),
    needsRestart: different.filter((section) => SECTIONS[section] === 'restart'),
  };
}
