'use strict';
// Runs tests one after the other and speaks the Test Anything Protocol, so that Meson counts each.

const LIMIT_MS = 60_000;
const tests = [];

/** Declares a test; its function may be asynchronous, and gets `cleanup(fn)`. Gives back 'SKIP reason' to skip. */
function test(name, body) {
  if (tests.length === 0) setImmediate(runAll);
  tests.push({ name, body });
}

async function within(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function runOne({ body }) {
  const cleanups = [];
  try {
    return await within(body((fn) => cleanups.push(fn)), LIMIT_MS);
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

async function runAll() {
  const wanted = process.argv.slice(2);
  const chosen = tests.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
  let failed = chosen.length === 0;
  for (const [i, one] of chosen.entries()) {
    try {
      const note = await runOne(one);
      console.log(`ok ${i + 1} - ${one.name}${typeof note === 'string' ? ` # ${note}` : ''}`);
    } catch (error) {
      failed = true;
      console.log(`not ok ${i + 1} - ${one.name}`);
      console.log(String(error?.stack ?? error).replace(/^/gm, '# '));
    }
  }
  console.log(`1..${chosen.length}`);
  process.exitCode = failed ? 1 : 0;
}

module.exports = { test, within };
