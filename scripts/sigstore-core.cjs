// What gsc uses of @sigstore/core, under the name by which the package exports it.
exports.dsse = require('../node_modules/@sigstore/core/dist/dsse.js');
