import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { root } from '../lib/paths.ts';

/** Files of the repository by how their names end. */
function files(...endings: string[]): string[] {
  const { stdout, status } = spawnSync('git', ['ls-files', '-z', ...endings.map((ending) => `*${ending}`)], { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0);
  const found = stdout.split('\0').filter((file) => file !== '' && existsSync(path.join(root, file)));
  assert.ok(found.length > 0, `no ${endings.join(', ')}`);
  return found;
}

const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

test('what pip installs is pinned to the byte, with all that comes along', () => {
  const lists = files('requirements.txt', 'requirements-build.txt');
  assert.deepEqual(lists, files('requirements.in', 'requirements-build.in').map((file) => file.replace(/in$/, 'txt')));
  for (const list of lists) {
    const packages = read(list).replace(/\\\n/g, ' ').split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
    assert.ok(packages.length > 0, list);
    for (const each of packages) assert.match(each, /^[\w.[\],-]+==\S+ .*--hash=sha256:[0-9a-f]{64}/, `${list}: ${each}`);
    const pinned = new Set(packages.map((each) => each.split('==')[0]));
    for (const wanted of read(list.replace(/txt$/, 'in')).split('\n').filter((line) => /^\w/.test(line))) {
      assert.ok(pinned.has(wanted.replace(/[[=].*/, '')), `${list} lacks ${wanted}`);
    }
  }
});

test('what npm installs is pinned to the byte, with all that comes along', () => {
  for (const file of files('package.json')) {
    const lock = JSON.parse(read(path.join(path.dirname(file), 'package-lock.json')));
    const { dependencies = {}, devDependencies = {} } = JSON.parse(read(file));
    assert.deepEqual(lock.packages[''].dependencies ?? {}, dependencies, file);
    assert.deepEqual(lock.packages[''].devDependencies ?? {}, devDependencies, file);
    for (const [name, { integrity, link, inBundle }] of Object.entries<any>(lock.packages)) {
      assert.ok(name === '' || link || inBundle || /^sha512-/.test(integrity), `${file}: ${name}`);
    }
  }
});

test('commands install what is pinned, and nothing newer', () => {
  const commands = [...files('.ci/run', '.yml', '.rs').filter((file) => /^(\.ci|\.github|tests)\//.test(file)), 'infra/environment', 'infra/check', 'infra/rehearse', 'tests/fuzz'];
  for (const file of commands) {
    for (const line of read(file).split('\n').filter((line) => !/^\s*(#|\/\/)/.test(line))) {
      assert.doesNotMatch(line, /\bnpm (--prefix \S+ )?(install|i|update)\b/, `${file}: ${line}`);
      if (/\bpip"?,? "?install\b/.test(line)) assert.match(line, /--require-hashes/, `${file}: ${line}`);
      if (/\bcargo install\b/.test(line)) assert.match(line, /--locked .*--version \S/, `${file}: ${line}`);
    }
  }
});

test('of the actions that the workflows use, those of others than GitHub are pinned by commit', () => {
  for (const file of files('.yml').filter((file) => file.startsWith('.github/workflows/'))) {
    for (const [, action, version] of read(file).matchAll(/uses: (\S+)@(\S+)/g)) {
      assert.match(version ?? '', action?.startsWith('actions/') ? /^v\d+\.\d+\.\d+$/ : /^[0-9a-f]{40}$/, `${file}: ${action}`);
    }
  }
});
