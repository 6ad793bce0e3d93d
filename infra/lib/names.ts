import { CfnResource, RemovalPolicy, Validations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Stage } from './stages.ts';

/**
 * Gives a resource a logical id that stays, whatever file or construct it moves to: a changed id would have
 * CloudFormation replace the resource, data and all. The local stack finds resources by these ids as well.
 */
export function named<T extends Construct>(id: string, construct: T): T {
  const resource = construct.node.defaultChild ?? construct;
  if (!CfnResource.isCfnResource(resource)) throw new Error(`${id} has no resource of its own`);
  resource.overrideLogicalId(id);
  return construct;
}

/** What becomes of data when its stack is deleted. */
export const removalPolicy = (stage: Stage) => (stage.keepsData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY);

/** Says why a finding of cdk-nag is none here. */
export function accept(construct: Construct, finding: string, reason: string) {
  Validations.of(construct).acknowledge({ id: `AwsSolutions::AwsSolutions-${finding}`, reason });
}
