/** The service process: what the supervisor spawns. It takes its orders from the parent, and ends with it. */
import { ZonegateError } from '../base/errors.ts';
import { loadConfig } from '../config/load.ts';
import { Service } from './service.ts';
import type { ServiceMessage, SupervisorMessage } from './supervisor.ts';

let service: Service | undefined;

// The terminal sends Ctrl-C to parent and service alike; the parent passes it on, once.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => void end());
process.on('SIGHUP', () => void service?.reload());
process.on('disconnect', () => void end());
process.on('message', (message: SupervisorMessage) => {
  switch (message.kind) {
    case 'start':
      void start(message);
      return;
    case 'reload':
      void service?.reload();
      return;
    case 'drain':
      void end();
      return;
    case 'stop':
      process.exit(0);
  }
});

async function start(message: Extract<SupervisorMessage, { kind: 'start' }>): Promise<void> {
  const loaded = loadConfig(message.configFile);
  if (!loaded.ok) {
    for (const { file, line, path, message } of loaded.problems) {
      process.stderr.write(`${file}:${line}: ${path}: ${message}\n`);
    }
    process.exit(2);
  }
  try {
    service = await Service.open(message.configFile, loaded.config, message.sockets);
    const admin = await service.start();
    process.send?.({ kind: 'ready', admin } satisfies ServiceMessage);
  } catch (error) {
    const text = error instanceof ZonegateError ? error.message : ((error as Error).stack ?? String(error));
    process.stderr.write(`zonegate: ${text}\n`);
    process.exit(1);
  }
}

async function end(): Promise<void> {
  if (process.connected) process.send?.({ kind: 'draining' } satisfies ServiceMessage);
  await service?.drain();
  process.exit(0);
}
