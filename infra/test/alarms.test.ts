import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stages } from '../lib/stages.ts';
import { template } from '../lib/templates.ts';
import { everything, ofType, prod, resource, statements, text } from './support.ts';

const alarms = (stage = prod) => ofType(stage, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties);
const onMetric = (name: string) => alarms().filter((alarm) =>
  [alarm, ...(alarm.Metrics ?? []).map((each: any) => each.MetricStat?.Metric)].some((metric) => metric?.MetricName === name));

/** What is watched, and what is said when there is nothing to watch. */
const WATCHED: [metric: string, missing: string, times?: number][] = [
  ['OnFailureDestinationDeliveredEventCount', 'notBreaching'],
  ['DroppedEventCount', 'notBreaching'],
  ['IteratorAge', 'notBreaching'],
  ['OldestRetry', 'notBreaching'],
  ['OrdersNeedingAttention', 'notBreaching'],
  ['Throttles', 'notBreaching', 4],
  ['Errors', 'notBreaching', 4],
  ['4XXError', 'notBreaching'],
  ['5XXError', 'notBreaching'],
  ['Latency', 'notBreaching'],
];

for (const [metric, missing, times = 1] of WATCHED) {
  test(`somebody hears of ${metric}`, () => {
    const found = onMetric(metric);
    assert.equal(found.length, times);
    for (const { TreatMissingData } of found) assert.equal(TreatMissingData, missing);
  });
}

test('somebody hears of many retries, and of no news of retries at all', () => {
  const found = onMetric('RetriedOrders').map(({ ComparisonOperator, TreatMissingData }) => [ComparisonOperator, TreatMissingData]);
  assert.deepEqual(found, [
    ['GreaterThanOrEqualToThreshold', 'notBreaching'],
    ['LessThanThreshold', 'breaching'],
  ]);
  for (const { Namespace, Dimensions } of onMetric('RetriedOrders')) {
    assert.equal(Namespace, resource(prod, 'FulfilOrders').Properties.Environment.Variables.METRICS_NAMESPACE);
    assert.equal(Dimensions, undefined);
  }
});

test('what the stream gave up is counted at its own event source mapping', () => {
  for (const { Dimensions } of [...onMetric('OnFailureDestinationDeliveredEventCount'), ...onMetric('DroppedEventCount')]) {
    assert.deepEqual(Dimensions.map(({ Name, Value }: any) => [Name, text(Value)]), [['EventSourceMappingUUID', '<OrdersStream.Id>']]);
  }
});

test('the API key rings 30 days before it ends', () => {
  const ends = Date.parse(prod.apiKeyExpires) / 1000;
  assert.equal(ofType(prod, 'AWS::AppSync::ApiKey')[0]?.[1].Properties.Expires, ends);
  const alarm = alarms().find(({ Metrics }) => Metrics?.some(({ Expression }: any) => Expression?.includes('EPOCH')));
  assert.deepEqual(alarm?.Metrics.map(({ Expression }: any) => Expression).filter(Boolean), [`(${ends} - EPOCH(any)) / 86400`]);
  assert.deepEqual([alarm?.ComparisonOperator, alarm?.Threshold], ['LessThanThreshold', 30]);
});

test('every alarm says what it means, and reaches whoever is to hear of it', () => {
  for (const { AlarmDescription, AlarmActions } of alarms(everything)) {
    assert.ok(AlarmDescription.length > 10);
    assert.match(text(AlarmActions?.[0]), /^<AlarmTopic/, AlarmDescription);
  }
  const topicArn = 'arn:aws:sns:eu-central-1:123456789012:operators';
  const elsewhere = Object.values<any>(template({ ...prod, alarms: { topicArn } })['Resources'])
    .filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm');
  for (const { Properties } of elsewhere) assert.deepEqual(Properties.AlarmActions, [topicArn]);
  for (const stage of stages) {
    assert.ok(alarms(stage).length > 0);
    for (const { AlarmActions } of alarms(stage)) assert.equal(AlarmActions === undefined, stage.alarms === undefined);
  }
});

test('alarms travel encrypted, and CloudWatch of this account alone may send them', () => {
  const [[topic, { Properties }] = assert.fail('no topic')] = ofType(everything, 'AWS::SNS::Topic');
  const [[key, { DeletionPolicy }] = assert.fail('no key')] = ofType(everything, 'AWS::KMS::Key');
  assert.equal(DeletionPolicy, 'Delete', 'a key is paid for, and this one keeps nothing');
  assert.equal(text(Properties.KmsMasterKeyId), `<${key}.Arn>`);
  const ofCloudWatch = statements(everything).filter(({ statement }) => statement.Principal?.Service === 'cloudwatch.amazonaws.com');
  assert.deepEqual(ofCloudWatch.map(({ id, statement }) => [id === key ? 'key' : text(statement.Resource), statement.Action]), [
    ['key', ['kms:Decrypt', 'kms:GenerateDataKey']],
    [`<${topic}>`, 'sns:Publish'],
  ]);
  for (const { statement } of ofCloudWatch) {
    assert.deepEqual(statement.Condition, { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } });
  }
  const [[, subscription] = assert.fail('nobody listens')] = ofType(everything, 'AWS::SNS::Subscription');
  assert.equal(subscription.Properties.Endpoint, 'operator@example.com');
});

test('one dashboard shows it all', () => {
  for (const stage of stages) {
    const [[, { Properties }] = assert.fail('no dashboard'), ...others] = ofType(stage, 'AWS::CloudWatch::Dashboard');
    assert.deepEqual(others, []);
    const body = text(Properties.DashboardBody);
    assert.equal(typeof JSON.parse(body), 'object');
    for (const metric of ['RetriedOrders', 'OldestRetry', 'OrdersNeedingAttention', 'IteratorAge', 'OnFailureDestinationDeliveredEventCount', 'Latency', 'Throttles']) {
      assert.ok(body.includes(`"${metric}"`), metric);
    }
  }
});
