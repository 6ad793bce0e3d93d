import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { App, Validations } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { apiKeyExpires } from '../lib/api-key.ts';
import { OrdersStack } from '../lib/orders-stack.ts';
import { OUTPUTS } from '../lib/outputs.ts';
import { schema, templates } from '../lib/paths.ts';
import { stages } from '../lib/stages.ts';
import { printed, template, withStack } from '../lib/templates.ts';
import { dev, everything, prod, resourcesOf, templateOf } from './support.ts';

test('the committed templates are what the app makes', () => {
  assert.deepEqual(readdirSync(templates).sort(), stages.map(({ name }) => `${name}.json`).sort());
  for (const stage of stages) {
    const committed = readFileSync(path.join(templates, `${stage.name}.json`), 'utf8');
    assert.equal(committed, printed(template(stage)), 'out of date: npm --prefix infra run templates writes them anew');
  }
});

test('nothing that keeps data has a logical id that could change by itself', () => {
  const ids = [
    'OrdersTable', 'ChangesTable', 'AttentionTable', 'PlaceOrder', 'Order', 'RecordFulfilment', 'FulfilOrders', 'Api',
    'UserPool', 'UserPoolClient', 'GivenUpBatches', 'OrdersStream', 'RetrySchedule',
  ];
  for (const stage of stages) {
    for (const id of ids) assert.ok(id in resourcesOf(stage), `${stage.name} has no ${id}`);
  }
});

test('a stack tells its addresses', () => {
  for (const stage of stages) assert.deepEqual(Object.keys(templateOf(stage)['Outputs']).sort(), [...OUTPUTS].sort());
});

test('nothing but the four functions runs, and nothing is made by custom resources', () => {
  for (const stage of [...stages, everything]) {
    const types = Object.values(resourcesOf(stage)).map(({ Type }) => Type);
    assert.equal(types.filter((type) => type === 'AWS::Lambda::Function').length, 4);
    assert.deepEqual(types.filter((type) => /^Custom::|CustomResource|CloudFormation::Stack/.test(type)), []);
  }
});

test('cdk-nag finds nothing, nor would it with every setting', () => {
  for (const stage of [...stages, everything]) {
    withStack(stage, (_, app) => {
      Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
      app.synth();
      const { pluginReports } = JSON.parse(readFileSync(path.join(app.outdir, 'validation-report.json'), 'utf8'));
      const nag = pluginReports.find(({ pluginName }: any) => pluginName === 'AwsSolutions');
      // What is accepted, with a reason beside it, shows that the rules were run.
      assert.ok(nag.suppressedViolations.length > 0);
      assert.deepEqual(nag.violations, []);
    });
  }
});

test('an API key that has ended or ends soon is warned of, and one that AppSync would refuse is an error', () => {
  const warned = (days: number) => withStack(dev, (stack) => {
    const day = Date.parse(dev.apiKeyExpires);
    apiKeyExpires(stack, dev, day - days * 86_400_000);
    return Annotations.fromStack(stack).findWarning(`/${stack.stackName}`, Match.stringLikeRegexp('apiKeyExpires')).length;
  });
  assert.deepEqual([-1, 0, 1, 29, 30, 365].map(warned), [1, 1, 1, 1, 0, 0]);
  assert.throws(() => warned(366), /more than 365 days ahead/);
  const unreadable = () => template({ ...dev, apiKeyExpires: 'next year' });
  assert.throws(unreadable, /is no day: write it as YYYY-MM-DD/);
});

test('the secret of a warehouse does not travel in clear', () => {
  const secretArn = everything.warehouse?.secretArn;
  for (const url of ['http://warehouse.example.com/orders', 'warehouse.example.com']) {
    assert.throws(() => template({ ...dev, warehouse: { url, secretArn } }), /the stage dev is to get a secret, and .* https:\/\/$/);
    assert.ok(template({ ...dev, warehouse: { url } }), 'without a secret it may be asked so');
  }
});

test('a secret of another region is an error of its stage, as soon as the region is known', () => {
  const errors = (env?: { region: string }) => {
    const stack = new OrdersStack(new App({ analyticsReporting: false }), everything, { schema }, { env });
    return Annotations.fromStack(stack).findError('*', Match.stringLikeRegexp('is not in us-east-1, where everything is')).length;
  };
  assert.deepEqual([errors(), errors({ region: 'eu-central-1' }), errors({ region: 'us-east-1' })], [0, 0, 1]);
  const { CDK_DEFAULT_REGION: before } = process.env;
  try {
    process.env['CDK_DEFAULT_REGION'] = 'us-east-1';
    assert.deepEqual([errors(), errors({ region: 'eu-central-1' })], [1, 0]);
  } finally {
    if (before === undefined) delete process.env['CDK_DEFAULT_REGION'];
    else process.env['CDK_DEFAULT_REGION'] = before;
  }
});

test('what is not built, or built for another machine, is not deployed', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'orders-bootstraps-'));
  try {
    const elf = (machine: number) => Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(14), Buffer.from([machine, 0])]);
    for (const [name, content] of [['place-order', elf(62)], ['order', elf(183)], ['record-fulfilment', '#!/bin/sh\n']] as const) {
      mkdirSync(path.join(folder, name));
      writeFileSync(path.join(folder, name, 'bootstrap'), content);
    }
    const app = new App({ outdir: path.join(folder, 'out'), analyticsReporting: false });
    const stack = new OrdersStack(app, prod, { schema, bootstraps: folder });
    const errors = Annotations.fromStack(stack).findError('*', Match.anyValue()).map(({ entry }) => String(entry.data));
    assert.equal(errors.length, 3, errors.join('\n'));
    for (const error of errors) assert.match(error, /: build it with infra\/build x86_64$/);
    assert.ok(errors.some((error) => error.includes('order/bootstrap is built for arm64')));
    assert.ok(errors.some((error) => error.includes('record-fulfilment/bootstrap is built for no machine')));
    assert.ok(errors.some((error) => error.includes('fulfil-orders/bootstrap is not there')));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
