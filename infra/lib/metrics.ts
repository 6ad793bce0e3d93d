import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Function } from 'aws-cdk-lib/aws-lambda';
import type { Api } from './api.ts';
import type { OrdersStream } from './orders-stream.ts';
import type { Stage } from './stages.ts';

const MINUTES = Duration.minutes(5);

/** The namespace of what `fulfil-orders` counts at each run of the schedule, once a minute. */
export const metricsNamespace = (stage: Stage) => `Orders/${stage.name}`;

/** What waits, as `fulfil-orders` counts it. */
export const waiting = (stage: Stage) => {
  const metric = (metricName: string, statistic: string) =>
    new Metric({ namespace: metricsNamespace(stage), metricName, statistic, period: MINUTES });
  return {
    retriedOrders: metric('RetriedOrders', Stats.MAXIMUM),
    oldestRetry: metric('OldestRetry', Stats.MAXIMUM),
    ordersNeedingAttention: metric('OrdersNeedingAttention', Stats.MAXIMUM),
    counts: metric('RetriedOrders', Stats.SAMPLE_COUNT),
  };
};

/** What the event source mapping counts once its metrics are switched on, in orders. */
export const stream = ({ mapping }: OrdersStream, fulfilOrders: Function) => {
  const metric = (metricName: string) =>
    new Metric({
      namespace: 'AWS/Lambda',
      metricName,
      dimensionsMap: { EventSourceMappingUUID: mapping.attrId },
      statistic: Stats.SUM,
      period: MINUTES,
    });
  return {
    polled: metric('PolledEventCount'),
    filteredOut: metric('FilteredOutEventCount'),
    givenUp: metric('OnFailureDestinationDeliveredEventCount'),
    dropped: metric('DroppedEventCount'),
    iteratorAge: fulfilOrders.metric('IteratorAge', { statistic: Stats.MAXIMUM, period: MINUTES }),
  };
};

/** What Lambda counts of one function. */
export const ofFunction = (of: Function) => {
  const label = of.node.id;
  return {
    invocations: of.metricInvocations({ label, period: MINUTES }),
    errors: of.metricErrors({ label, period: MINUTES }),
    throttles: of.metricThrottles({ label, period: MINUTES }),
    slowest: of.metricDuration({ label, statistic: Stats.p(99), period: MINUTES }),
  };
};

/** What AppSync counts. */
export const ofApi = ({ api }: Api) => {
  const metric = (metricName: string, statistic: string) =>
    new Metric({
      namespace: 'AWS/AppSync',
      metricName,
      dimensionsMap: { GraphQLAPIId: api.attrApiId },
      statistic,
      period: MINUTES,
    });
  return {
    requests: metric('Requests', Stats.SUM),
    clientErrors: metric('4XXError', Stats.SUM),
    serverErrors: metric('5XXError', Stats.SUM),
    latency: metric('Latency', Stats.p(95)),
    subscribers: metric('ActiveSubscriptions', Stats.SUM),
  };
};

/**
 * The days until the API key ends. `EPOCH` gives the time of each period, whether the metric has data there or not;
 * any metric does.
 */
export const daysOfApiKey = (expires: number, any: Metric) =>
  new MathExpression({
    expression: `(${expires} - EPOCH(any)) / 86400`,
    usingMetrics: { any },
    label: 'days',
    period: Duration.hours(1),
  });
