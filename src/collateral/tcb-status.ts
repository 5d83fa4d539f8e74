/** The statuses of a platform that Intel's collateral knows (Intel PCS, "TCB Info", tcbStatus), from the best to the worst. */
export const tcbStatuses = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
] as const;

export type TcbStatus = (typeof tcbStatuses)[number];

/** Whether a word of the collateral is a status that is known here. */
export function isTcbStatus(word: string): word is TcbStatus {
  return (tcbStatuses as readonly string[]).includes(word);
}

interface StatusText {
  /** A sentence without its full stop. */
  readonly meaning: string;
  /** What the operator of the platform can do. */
  readonly remedy: string;
}

/** What each status means, and what can be done about it. */
export const tcbStatusTexts: Readonly<Record<TcbStatus, StatusText>> = {
  UpToDate: {
    meaning: 'firmware, microcode and the quoting enclave are at the level that Intel demands',
    remedy: 'nothing to do',
  },
  SWHardeningNeeded: {
    meaning:
      'the platform is up to date, but a known attack has to be countered in the software of the enclave',
    remedy: 'read the advisories and check that Gramine and the application carry the countermeasures',
  },
  ConfigurationNeeded: {
    meaning: 'the platform is up to date, but its firmware settings leave it open to a known attack',
    remedy: 'change the firmware settings that the advisories name (often: switch hyper-threading off)',
  },
  ConfigurationAndSWHardeningNeeded: {
    meaning:
      'the platform is up to date, but its firmware settings leave it open to a known attack, and another has to be countered in the software of the enclave',
    remedy:
      'change the firmware settings that the advisories name (often: switch hyper-threading off), and check that Gramine and the application carry the countermeasures',
  },
  OutOfDate: {
    meaning: 'firmware, microcode or the quoting enclave of the platform lacks security updates',
    remedy:
      'install the current BIOS or microcode and the current SGX packages (PSW) on the host, then restart it and let it register again',
  },
  OutOfDateConfigurationNeeded: {
    meaning: 'the platform lacks security updates, and its firmware settings leave it open to a known attack',
    remedy:
      'install the current BIOS or microcode and the current SGX packages (PSW) on the host, and change the firmware settings that the advisories name',
  },
  Revoked: {
    meaning: 'Intel has revoked this level: do not trust the keys of such platforms',
    remedy:
      'move the service to another platform; this one cannot be trusted before Intel certifies it again',
  },
};

/** The status of a platform whose quoting enclave is not up to date (Intel's QVL, `convergeTcbStatus`). */
export function convergeStatus(platform: TcbStatus, quotingEnclave: TcbStatus): TcbStatus {
  if (quotingEnclave === 'Revoked' || platform === 'Revoked') return 'Revoked';
  if (quotingEnclave !== 'OutOfDate') return platform;
  if (platform === 'UpToDate' || platform === 'SWHardeningNeeded') return 'OutOfDate';
  if (platform === 'ConfigurationNeeded' || platform === 'ConfigurationAndSWHardeningNeeded') {
    return 'OutOfDateConfigurationNeeded';
  }
  return platform;
}
