import { Duration } from 'aws-cdk-lib';
import { AccountRecovery, CfnUserPoolGroup, Mfa, UserPool, UserPoolClient } from 'aws-cdk-lib/aws-cognito';
import { Construct } from 'constructs';
import { accept, named, removalPolicy } from './names.ts';
import { PASSWORDS } from './outputs.ts';
import type { Stage } from './stages.ts';

/** Customers, who sign up themselves, and staff, whom an administrator puts into the group `staff`. */
export class Users extends Construct {
  readonly pool: UserPool;
  readonly client: UserPoolClient;

  constructor(scope: Construct, stage: Stage) {
    super(scope, 'Users');
    this.pool = named('UserPool', new UserPool(this, 'UserPool', {
      selfSignUpEnabled: true,
      signInAliases: { email: true },
      autoVerify: { email: true },
      accountRecovery: AccountRecovery.EMAIL_ONLY,
      passwordPolicy: {
        minLength: PASSWORDS.min_length,
        requireDigits: PASSWORDS.require_numbers,
        requireLowercase: PASSWORDS.require_lowercase,
        requireUppercase: PASSWORDS.require_uppercase,
        requireSymbols: PASSWORDS.require_symbols,
        tempPasswordValidity: Duration.days(3),
      },
      mfa: Mfa.OPTIONAL,
      mfaSecondFactor: { otp: true, sms: false },
      deletionProtection: stage.keepsData,
      removalPolicy: removalPolicy(stage),
    }));
    accept(this.pool, 'COG2', 'Customers decide about a second factor themselves; a shop that insists on one loses orders.');
    accept(this.pool, 'COG8', 'The plan Plus is paid per user and month: what it adds is a decision about money.');
    this.client = named('UserPoolClient', new UserPoolClient(this, 'UserPoolClient', {
      userPool: this.pool,
      generateSecret: false,
      authFlows: { userSrp: true, adminUserPassword: stage.adminPasswordSignIn },
      preventUserExistenceErrors: true,
      disableOAuth: true,
    }));
    new CfnUserPoolGroup(this, 'Staff', {
      userPoolId: this.pool.userPoolId,
      groupName: 'staff',
      description: 'Sees all orders, and those that need attention',
    });
  }
}
