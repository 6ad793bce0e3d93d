import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  MathExpression,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { API_KEY_NOTICE_DAYS } from './api-key.ts';
import type { Api } from './api.ts';
import type { Functions } from './functions.ts';
import { daysOfApiKey, ofApi, ofFunction, stream, waiting } from './metrics.ts';
import type { OrdersStream } from './orders-stream.ts';
import type { Stage } from './stages.ts';

interface When {
  readonly metric: IMetric;
  readonly reaches?: number;
  readonly fallsBelow?: number;
  /** How many of the metric's periods in a row. */
  readonly periods: number;
  /** What no data means. */
  readonly missing: TreatMissingData;
  /** What has happened, and what to do. */
  readonly means: string;
}

// Most metrics are sent only when there is something to count: no data is no trouble.
const NOTHING_HAPPENED = TreatMissingData.NOT_BREACHING;
// This one is sent every minute: no data is the trouble.
const SILENCE = TreatMissingData.BREACHING;
// This one always has data: without, the alarm shows that it does not know.
const UNKNOWN = TreatMissingData.MISSING;

/** Everything that somebody must hear of. */
export class Alarms extends Construct {
  constructor(
    scope: Construct,
    stage: Stage,
    { api, functions, ordersStream }: { api: Api; functions: Functions; ordersStream: OrdersStream },
    private readonly topic: ITopic | undefined,
  ) {
    super(scope, 'Alarms');
    this.lostOrders(stream(ordersStream, functions.fulfilOrders));
    this.waitingOrders(stage);
    this.api(api);
    this.functions(functions);
    this.alarm('ApiKeyEnds', {
      metric: daysOfApiKey(api.keyExpires, ofFunction(functions.fulfilOrders).invocations),
      fallsBelow: API_KEY_NOTICE_DAYS,
      periods: 1,
      missing: UNKNOWN,
      means: 'The API key ends soon, and guests are refused then: set apiKeyExpires in infra/lib/stages.ts, and deploy.',
    });
  }

  private lostOrders({ givenUp, dropped, iteratorAge }: ReturnType<typeof stream>) {
    this.alarm('GivenUpBatches', {
      metric: givenUp,
      reaches: 1,
      periods: 1,
      missing: NOTHING_HAPPENED,
      means: 'Orders of the stream were given up, and are kept in the bucket of given-up batches: send them through by hand.',
    });
    this.alarm('DroppedOrders', {
      metric: dropped,
      reaches: 1,
      periods: 1,
      missing: NOTHING_HAPPENED,
      means: 'Orders of the stream were given up and could not even be kept: they are stored, find them by their time, and '
        + 'send them through by hand.',
    });
    this.alarm('StreamLagsBehind', {
      metric: iteratorAge,
      reaches: 5 * 60_000,
      periods: 3,
      missing: NOTHING_HAPPENED,
      means: 'New orders have waited for more than five minutes to be worked on at all.',
    });
  }

  private waitingOrders(stage: Stage) {
    const { retriedOrders, oldestRetry, ordersNeedingAttention, counts } = waiting(stage);
    this.alarm('ManyRetries', {
      metric: retriedOrders,
      reaches: 10,
      periods: 3,
      missing: NOTHING_HAPPENED,
      means: 'Ten orders or more are being tried again: is the warehouse there?',
    });
    this.alarm('OldRetry', {
      metric: oldestRetry,
      reaches: 3600,
      periods: 1,
      missing: NOTHING_HAPPENED,
      means: 'An order has been tried again for an hour: ordersNeedingAttention says why.',
    });
    this.alarm('OrdersNeedAttention', {
      metric: ordersNeedingAttention,
      reaches: 1,
      periods: 1,
      missing: NOTHING_HAPPENED,
      means: 'Somebody must look at an order: see ordersNeedingAttention.',
    });
    this.alarm('RetriesAreSilent', {
      metric: counts,
      fallsBelow: 1,
      periods: 3,
      missing: SILENCE,
      means: 'Nothing has been tried again for 15 minutes: the schedule or fulfil-orders does not run.',
    });
  }

  private api(api: Api) {
    const { clientErrors, serverErrors, latency } = ofApi(api);
    this.alarm('ApiClientErrors', {
      metric: clientErrors,
      reaches: 100,
      periods: 3,
      missing: NOTHING_HAPPENED,
      means: 'Many requests are refused as wrong: a client is broken, its API key has ended, or somebody is trying doors.',
    });
    this.alarm('ApiServerErrors', {
      metric: serverErrors,
      reaches: 5,
      periods: 1,
      missing: NOTHING_HAPPENED,
      means: 'AppSync fails.',
    });
    this.alarm('ApiIsSlow', {
      metric: latency,
      reaches: 2_000,
      periods: 3,
      missing: NOTHING_HAPPENED,
      means: 'One request in twenty takes longer than two seconds.',
    });
  }

  private functions(functions: Functions) {
    for (const each of functions.all) {
      const name = each.node.id;
      const { invocations, errors, throttles } = ofFunction(each);
      if (each === functions.fulfilOrders) {
        this.alarm(`${name}Fails`, {
          metric: errors,
          reaches: 3,
          periods: 1,
          missing: NOTHING_HAPPENED,
          means: 'fulfil-orders fails, which it does only if it cannot even put orders off: see its log.',
        });
      } else {
        // What a caller did wrong is an error of the function as well, so that a few say nothing.
        const share = 'IF(errors > 5, 100 * errors / invocations, 0)';
        this.alarm(`${name}Fails`, {
          metric: new MathExpression({ expression: share, usingMetrics: { errors, invocations }, label: '% errors' }),
          reaches: 20,
          periods: 2,
          missing: NOTHING_HAPPENED,
          means: 'One call in five fails, more than callers usually do wrong: see the function\'s log.',
        });
      }
      this.alarm(`${name}IsThrottled`, {
        metric: throttles,
        reaches: 1,
        periods: 1,
        missing: NOTHING_HAPPENED,
        means: 'Lambda refuses to run the function: the account\'s limit of concurrent executions is reached.',
      });
    }
  }

  private alarm(id: string, { metric, reaches, fallsBelow, periods, missing, means }: When) {
    const threshold = reaches ?? fallsBelow;
    if (threshold === undefined) throw new Error(`the alarm ${id} has no threshold`);
    const alarm = new Alarm(this, id, {
      alarmDescription: means,
      metric,
      threshold,
      comparisonOperator: reaches === undefined
        ? ComparisonOperator.LESS_THAN_THRESHOLD
        : ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      treatMissingData: missing,
    });
    if (this.topic) alarm.addAlarmAction(new SnsAction(this.topic));
  }
}
