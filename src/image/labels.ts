/** Labels of graminized images. Those of OCI are in image-spec, annotations.md. */
export const labels = {
  baseName: 'org.opencontainers.image.base.name',
  baseDigest: 'org.opencontainers.image.base.digest',
  toolVersion: 'gsc.version',
  /** How the image was built, as JSON: docs/gsc-verify-image.md. */
  build: 'gsc.build',
  family: 'gsc.family',
  runtimeVersion: 'gsc.runtime.version',
  runtimeDigest: 'gsc.runtime.digest',
  /** The diffId of the layer that the runtime is in: what has that layer has the runtime that its manifest names. */
  runtimeLayer: 'gsc.runtime.layer',
  /** The changes that the runtime's sources were built with, joined by commas; not there if there are none. */
  patches: 'gsc.runtime.patches',
  /** `true` on images whose runtime is the stand-in, which protects nothing. */
  standIn: 'gsc.runtime.stand-in',
  /** Of a built runtime: the digest of what made it. */
  recipe: 'gsc.runtime.recipe',
  /** Of a built runtime: the same digest, had its branches and tags not been replaced by their commits. */
  namedRecipe: 'gsc.runtime.recipe-by-name',
  /** Where the manifests lie, without their ends, as a JSON array; not there where Gramine's images have the only one. */
  manifests: 'gsc.manifests',
  mrEnclave: 'gsc.mrenclave',
  mrSigner: 'gsc.mrsigner',
  isvProdId: 'gsc.isvprodid',
  isvSvn: 'gsc.isvsvn',
} as const;

/** The names in {@link labels.patches}. */
export function patchesOf(found: Labels): readonly string[] {
  return (found[labels.patches] ?? '').split(',').filter((name) => name !== '');
}

/** The label that says which changes a runtime was built with; none for none. Commas in names become `-`. */
export function patchesLabel(names: readonly string[]): Labels {
  const text = names.map((name) => name.replaceAll(',', '-')).join(',');
  return text === '' ? {} : { [labels.patches]: text };
}

export type Labels = Readonly<Record<string, string>>;

/** How far an image has come, by its labels. */
export type GraminizedState = 'app' | 'unsigned' | 'signed';

/** Tells an app image from an unsigned and a signed one. */
export function stateOf(found: Labels): GraminizedState {
  if (found[labels.mrEnclave] !== undefined) return 'signed';
  return found[labels.runtimeVersion] !== undefined ? 'unsigned' : 'app';
}
