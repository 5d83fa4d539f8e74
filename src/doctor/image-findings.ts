import type { ContainerNeeds } from '../inspect/container-needs.ts';
import type { Finding } from './finding.ts';

/** What a graminized image itself says about whether it can run. */
export function imageFindings(needs: ContainerNeeds, name: string): readonly Finding[] {
  const about = { area: 'running', name: 'image' } as const;
  const size = `${needs.enclaveSizeBytes / (1n << 20n)} MiB`;
  if (needs.isStandIn) {
    return [
      {
        ...about,
        state: 'optional',
        found: `${name}: its runtime is a stand-in for tests, which has no enclave and protects nothing`,
        advice: 'build it again with a real runtime (--runtime)',
      },
    ];
  }
  if (!needs.isSigned) {
    const advice = `gsc sign-image ${name} KEY; to try it without protection, gsc run --direct`;
    return [{ ...about, state: 'missing', found: `${name}: not signed, so no enclave starts`, advice }];
  }
  return [
    {
      ...about,
      state: 'present',
      found: `${name}: signed, an enclave of ${size}, MRENCLAVE ${needs.mrEnclave}`,
    },
  ];
}
