/** A service with a scripted primary for each of its zones: so what is learned about one is of no concern to another. */
import { sendNotify } from './dns-clients.ts';
import { decodeMessage } from './message-decoder.ts';
import {
  type AxfrRequest,
  inMessages,
  type ScriptedPrimary,
  type SeenQuestion,
  startScriptedPrimary,
} from './scripted-primary.ts';
import { type EventFields, type RunningService, type ServiceOptions, startService } from './service.ts';
import { soaRecord, type TestKey, type TestRecord, TYPE_NUMBERS } from './transfer-messages.ts';

export interface PrimaryZone {
  readonly zone: string;
  readonly serial: number;
  readonly records: readonly TestRecord[];
  readonly key?: TestKey | undefined;
  /** Of the zone and of the primary in the configuration. */
  readonly settings?: object | undefined;
  readonly primarySettings?: object | undefined;
}

export interface PrimaryWorld {
  readonly service: RunningService;
  readonly primaries: ReadonlyMap<string, ScriptedPrimary>;
  /** Of a zone whose primary has changed: its NOTIFY, the event that follows, and what the primary was asked for. */
  renew(zone: string, serial?: number): Promise<Renewal>;
  stop(): Promise<void>;
}

export interface Renewal {
  readonly event: EventFields;
  /** Transfers. */
  readonly asked: readonly SeenQuestion[];
}

const OUTCOMES = ['zone-updated', 'zone-rejected', 'primary-failed', 'serial-went-back'];

export async function startPrimaryWorld(
  zones: readonly PrimaryZone[],
  options: Pick<ServiceOptions, 'dir'> & { readonly store?: object } = {},
): Promise<PrimaryWorld> {
  const primaries = new Map<string, ScriptedPrimary>();
  for (const { zone, serial, records, key } of zones) {
    const primary = await startScriptedPrimary(zone, serial);
    primary.key = key;
    primary.script = (request) => inMessages(request, wholeRecords(zone, primary.serial, records), { key });
    primaries.set(zone, primary);
  }
  const keys = zones.flatMap(({ key }) => (key === undefined ? [] : [key]));
  const service = await startService({
    ...(options.dir !== undefined && { dir: options.dir }),
    config: {
      keys: Object.fromEntries(
        keys.map(({ name, hash, secret }) => [name, { algorithm: `hmac-${hash}`, secret: secret.toString('base64') }]),
      ),
      primaries: Object.fromEntries(
        zones.map(({ zone, key, primarySettings }) => [
          zone,
          {
            addresses: [`127.0.0.1:${primaries.get(zone)?.port}`],
            'stall-timeout': '400ms',
            ...(key && { key: key.name }),
            ...primarySettings,
          },
        ]),
      ),
      zones: Object.fromEntries(zones.map(({ zone, settings }) => [zone, { primary: zone, ...settings }])),
      rules: [{ name: 'all', match: { source: '127.0.0.0/8' }, action: 'allow' }],
      ...(options.store && { store: options.store }),
    },
  });
  for (const { zone } of zones) await service.event('zone-updated', (fields) => fields['zone'] === zone);
  return {
    service,
    primaries,
    renew: async (zone, serial) => {
      const primary = primaries.get(zone) as ScriptedPrimary;
      const since = service.events.length;
      const asked = primary.seen.length;
      primary.serial = serial ?? primary.serial;
      // Without a serial: one that is older than ours would be passed over.
      await sendNotify(service.port, zone);
      const event = await service.event(OUTCOMES, (fields) => fields['zone'] === zone, since);
      return { event, asked: primary.seen.slice(asked).filter(({ type }) => type !== TYPE_NUMBERS.SOA) };
    },
    stop: async () => {
      await service.stop();
      await Promise.all([...primaries.values()].map((primary) => primary.stop()));
    },
  };
}

export const wholeRecords = (zone: string, serial: number, records: readonly TestRecord[]): TestRecord[] => [
  soaRecord(zone, serial),
  ...records,
  soaRecord(zone, serial),
];

/** Types of transfers, as words. */
export const namesOf = (asked: readonly SeenQuestion[]): string[] =>
  asked.map(({ type }) => (type === TYPE_NUMBERS.IXFR ? 'IXFR' : 'AXFR'));

/** The serial that an IXFR asks from. */
export function askedFrom({ message }: AxfrRequest): number | undefined {
  const soa = decodeMessage(message).authorities[0]?.rdata;
  return soa?.readUInt32BE(soa.length - 20);
}
