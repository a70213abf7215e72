/** The store's thread: the only one that touches the disk. */
import { parentPort, workerData } from 'node:worker_threads';
import type { StoreSetup, ToStore } from '../src/store/messages.ts';
import { StoreThread } from '../src/store/store-thread.ts';

const port = parentPort;
if (port === null) throw new Error('workers/store is a thread, not a program');

const store = new StoreThread(workerData as StoreSetup, (message) => port.postMessage(message));
port.on('message', (message: ToStore) => store.take(message));
