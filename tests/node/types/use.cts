// The same package for require.
import tau = require('libtau');

const outcome: Promise<tau.Outcome> = new tau.Runtime().agent().session().run('hi').result();
export = outcome;
