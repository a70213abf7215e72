/** Prefix sets as version 1 of the configuration has them on disk. */
import { duration, file, integer, mapping, written } from './shapes.ts';
import * as values from './values.ts';

export const MAX_PREFIXES = 100_000;

export const prefixSet = mapping({
  file: file('a list of networks').optional().meta({
    description: 'A file with a network or address a line, read again when it changes; or:',
    example: 'sets/lab.txt',
  }),
  url: written('an http or https URL', values.parseUrl).optional().meta({
    description: 'Where such a list is fetched.',
    example: 'https://feeds.example.net/partners.txt',
  }),
  refresh: duration(1_000).optional().meta({ description: 'url only: how often; 15m unless given.', example: '15m' }),
  timeout: duration(100)
    .optional()
    .meta({ description: 'url only: the longest that it may take; 10s.', example: '10s' }),
  'max-prefixes': integer(1, 10_000_000)
    .prefault(MAX_PREFIXES)
    .meta({ description: 'A list with more is not taken: the one before stays.' }),
});
