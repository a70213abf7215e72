/** Reads a configuration file: every error is told, not the first. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { checkCatalogs } from './catalogs.ts';
import type { Config } from './config.ts';
import { ConfigDocument, type ConfigProblem } from './document.ts';
import { checkFiles } from './files.ts';
import { describeIssues } from './problems.ts';
import { checkReferences } from './references.ts';
import { resolveV1 } from './resolve.ts';
import { v1 } from './v1.ts';

export type { ConfigProblem } from './document.ts';

export type LoadedConfig =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly ConfigProblem[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

export function loadConfig(file: string): LoadedConfig {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return {
      ok: false,
      problems: [{ path: '', line: 1, column: 1, file, message: `cannot be read: ${reason(error)}` }],
    };
  }
  return parseConfig(text, file, (path) => readFileSync(path, 'utf8'), Date.now());
}

/** `readFile` throws where there is no such file; `now` is for warnings about certificates that end. */
export function parseConfig(text: string, file: string, readFile: (path: string) => string, now: number): LoadedConfig {
  const document = new ConfigDocument(text, file);
  if (document.problems.length > 0) return { ok: false, problems: document.problems };

  // The three passes do not wait for each other: a bad port must not hide a misspelt primary.
  const parsed = v1.safeParse(document.value ?? {});
  const folder = dirname(resolve(file));
  const references = checkReferences(document.value);
  checkCatalogs(document.value, references);
  const files = checkFiles(document.value, folder, readFile, now);
  const problems = [
    ...(parsed.success ? [] : describeIssues(parsed.error.issues, document)),
    ...[...references.problems, ...files.problems].map(({ path, message, at }) => document.problem(path, message, at)),
  ];
  if (!parsed.success || problems.length > 0) return { ok: false, problems: inOrder(problems) };

  const config = resolveV1(parsed.data, {
    folder,
    secrets: files.secrets,
    sig0Records: files.sig0Records,
    anchors: files.anchors,
    cores: availableParallelism(),
  });
  const warnings = [...references.warnings, ...files.warnings].map(({ path, message }) =>
    document.problem(path, message),
  );
  return { ok: true, config, warnings: inOrder(warnings) };
}

const inOrder = (problems: readonly ConfigProblem[]): ConfigProblem[] =>
  problems.toSorted((a, b) => a.line - b.line || a.column - b.column);

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
