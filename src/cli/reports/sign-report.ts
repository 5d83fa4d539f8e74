import { baseNameOf, showBytes } from '../../base/image-path.ts';
import type { AppliedOverride, Graminized, ImageReference, NamedEnclave } from '../../index.ts';
import { showManifestSize } from '../../manifest/schema/size.ts';
import { showReference } from '../../parts.ts';
import type { Transcript } from './transcript.ts';

/** Says what was measured and signed. Where programs have enclaves of their own, the first program's comes last, as it was signed. */
export function reportSigned(console: Pick<Transcript, 'say'>, enclaves: readonly NamedEnclave[]): void {
  for (const { enclave, files } of enclaves) {
    const { mrEnclave, mrSigner, settings } = enclave;
    if (enclaves.length > 1) console.say(`  signed         ${showBytes(baseNameOf(files.manifestSgx))}`);
    console.say(`  mr_enclave     ${mrEnclave}`);
    console.say(`  mr_signer      ${mrSigner}`);
    console.say(
      `  enclave        ${showManifestSize(settings.sizeBytes)}, ${settings.maxThreads} threads${settings.hasEdmm ? ', EDMM' : ''}${settings.isDebug ? ', DEBUG' : ''}`,
    );
  }
}

/** Says which keys of the manifest the options replaced. */
export function reportOverrides(console: Pick<Transcript, 'say'>, applied: readonly AppliedOverride[]): void {
  for (const { key, from, to } of applied)
    console.say(`  ${key.padEnd(14)} ${to}, by option (the manifest says ${from})`);
}

/** What was signed, for `--json`, with the Python tool's names: the first program's enclave, and the others as `children`. */
export function enclavesToJson(enclaves: readonly NamedEnclave[]): object {
  const [children, [main]] = [enclaves.slice(0, -1), enclaves.slice(-1)];
  return {
    ...(main && enclaveToJson(main)),
    ...(children.length > 0 && {
      children: children.map((child) => ({
        name: showBytes(baseNameOf(child.files.sigstruct)).replace(/\.sig$/, ''),
        ...enclaveToJson(child),
      })),
    }),
  };
}

function enclaveToJson({ enclave: { mrEnclave, mrSigner, settings } }: NamedEnclave): object {
  return {
    mr_enclave: mrEnclave,
    mr_signer: mrSigner,
    isv_prod_id: settings.isvProdId,
    isv_svn: settings.isvSvn,
    debug: settings.isDebug,
  };
}

/** Says how the result is run, where that takes more than engines give every container. */
export function reportRun(
  console: Pick<Transcript, 'say'>,
  { runOptions }: Pick<Graminized, 'runOptions'>,
  { output, isSigned }: { readonly output: ImageReference; readonly isSigned: boolean },
): void {
  if (runOptions.length === 0) return;
  const isEngines = output.kind === 'docker-daemon' || output.kind === 'registry' || output.kind === 'bare';
  const name =
    isEngines && isSigned ? showReference(output).replace(/^docker(?:-daemon)?:(?:\/\/)?/, '') : 'IMAGE';
  console.say(
    `${isSigned ? 'run it' : 'once signed, run it'} with: docker run ${runOptions.join(' ')} ${name}`,
  );
}
