/** Writes the committed templates anew. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { templates } from '../lib/paths.ts';
import { stages } from '../lib/stages.ts';
import { printed, template } from '../lib/templates.ts';

mkdirSync(templates, { recursive: true });
for (const stage of stages) {
  const file = path.join(templates, `${stage.name}.json`);
  writeFileSync(file, printed(template(stage)));
  console.log(file);
}
