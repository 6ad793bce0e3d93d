import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Kind, parse } from 'graphql';
import { root, schema } from '../lib/paths.ts';
import { stages } from '../lib/stages.ts';
import { dev, everything, ofType, preprod, prod, resource, templateOf, text } from './support.ts';

const RESOLVER = 'AWS::AppSync::Resolver';

/** What each field answers with, and what its callers would miss. */
const ANSWERS: Record<string, [field: string, without: string][]> = {
  Order: [
    ['Query.order', 'nobody could read an order'],
    ['Query.orders', 'customers could not list their orders'],
    ['Query.ordersNeedingAttention', 'staff could not see what needs attention'],
    ['Mutation.publishOrderFulfilled', 'nobody would be told that an order is fulfilled'],
    ['Mutation.publishOrderChanged', 'nobody would be told that an order has changed'],
    ['Subscription.orderFulfilled', 'anybody could listen to anybody\'s orders'],
    ['Subscription.orderChanged', 'anybody could listen to anybody\'s orders'],
    ['Subscription.ordersChanged', 'any customer could listen to any other\'s orders'],
    ['Subscription.anyOrderChanged', 'nobody would decide who may listen to all orders'],
  ],
  PlaceOrder: [['Mutation.placeOrder', 'no order could be placed']],
  RecordFulfilment: [['Mutation.recordFulfilment', 'the warehouse could not report']],
};

for (const [target, fields] of Object.entries(ANSWERS)) {
  for (const [field, without] of fields) {
    test(`${field} is answered by ${target}: without its resolver ${without}`, () => {
      for (const stage of stages) {
        const [resolver, ...others] = ofType(stage, RESOLVER).map(([, { Properties }]) => Properties)
          .filter(({ TypeName, FieldName }) => `${TypeName}.${FieldName}` === field);
        assert.ok(resolver, `${field} has no resolver in ${stage.name}: ${without}`);
        assert.deepEqual(others, []);
        // A Direct Lambda resolver: nothing in between that could change what the function gets or says.
        assert.deepEqual(Object.keys(resolver).sort(), ['ApiId', 'DataSourceName', 'FieldName', 'TypeName']);
        const source = ofType(stage, 'AWS::AppSync::DataSource').find(([, { Properties }]) =>
          Properties.Name === resolver.DataSourceName)?.[1].Properties;
        assert.equal(source?.Type, 'AWS_LAMBDA');
        assert.equal(text(source.LambdaConfig.LambdaFunctionArn), `<${target}.Arn>`);
      }
    });
  }
}

test('every root field of schema.graphql has a resolver, and no resolver is for a field that is not there', () => {
  const roots = ['Query', 'Mutation', 'Subscription'];
  const fields = parse(readFileSync(schema, 'utf8')).definitions.flatMap((definition) =>
    definition.kind === Kind.OBJECT_TYPE_DEFINITION && roots.includes(definition.name.value)
      ? (definition.fields ?? []).map((field) => `${definition.name.value}.${field.name.value}`)
      : []);
  assert.ok(fields.length > 0);
  for (const stage of stages) {
    const resolved = ofType(stage, RESOLVER).map(([, { Properties }]) => `${Properties.TypeName}.${Properties.FieldName}`);
    assert.deepEqual(resolved.sort(), fields.sort());
  }
});

test('AppSync serves schema.graphql as it is', () => {
  const [[, { Properties }] = assert.fail('no schema')] = ofType(prod, 'AWS::AppSync::GraphQLSchema');
  assert.equal(Properties.Definition, readFileSync(schema, 'utf8'));
});

test('customers and staff call with a token, guests with an API key, backends with a signature', () => {
  for (const stage of stages) {
    const api = resource(stage, 'Api').Properties;
    assert.equal(api.AuthenticationType, 'AMAZON_COGNITO_USER_POOLS');
    assert.equal(text(api.UserPoolConfig.UserPoolId), '<UserPool>');
    assert.equal(text(api.UserPoolConfig.AppIdClientRegex), '<UserPoolClient>');
    assert.equal(api.UserPoolConfig.DefaultAction, 'ALLOW');
    assert.deepEqual(api.AdditionalAuthenticationProviders, [
      { AuthenticationType: 'API_KEY' },
      { AuthenticationType: 'AWS_IAM' },
    ]);
  }
});

test('while clients move to another API key the old one stays, and the new one is told', () => {
  const keys = (apiKeys: string[]) => {
    const stage = { ...prod, apiKeys };
    return [ofType(stage, 'AWS::AppSync::ApiKey').map(([id]) => id), text(templateOf(stage)['Outputs'].ApiKey.Value)] as const;
  };
  const [[old, ...others], told] = keys(prod.apiKeys as string[]);
  assert.deepEqual([others, told], [[], `<${old}.ApiKey>`]);
  const [both, toldThen] = keys(['ApiKey', 'ApiKey2']);
  const [, fresh] = both;
  assert.deepEqual([both[0], both.length, toldThen], [old, 2, `<${fresh}.ApiKey>`]);
  assert.deepEqual(keys(['ApiKey2']), [[fresh], `<${fresh}.ApiKey>`], 'the new one is not made anew');
  assert.throws(() => keys([]), /apiKeys of the stage prod is empty: name at least one key/);
});

