/** The release of gsc as a part of file names and tags: another one may find out other things about a layer. */
export const release = __GSC_VERSION__.toLowerCase().replace(/[^a-z0-9.-]/g, '-');
