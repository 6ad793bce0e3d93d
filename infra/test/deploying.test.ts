import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  accessSync, constants, copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { OUTPUTS, outputsOf } from '../lib/outputs.ts';
import { root } from '../lib/paths.ts';

const infra = path.join(root, 'infra');
const COMMANDS = ['build', 'cdk', 'check', 'check-glibc', 'deploy', 'destroy', 'environment', 'outputs', 'rehearse', 'stage-file'];

const OUTPUT = {
  GraphqlUrl: 'https://abc.appsync-api.eu-central-1.amazonaws.com/graphql',
  RealtimeUrl: 'wss://abc.appsync-realtime-api.eu-central-1.amazonaws.com/graphql',
  Region: 'eu-central-1',
  ApiKey: 'da2-key',
  UserPoolId: 'eu-central-1_pool',
  UserPoolClientId: 'client',
  OrdersTableName: 'orders-dev-OrdersTable-1',
  ChangesTableName: 'orders-dev-ChangesTable-1',
  AttentionTableName: 'orders-dev-AttentionTable-1',
  FulfilOrdersFunctionName: 'orders-dev-FulfilOrders-1',
  GivenUpBucketName: 'orders-dev-givenupbatches-1',
};

function run(program: string, arguments_: string[], { input = '', env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {}) {
  const { status, stdout, stderr } = spawnSync(program, arguments_, {
    cwd: infra, input, encoding: 'utf8', env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
  });
  return { status, stdout, stderr };
}

const tsx = (script: string, arguments_: string[], options = {}) =>
  run(process.execPath, ['--import', 'tsx', path.join(infra, 'bin', `${script}.ts`), ...arguments_], options);

function withFolder(use: (folder: string) => void) {
  const folder = mkdtempSync(path.join(tmpdir(), 'orders-outputs-'));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the files with addresses are written from what cdk deploy or CloudFormation tells', () => {
  const described = Object.entries(OUTPUT).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue }));
  for (const told of [{ 'orders-dev': OUTPUT }, { Stacks: [{ Outputs: described }] }]) {
    withFolder((folder) => {
      const { status, stderr } = tsx('outputs', ['dev', folder], { input: JSON.stringify(told) });
      assert.equal(status, 0, stderr);
      const read = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
      assert.deepEqual(read('outputs.json'), OUTPUT);
      const { version, auth, data } = read('amplify_outputs.json');
      assert.equal(version, '1.4');
      assert.deepEqual([auth.user_pool_id, auth.user_pool_client_id, auth.aws_region], [OUTPUT.UserPoolId, OUTPUT.UserPoolClientId, OUTPUT.Region]);
      assert.deepEqual(data, {
        aws_region: OUTPUT.Region,
        url: OUTPUT.GraphqlUrl,
        api_key: OUTPUT.ApiKey,
        default_authorization_type: 'AMAZON_COGNITO_USER_POOLS',
        authorization_types: ['API_KEY', 'AWS_IAM'],
      });
      assert.equal(statSync(path.join(folder, 'outputs.json')).mode & 0o077, 0, 'it holds a key');
    });
  }
});

test('a stack that does not tell everything is not written down', () => {
  for (const name of OUTPUTS) {
    const { [name]: _, ...others } = OUTPUT;
    assert.throws(() => outputsOf(others, 'orders-dev'), new RegExp(`orders-dev lacks ${name}$`));
  }
  withFolder((folder) => {
    const { status, stderr } = tsx('outputs', ['dev', folder], { input: '{}' });
    assert.notEqual(status, 0);
    assert.match(stderr, /what orders-dev tells lacks GraphqlUrl, /);
    assert.deepEqual(readdirSync(folder), []);
  });
});

test('the end-to-end tests get addresses, tables and the credentials of whoever asks', () => {
  withFolder((folder) => {
    writeFileSync(path.join(folder, 'outputs.json'), JSON.stringify(OUTPUT));
    const env = { AWS_ACCESS_KEY_ID: 'ASIA', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'token' };
    const { status, stdout, stderr } = tsx('stage-file', ['preprod', folder], { env });
    assert.equal(status, 0, stderr);
    assert.deepEqual(JSON.parse(stdout), {
      graphqlUrl: OUTPUT.GraphqlUrl,
      realtimeUrl: OUTPUT.RealtimeUrl,
      region: OUTPUT.Region,
      apiKey: OUTPUT.ApiKey,
      userPoolId: OUTPUT.UserPoolId,
      userPoolClientId: OUTPUT.UserPoolClientId,
      ordersTable: OUTPUT.OrdersTableName,
      changesTable: OUTPUT.ChangesTableName,
      attentionTable: OUTPUT.AttentionTableName,
      accessKeyId: 'ASIA',
      secretAccessKey: 'secret',
      sessionToken: 'token',
    });
  });
});

