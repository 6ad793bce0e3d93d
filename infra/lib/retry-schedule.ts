import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Function } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { named } from './names.ts';

/** Has `fulfil-orders` come back to what failed, once a minute. */
export class RetrySchedule extends Construct {
  constructor(scope: Construct, fulfilOrders: Function) {
    super(scope, 'RetrySchedule');
    named('RetrySchedule', new Rule(this, 'Rule', {
      description: 'Tries orders again that could not be fulfilled',
      schedule: Schedule.rate(Duration.minutes(1)),
      // What fails is due again a minute later.
      targets: [new LambdaFunction(fulfilOrders, { retryAttempts: 0, maxEventAge: Duration.minutes(1) })],
    }));
  }
}
