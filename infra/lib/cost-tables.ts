/** The tables of docs/scale.md, as Markdown. */
import { costs, idle, load, monthly, PER_ORDER, PRICED, PRICES } from './costs.ts';
import type { Stage } from './stages.ts';

/** The rates that the tables are for, in orders per second. */
export const RATES = [10, 1_000, 100_000];

/** Where the tables stand in the document. */
export const [BEGIN, END] = ['<!-- npm --prefix infra run cost -- --write -->', '<!-- until here -->'];

const many = (value: number) => Math.round(value).toLocaleString('en-US');
const some = (value: number) => (value >= 100 ? many(value) : String(Number(value.toPrecision(2))));
const dollars = (value: number) => value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const sum = (values: Record<string, number>) => Object.values(values).reduce((a, b) => a + b, 0);

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** All tables. `alarmMetrics` is how many metrics the alarms of the stage look at. */
export function tables(stage: Stage, alarmMetrics: number): string {
  const loads = RATES.map((rate) => load(rate, stage));
  const rates = RATES.map((rate) => `${many(rate)}/s`);
  const perRate = (name: string, show: (at: (typeof loads)[number]) => string) => [name, ...loads.map(show)];

  const takes = table(['an order takes', ''], [
    ['requests to AppSync', some(PER_ORDER.appsyncRequests)],
    ['real-time updates', some(PER_ORDER.appsyncUpdates)],
    ['invocations, beside its share of a batch', some(PER_ORDER.resolverInvocations)],
    ['write units: order, index, change', [PER_ORDER.ordersWrites, PER_ORDER.indexWrites, PER_ORDER.changesWrites].join(' + ')],
    ['read units', some(PER_ORDER.reads)],
    ['bytes kept', many(PER_ORDER.storedBytes)],
  ]);

  const needs = table(['what it takes', ...rates], [
    perRate('requests to AppSync a second', (at) => many(at.appsyncRequests)),
    perRate('invocations by AppSync a second', (at) => many(at.resolverInvocations)),
    perRate('batches of the stream a second', (at) => many(at.batches)),
    perRate('orders in a batch', (at) => some(at.ordersPerBatch)),
    perRate('concurrent executions', (at) => many(at.concurrency)),
    perRate('write units a second: orders', (at) => many(at.ordersWrites)),
    perRate('write units a second: index', (at) => many(at.indexWrites)),
    perRate('write units a second: changes', (at) => many(at.changesWrites)),
    perRate('read units a second', (at) => many(at.reads)),
    perRate('partitions of orders, and shards', (at) => many(at.shards)),
    perRate('orders a second that these shards are good for', (at) => many(at.streamCapacity)),
    perRate('log, MB a second', (at) => some(at.log)),
    perRate('traces a second', (at) => some(at.traces)),
  ]);

  const each = loads.map((at) => costs(at, stage));
  const names = Object.keys(each[0] ?? {});
  const cost = table(['$ for a million orders', ...rates], [
    ...names.map((name) => [name, ...each.map((cost) => dollars(cost[name] ?? 0))]),
    ['**all**', ...each.map((cost) => `**${dollars(sum(cost))}**`)],
    ['a month at that rate, $', ...each.map((cost, at) => many((sum(cost) * monthly(RATES[at] ?? 0)) / 1e6))],
  ]);

  const resting = idle(stage, alarmMetrics);
  const rest = table(['$ a month without an order', ''], [
    ...Object.entries(resting).map(([name, usd]) => [name, dollars(usd)]),
    ['**all**', `**${dollars(sum(resting))}**`],
  ]);

  const prices = table([`price in ${PRICED.region}, ${PRICED.on}`, '$'], Object.values(PRICES).map(({ usd, unit, source }) => {
    const [amount, of] = usd < 0.00001 ? [String(Number((usd * 1e6).toPrecision(6))), `1,000,000 × ${unit}`] : [String(usd), unit];
    return [`[${of}](${source})`, amount];
  }));

  return [takes, needs, cost, rest, prices].join('\n\n');
}
