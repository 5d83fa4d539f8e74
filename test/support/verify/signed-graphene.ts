import { readFileSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { graminize } from '../../../src/graminize/graminize.ts';
import type { Image } from '../../../src/image/image.ts';
import { pemSigner } from '../../../src/key/pem-signer.ts';
import { openImages } from '../../../src/library/images.ts';
import { openRuntime } from '../../../src/library/open-runtime.ts';
import { parseManifest } from '../../../src/manifest/parse-manifest.ts';
import type { TomlDocument } from '../../../src/manifest/toml/toml.ts';
import type { Runtime } from '../../../src/runtime/runtime.ts';
import type { GrapheneRelease } from '../../../src/runtime/version.ts';
import { signImage } from '../../../src/sign/sign-image.ts';
import { standinGraphene } from '../images/standin-graphene.ts';
import { testKey } from '../signature/test-key.ts';
import { debianApp } from './debian-app.ts';

/** Manifests of programs that the first one starts, where a release has an enclave for each. */
export const childManifests: readonly TomlDocument[] = [
  parseManifest('sgx.thread_num = 6\n', 'sh.manifest'),
  parseManifest('sgx.thread_num = 8\n', 'env.manifest'),
];

export interface SignedGraphene {
  readonly app: Image;
  readonly image: Image;
  readonly runtime: Runtime;
  readonly children: readonly TomlDocument[];
}

const made = new Map<GrapheneRelease, Promise<SignedGraphene>>();

/** The small Debian app with the stand-in for a release of Graphene, signed; made once in a file. Needs `cc`. */
export function signedGraphene(context: TestContext, release: GrapheneRelease): Promise<SignedGraphene> {
  const known = made.get(release) ?? makeSigned(context, release);
  made.set(release, known);
  return known;
}

async function makeSigned(context: TestContext, release: GrapheneRelease): Promise<SignedGraphene> {
  const app = await debianApp(context);
  const images = openImages({ usesCache: false });
  const runtime = await openRuntime(images, { sources: [await standinGraphene(release)] });
  await images.close();
  const children = release === '1.2-rc1' ? [] : childManifests;
  return { app, runtime, children, image: await signed(app, runtime, children) };
}

/** An app with this runtime, signed with the key that tests share. */
export async function signed(
  app: Image,
  runtime: Runtime,
  children: readonly TomlDocument[],
): Promise<Image> {
  const signer = pemSigner(readFileSync(await testKey()), { subject: 'test key' });
  const graminized = await graminize(app, runtime, { childManifests: children });
  return (await signImage(graminized, { signer, name: 'signed' })).image;
}
