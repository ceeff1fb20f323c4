// CPU of a run in a JavaScript program that tools/bench starts. All threads of the process count: the library's loop, V8's
// collector and compiler.
//
// Prints one line of JSON, {row: [microseconds per run of each sample]}. With --count N plays N runs of the first row and
// stops: for profilers, and for counting instructions by a difference.

const DEFAULTS = { runs: 400, samples: 5, 'warm-up': 5000, count: 0 }; // warmed up: V8 has compiled what is hot

function optionsOf(argv) {
  const options = { ...DEFAULTS };
  for (const name of Object.keys(options)) {
    const at = argv.indexOf(`--${name}`);
    if (at >= 0) options[name] = Number(argv[at + 1]);
  }
  return options;
}

async function cpuUs(play, runs) {
  const start = process.cpuUsage();
  for (let i = 0; i < runs; i += 1) await play();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / runs;
}

/** rows: name -> [asynchronous function, how many runs one call of it plays]; it throws when they did not go well. */
export async function sample(rows) {
  const options = optionsOf(process.argv.slice(2));
  const all = Object.entries(rows);
  if (options.count > 0) {
    await cpuUs(all[0][1][0], options.count);
    return;
  }
  const samples = {};
  for (const [name, [play, size]] of all) {
    await cpuUs(play, Math.ceil(options['warm-up'] / size));
    samples[name] = [];
    for (let i = 0; i < options.samples; i += 1) {
      samples[name].push(await cpuUs(play, Math.ceil(options.runs / size)) / size);
    }
  }
  console.log(JSON.stringify(samples));
}
