import { Dashboard, GraphWidget, type IMetric, PeriodOverride } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { Api } from './api.ts';
import type { Functions } from './functions.ts';
import { ofApi, ofFunction, stream, waiting } from './metrics.ts';
import type { OrdersStream } from './orders-stream.ts';
import type { Stage } from './stages.ts';

/** How the system is, at one look: what waits, the stream, the API, the functions. */
export class Overview extends Construct {
  constructor(
    scope: Construct,
    stage: Stage,
    { api, functions, ordersStream }: { api: Api; functions: Functions; ordersStream: OrdersStream },
  ) {
    super(scope, 'Overview');
    const graph = (title: string, ...left: IMetric[]) => new GraphWidget({ title, left, width: 8, height: 6 });
    const { retriedOrders, oldestRetry, ordersNeedingAttention } = waiting(stage);
    const { polled, givenUp, dropped, iteratorAge } = stream(ordersStream, functions.fulfilOrders);
    const { requests, clientErrors, serverErrors, latency, subscribers } = ofApi(api);
    const each = functions.all.map(ofFunction);
    new Dashboard(this, 'Dashboard', {
      periodOverride: PeriodOverride.AUTO,
      widgets: [
        [
          graph('Orders that wait', retriedOrders, ordersNeedingAttention),
          graph('Oldest retry (seconds)', oldestRetry),
          graph('Age of the stream (ms)', iteratorAge),
        ],
        [
          graph('Stream: read', polled),
          graph('Stream: given up', givenUp, dropped),
          graph('Subscriptions', subscribers),
        ],
        [
          graph('API: requests', requests),
          graph('API: errors', clientErrors, serverErrors),
          graph('API: p95 latency (ms)', latency),
        ],
        [
          graph('Functions: invocations', ...each.map(({ invocations }) => invocations)),
          graph('Functions: errors and throttles', ...each.flatMap(({ errors, throttles }) => [errors, throttles])),
          graph('Functions: p99 duration (ms)', ...each.map(({ slowest }) => slowest)),
        ],
      ],
    });
  }
}
