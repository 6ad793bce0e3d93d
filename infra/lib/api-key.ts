import { Annotations } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Stage } from './stages.ts';

/** How long before its end the API key makes itself heard. */
export const API_KEY_NOTICE_DAYS = 30;

const DAY = 86_400_000;

/**
 * When the API key ends, in seconds since 1970. AppSync takes no more than 365 days; a key that has ended, or ends soon,
 * gives a warning, because everything else can be deployed all the same.
 */
export function apiKeyExpires(scope: Construct, stage: Stage, now = Date.now()): number {
  const expires = /^\d{4}-\d\d-\d\d$/.test(stage.apiKeyExpires) ? Date.parse(stage.apiKeyExpires) : NaN;
  const setting = `apiKeyExpires of the stage ${stage.name}, ${stage.apiKeyExpires},`;
  if (Number.isNaN(expires)) throw new Error(`${setting} is no day: write it as YYYY-MM-DD`);
  const days = (expires - now) / DAY;
  if (days > 365) throw new Error(`${setting} is more than 365 days ahead, and AppSync takes no more: choose an earlier day`);
  const warn = (what: string) =>
    Annotations.of(scope).addWarningV2('orders:api-key', `${setting} ${what}: set a later day in infra/lib/stages.ts`);
  if (days <= 0) warn('is over, and guests are refused');
  else if (days < API_KEY_NOTICE_DAYS) warn(`is ${Math.ceil(days)} days ahead`);
  return expires / 1000;
}
