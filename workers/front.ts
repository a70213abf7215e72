/** Front thread: serves connections. A plain worker, not a pool one: it has sockets and timers of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { Front } from '../src/front/accept.ts';
import type { FrontSetup, ToFront } from '../src/front/messages.ts';

const port = parentPort;
if (port === null) throw new Error('workers/front is a thread, not a program');

const front = new Front(workerData as FrontSetup, (message) => port.postMessage(message));
port.on('message', (message: ToFront) => front.take(message));
await front.listen();
