// Stands for parts of libraries that gsc never calls (scripts/slim-libraries.mjs says which, and why).
module.exports = () => {
  throw new Error('not part of this bundle');
};
