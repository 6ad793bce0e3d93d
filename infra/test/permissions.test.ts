import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stage } from '../lib/stages.ts';
import { dev, everything, list, ofType, preprod, prod, resource, resourcesOf, statements, text } from './support.ts';

const ORDERS = '<OrdersTable.Arn>';
const BY_CUSTOMER = `${ORDERS}/index/byCustomer`;
const CHANGES = '<ChangesTable.Arn>';
const ATTENTION = '<AttentionTable.Arn>';
const PUBLISH = ['publishOrderFulfilled', 'publishOrderChanged'].map((field) => `<Api.Arn>/types/Mutation/fields/${field}`);

/** What each function may do, beside its own log and its traces. */
const MAY: Record<string, Record<string, string[]>> = {
  PlaceOrder: {
    'dynamodb:PutItem': [ORDERS],
    'dynamodb:GetItem': [ORDERS],
    'dynamodb:Query': [CHANGES],
  },
  Order: {
    'dynamodb:GetItem': [ORDERS],
    'dynamodb:BatchGetItem': [ORDERS],
    'dynamodb:Query': [BY_CUSTOMER, CHANGES, ATTENTION],
  },
  RecordFulfilment: {
    'dynamodb:GetItem': [ORDERS, ATTENTION],
    'dynamodb:Query': [CHANGES],
    'dynamodb:PutItem': [CHANGES],
    'dynamodb:UpdateItem': [ATTENTION],
    'dynamodb:DeleteItem': [ATTENTION],
    'appsync:GraphQL': PUBLISH,
  },
  FulfilOrders: {
    'dynamodb:GetItem': [ORDERS],
    'dynamodb:Query': [CHANGES, ATTENTION],
    'dynamodb:PutItem': [CHANGES],
    'dynamodb:UpdateItem': [ATTENTION],
    'dynamodb:DeleteItem': [ATTENTION],
    'appsync:GraphQL': PUBLISH,
    'dynamodb:DescribeStream': ['<OrdersTable.StreamArn>'],
    'dynamodb:GetRecords': ['<OrdersTable.StreamArn>'],
    'dynamodb:GetShardIterator': ['<OrdersTable.StreamArn>'],
    'dynamodb:ListStreams': ['*'],
    's3:PutObject': ['<GivenUpBatches.Arn>/aws/lambda/*'],
    's3:ListBucket': ['<GivenUpBatches.Arn>'],
  },
};

/** Where `*` stands for all resources, and why it must. */
const ALL_RESOURCES: Record<string, string> = {
  'xray:PutTraceSegments': 'X-Ray knows no resources',
  'xray:PutTelemetryRecords': 'X-Ray knows no resources',
  'dynamodb:ListStreams': 'IAM knows no resource for it, and Lambda insists on it',
  'kms:Decrypt': 'in the policy of a key, * is the key',
  'kms:GenerateDataKey': 'in the policy of a key, * is the key',
  'kms:*': 'in the policy of a key, * is the key',
  'sns:Publish': 'only denied, unless it comes over TLS',
};

function mayDo(stage: Stage, role: string): Record<string, string[]> {
  const policies = ofType(stage, 'AWS::IAM::Policy')
    .filter(([, { Properties }]) => Properties.Roles.some((each: any) => text(each) === `<${role}>`)).map(([id]) => id);
  const may: Record<string, string[]> = {};
  for (const { id, statement } of statements(stage)) {
    if (!policies.includes(id)) continue;
    assert.equal(statement.Effect, 'Allow');
    for (const action of list(statement.Action)) {
      (may[action] ??= []).push(...list(statement.Resource).map(text));
    }
  }
  return may;
}

const sorted = (may: Record<string, string[]>) =>
  Object.fromEntries(Object.entries(may).sort().map(([action, resources]) => [action, [...resources].sort()]));

function roleOf(stage: Stage, id: string): string {
  const role = resource(stage, id).Properties.Role['Fn::GetAtt'][0];
  assert.equal(resource(stage, role).Properties.ManagedPolicyArns, undefined, `${id} has somebody else's permissions`);
  assert.equal(resource(stage, role).Properties.Policies, undefined);
  return role;
}

