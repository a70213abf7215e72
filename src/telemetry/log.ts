/** The log: one line per event on standard output. The only importer of pino. */
import { pino } from 'pino';
import type { EventName } from './events.ts';
import { LineOutput } from './line-output.ts';
import { printable } from './printable.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  /** One line with `event` and these fields; secrets and buffers among them have no printable form. */
  event(name: EventName, fields: object, level?: LogLevel): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Resolves when the reader has all, or does not take it. */
  flush(): Promise<void>;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'text';
  readonly destination: LogDestination;
  /** Told of every event, whatever the level, in its printable form. */
  readonly onEvent?: (name: EventName, fields: LogFields) => void;
}

export interface LogDestination {
  write(line: string): void;
  flush?(): Promise<void>;
}

export function createLog({ level, format, destination, onEvent }: LogOptions): Log {
  const stream = format === 'json' ? destination : { write: (line: string) => destination.write(textLine(line)) };
  const logger = pino(
    {
      level,
      // No pid and host name: whoever collects the lines knows them.
      base: null,
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  const write = (at: LogLevel, head: LogFields, fields: object = {}): void => {
    if (logger.isLevelEnabled(at)) logger[at]({ ...head, ...ownFields(fields) });
  };
  return {
    event: (name, fields, at = 'info') => {
      write(at, { event: name }, fields);
      onEvent?.(name, ownFields(fields));
    },
    debug: (message, fields) => write('debug', { message }, fields),
    info: (message, fields) => write('info', { message }, fields),
    warn: (message, fields) => write('warn', { message }, fields),
    error: (message, fields) => write('error', { message }, fields),
    flush: async () => destination.flush?.(),
  };
}

/** One a process: a log that takes the place of another writes to the same. */
export const standardOutput = (): LogDestination =>
  new LineOutput(process.stdout, (lines) => {
    const event: EventName = 'log-overflow';
    return `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), event, lines })}\n`;
  });

const RESERVED = new Set(['time', 'level', 'event', 'message']);

/** A second `event` in one JSON line would be read or not, as the reader likes. */
const ownFields = (fields: object): LogFields =>
  Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => !RESERVED.has(name))
      .map(([name, value]) => [name, printable(value, name)]),
  );

/** `2026-11-21T08:00:00.000Z INFO zone-updated zone=example.org from=1 to=2`, made of the JSON line. */
function textLine(line: string): string {
  const { time, level, event, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const head = [time, String(level).toUpperCase(), event ?? visible(String(message))];
  return `${[...head, ...Object.entries(fields).map(([name, value]) => `${name}=${textValue(value)}`)].join(' ')}\n`;
}

function textValue(value: unknown): string {
  if (typeof value !== 'string') return visible(JSON.stringify(value) ?? '-');
  return /^[^\s"=\\]+$/.test(value) && visible(value) === value ? value : visible(JSON.stringify(value));
}

/** What a peer chose must neither move the cursor nor begin a line of its own. */
const visible = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this takes out.
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
