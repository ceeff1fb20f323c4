'use strict';
// The type declarations, by the compiler. It comes from npm once and is kept in the build folder; exit 77 skips.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const TYPESCRIPT = '5.9.3';
const SKIPPED = 77;
const WAIT_MS = 120_000;

/** The compiler's script, or why there is none. */
function compilerOf(folder) {
  const script = path.join(folder, 'node_modules', 'typescript', 'bin', 'tsc');
  if (fs.existsSync(script)) return { script };
  fs.mkdirSync(folder, { recursive: true });
  const done = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder,
    `typescript@${TYPESCRIPT}`], { encoding: 'utf8', timeout: WAIT_MS });
  if (done.error || done.status !== 0) return { reason: `npm cannot install typescript: ${done.error ?? done.stderr.trim()}` };
  return { script };
}

function compile(script, folder, name) {
  return spawnSync(process.execPath, [script, '--strict', '--noEmit', '--exactOptionalPropertyTypes', '--target', 'es2022',
    '--lib', 'es2022,dom,esnext.disposable', '--module', 'nodenext', name], { cwd: folder, encoding: 'utf8' });
}

function main() {
  const folder = path.join(process.argv[2], 'types');
  const { script, reason } = compilerOf(folder);
  if (script === undefined) {
    console.log(`skipped: ${reason.split('\n')[0]}`);
    return SKIPPED;
  }
  fs.rmSync(path.join(folder, 'node_modules', 'libtau'), { force: true });
  fs.symlinkSync(path.dirname(require.resolve('libtau')), path.join(folder, 'node_modules', 'libtau'));
  let faults = 0;
  for (const [sample, good] of [['use.mts', true], ['use.cts', true], ['misuse.mts', false]]) {
    fs.copyFileSync(path.join(__dirname, 'types', sample), path.join(folder, sample));
    const { stdout, status } = compile(script, folder, sample);
    const found = [...stdout.matchAll(/^\S+\((\d+),\d+\): error/gm)].map((match) => Number(match[1]));
    const lines = fs.readFileSync(path.join(folder, sample), 'utf8').split('\n');
    const wanted = lines.flatMap((line, i) => (line.includes('// refused') ? [i + 1] : []));
    if (String(found) === String(wanted) && (status === 0) === good) continue;
    faults += 1;
    console.log(`${sample}: errors in lines ${found}, expected ${wanted}\n${stdout}`);
  }
  console.log(faults === 0 ? 'the declarations hold' : `${faults} samples fail`);
  return faults === 0 ? 0 : 1;
}

process.exitCode = main();
