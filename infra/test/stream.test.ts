import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stages } from '../lib/stages.ts';
import { dev, list, ofType, preprod, prod, resource, resourcesOf, statements, text } from './support.ts';

const mapping = (stage = prod) => {
  const found = resourcesOf(stage)['OrdersStream'];
  assert.ok(found, 'nothing feeds the orders stream to fulfil-orders: no order would ever be fulfilled');
  return found.Properties;
};

test('the orders stream feeds fulfil-orders: a placed order is fulfilled', () => {
  for (const stage of stages) {
    const { EventSourceArn, FunctionName, Enabled } = mapping(stage);
    assert.equal(text(EventSourceArn), '<OrdersTable.StreamArn>');
    assert.equal(text(FunctionName), '<FulfilOrders.Arn>');
    assert.notEqual(Enabled, false);
    assert.deepEqual(resource(stage, 'OrdersTable').Properties.StreamSpecification, { StreamViewType: 'NEW_IMAGE' });
  }
});

test('a stream that came with a restored table feeds fulfil-orders instead, and may be read', () => {
  const ordersStream = 'arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2026-11-22T10:00:00.000';
  const restored = { ...prod, ordersStream };
  assert.equal(mapping(restored).EventSourceArn, ordersStream);
  const read = statements(restored).filter(({ statement }) => list(statement.Action).includes('dynamodb:GetRecords'));
  assert.deepEqual(read.map(({ statement }) => statement.Resource), [ordersStream]);
});

test('one order that fails does not have its whole batch done again: ReportBatchItemFailures', () => {
  for (const stage of stages) assert.deepEqual(mapping(stage).FunctionResponseTypes, ['ReportBatchItemFailures']);
});

test('an order placed before the stream was first read is fulfilled as well: TRIM_HORIZON', () => {
  for (const stage of stages) assert.equal(mapping(stage).StartingPosition, 'TRIM_HORIZON');
});

test('only new orders start the function: an erased one does not', () => {
  for (const stage of stages) {
    assert.deepEqual(mapping(stage).FilterCriteria, { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] });
  }
});

test('an order is fulfilled at once, and others beside it', () => {
  const { BatchSize, MaximumBatchingWindowInSeconds, ParallelizationFactor } = mapping();
  assert.deepEqual([BatchSize, MaximumBatchingWindowInSeconds, ParallelizationFactor], [100, 0, 2]);
});

test('a batch that kills the function is cut in halves, tried again so often and so long, then kept whole', () => {
  for (const stage of stages) {
    const { BisectBatchOnFunctionError, MaximumRetryAttempts, MaximumRecordAgeInSeconds, DestinationConfig } = mapping(stage);
    assert.equal(BisectBatchOnFunctionError, true);
    assert.equal(MaximumRetryAttempts, 10);
    // The stream forgets after a day.
    assert.ok(MaximumRecordAgeInSeconds >= 3600 && MaximumRecordAgeInSeconds <= 18 * 3600, `${MaximumRecordAgeInSeconds}`);
    assert.equal(text(DestinationConfig.OnFailure.Destination), '<GivenUpBatches.Arn>');
    assert.deepEqual(mapping(stage).MetricsConfig, { Metrics: ['EventCount'] }, 'or nothing counts what was given up');
  }
});

test('given-up batches are encrypted, are reached over TLS only, never public, and deleted in the end', () => {
  for (const stage of stages) {
    const { Properties: bucket } = resource(stage, 'GivenUpBatches');
    assert.deepEqual(bucket.PublicAccessBlockConfiguration, {
      BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true,
    });
    const [{ ServerSideEncryptionByDefault }] = bucket.BucketEncryption.ServerSideEncryptionConfiguration;
    assert.deepEqual(ServerSideEncryptionByDefault, { SSEAlgorithm: 'AES256' });
    assert.equal(bucket.LifecycleConfiguration.Rules[0].ExpirationInDays, stage.givenUpDays);
    assert.equal(bucket.VersioningConfiguration, undefined, 'what is erased must be gone');
    const [policy] = ofType(stage, 'AWS::S3::BucketPolicy').map(([id]) => id);
    const denied = statements(stage).filter(({ id, statement }) => id === policy && statement.Effect === 'Deny');
    assert.deepEqual(denied.map(({ statement }) => statement.Condition), [{ Bool: { 'aws:SecureTransport': 'false' } }]);
    assert.deepEqual(list(denied[0]?.statement.Resource).map(text), ['<GivenUpBatches.Arn>', '<GivenUpBatches.Arn>/*']);
  }
});

test('once a minute fulfil-orders comes back to what failed, and a tick is not repeated', () => {
  for (const stage of [dev, preprod, prod]) {
    const { ScheduleExpression, State, Targets } = resource(stage, 'RetrySchedule').Properties;
    assert.equal(ScheduleExpression, 'rate(1 minute)');
    assert.equal(State, 'ENABLED');
    assert.deepEqual(Targets.map(({ Arn }: any) => text(Arn)), ['<FulfilOrders.Arn>']);
    assert.equal(Targets[0].RetryPolicy.MaximumRetryAttempts, 0);
    const [[, { Properties: permission }] = assert.fail('EventBridge may not invoke it')] = ofType(stage, 'AWS::Lambda::Permission');
    assert.equal(permission.Principal, 'events.amazonaws.com');
    assert.equal(text(permission.FunctionName), '<FulfilOrders.Arn>');
    assert.equal(text(permission.SourceArn), '<RetrySchedule.Arn>');
    const [[, { Properties: invoke }] = assert.fail('Lambda tries again by itself')] = ofType(stage, 'AWS::Lambda::EventInvokeConfig');
    assert.equal(text(invoke.FunctionName), '<FulfilOrders>');
    assert.equal(invoke.MaximumRetryAttempts, 0);
  }
});
