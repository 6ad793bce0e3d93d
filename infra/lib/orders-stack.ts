import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { alarmTopic } from './alarm-topic.ts';
import { Alarms } from './alarms.ts';
import { Api } from './api.ts';
import { Overview } from './overview.ts';
import { Functions } from './functions.ts';
import { OrdersStream } from './orders-stream.ts';
import { RetrySchedule } from './retry-schedule.ts';
import type { Stage } from './stages.ts';
import { Tables } from './tables.ts';
import { Users } from './users.ts';

/** What the stack is made of, beside its stage. */
export interface Parts {
  /** The GraphQL schema's file. */
  readonly schema: string;
  /** The folder with `<binary>/bootstrap` of each function; left out: nobody means to deploy it. */
  readonly bootstraps?: string;
}

/** The order system of one stage. */
export class OrdersStack extends Stack {
  constructor(scope: Construct, stage: Stage, parts: Parts, props?: StackProps) {
    super(scope, `orders-${stage.name}`, props);
    const tables = new Tables(this, stage);
    const users = new Users(this, stage);
    const api = new Api(this, stage, users, parts.schema);
    const { attrArn: arn, attrGraphQlUrl: url } = api.api;
    const functions = new Functions(this, stage, tables, { arn, url }, parts.bootstraps);
    api.resolveWith(functions);
    const ordersStream = new OrdersStream(this, stage, tables, functions.fulfilOrders);
    new RetrySchedule(this, functions.fulfilOrders);
    new Alarms(this, stage, { api, functions, ordersStream }, alarmTopic(this, stage));
    new Overview(this, stage, { api, functions, ordersStream });

    const outputs = {
      GraphqlUrl: url,
      RealtimeUrl: api.api.attrRealtimeUrl,
      Region: this.region,
      ApiKey: api.key.attrApiKey,
      UserPoolId: users.pool.userPoolId,
      UserPoolClientId: users.client.userPoolClientId,
      OrdersTableName: tables.orders.tableName,
      ChangesTableName: tables.changes.tableName,
      AttentionTableName: tables.attention.tableName,
      FulfilOrdersFunctionName: functions.fulfilOrders.functionName,
      GivenUpBucketName: ordersStream.givenUp.bucketName,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
