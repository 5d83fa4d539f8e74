import { Option } from 'commander';

/** The release whose rules are followed when nothing says another. */
export const defaultRuntimeVersion = '1.9';

/** `--runtime-version`, alike in all commands. */
export function runtimeVersionOption(): Option {
  return new Option('--runtime-version <version>', 'whose rules to follow: 1.4 to 1.9, or master');
}
