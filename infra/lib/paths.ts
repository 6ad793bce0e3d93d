import path from 'node:path';

/** The repository. */
export const root = path.join(import.meta.dirname, '..', '..');

/** The GraphQL schema. */
export const schema = path.join(root, 'schema.graphql');

/** Where `infra/build` puts the functions. */
export const bootstraps = path.join(root, 'target', 'lambda');

/** The committed templates. */
export const templates = path.join(import.meta.dirname, '..', 'templates');

/** What stands in for a function that is not built. */
export const placeholder = path.join(import.meta.dirname, '..', 'placeholder');

/** Where what a deployed stage told is kept. */
export const deployed = (stage: string) => path.join(root, 'target', 'deployed', stage);
