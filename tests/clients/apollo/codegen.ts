import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: ["../../../schema.graphql", "appsync.graphql"],
  documents: ["orders.graphql"],
  generates: {
    "generated.ts": {
      plugins: ["typescript", "typescript-operations", "typed-document-node"],
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: {
          AWSDateTime: "string",
          AWSEmail: "string",
          AWSJSON: "string",
          AWSDate: "string",
          AWSTime: "string",
          AWSTimestamp: "number",
          AWSPhone: "string",
          AWSURL: "string",
          AWSIPAddress: "string",
        },
      },
    },
  },
};

export default config;
