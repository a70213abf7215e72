/** What stands between a version and being served: digests, signatures, how much it changes, a program's word. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { type GuardRules, hasRules } from '../guard/judge.ts';
import type { Pool } from '../pool/pool.ts';
import type { VersionHandle } from '../zone/version.ts';
import { runExternalCheck } from './external-check.ts';
import type { Verdict } from './taking.ts';
import type { Zone } from './zone.ts';

export class Guards {
  readonly #pool: Pool;
  readonly #clock: Clock;

  constructor(pool: Pool, clock: Clock) {
    this.#pool = pool;
    this.#clock = clock;
  }

  /** `before`: what is served, if anything. */
  async check({ config }: Zone, before: VersionHandle | undefined, candidate: VersionHandle): Promise<Verdict> {
    const { apex, zonemd, dnssec, changeGuard, externalValidation, name } = config;
    const rules: GuardRules = { zonemd, dnssec, change: before === undefined ? undefined : changeGuard };
    const now = Math.floor(this.#clock.now() / 1000);
    const judgement = hasRules(rules)
      ? await this.#pool.judge({ candidate, before, apex, rules, now })
      : { faults: [], changes: [] };
    if (judgement.faults.length > 0) return { kind: 'reject', why: judgement.faults.join('; ') };
    if (externalValidation !== undefined) {
      const why = await this.#askProgram(name, apex, candidate, externalValidation);
      if (why !== undefined) return { kind: 'reject', why };
    }
    const { changes } = judgement;
    if (changes.length === 0 || changeGuard === undefined || changeGuard.action === 'warn') {
      return { kind: 'pass', warnings: changes };
    }
    return changeGuard.action === 'hold'
      ? { kind: 'hold', reasons: changes }
      : { kind: 'reject', why: changes.join('; ') };
  }

  async #askProgram(
    name: string,
    apex: VersionHandle['soaRecord'] | Zone['config']['apex'],
    candidate: VersionHandle,
    validation: NonNullable<Zone['config']['externalValidation']>,
  ): Promise<string | undefined> {
    const folder = await mkdtemp(join(tmpdir(), 'zonegate-'));
    try {
      const file = join(folder, 'zone');
      await this.#pool.zoneText({ version: candidate, apex, file });
      return await runExternalCheck(validation, name, candidate.serial, file);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