for (const [id, expected] of Object.entries(MAY)) {
  test(`${id} may do exactly what it does, and nothing else`, () => {
    for (const stage of [dev, preprod, prod]) {
      const log = resource(stage, id).Properties.LoggingConfig.LogGroup.Ref;
      assert.equal(resource(stage, log).Properties.RetentionInDays, stage.logDays);
      assert.deepEqual(sorted(mayDo(stage, roleOf(stage, id))), sorted({
        ...expected,
        'logs:CreateLogStream': [`<${log}.Arn>`],
        'logs:PutLogEvents': [`<${log}.Arn>`],
        'xray:PutTraceSegments': ['*'],
        'xray:PutTelemetryRecords': ['*'],
      }));
    }
  });
}

test('only fulfil-orders may read the secret of the warehouse, and only if there is one', () => {
  const secret = everything.warehouse?.secretArn ?? assert.fail();
  for (const id of Object.keys(MAY)) {
    const secrets = mayDo(everything, roleOf(everything, id))['secretsmanager:GetSecretValue'];
    assert.deepEqual(secrets, id === 'FulfilOrders' ? [secret] : undefined);
  }
  const { WAREHOUSE_URL, WAREHOUSE_SECRET } = resource(everything, 'FulfilOrders').Properties.Environment.Variables;
  assert.deepEqual([WAREHOUSE_URL, WAREHOUSE_SECRET], [everything.warehouse?.url, secret]);
  assert.ok(!('WAREHOUSE_URL' in resource(prod, 'FulfilOrders').Properties.Environment.Variables));
});

test('each function knows the tables that it may touch, and no others', () => {
  for (const [id, may] of Object.entries(MAY)) {
    const touched = Object.values(may).flat();
    const known = resource(prod, id).Properties.Environment.Variables;
    for (const [variable, table] of [['ORDERS_TABLE', ORDERS], ['CHANGES_TABLE', CHANGES], ['ATTENTION_TABLE', ATTENTION]] as const) {
      const expected = touched.includes(table) ? table.replace('.Arn', '') : 'undefined';
      assert.equal(text(known[variable]), expected, `${variable} of ${id}`);
    }
    assert.equal(text(known['APPSYNC_URL']), 'appsync:GraphQL' in may ? '<Api.GraphQLUrl>' : 'undefined');
  }
});

test('AppSync may invoke the function of a data source, and write its own log', () => {
  const sources = ofType(prod, 'AWS::AppSync::DataSource');
  assert.equal(sources.length, 3);
  for (const [, { Properties }] of sources) {
    const [role] = Properties.ServiceRoleArn['Fn::GetAtt'];
    assert.deepEqual(mayDo(prod, role), { 'lambda:InvokeFunction': [text(Properties.LambdaConfig.LambdaFunctionArn)] });
  }
  const [role] = resource(prod, 'Api').Properties.LogConfig.CloudWatchLogsRoleArn['Fn::GetAtt'];
  const [group] = ofType(prod, 'AWS::Logs::LogGroup').filter(([, { Properties }]) => Properties.LogGroupName).map(([id]) => id);
  assert.deepEqual(mayDo(prod, role), { 'logs:CreateLogStream': [`<${group}.Arn>`], 'logs:PutLogEvents': [`<${group}.Arn>`] });
});

test('no policy allows actions by a wildcard, but a key to those who own the account', () => {
  for (const stage of [dev, preprod, prod, everything]) {
    for (const { id, statement } of statements(stage)) {
      if (statement.Effect === 'Deny') continue;
      assert.equal(statement.NotAction, undefined, id);
      for (const action of list(statement.Action)) {
        const owners = action === 'kms:*' && resourcesOf(stage)[id]?.Type === 'AWS::KMS::Key'
          && /:iam::<AWS::AccountId>:root$/.test(text(statement.Principal.AWS));
        assert.ok(!action.includes('*') || owners, `${id} allows ${action} in ${stage.name}`);
      }
    }
  }
});

test('all resources are meant only where there is a reason', () => {
  for (const stage of [dev, preprod, prod, everything]) {
    for (const { id, statement } of statements(stage)) {
      assert.equal(statement.NotResource, undefined, id);
      if (!list(statement.Resource).map(text).includes('*')) continue;
      for (const action of list(statement.Action)) {
        assert.ok(ALL_RESOURCES[action], `${id} allows ${action} on everything in ${stage.name}`);
      }
    }
  }
});

test('nobody but an AWS service may take on a role', () => {
  for (const [id, { Properties }] of ofType(everything, 'AWS::IAM::Role')) {
    for (const { Principal, Action } of Properties.AssumeRolePolicyDocument.Statement) {
      assert.equal(Action, 'sts:AssumeRole');
      assert.match(text(Principal.Service), /^(lambda|appsync)\.amazonaws\.com$/, id);
    }
  }
});
