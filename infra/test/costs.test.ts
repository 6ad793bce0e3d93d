import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { alarmMetrics, within } from '../lib/cost-document.ts';
import { tables } from '../lib/cost-tables.ts';
import { costs, idle, load, SET } from '../lib/costs.ts';
import { root } from '../lib/paths.ts';
import { dev, prod, resource } from './support.ts';

const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const sum = (costs: Record<string, number>) => Object.values(costs).reduce((a, b) => a + b, 0);

test('the tables of docs/scale.md are what the arithmetic makes', () => {
  const document = read('docs/scale.md');
  const made = within(document, tables(prod, alarmMetrics(prod)));
  assert.equal(document, made, 'out of date: npm --prefix infra run cost -- --write writes them anew');
  assert.throws(() => within('a page without tables', ''), /lacks/);
});

test('the arithmetic is about the system that is deployed', () => {
  const { BatchSize, ParallelizationFactor } = resource(prod, 'OrdersStream').Properties;
  assert.deepEqual([SET.batchSize, SET.parallelization], [BatchSize, ParallelizationFactor]);
  const constant = (file: string, name: string) => Number(new RegExp(`const ${name}: \\w+ = ([\\d_]+);`).exec(read(file))?.[1]);
  assert.equal(SET.ordersAtATime, constant('resolvers/src/handlers/fulfil_orders.rs', 'CONCURRENCY'));
  assert.equal(SET.attentionShards, constant('resolvers/src/tables/attention.rs', 'SHARDS'));
});

test('what a rate takes grows with it, and a million orders cost about the same at any', () => {
  const [few, many] = [load(10, prod), load(100_000, prod)];
  assert.deepEqual([few.appsyncRequests, many.appsyncRequests], [40, 400_000]);
  assert.deepEqual([few.shards, many.shards], [4, 200], 'a new table takes 4,000 write units a second');
  assert.deepEqual([few.ordersPerBatch, many.ordersPerBatch], [1, 100]);
  assert.ok(many.concurrency / few.concurrency > 5_000);
  const [dear, cheap] = [sum(costs(few, prod)), sum(costs(many, prod))];
  assert.ok(dear > cheap && dear < 1.2 * cheap, `${dear} and ${cheap}`);
});

test('a stage without a limit for guests pays no WAF, and more memory costs more', () => {
  assert.equal(costs(load(10, dev), dev)['WAF'], 0);
  assert.equal(idle(dev, 0)['WAF, list and rule'], 0);
  const duration = (memory: number) => costs(load(1_000, { ...prod, memory }), { ...prod, memory })['Lambda, duration'] ?? 0;
  assert.ok(duration(1_769) > duration(256));
});
