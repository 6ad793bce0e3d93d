import { type Stage, stages } from '../lib/stages.ts';
import { template } from '../lib/templates.ts';

const named = (name: string): Stage => {
  const stage = stages.find((stage) => stage.name === name);
  if (!stage) throw new Error(`no stage ${name}`);
  return stage;
};

export const [dev, preprod, prod] = [named('dev'), named('preprod'), named('prod')];

/** Production with every setting that may be left out. */
export const everything: Stage = {
  ...prod,
  name: 'everything',
  architecture: 'arm64',
  alarms: { email: 'operator@example.com' },
  warehouse: {
    url: 'https://warehouse.example.com/orders',
    secretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:warehouse-AbCdEf',
  },
};

export interface Resource {
  readonly Type: string;
  readonly Properties: any;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export type Resources = Record<string, Resource>;

const made = new Map<Stage, any>();

/** A stage's template. */
export function templateOf(stage: Stage): any {
  if (!made.has(stage)) made.set(stage, template(stage));
  return made.get(stage);
}

/** A stage's resources by their logical ids. */
export const resourcesOf = (stage: Stage): Resources => templateOf(stage)['Resources'];

/** A stage's resources of one type. */
export const ofType = (stage: Stage, type: string): [string, Resource][] =>
  Object.entries(resourcesOf(stage)).filter(([, resource]) => resource.Type === type);

/** One resource. Fails if it is not there. */
export function resource(stage: Stage, id: string): Resource {
  const found = resourcesOf(stage)[id];
  if (!found) throw new Error(`${stage.name} has no ${id}`);
  return found;
}

/** A value of a template as text: `<OrdersTable.Arn>/index/byCustomer`. */
export function text(value: any): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if ('Ref' in value) return `<${value.Ref}>`;
  if ('Fn::GetAtt' in value) return `<${value['Fn::GetAtt'].join('.')}>`;
  if ('Fn::Join' in value) return value['Fn::Join'][1].map(text).join(value['Fn::Join'][0]);
  return JSON.stringify(value);
}

export const list = (value: any): any[] => (Array.isArray(value) ? value : [value]);

/** Every statement of every policy of a stage, with the policy's or the owner's logical id. */
export function statements(stage: Stage): { id: string; statement: any }[] {
  const documents = Object.entries(resourcesOf(stage)).flatMap(([id, { Properties: properties }]) =>
    [properties?.PolicyDocument, properties?.KeyPolicy, properties?.AssumeRolePolicyDocument,
      // A user pool calls its rules for passwords so.
      ...(Array.isArray(properties?.Policies) ? properties.Policies : []).map((policy: any) => policy.PolicyDocument)]
      .filter(Boolean)
      .map((document) => ({ id, document })));
  return documents.flatMap(({ id, document }) => document.Statement.map((statement: any) => ({ id, statement })));
}
