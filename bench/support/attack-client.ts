/** The process of an attack (see attacks.ts): begins at once, ends with its standard input, prints a tally. TASK (JSON) */
import { attackerOf } from './attackers.ts';
import type { AttackTally, AttackTask } from './attacks.ts';

const task = JSON.parse(process.argv[2] as string) as AttackTask;
const tally: AttackTally = { opened: 0, closed: 0, failed: 0, sent: 0, received: 0 };
const attacker = attackerOf(task, tally);
const end = (): void => {
  attacker.stop();
  process.stdout.write(`${JSON.stringify(tally)}\n`, () => process.exit(0));
};
await attacker.start();
console.log('{}');
setTimeout(end, task.mostMs);
process.stdin.on('end', end).resume();
