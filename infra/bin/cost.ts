/** Prints what orders cost, as tables. With `--write` the tables go into docs/scale.md instead. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { alarmMetrics, within } from '../lib/cost-document.ts';
import { tables } from '../lib/cost-tables.ts';
import { root } from '../lib/paths.ts';
import { stages } from '../lib/stages.ts';

const stage = stages.find(({ name }) => name === 'prod');
if (!stage) throw new Error('there is no stage prod');
const made = tables(stage, alarmMetrics(stage));
if (process.argv[2] === '--write') {
  const file = path.join(root, 'docs', 'scale.md');
  writeFileSync(file, within(readFileSync(file, 'utf8'), made));
  console.log(file);
} else {
  console.log(made);
}
