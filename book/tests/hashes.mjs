// Runs every lab script in the WASM that readers download, and prints "file hash" for each. `cargo xtask test hashes`
// compares with what the native engine says.
//
//   node hashes.mjs DIST 01=labs/01-name/start.rhai ...
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, ...scripts] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(join(dist, 'manifest.json'), 'utf8'));

// The module is written for browsers and lies beside no package.json, so it is imported as a data: URL, which makes it a
// module whatever Node.js thinks of its name.
const source = readFileSync(join(dist, manifest.js), 'utf8');
const naru = source.includes('./snippets/')
  ? await import(pathToFileURL(join(dist, manifest.js)).href)
  : await import(`data:text/javascript;base64,${Buffer.from(source).toString('base64')}`);
naru.initSync({ module: readFileSync(join(dist, manifest.wasm)) });

for (const [id, entry] of scripts.entries()) {
  const cut = entry.indexOf('=');
  const [lab, file] = [entry.slice(0, cut), entry.slice(cut + 1)];
  naru.open_lab(readFileSync(join(dist, manifest.labs[lab]), 'utf8'));
  const request = { lab, script: readFileSync(file, 'utf8') };
  const told = JSON.parse(naru.worker_answer(JSON.stringify({ id, question: { run: request } })));
  console.log(`${file} ${told.answer.ran.summary.hash}`);
}
