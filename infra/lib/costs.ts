/**
 * What orders cost in AWS, and what they take of it: unit prices, requests per order, and the arithmetic. docs/scale.md
 * holds the tables that are made of it.
 */
import type { Stage } from './stages.ts';

/** When the prices were looked up, and for which Region; in US dollars, without free tiers, discounts and taxes. */
export const PRICED = { on: '2026-11-22', region: 'us-east-1' };

const MILLION = 1e6;
const GB = 1e9;

/** Unit prices, each with the page that it is from. */
export const PRICES = {
  appsyncRequest: { usd: 4 / MILLION, unit: 'query or mutation', source: 'https://aws.amazon.com/appsync/pricing/' },
  appsyncUpdate: { usd: 2 / MILLION, unit: 'real-time update of up to 5 KB', source: 'https://aws.amazon.com/appsync/pricing/' },
  appsyncMinute: { usd: 0.08 / MILLION, unit: 'minute of a connection', source: 'https://aws.amazon.com/appsync/pricing/' },
  lambdaRequest: { usd: 0.2 / MILLION, unit: 'invocation', source: 'https://aws.amazon.com/lambda/pricing/' },
  lambdaGbSecond: { usd: 0.0000166667, unit: 'GB-second on x86', source: 'https://aws.amazon.com/lambda/pricing/' },
  write: { usd: 0.625 / MILLION, unit: 'write request unit', source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/' },
  read: { usd: 0.125 / MILLION, unit: 'read request unit', source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/' },
  stored: { usd: 0.25, unit: 'GB-month in a table', source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/' },
  recovery: { usd: 0.2, unit: 'GB-month of point-in-time recovery', source: 'https://aws.amazon.com/dynamodb/pricing/on-demand/' },
  logged: { usd: 0.5, unit: 'GB of log', source: 'https://aws.amazon.com/cloudwatch/pricing/' },
  alarm: { usd: 0.1, unit: 'metric of an alarm, month', source: 'https://aws.amazon.com/cloudwatch/pricing/' },
  metric: { usd: 0.3, unit: 'metric of our own, month', source: 'https://aws.amazon.com/cloudwatch/pricing/' },
  dashboard: { usd: 3, unit: 'dashboard, month', source: 'https://aws.amazon.com/cloudwatch/pricing/' },
  trace: { usd: 5 / MILLION, unit: 'recorded trace', source: 'https://aws.amazon.com/xray/pricing/' },
  wafRequest: { usd: 0.6 / MILLION, unit: 'request that WAF inspects', source: 'https://aws.amazon.com/waf/pricing/' },
  wafList: { usd: 5, unit: 'WAF access list, month', source: 'https://aws.amazon.com/waf/pricing/' },
  wafRule: { usd: 1, unit: 'WAF rule, month', source: 'https://aws.amazon.com/waf/pricing/' },
  sent: { usd: 0.09, unit: 'GB sent to the internet', source: 'https://aws.amazon.com/ec2/pricing/on-demand/' },
} as const;

/** What the arithmetic assumes of an order, and of AWS. Nothing of it was measured in AWS. */
export const ASSUMED = {
  /** A customer's order with some lines, as JSON. */
  documentBytes: 1_000,
  /** Keys, times, owner and the names of the attributes beside it. */
  envelopeBytes: 250,
  /** The change that says it was fulfilled. */
  changeBytes: 500,
  /** What DynamoDB adds to each item, and to each entry of an index. */
  overheadBytes: 100,
  /** An entry of the index by owner: three keys. */
  indexBytes: 150,
  /** What the client reads after it has subscribed: once at the start, once some seconds later. */
  readsByClient: 2,
  /** How long the client listens. */
  minutesConnected: 1,
  /** An answer or an event, with its headers. */
  answerBytes: 2_000,
  /** One call of `place-order` or `order`: one or two requests to DynamoDB. */
  resolverSeconds: 0.015,
  /** One order in `fulfil-orders`, without a warehouse: a write, and a mutation that reads twice. */
  fulfilSeconds: 0.06,
  /** The work that this is for the processor, in seconds of a whole vCPU. */
  fulfilCpuSeconds: 0.0005,
  /** How often Lambda asks each shard of a stream. */
  pollsPerSecond: 4,
  /** What AppSync logs of a request. */
  appsyncLogBytes: 700,
  /** What Lambda itself logs of an invocation: START, END and REPORT with its trace. */
  lambdaLogBytes: 450,
  /** A line of our own, as the built Lambdas write it; an order has three: placed, appended, announced. */
  lineBytes: 310,
  /** How long a run of the schedule takes when there is nothing to do. */
  scheduleSeconds: 0.1,
} as const;

/** What the deployed system is set to. A test compares it with the template and with the code. */
export const SET = {
  batchSize: 100,
  parallelization: 2,
  ordersAtATime: 32,
  attentionShards: 16,
  linesLogged: 3,
} as const;

const HOURS_OF_MONTH = 730;
const SECONDS_OF_MONTH = HOURS_OF_MONTH * 3_600;
/** A GB of memory in Lambda has this share of a vCPU: a whole one at 1,769 MB. */
const cpuShare = (memory: number) => Math.min(1, memory / 1_769);
/** A write takes a unit for each KB that has begun, a consistent read one for each 4 KB. */
const writeUnits = (bytes: number) => Math.ceil(bytes / 1_024);
const readUnits = (bytes: number) => Math.ceil(bytes / 4_096);
/** X-Ray records the first request of each second, and one in twenty of the others. */
const traced = (perSecond: number) => Math.min(perSecond, 1 + 0.05 * (perSecond - 1));

/** What one order takes when all goes well: a customer places it, it ships at once, and the customer waits for it. */
export const PER_ORDER = (() => {
  const order = ASSUMED.documentBytes + ASSUMED.envelopeBytes;
  // A read of the order: itself, and a Query of its changes.
  const read = readUnits(order) + readUnits(ASSUMED.changeBytes);
  return {
    // placeOrder, publishOrderFulfilled, and what the client reads.
    appsyncRequests: 1 + 1 + ASSUMED.readsByClient,
    // The connection, the subscription, the event.
    appsyncUpdates: 3,
    // One for each request, and one that says whether the client may subscribe.
    resolverInvocations: 1 + 1 + ASSUMED.readsByClient + 1,
    ordersWrites: writeUnits(order),
    indexWrites: 1,
    changesWrites: writeUnits(ASSUMED.changeBytes),
    // Publishing, what the client reads, and the order that it subscribes to. From the stream nothing is read.
    reads: read * (1 + ASSUMED.readsByClient) + readUnits(order),
    storedBytes: order + ASSUMED.indexBytes + ASSUMED.changeBytes + 3 * ASSUMED.overheadBytes,
    // The answer to placeOrder, what the client reads, and the event.
    sentBytes: ASSUMED.answerBytes * (1 + ASSUMED.readsByClient + 1),
    // Requests, and the connection.
    inspected: 1 + 1 + ASSUMED.readsByClient + 1,
  };
})();

/** What a rate of orders takes of AWS, per second where nothing else is said. */
export interface Load {
  /** Orders per second. */
  readonly orders: number;
  readonly appsyncRequests: number;
  readonly ordersWrites: number;
  readonly indexWrites: number;
  readonly changesWrites: number;
  readonly reads: number;
  /** Partitions that the orders table needs, and so shards that its stream has. */
  readonly shards: number;
  readonly batches: number;
  readonly ordersPerBatch: number;
  /** Seconds. */
  readonly batchSeconds: number;
  /** How many orders per second the stream can be worked off at most. */
  readonly streamCapacity: number;
  readonly resolverInvocations: number;
  /** Concurrent executions. */
  readonly concurrency: number;
  /** Traces. */
  readonly traces: number;
  /** MB. */
  readonly log: number;
}

/** What `orders` per second take. */
export function load(orders: number, { memory }: Stage): Load {
  const ordersWrites = orders * PER_ORDER.ordersWrites;
  // A new table takes 4,000 write units a second, and a partition 1,000.
  const shards = Math.max(4, Math.ceil(ordersWrites / 1_000));
  const seconds = (size: number) => Math.max(
    Math.ceil(size / SET.ordersAtATime) * ASSUMED.fulfilSeconds,
    (size * ASSUMED.fulfilCpuSeconds) / cpuShare(memory),
  );
  const ordersPerBatch = Math.min(SET.batchSize, Math.max(1, orders / (shards * ASSUMED.pollsPerSecond)));
  const batches = orders / ordersPerBatch;
  const batchSeconds = seconds(ordersPerBatch);
  const appsyncRequests = orders * PER_ORDER.appsyncRequests;
  const resolverInvocations = orders * PER_ORDER.resolverInvocations;
  const log = appsyncRequests * ASSUMED.appsyncLogBytes
    + (resolverInvocations + batches) * ASSUMED.lambdaLogBytes
    + orders * SET.linesLogged * ASSUMED.lineBytes;
  return {
    orders,
    appsyncRequests,
    ordersWrites,
    indexWrites: orders * PER_ORDER.indexWrites,
    changesWrites: orders * PER_ORDER.changesWrites,
    reads: orders * PER_ORDER.reads,
    shards,
    batches,
    ordersPerBatch,
    batchSeconds,
    streamCapacity: (shards * SET.parallelization * SET.batchSize) / seconds(SET.batchSize),
    resolverInvocations,
    // An execution environment takes ten calls a second at most, however short they are.
    concurrency: Math.max(resolverInvocations * ASSUMED.resolverSeconds, resolverInvocations / 10) + batches * batchSeconds,
    traces: traced(appsyncRequests) + traced(batches),
    log: log / 1e6,
  };
}

/** What a million orders cost at a rate, by component, in dollars. */
export function costs(at: Load, { memory, guestRequestsPerFiveMinutes }: Stage): Record<string, number> {
  const perOrder = (perSecond: number) => perSecond / at.orders;
  const gbSeconds = (memory / 1_024)
    * (PER_ORDER.resolverInvocations * ASSUMED.resolverSeconds + perOrder(at.batches) * at.batchSeconds);
  const writes = PER_ORDER.ordersWrites + PER_ORDER.indexWrites + PER_ORDER.changesWrites;
  const each = {
    'AppSync, requests': PER_ORDER.appsyncRequests * PRICES.appsyncRequest.usd,
    'AppSync, real time': PER_ORDER.appsyncUpdates * PRICES.appsyncUpdate.usd
      + ASSUMED.minutesConnected * PRICES.appsyncMinute.usd,
    'Lambda, invocations': (PER_ORDER.resolverInvocations + perOrder(at.batches)) * PRICES.lambdaRequest.usd,
    'Lambda, duration': gbSeconds * PRICES.lambdaGbSecond.usd,
    'DynamoDB, writes': writes * PRICES.write.usd,
    'DynamoDB, reads': PER_ORDER.reads * PRICES.read.usd,
    'DynamoDB, a month of keeping': (PER_ORDER.storedBytes / GB) * (PRICES.stored.usd + PRICES.recovery.usd),
    'CloudWatch, logs': (perOrder(at.log) * 1e6 / GB) * PRICES.logged.usd,
    'X-Ray': perOrder(at.traces) * PRICES.trace.usd,
    'WAF': guestRequestsPerFiveMinutes === undefined ? 0 : PER_ORDER.inspected * PRICES.wafRequest.usd,
    'Data to the internet': (PER_ORDER.sentBytes / GB) * PRICES.sent.usd,
  };
  return Object.fromEntries(Object.entries(each).map(([name, usd]) => [name, usd * MILLION]));
}

/** What a stage costs in a month without a single order, in dollars. */
export function idle(stage: Stage, alarmMetrics: number): Record<string, number> {
  const runs = HOURS_OF_MONTH * 60;
  const logged = (runs * (ASSUMED.lambdaLogBytes + 2 * ASSUMED.lineBytes)) / GB;
  return {
    [`${alarmMetrics} metrics of alarms`]: alarmMetrics * PRICES.alarm.usd,
    'three metrics of our own': 3 * PRICES.metric.usd,
    'the dashboard': PRICES.dashboard.usd,
    'the schedule: Lambda': runs * (PRICES.lambdaRequest.usd + (stage.memory / 1_024) * ASSUMED.scheduleSeconds * PRICES.lambdaGbSecond.usd),
    'the schedule: reading the attention table': runs * SET.attentionShards * PRICES.read.usd,
    'the schedule: log and traces': logged * PRICES.logged.usd + runs * PRICES.trace.usd,
    'WAF, list and rule': stage.guestRequestsPerFiveMinutes === undefined ? 0 : PRICES.wafList.usd + PRICES.wafRule.usd,
  };
}

/** Orders of a month at a rate. */
export const monthly = (orders: number) => orders * SECONDS_OF_MONTH;