test('without the AWS CLI, credentials come from the environment; with it, from there', () => {
  withFolder((folder) => {
    writeFileSync(path.join(folder, 'outputs.json'), JSON.stringify(OUTPUT));
    const without = tsx('stage-file', ['preprod', folder], { env: { PATH: folder } });
    assert.notEqual(without.status, 0);
    assert.match(without.stderr, /No credentials for AWS: set AWS_ACCESS_KEY_ID/);
    assert.equal(without.stdout, '');
    const cli = '#!/bin/sh\n[ "$*" = "configure export-credentials --format process" ] || exit 1\n'
      + 'echo \'{"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "s", "SessionToken": "t"}\'\n';
    writeFileSync(path.join(folder, 'aws'), cli, { mode: 0o755 });
    const { status, stdout, stderr } = tsx('stage-file', ['preprod', folder], { env: { PATH: folder } });
    assert.equal(status, 0, stderr);
    const { accessKeyId, secretAccessKey, sessionToken } = JSON.parse(stdout);
    assert.deepEqual([accessKeyId, secretAccessKey, sessionToken], ['AKIA', 's', 't']);
  });
});

test('a stage that was never deployed from here has no file, and the message says what writes it', () => {
  withFolder((folder) => {
    const { status, stderr } = tsx('stage-file', ['preprod', folder]);
    assert.notEqual(status, 0);
    assert.match(stderr, /infra\/deploy preprod writes it, and so does infra\/outputs preprod/);
  });
});

test('there are three stages, and a fourth is refused by name', () => {
  const { status, stderr } = tsx('stage', ['production']);
  assert.equal(status, 2);
  assert.match(stderr, /There is no stage "production": choose one of dev, preprod, prod/);
  assert.equal(tsx('stage', ['prod', 'keepsData']).stdout, 'true\n');
});

test('commands are scripts that bash can read and anybody may run', () => {
  for (const command of COMMANDS) {
    const file = path.join(infra, command);
    assert.equal(run('bash', ['-n', file]).stderr, '');
    if (command !== 'environment') accessSync(file, constants.X_OK);
  }
});

test('a program that needs a newer glibc than Lambda has is named, with the symbol', () => {
  const check = path.join(infra, 'check-glibc');
  const { status, stderr } = run(check, [process.execPath, '2.3']);
  assert.equal(status, 1);
  assert.match(stderr, /needs a newer glibc than 2\.3:\n(.*\n)*  \w+ GLIBC_2\.(4|[1-9]\d)/);
  assert.equal(run(check, [process.execPath, '2.99']).status, 0);
  assert.notEqual(run(check, [path.join(infra, 'no-such-program')]).status, 0);
});

type Play = (command: string, ...rest: string[]) => ReturnType<typeof run>;

