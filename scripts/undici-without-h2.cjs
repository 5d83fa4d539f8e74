// Stands for undici's client of HTTP/2: no dispatcher of gsc allows it (`allowH2`), so nobody comes here.
module.exports = () => {
  throw new Error('HTTP/2 is not part of this bundle');
};
