import type { ImageConfig } from '../image/config.ts';
import { type TomlTable, valueAt } from '../manifest/toml/toml.ts';

/** True if `docker stop` sends SIGTERM, which is what it sends to images without a STOPSIGNAL. */
export function stopsWithSigterm({ config }: ImageConfig): boolean {
  const signal = config?.StopSignal ?? '';
  return signal === '' || /^(?:(?:SIG)?TERM|15)$/i.test(signal);
}

/** Of all signals of the host, Gramine lets in SIGTERM alone, if the manifest allows it. */
export function stopSignalNotes(config: ImageConfig, manifest: TomlTable): readonly string[] {
  const signal = config.config?.StopSignal;
  const isTerm = stopsWithSigterm(config);
  const isLetIn = valueAt(manifest, ['sys', 'enable_sigterm_injection']) === true;
  if (!signal || (isTerm && isLetIn)) return [];
  const remedy = [
    ...(isLetIn ? [] : ['set sys.enable_sigterm_injection in your manifest']),
    ...(isTerm ? [] : ['start it with docker run --stop-signal SIGTERM']),
  ].join(' and ');
  return [
    `STOPSIGNAL ${signal} is not delivered inside the enclave; docker stop waits for its timeout, then kills the container: ${remedy}`,
  ];
}
