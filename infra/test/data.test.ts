import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stages } from '../lib/stages.ts';
import { dev, ofType, preprod, prod, resource, type Resource, templateOf, text } from './support.ts';

const TABLES = ['OrdersTable', 'ChangesTable', 'AttentionTable'];

const stays = ({ DeletionPolicy, UpdateReplacePolicy }: Resource) =>
  DeletionPolicy === 'Retain' && UpdateReplacePolicy === 'Retain';

test('outside dev, orders, users and given-up batches outlive their stack and a slip of the hand', () => {
  for (const stage of [preprod, prod]) {
    for (const id of TABLES) {
      assert.equal(resource(stage, id).Properties.DeletionProtectionEnabled, true, `${id} of ${stage.name}`);
    }
    assert.equal(resource(stage, 'UserPool').Properties.DeletionProtection, 'ACTIVE');
    for (const id of [...TABLES, 'UserPool', 'GivenUpBatches']) assert.ok(stays(resource(stage, id)), `${id} of ${stage.name}`);
  }
});

test('dev leaves nothing behind', () => {
  const left = Object.entries<Resource>(templateOf(dev)['Resources'])
    .filter(([, resource]) => resource.DeletionPolicy === 'Retain').map(([id]) => id);
  assert.deepEqual(left, []);
  for (const id of TABLES) assert.equal(resource(dev, id).Properties.DeletionProtectionEnabled, false);
});

test('tables cost what is used, are encrypted, and can be set back as far as the stage says', () => {
  for (const stage of stages) {
    const tables = ofType(stage, 'AWS::DynamoDB::Table');
    assert.deepEqual(tables.map(([id]) => id), TABLES);
    for (const [, { Properties }] of tables) {
      assert.equal(Properties.BillingMode, 'PAY_PER_REQUEST');
      assert.deepEqual(Properties.SSESpecification, { SSEEnabled: true });
      assert.deepEqual(Properties.PointInTimeRecoverySpecification, {
        PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: stage.recoveryDays,
      });
      assert.equal(Properties.TableName, undefined, 'a name would stand in the way of replacing a table');
    }
  }
});

test('what is erased does not outlive the days that a stage names', () => {
  const short = { ...dev, recoveryDays: 3, givenUpDays: 14, logDays: 1 };
  for (const [, { Properties }] of ofType(short, 'AWS::DynamoDB::Table')) {
    assert.equal(Properties.PointInTimeRecoverySpecification.RecoveryPeriodInDays, 3);
  }
  assert.equal(resource(short, 'GivenUpBatches').Properties.LifecycleConfiguration.Rules[0].ExpirationInDays, 14);
  for (const [, { Properties }] of ofType(short, 'AWS::Logs::LogGroup')) assert.equal(Properties.RetentionInDays, 1);
});

test('tables have the keys that the code reads and writes by', () => {
  const key = (schema: any) => schema.map(({ AttributeName, KeyType }: any) => `${KeyType} ${AttributeName}`);
  const keys = TABLES.map((id) => key(resource(prod, id).Properties.KeySchema));
  assert.deepEqual(keys, [['HASH id'], ['HASH orderId', 'RANGE changeId'], ['HASH shard', 'RANGE orderId']]);
  const [index, ...others] = resource(prod, 'OrdersTable').Properties.GlobalSecondaryIndexes;
  assert.deepEqual(others, []);
  assert.equal(index.IndexName, 'byCustomer');
  assert.deepEqual(key(index.KeySchema), ['HASH customerId', 'RANGE receivedAt']);
  assert.deepEqual(index.Projection, { ProjectionType: 'KEYS_ONLY' });
});

test('customers sign up by e-mail with a password worth the name, and staff are a group', () => {
  for (const stage of stages) {
    const pool = resource(stage, 'UserPool').Properties;
    assert.deepEqual(pool.UsernameAttributes, ['email']);
    assert.equal(pool.AdminCreateUserConfig.AllowAdminCreateUserOnly, false);
    assert.equal(pool.MfaConfiguration, 'OPTIONAL');
    assert.deepEqual(pool.EnabledMfas, ['SOFTWARE_TOKEN_MFA']);
    const { MinimumLength, RequireLowercase, RequireNumbers, RequireSymbols, RequireUppercase } = pool.Policies.PasswordPolicy;
    assert.ok(MinimumLength >= 12);
    assert.ok(RequireLowercase && RequireNumbers && RequireSymbols && RequireUppercase);
    const groups = ofType(stage, 'AWS::Cognito::UserPoolGroup').map(([, { Properties }]) => Properties);
    assert.deepEqual(groups.map(({ GroupName, UserPoolId }) => [GroupName, text(UserPoolId)]), [['staff', '<UserPool>']]);
  }
});

test('a browser needs no secret, and only tests may sign a user in by password', () => {
  for (const stage of stages) {
    const client = resource(stage, 'UserPoolClient').Properties;
    assert.equal(client.GenerateSecret, false);
    assert.equal(client.PreventUserExistenceErrors, 'ENABLED');
    const byPassword = client.ExplicitAuthFlows.filter((flow: string) => flow.includes('PASSWORD'));
    assert.deepEqual(byPassword, stage === prod ? [] : ['ALLOW_ADMIN_USER_PASSWORD_AUTH']);
    assert.ok(client.ExplicitAuthFlows.includes('ALLOW_USER_SRP_AUTH'));
  }
});
