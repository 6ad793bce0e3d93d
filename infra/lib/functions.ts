import { Annotations, Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import { Effect, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Function, LoggingFormat, Runtime, Tracing } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { bootstrap } from './bootstraps.ts';
import { metricsNamespace } from './metrics.ts';
import { accept, named } from './names.ts';
import type { Stage } from './stages.ts';
import { BY_CUSTOMER, type Tables } from './tables.ts';
import { warehouse } from './warehouse.ts';

/** Which field may be published by whom: both change an order and so tell of it. */
const PUBLISHED = ['publishOrderFulfilled', 'publishOrderChanged'];

/** What the functions are told about the API. */
interface Publishing {
  readonly arn: string;
  readonly url: string;
}

/** Everything that runs. A function's handler is the name of its binary in `resolvers/src/bin`. */
export class Functions extends Construct {
  readonly placeOrder: Function;
  readonly order: Function;
  readonly recordFulfilment: Function;
  readonly fulfilOrders: Function;

  constructor(
    scope: Construct,
    private readonly stage: Stage,
    tables: Tables,
    api: Publishing,
    private readonly bootstraps: string | undefined,
  ) {
    super(scope, 'Functions');
    const orders = { ORDERS_TABLE: tables.orders.tableName };
    const changes = { CHANGES_TABLE: tables.changes.tableName };
    const attention = { ATTENTION_TABLE: tables.attention.tableName };
    const publishing = { APPSYNC_URL: api.url };

    this.placeOrder = this.function('PlaceOrder', 'place-order', 25, { ...orders, ...changes });
    may(this.placeOrder, tables.orders, 'PutItem', 'GetItem');
    may(this.placeOrder, tables.changes, 'Query');

    this.order = this.function('Order', 'order', 25, { ...orders, ...changes, ...attention });
    may(this.order, tables.orders, 'GetItem', 'BatchGetItem');
    may(this.order, { tableArn: `${tables.orders.tableArn}/index/${BY_CUSTOMER}` }, 'Query');
    may(this.order, tables.changes, 'Query');
    may(this.order, tables.attention, 'Query');

    this.recordFulfilment = this.function('RecordFulfilment', 'record-fulfilment', 28, {
      ...orders, ...changes, ...attention, ...publishing,
    });
    may(this.recordFulfilment, tables.orders, 'GetItem');
    may(this.recordFulfilment, tables.changes, 'PutItem', 'Query');
    may(this.recordFulfilment, tables.attention, 'GetItem', 'UpdateItem', 'DeleteItem');
    mayPublish(this.recordFulfilment, api);

    const asked = warehouse(this, stage);
    this.fulfilOrders = this.function('FulfilOrders', 'fulfil-orders', 120, {
      ...orders, ...changes, ...attention, ...publishing,
      METRICS_NAMESPACE: metricsNamespace(stage),
      ...(asked && { WAREHOUSE_URL: asked.url }),
      ...(asked?.secretArn && { WAREHOUSE_SECRET: asked.secretArn }),
    });
    may(this.fulfilOrders, tables.orders, 'GetItem');
    may(this.fulfilOrders, tables.changes, 'PutItem', 'Query');
    may(this.fulfilOrders, tables.attention, 'Query', 'UpdateItem', 'DeleteItem');
    mayPublish(this.fulfilOrders, api);
    if (asked?.secretArn) allow(this.fulfilOrders, [asked.secretArn], 'secretsmanager:GetSecretValue');
    // The next minute is soon enough, and a tick that comes late is none.
    this.fulfilOrders.configureAsyncInvoke({ retryAttempts: 0, maxEventAge: Duration.minutes(1) });
  }

  get all(): readonly Function[] {
    return [this.placeOrder, this.order, this.recordFulfilment, this.fulfilOrders];
  }

  private function(id: string, binary: string, seconds: number, environment: Record<string, string>): Function {
    const logGroup = new LogGroup(this, `${id}Logs`, {
      retention: this.stage.logDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // A role that is handed over gets no managed policy: that one could write to every log group of the account.
    const role = new Role(this, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    accept(role, 'IAM5[Resource::*]', 'X-Ray, and the list of streams, know no resources; a test names the actions.');
    const { code, problem } = bootstrap(binary, this.stage.architecture, this.bootstraps);
    const created = named(id, new Function(this, id, {
      description: `orders-${this.stage.name}: ${binary}`,
      runtime: Runtime.PROVIDED_AL2023,
      architecture: this.stage.architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
      handler: binary,
      code,
      memorySize: this.stage.memory,
      timeout: Duration.seconds(seconds),
      environment: { ...environment, LOG_LEVEL: 'info' },
      tracing: Tracing.ACTIVE,
      role,
      logGroup,
      loggingFormat: LoggingFormat.TEXT,
    }));
    // A template may be looked at, but nothing may be deployed.
    if (problem) Annotations.of(created).addError(problem);
    allow(created, [logGroup.logGroupArn], 'logs:CreateLogStream', 'logs:PutLogEvents');
    return created;
  }
}

/** Lets a function do these things, and no others, with these resources. */
export function allow(to: Function, resources: string[], ...actions: string[]) {
  to.addToRolePolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources }));
}

function may(who: Function, table: Pick<Table, 'tableArn'>, ...actions: string[]) {
  allow(who, [table.tableArn], ...actions.map((action) => `dynamodb:${action}`));
}

function mayPublish(who: Function, api: Publishing) {
  allow(who, PUBLISHED.map((field) => `${api.arn}/types/Mutation/fields/${field}`), 'appsync:GraphQL');
}
