import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { OrdersStack } from './orders-stack.ts';
import { schema } from './paths.ts';
import type { Stage } from './stages.ts';

/** Runs `use` with a stage's stack, for which nothing needs to be built. */
export function withStack<T>(stage: Stage, use: (stack: OrdersStack, app: App) => T): T {
  const outdir = mkdtempSync(path.join(tmpdir(), 'orders-infra-'));
  try {
    const app = new App({ outdir, analyticsReporting: false });
    return use(new OrdersStack(app, stage, { schema }), app);
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

/** A stage's template as it is committed: what the CDK makes, without what changes with every build of the functions. */
export function template(stage: Stage): Record<string, any> {
  const template = withStack(stage, (stack) => Template.fromStack(stack).toJSON());
  for (const resource of Object.values<any>(template['Resources'])) {
    if (resource.Type !== 'AWS::Lambda::Function') continue;
    resource.Properties.Code = { S3Bucket: 'assets', S3Key: `${resource.Properties.Handler}.zip` };
  }
  return template;
}

/** As text. */
export const printed = (template: unknown) => `${JSON.stringify(template, null, 2)}\n`;
