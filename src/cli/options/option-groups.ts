import type { Command } from 'commander';

/** The headings under which the help of commands with many options lists them. */
const groups: Readonly<Record<string, readonly string[]>> = {
  'The run:': ['--probe', '--http', '--for'],
  'The result:': ['--output', '--add', '--force', '--report'],
  'Signing:': ['--key', '--date', '--allow-debug', '--prepare', '--signature', '--evidence-key'],
  'Opening the key:': ['--passphrase', '--passphrase-file', '--passphrase-env', '--signer-timeout'],
  'The runtime and the manifest:': [
    ...['--manifest', '--config', '--runtime', '--runtime-version', '--libc', '--preset'],
  ],
  'What starts:': ['--entrypoint', '--cmd', '--env', '--host', '--insecure-args'],
  'What is trusted:': ['--trust', '--exclude', '--trust-level', '--profile', '--file'],
  'Data:': ['--volume', '--secret'],
  'Attestation:': ['--ratls', '--secret-from'],
  'Building a runtime from source:': ['--buildtype', '--build-arg', '--network', '--rm'],
  'What is attested:': ['--quote', '--certificate', '--saved', '--sni', '--alpn', '--timeout'],
  'What is expected:': [
    ...['--image', '--mrenclave', '--mrsigner', '--isvprodid', '--isvsvn', '--any-identity'],
    ...['--report-data', '--nonce', '--policy', '--at', '--strict'],
  ],
  'What it is checked against:': ['--collateral', '--pck-certificate', '--root-ca'],
  'A fleet:': [
    ...['--images', '--jobs', '--retries', '--results', '--index', '--show'],
    ...[
      '--worker-image',
      '--cache-repository',
      '--namespace',
      '--key-secret',
      '--cache-secret',
      '--registry-secret',
    ],
  ],
  'The cache:': ['--no-cache', '--cache-from', '--cache-to', '--cache-key'],
  'Reading images:': ['--insecure-registry', '--ca-file', '--platform'],
};

/** Puts the options that a command has so far under their headings. */
export function groupOptions(command: Command): void {
  for (const [heading, names] of Object.entries(groups)) {
    for (const option of command.options) {
      const isFree = option.helpGroupHeading === undefined;
      if (isFree && names.includes(option.long ?? '')) option.helpGroup(heading);
    }
  }
}
