// Makes the files in vendored/ of what `npm ci` has installed: `npm ci && npm run vendor`.
// `npm run check` fails if what is committed there is not what this makes.
import { readFile, writeFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, gunzipSync } from "node:zlib";
import { transform } from "esbuild";

const check = process.argv.includes("--check");
const folder = new URL("vendored/", import.meta.url);
const installed = (path) => readFile(new URL(`node_modules/${path}`, import.meta.url), "utf8");

// GraphiQL's own bundle is not minified, in spite of its name.
async function script(path) {
  const { code } = await transform(await installed(path), { minify: true, legalComments: "none" });
  return code.replace(/^\/\/# sourceMappingURL=.*$/m, "");
}

// The fonts in GraphiQL's styles are nine tenths of them; the system's are good enough.
async function styles(path) {
  const css = (await installed(path)).replace(/@font-face\s*\{[^}]*\}/g, "");
  return (await transform(css, { loader: "css", minify: true, legalComments: "none" })).code;
}

// Everything that the bundle was made of, by what its source map names. Three of these it does not depend on once it
// is built: package.json names them for the sake of their licences.
async function licences() {
  const { sources } = JSON.parse(await installed("graphiql/graphiql.min.js.map"));
  const inBundle = sources.map((source) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1]);
  const names = new Set([...inBundle.filter(Boolean), "graphiql", "@graphiql/react", "react", "react-dom"]);
  const told = [];
  for (const name of [...names].sort()) {
    const about = JSON.parse(await installed(`${name}/package.json`));
    const files = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENSE-MIT.txt", "License", "license", "license.md"];
    const texts = await Promise.all(files.map((file) => installed(join(name, file)).catch(() => null)));
    const author = about.author?.name ?? about.author ?? about.repository?.url ?? about.repository;
    const text = texts.find(Boolean) ?? `${about.license}, by ${author}; the package holds no text of it.`;
    told.push(`${name}: ${about.license}\n\n${text.trim().replace(/\r/g, "").replace(/[ \t]+$/gm, "")}\n`);
  }
  return `Licences of what the files in this folder are made of.\n\n${told.join(`\n${"-".repeat(80)}\n\n`)}`;
}

const files = {
  "react.js": await script("react/umd/react.production.min.js"),
  "react-dom.js": await script("react-dom/umd/react-dom.production.min.js"),
  "graphiql.js": await script("graphiql/graphiql.min.js"),
  "graphiql.css": await styles("graphiql/graphiql.css"),
  "LICENSES.txt": await licences(),
};

await mkdir(folder, { recursive: true });
const different = [];
for (const [name, content] of Object.entries(files)) {
  const packed = !name.endsWith(".txt");
  const file = new URL(packed ? `${name}.gz` : name, folder);
  if (check) {
    // Compared unpacked: how well gzip packs depends on its version.
    const there = await readFile(file).then((bytes) => (packed ? gunzipSync(bytes) : bytes).toString(), () => null);
    if (there !== content) different.push(name);
  } else {
    await writeFile(file, packed ? gzipSync(content, { level: 9 }) : content);
  }
}
if (different.length > 0) {
  console.error(`out of date: ${different.join(", ")}; \`npm run vendor\` in local/page/graphiql writes them anew`);
  process.exit(1);
}
