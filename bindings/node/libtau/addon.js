'use strict';
// Finds the addon: beside this file in a build or an installation, else in the npm package of this platform.

const platform = `${process.platform}-${process.arch}`;

function load() {
  try {
    return require('./libtau.node');
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
  }
  try {
    return require(`@libtau/${platform}`);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    throw new Error(`libtau: there is no package @libtau/${platform} here; install libtau with its optional dependencies`
      + ' (Linux with glibc on x64 or arm64)', { cause: error });
  }
}

module.exports = load();
