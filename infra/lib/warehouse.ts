import { Annotations, Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Stage } from './stages.ts';

/**
 * The warehouse to ask. A secret that would travel in clear is refused at once. One that would not be found is an error
 * of this stage alone, because every stage may be in a region of its own.
 */
export function warehouse(scope: Construct, { name, warehouse }: Stage): Stage['warehouse'] {
  if (!warehouse?.secretArn) return warehouse;
  const { url, secretArn } = warehouse;
  if (!URL.canParse(url) || new URL(url).protocol !== 'https:') {
    throw new Error(`the warehouse of the stage ${name} is to get a secret, and ${url} does not begin with https://`);
  }
  const { region } = Stack.of(scope);
  // A stack without a region of its own goes where the CDK's command says.
  const known = Token.isUnresolved(region) ? process.env['CDK_DEFAULT_REGION'] : region;
  if (known && secretArn.split(':')[3] !== known) {
    const problem = `the secret of the warehouse, ${secretArn}, is not in ${known}, where ${name} is: choose one that is`;
    Annotations.of(scope).addError(problem);
  }
  return warehouse;
}
