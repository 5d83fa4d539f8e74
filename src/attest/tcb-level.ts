import type { TcbInfo, TcbLevel } from '../collateral/tcb-info.ts';
import type { PlatformTcb } from '../quote/pck-extension.ts';

/** The TCB info is about this kind of platform. Throws if it is about another. */
export function expectSamePlatform(info: TcbInfo, platform: PlatformTcb): void {
  for (const name of ['fmspc', 'pceId'] as const) {
    if (info[name].equals(platform[name])) continue;
    const label = { fmspc: 'FMSPC', pceId: 'PCEID' }[name];
    throw new Error(
      `the TCB info is about another kind of platform: expected ${label} ${platform[name].toString('hex')}, got ${info[name].toString('hex')}`,
    );
  }
}

/** The highest level of the ladder that a platform reaches in every component; undefined if it reaches none. */
export function tcbLevelOf(
  platform: Pick<PlatformTcb, 'components' | 'pceSvn'>,
  levels: readonly TcbLevel[],
): TcbLevel | undefined {
  return levels
    .toSorted(compareDescending)
    .find(
      (level) =>
        level.pceSvn <= platform.pceSvn &&
        level.components.every((least, index) => least <= (platform.components[index] as number)),
    );
}

function compareDescending(left: TcbLevel, right: TcbLevel): number {
  const at = left.components.findIndex((component, index) => component !== right.components[index]);
  if (at === -1) return right.pceSvn - left.pceSvn;
  return (right.components[at] as number) - (left.components[at] as number);
}
