/**
 * `outputs.ts STAGE` reads a stack's outputs from standard input, in the form of `cdk deploy --outputs-file` or of
 * `aws cloudformation describe-stacks`, and writes `outputs.json` and `amplify_outputs.json`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { amplifyOutputs, outputsOf } from '../lib/outputs.ts';
import { deployed } from '../lib/paths.ts';

interface Described {
  readonly Stacks?: { readonly Outputs?: { readonly OutputKey: string; readonly OutputValue: string }[] }[];
}

const stage = process.argv[2];
if (!stage) throw new Error('which stage?');
const folder = process.argv[3] ?? deployed(stage);
const stack = `orders-${stage}`;
const told = JSON.parse(readFileSync(process.stdin.fd, 'utf8')) as Described & Record<string, unknown>;
const described = told.Stacks?.[0]?.Outputs?.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue] as const);
const outputs = outputsOf(described ? Object.fromEntries(described) : told[stack], `what ${stack} tells`);
mkdirSync(folder, { recursive: true });
for (const [name, content] of [['outputs.json', outputs], ['amplify_outputs.json', amplifyOutputs(outputs)]] as const) {
  const file = path.join(folder, name);
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  console.log(`wrote ${path.relative(process.cwd(), file)}`);
}