test('production does not tell its schema; elsewhere GraphiQL may ask for it, 13 deep', () => {
  assert.equal(resource(prod, 'Api').Properties.IntrospectionConfig, 'DISABLED');
  for (const stage of [dev, preprod]) {
    const { IntrospectionConfig, QueryDepthLimit } = resource(stage, 'Api').Properties;
    assert.equal(IntrospectionConfig, 'ENABLED');
    assert.ok(QueryDepthLimit >= 13, `${QueryDepthLimit}`);
  }
});

test('a request can be neither endlessly deep nor endlessly wide', () => {
  for (const stage of stages) {
    const { QueryDepthLimit, ResolverCountLimit } = resource(stage, 'Api').Properties;
    assert.ok(QueryDepthLimit >= 1 && QueryDepthLimit <= 15, `depth ${QueryDepthLimit}`);
    assert.ok(ResolverCountLimit >= 1 && ResolverCountLimit <= 50, `resolvers ${ResolverCountLimit}`);
  }
});

test('the log of the API holds no orders, and ends', () => {
  for (const stage of stages) {
    const { FieldLogLevel, ExcludeVerboseContent, CloudWatchLogsRoleArn } = resource(stage, 'Api').Properties.LogConfig;
    assert.equal(ExcludeVerboseContent, true);
    assert.equal(FieldLogLevel, 'ERROR');
    assert.match(text(CloudWatchLogsRoleArn), /^<ApiLogsRole/);
    const group = ofType(stage, 'AWS::Logs::LogGroup').find(([, { Properties }]) =>
      text(Properties.LogGroupName ?? '') === '/aws/appsync/apis/<Api.ApiId>');
    assert.equal(group?.[1].Properties.RetentionInDays, stage.logDays);
  }
});

test('requests are traced from the API to the tables', () => {
  for (const stage of stages) {
    assert.equal(resource(stage, 'Api').Properties.XrayEnabled, true);
    for (const [, { Properties }] of ofType(stage, 'AWS::Lambda::Function')) {
      assert.deepEqual(Properties.TracingConfig, { Mode: 'Active' });
    }
  }
});

test('each function is a binary of its own, with its log, its role and time that its caller waits for', () => {
  const times = { 'place-order': 25, order: 25, 'record-fulfilment': 28, 'fulfil-orders': 120 };
  for (const stage of [...stages, everything]) {
    const functions = ofType(stage, 'AWS::Lambda::Function').map(([, { Properties }]) => Properties);
    assert.deepEqual(Object.fromEntries(functions.map(({ Handler, Timeout }) => [Handler, Timeout])), times);
    for (const { Handler, Runtime, Architectures, MemorySize, Environment } of functions) {
      assert.ok(existsSync(path.join(root, 'resolvers', 'src', 'bin', `${Handler}.rs`)), `${Handler} is no binary`);
      assert.equal(Runtime, 'provided.al2023');
      assert.deepEqual(Architectures, [stage.architecture]);
      assert.equal(MemorySize, stage.memory);
      assert.ok(!('RETRY_MINUTE_MS' in Environment.Variables), 'a minute is a minute');
    }
    for (const of of ['Role', 'LoggingConfig'] as const) {
      assert.equal(new Set(functions.map((each) => JSON.stringify(each[of]))).size, functions.length, of);
    }
  }
});

test('one address can flood production with an API key only so much, and with its token as it likes', () => {
  assert.equal(ofType(dev, 'AWS::WAFv2::WebACL').length, 0);
  const [[, { Properties }] = assert.fail('no limit')] = ofType(prod, 'AWS::WAFv2::WebACL');
  const [{ Action, Statement }] = Properties.Rules;
  assert.deepEqual(Action, { Block: { CustomResponse: { ResponseCode: 429 } } });
  const { Limit, AggregateKeyType, ScopeDownStatement } = Statement.RateBasedStatement;
  assert.equal(Limit, prod.guestRequestsPerFiveMinutes);
  assert.equal(AggregateKeyType, 'IP');
  assert.deepEqual(ScopeDownStatement.SizeConstraintStatement.FieldToMatch, { SingleHeader: { Name: 'x-api-key' } });
  const [[, association] = assert.fail('no association')] = ofType(prod, 'AWS::WAFv2::WebACLAssociation');
  assert.equal(text(association.Properties.ResourceArn), '<Api.Arn>');
});
