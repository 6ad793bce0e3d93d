/** `stage.ts STAGE SETTING` prints a stage's setting; without a setting, whether there is such a stage. */
import { stages } from '../lib/stages.ts';

const [name, setting] = process.argv.slice(2);
const stage = stages.find((stage) => stage.name === name);
if (!stage) {
  console.error(`There is no stage ${JSON.stringify(name)}: choose one of ${stages.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
if (setting) console.log(stage[setting as keyof typeof stage]);
