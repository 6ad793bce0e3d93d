import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { OUTPUTS } from '../lib/outputs.ts';
import { root } from '../lib/paths.ts';
import { stages } from '../lib/stages.ts';
import { everything, ofType, resourcesOf } from './support.ts';

const document = readFileSync(path.join(root, 'docs', 'operations.md'), 'utf8');
const [, alarms = ''] = document.split('\n## Alarms\n');
/** The sections of alarms: their names, and what they say. */
const sections = (alarms.split('\n## ')[0] ?? '').split('\n### ').slice(1).map((section) => {
  const [title = '', ...said] = section.split('\n');
  return { names: title.split(', '), said: said.join('\n') };
});

for (const stage of [...stages, everything]) {
  test(`whoever is called by an alarm of ${stage.name} finds what to do, and nobody reads of alarms that are not there`, () => {
    // As it is called in the app: the CDK puts the construct in front of it, and letters behind.
    const names = ofType(stage, 'AWS::CloudWatch::Alarm').map(([id]) => id.replace(/^Alarms/, '').replace(/[0-9A-F]{8}$/, ''));
    assert.ok(names.length > 0);
    assert.deepEqual(sections.flatMap(({ names }) => names).sort(), names.sort());
  });
}

test('of each alarm there stands what it means, where to look first, what to do, and how to know that it is over', () => {
  for (const { names, said } of sections) {
    const parts = [...said.matchAll(/^\*\*(Means|Look|Do|Over)(?:\.\*\*|\*\* )/gm)].map(([, part]) => part);
    assert.deepEqual(parts, ['Means', 'Look', 'Do', 'Over'], names.join(', '));
    assert.match(said, /```sh\n|`(aws|npm) /, `${names.join(', ')} names no command`);
  }
});

test('what the commands ask of a stage is there', () => {
  const outputs = [...document.matchAll(/\$\(out (\w+)\)/g)].map(([, name]) => name ?? '');
  assert.ok(outputs.length > 10);
  for (const name of outputs) assert.ok((OUTPUTS as readonly string[]).includes(name), `no output ${name}`);
  const loops = [...document.matchAll(/for function in ([\w ]+);/g)].flatMap(([, names]) => (names ?? '').split(' '));
  const ids = [...document.matchAll(/\b(?:resource|logs) ([A-Z]\w+)/g)].map(([, id]) => id ?? '').concat(loops);
  assert.ok(ids.length > 10);
  for (const stage of stages) {
    for (const id of ids) assert.ok(id in resourcesOf(stage), `${stage.name} has no ${id}`);
  }
});

test('links within the guides lead somewhere', () => {
  const anchors = (file: string) => readFileSync(path.join(root, 'docs', file), 'utf8').split('\n')
    .filter((line) => line.startsWith('#'))
    .map((line) => line.replace(/^#+ /, '').toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-'));
  for (const file of ['operations.md', 'scale.md', 'deploying.md']) {
    for (const [, to = '', anchor = ''] of readFileSync(path.join(root, 'docs', file), 'utf8').matchAll(/\]\(([\w-]+\.md)?#([\w-]+)\)/g)) {
      assert.ok(anchors(to || file).includes(anchor), `${file} links to ${to}#${anchor}`);
    }
  }
});
