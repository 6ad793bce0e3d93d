import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { placeholder } from './paths.ts';
import type { Stage } from './stages.ts';

/** `e_machine` in the header of an ELF file. Source: elf(5). */
const MACHINES: Record<number, Stage['architecture']> = { 62: 'x86_64', 183: 'arm64' };

/**
 * A function's code, and why it cannot be deployed. A template, a diff or the end of a stack needs no code, so that a
 * placeholder stands in for what is not built.
 */
export function bootstrap(
  binary: string,
  architecture: Stage['architecture'],
  folder: string | undefined,
): { code: Code; problem?: string } {
  if (folder === undefined) return { code: Code.fromAsset(placeholder) };
  const file = path.join(folder, binary, 'bootstrap');
  if (!existsSync(file)) {
    return { code: Code.fromAsset(placeholder), problem: `${file} is not there: build it with infra/build ${architecture}` };
  }
  const code = Code.fromAsset(path.dirname(file));
  const built = machine(file);
  if (built === architecture) return { code };
  const problem = `${file} is built for ${built ?? 'no machine that Lambda has'}: build it with infra/build ${architecture}`;
  return { code, problem };
}

function machine(file: string): Stage['architecture'] | undefined {
  const header = Buffer.alloc(20);
  const opened = openSync(file, 'r');
  try {
    readSync(opened, header);
  } finally {
    closeSync(opened);
  }
  return header.toString('latin1', 1, 4) === 'ELF' ? MACHINES[header.readUInt16LE(18)] : undefined;
}