/** The commands in a folder of their own, where scripts play the programs that they would run. */
function withPlayed(scripts: Record<string, string>, use: (play: Play, folder: string) => void) {
  withFolder((folder) => {
    mkdirSync(path.join(folder, 'infra', 'node_modules', '.bin'), { recursive: true });
    for (const command of COMMANDS) copyFileSync(path.join(infra, command), path.join(folder, 'infra', command));
    for (const file of ['package-lock.json', 'node_modules/.installed']) writeFileSync(path.join(folder, 'infra', file), '');
    for (const [name, script] of Object.entries(scripts)) {
      writeFileSync(path.join(folder, 'infra', 'node_modules', '.bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const PATH = `${path.join(folder, 'infra', 'node_modules', '.bin')}:${process.env['PATH']}`;
    use((command, ...rest) => run(path.join(folder, 'infra', command), rest, { input: 'yes\n', env: { PATH } }), folder);
  });
}

test('what is built already is deployed as it is, if it runs on Lambda', () => {
  // `objdump` says of a file what stands in it.
  withPlayed({ tsx: 'echo x86_64', objdump: 'cat "$2"', cdk: 'echo "cdk $*"; echo {} >../target/deployed/prod/stack.json' }, (play, folder) => {
    const built = path.join(folder, 'target', 'lambda', 'order');
    assert.match(play('deploy', 'prod', '--built').stderr, /\/bootstrap is no program that may be run/);
    mkdirSync(built, { recursive: true });
    for (const [mode, symbol, expected] of [
      [0o644, 'GLIBC_2.34 read', /order\/bootstrap is no program that may be run/],
      [0o755, 'GLIBC_2.99 read', /needs a newer glibc than 2\.34/],
    ] as const) {
      writeFileSync(path.join(built, 'bootstrap'), symbol, { mode });
      const { status, stdout, stderr } = play('deploy', 'prod', '--built');
      assert.deepEqual([status, stdout], [1, '']);
      assert.match(stderr, expected);
      rmSync(path.join(built, 'bootstrap'));
    }
    writeFileSync(path.join(built, 'bootstrap'), 'GLIBC_2.34 read', { mode: 0o755 });
    const { status, stdout, stderr } = play('deploy', 'prod', '--built', '--require-approval', 'never');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^cdk deploy orders-prod --outputs-file \S+ --require-approval never$/m);
  });
});

test('the bucket of a stack is emptied before it goes, if the stack has one', () => {
  for (const [told, emptied] of [['given-up', ['aws s3 rm s3://given-up --recursive']], ['None', []], ['', []]] as const) {
    const aws = `[ "$1" = cloudformation ] && echo "${told}" || echo "aws $*"`;
    withPlayed({ tsx: 'echo false', aws, cdk: 'echo "cdk $*"' }, (play) => {
      const { status, stdout, stderr } = play('destroy', 'dev');
      assert.equal(status, 0, stderr);
      assert.deepEqual(stdout.trim().split('\n'), [...emptied, 'cdk destroy orders-dev --force']);
    });
  }
});

test('a Lambda is built for machines that Lambda has', () => {
  const { status, stderr } = run(path.join(infra, 'build'), ['riscv'], { env: process.env });
  assert.equal(status, 1);
  assert.match(stderr, /there is no Lambda for riscv/);
});

test('the workflow deploys what was tested, to preprod first, to production on approval, with commands that are there', () => {
  const { jobs, permissions, concurrency, env } = parse(readFileSync(path.join(root, '.github', 'workflows', 'deploy.yml'), 'utf8'));
  assert.deepEqual(permissions, { contents: 'read' });
  assert.deepEqual(Object.keys(jobs), ['test', 'preprod', 'production']);
  assert.deepEqual([jobs.preprod.needs, jobs.production.needs], ['test', 'preprod']);
  assert.deepEqual([jobs.preprod.environment, jobs.production.environment], ['preprod', 'production']);
  // A run that waits for approval stands in nobody's way.
  assert.deepEqual([concurrency, jobs.test.concurrency], [undefined, undefined]);
  for (const job of ['preprod', 'production']) {
    assert.deepEqual(jobs[job].concurrency, { group: `deploy-${job}`, 'cancel-in-progress': false });
  }
  assert.match(readFileSync(path.join(root, 'Cargo.toml'), 'utf8'), new RegExp(`^rust-version = "${env.RUST}"$`, 'm'));
  const steps: any[] = Object.values<any>(jobs).flatMap(({ steps }) => steps);
  // A tag can be moved: whoever is not GitHub is named by a commit.
  for (const { uses } of steps.filter(({ uses }) => uses)) {
    assert.match(uses, /^(actions\/[\w-]+@v\d+\.\d+\.\d+|[\w-]+\/[\w-]+@[0-9a-f]{40})$/);
  }
  const script = steps.map(({ run }) => run ?? '').join('\n');
  const called = [...new Set(script.match(/(?<!\S)(\.ci|infra)\/[\w.-]+/g))];
  assert.deepEqual(called.sort(), ['.ci/run', 'infra/deploy', 'infra/requirements-build.txt', 'infra/stage-file']);
  for (const file of called) {
    accessSync(path.join(root, file), file.endsWith('.txt') ? constants.R_OK : constants.X_OK);
  }
  const commands = (job: string) => jobs[job].steps.map(({ run }: any) => run ?? '').join('\n');
  assert.match(commands('test'), /^\.ci\/run$/m);
  assert.match(commands('preprod'), /^infra\/deploy preprod .*\n.*infra\/stage-file preprod >.*\n.*ORDERS_STAGE_FILE=.*--test e2e/ms);
  // What production gets was built for preprod, and tested there.
  const artifact = (job: string, action: string) =>
    jobs[job].steps.find(({ uses }: any) => uses?.startsWith(`actions/${action}-artifact@`)).with.name;
  assert.match(commands('preprod'), /--test e2e.*\ntar --create .*\/lambda\.tar\.gz" --directory target lambda$/ms);
  assert.equal(artifact('production', 'download'), artifact('preprod', 'upload'));
  assert.match(commands('production'), /tar --extract .*\/lambda\.tar\.gz" --directory target\n.*^infra\/deploy prod --built /ms);
  assert.doesNotMatch(commands('production'), /cargo|rustup|infra\/build/);
});
