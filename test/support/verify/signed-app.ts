import { readFileSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { graminize } from '../../../src/graminize/graminize.ts';
import type { Image } from '../../../src/image/image.ts';
import { pemSigner } from '../../../src/key/pem-signer.ts';
import { openImages } from '../../../src/library/images.ts';
import { openRuntime } from '../../../src/library/open-runtime.ts';
import type { Runtime } from '../../../src/runtime/runtime.ts';
import { signImage } from '../../../src/sign/sign-image.ts';
import type { Signer } from '../../../src/signature/signer.ts';
import { standinRuntime } from '../images/standin-runtime.ts';
import { testKey } from '../signature/test-key.ts';
import { debianApp } from './debian-app.ts';

export interface SignedApp {
  readonly app: Image;
  readonly image: Image;
  readonly runtime: Runtime;
  /** A directory that has the runtime. */
  readonly runtimeRoot: string;
  readonly signer: Signer;
  readonly mrSigner: string;
}

let made: Promise<SignedApp> | undefined;

/** The small Debian app, graminized with the stand-in runtime and signed with the key that tests share; made once in a file. */
export function signedApp(context: TestContext): Promise<SignedApp> {
  made ??= makeSignedApp(context);
  return made;
}

async function makeSignedApp(context: TestContext): Promise<SignedApp> {
  const app = await debianApp(context);
  const { root: runtimeRoot } = await standinRuntime();
  const images = openImages({ usesCache: false });
  const runtime = await openRuntime(images, { sources: [runtimeRoot] });
  const signer = pemSigner(readFileSync(await testKey()), { subject: 'test key' });
  const { image, enclave } = await signImage(await graminize(app, runtime), { signer, name: 'signed' });
  await images.close();
  return { app, image, runtime, runtimeRoot, signer, mrSigner: enclave.mrSigner };
}
