/** The CDK app: one stack for each stage. */
import { App } from 'aws-cdk-lib';
import { OrdersStack } from '../lib/orders-stack.ts';
import { bootstraps, schema } from '../lib/paths.ts';
import { stages } from '../lib/stages.ts';

const app = new App();
for (const stage of stages) new OrdersStack(app, stage, { schema, bootstraps });
