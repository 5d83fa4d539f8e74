import type { AppliedOverride, SignedEnclave } from '../../index.ts';
import { showManifestSize } from '../../manifest/schema/size.ts';
import type { Transcript } from './transcript.ts';

/** Says what was measured and signed. */
export function reportSigned(
  console: Pick<Transcript, 'say'>,
  { mrEnclave, mrSigner, settings }: SignedEnclave,
): void {
  console.say(`  mr_enclave     ${mrEnclave}`);
  console.say(`  mr_signer      ${mrSigner}`);
  console.say(
    `  enclave        ${showManifestSize(settings.sizeBytes)}, ${settings.maxThreads} threads${settings.hasEdmm ? ', EDMM' : ''}${settings.isDebug ? ', DEBUG' : ''}`,
  );
}

/** Says which keys of the manifest the options replaced. */
export function reportOverrides(console: Pick<Transcript, 'say'>, applied: readonly AppliedOverride[]): void {
  for (const { key, from, to } of applied)
    console.say(`  ${key.padEnd(14)} ${to}, by option (the manifest says ${from})`);
}

/** What was signed, for `--json`, with the Python tool's names. */
export function enclaveToJson({ mrEnclave, mrSigner, settings }: SignedEnclave): object {
  return {
    mr_enclave: mrEnclave,
    mr_signer: mrSigner,
    isv_prod_id: settings.isvProdId,
    isv_svn: settings.isvSvn,
    debug: settings.isDebug,
  };
}
