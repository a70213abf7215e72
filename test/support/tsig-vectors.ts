/** The messages signed by dig, kdig and dnspython that lie in test/vectors/tsig, and keys to go with them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AlgorithmName, TSIG_ALGORITHMS } from '../../src/tsig/algorithm.ts';
import type { TsigKey } from '../../src/tsig/key.ts';
import { repositoryRoot } from './repository.ts';
import { type TestKey, wireName } from './transfer-messages.ts';

interface VectorKey {
  readonly name: string;
  readonly secret: string;
}

export interface RequestVectors {
  readonly key: VectorKey;
  readonly vectors: readonly { readonly name: string; readonly algorithm: AlgorithmName; readonly request: string }[];
}

export interface AnswerVectors {
  readonly key: VectorKey;
  readonly time: number;
  readonly sets: readonly {
    readonly algorithm: AlgorithmName;
    readonly request: string;
    readonly requestMac: string;
    readonly answer: string;
    readonly badTime: string;
    readonly chain: readonly string[];
  }[];
}

const read = (file: string): unknown =>
  JSON.parse(readFileSync(join(repositoryRoot(), 'test', 'vectors', 'tsig', file), 'utf8'));

export const readRequestVectors = (): RequestVectors => read('requests.json') as RequestVectors;
export const readAnswerVectors = (): AnswerVectors => read('answers.json') as AnswerVectors;

export const ALGORITHM_NAMES = Object.keys(TSIG_ALGORITHMS) as AlgorithmName[];

export const tsigKey = (name: string, algorithm: AlgorithmName, secret: Buffer, fudge = 300): TsigKey => ({
  name,
  wireName: wireName(name),
  algorithm: TSIG_ALGORITHMS[algorithm],
  secret,
  fudge,
});

export const testKey = ({ name, algorithm, secret }: TsigKey): TestKey => ({
  name,
  hash: algorithm.hash,
  secret: Buffer.from(secret),
});

export const fromHex = (hex: string): Buffer => Buffer.from(hex, 'hex');
