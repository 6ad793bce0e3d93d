import { BEGIN, END } from './cost-tables.ts';
import type { Stage } from './stages.ts';
import { template } from './templates.ts';

/** How many metrics the alarms of a stage look at: each is paid for. */
export const alarmMetrics = (stage: Stage): number =>
  Object.values<any>(template(stage)['Resources'])
    .filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm')
    .flatMap(({ Properties }) => Properties.Metrics?.filter((metric: any) => metric.MetricStat) ?? [Properties])
    .length;

/** A document with these tables in their place. */
export function within(document: string, tables: string): string {
  const [before, rest] = document.split(`${BEGIN}\n`);
  const after = rest?.split(`${END}\n`)[1];
  if (before === undefined || after === undefined) throw new Error(`the document lacks ${BEGIN} or ${END}`);
  return `${before}${BEGIN}\n\n${tables}\n\n${END}\n${after}`;
}
