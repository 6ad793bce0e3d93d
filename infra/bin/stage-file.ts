/** `stage-file.ts STAGE` prints what the end-to-end tests need to run against a deployed stage. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Credentials, outputsOf, stageFile } from '../lib/outputs.ts';
import { deployed } from '../lib/paths.ts';

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

function credentials(): Credentials {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env;
  if (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY) {
    return { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY, sessionToken: AWS_SESSION_TOKEN };
  }
  try {
    const printed = execFileSync('aws', ['configure', 'export-credentials', '--format', 'process'], { encoding: 'utf8' });
    const { AccessKeyId, SecretAccessKey, SessionToken } = JSON.parse(printed) as Record<string, string>;
    if (AccessKeyId && SecretAccessKey) {
      return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
    }
  } catch (error) {
    console.error(`the AWS CLI hands out no credentials: ${(error as Error).message}`);
  }
  fail('No credentials for AWS: set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or sign the AWS CLI in.');
}

const stage = process.argv[2] ?? fail('Which stage? infra/stage-file STAGE');
const file = path.join(process.argv[3] ?? deployed(stage), 'outputs.json');
if (!existsSync(file)) fail(`${file} is not there: infra/deploy ${stage} writes it, and so does infra/outputs ${stage}.`);
const outputs = outputsOf(JSON.parse(readFileSync(file, 'utf8')), file);
console.log(JSON.stringify(stageFile(outputs, credentials()), null, 2));
