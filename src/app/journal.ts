/** Where events go: lines on standard output, and the audit log where one is kept. */
import type { Clock } from '../base/clock.ts';
import { ZonegateError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { AuditLog } from '../telemetry/audit.ts';
import type { EventName } from '../telemetry/events.ts';
import { createLog, type Log, type LogDestination, standardOutput } from '../telemetry/log.ts';

/** What was decided, and by what. Transfers come by themselves: in the log they may be left out. */
const AUDITED: ReadonlySet<EventName> = new Set<EventName>([
  'ready',
  'stopped',
  'reloaded',
  'refused',
  'refused-overflow',
  'shadow',
  'shadow-overflow',
  'banned',
  'unbanned',
  'zone-updated',
  'zone-rejected',
  'zone-held',
  'zone-released',
  'zone-pinned',
  'zone-expired',
]);

export class Journal {
  /** The present one: a reload may change its level and format. */
  log: Log;
  readonly #output: LogDestination = standardOutput();
  readonly #audit: AuditLog;

  /** Throws ZG_AUDIT_FAILED where the audit log cannot be opened: nothing must happen without it. */
  constructor(config: Pick<Config, 'log' | 'audit'>, clock: Clock) {
    this.log = this.#createLog(config);
    this.#audit = new AuditLog({
      clock,
      failed: (why) => {
        if (why === undefined) this.log.warn('the audit log can be written to again');
        else this.log.error('the audit log cannot be written to; lines wait in memory', { why });
      },
    });
    const file = config.audit?.file;
    try {
      this.#audit.open(file);
    } catch (cause) {
      throw new ZonegateError('ZG_AUDIT_FAILED', `audit log ${file}: ${(cause as Error).message}`, { file }, cause);
    }
  }

  /** The audit log is opened anew, as it may have been moved away to be kept; why it could not, where it could not. */
  configure(config: Pick<Config, 'log' | 'audit'>): string | undefined {
    this.log = this.#createLog(config);
    try {
      this.#audit.open(config.audit?.file);
    } catch (error) {
      const why = (error as Error).message;
      this.log.error('the audit log cannot be opened: the one before goes on', { why });
      return why;
    }
    return undefined;
  }

  audit(event: EventName, fields: Readonly<Record<string, unknown>>): void {
    this.#audit.write(event, fields);
  }

  /** About once a second. */
  tick(): void {
    this.#audit.flush();
  }

  async close(): Promise<void> {
    this.#audit.close();
    await this.log.flush();
  }

  #createLog({ log }: Pick<Config, 'log'>): Log {
    const onEvent = (name: EventName, fields: Readonly<Record<string, unknown>>): void => {
      if (AUDITED.has(name)) this.#audit.write(name, fields);
    };
    return createLog({ ...log, destination: this.#output, onEvent });
  }
}
