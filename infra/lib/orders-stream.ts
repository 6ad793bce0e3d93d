import { Duration } from 'aws-cdk-lib';
import { CfnEventSourceMapping, type Function } from 'aws-cdk-lib/aws-lambda';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { allow } from './functions.ts';
import { accept, named, removalPolicy } from './names.ts';
import type { Stage } from './stages.ts';
import type { Tables } from './tables.ts';

/** Feeds new orders to `fulfil-orders`, and keeps what was given up. */
export class OrdersStream extends Construct {
  readonly givenUp: Bucket;
  readonly mapping: CfnEventSourceMapping;

  constructor(scope: Construct, stage: Stage, tables: Tables, fulfilOrders: Function) {
    super(scope, 'OrdersStream');
    // Not versioned: whatever is erased from a batch must be gone, and Lambda never writes an object twice.
    this.givenUp = named('GivenUpBatches', new Bucket(this, 'GivenUpBatches', {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      lifecycleRules: [{ expiration: Duration.days(stage.givenUpDays), abortIncompleteMultipartUploadAfter: Duration.days(1) }],
      removalPolicy: removalPolicy(stage),
    }));
    accept(this.givenUp, 'S1', 'Lambda alone writes here, and rarely: CloudTrail tells who reads, if somebody must know.');
    const stream = stage.ordersStream ?? tables.orders.tableStreamArn;
    if (!stream) throw new Error('the orders table has no stream');
    allow(fulfilOrders, [stream], 'dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator');
    // Lambda insists on it before it reads a stream, and IAM knows no resource for it.
    allow(fulfilOrders, ['*'], 'dynamodb:ListStreams');
    // Lambda's own prefix: aws/lambda/<mapping>/<shard>/<day>/<batch>.
    allow(fulfilOrders, [this.givenUp.arnForObjects('aws/lambda/*')], 's3:PutObject');
    allow(fulfilOrders, [this.givenUp.bucketArn], 's3:ListBucket');
    const role = fulfilOrders.role ?? fulfilOrders;
    accept(role, 'IAM5[Resource::<GivenUpBatches.Arn>/aws/lambda/*]', 'Lambda makes up the names of the objects that it writes.');

    this.mapping = named('OrdersStream', new CfnEventSourceMapping(this, 'Mapping', {
      eventSourceArn: stream,
      functionName: fulfilOrders.functionArn,
      startingPosition: 'TRIM_HORIZON',
      filterCriteria: { filters: [{ pattern: JSON.stringify({ eventName: ['INSERT'] }) }] },
      batchSize: 100,
      maximumBatchingWindowInSeconds: 0,
      parallelizationFactor: 2,
      functionResponseTypes: ['ReportBatchItemFailures'],
      bisectBatchOnFunctionError: true,
      maximumRetryAttempts: 10,
      maximumRecordAgeInSeconds: Duration.hours(12).toSeconds(),
      destinationConfig: { onFailure: { destination: this.givenUp.bucketArn } },
      metricsConfig: { metrics: ['EventCount'] },
    }));
    // Lambda tries the role's permissions when it makes the mapping.
    this.mapping.node.addDependency(fulfilOrders, this.givenUp);
  }
}
